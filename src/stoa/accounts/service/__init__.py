"""The room's use cases: plain functions on a connection, each one transaction.

A function that answers ``… | StoaError`` keeps something although it refuses (a failure that counts, a login that is
ended); the caller raises the error after the commit. What raises by itself leaves nothing behind.
"""

from stoa.accounts.rules import check_password
from stoa.accounts.service._keys import (
    SECRET_PREFIX,
    actor_of_key,
    check_is_login,
    delete_key,
    hash_secret,
    issue_key,
    list_keys,
    still_in,
)
from stoa.accounts.service._logins import (
    INDEPENDENT,
    Candidate,
    Terms,
    actor_of_login,
    candidate_for,
    change_password,
    log_out,
    refresh,
    sign_in,
    sweep,
)
from stoa.accounts.service._signing import ensure_signing_key, load_keys, rotate
from stoa.accounts.service._users import (
    add_user,
    create_user,
    delete_user,
    ensure_admin,
    has_admin,
    is_user,
    list_users,
    own_user,
    read_user,
    reset_own_password,
    set_password,
    update_user,
    user_named,
    visible_users,
)

__all__ = [
    "INDEPENDENT",
    "SECRET_PREFIX",
    "Candidate",
    "Terms",
    "actor_of_key",
    "actor_of_login",
    "add_user",
    "candidate_for",
    "change_password",
    "check_is_login",
    "check_password",
    "create_user",
    "delete_key",
    "delete_user",
    "ensure_admin",
    "ensure_signing_key",
    "has_admin",
    "hash_secret",
    "is_user",
    "issue_key",
    "list_keys",
    "list_users",
    "load_keys",
    "log_out",
    "own_user",
    "read_user",
    "refresh",
    "reset_own_password",
    "rotate",
    "set_password",
    "sign_in",
    "still_in",
    "sweep",
    "update_user",
    "user_named",
    "visible_users",
]
