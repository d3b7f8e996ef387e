"""The room's use cases: plain functions on a connection, each one transaction.

A function that answers ``… | StoaError`` keeps something although it refuses (a failure that counts, a login that is
ended); the caller raises the error after the commit. What raises by itself leaves nothing behind.
"""

from stoa.accounts.service._keys import (
    actor_of_key,
    check_is_login,
    delete_key,
    hash_secret,
    issue_key,
    list_keys,
)
from stoa.accounts.service._logins import (
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
    list_users,
    read_user,
    reset_own_password,
    set_password,
    update_user,
    user_named,
    visible_users,
)

__all__ = [
    "Candidate",
    "Terms",
    "actor_of_key",
    "actor_of_login",
    "add_user",
    "candidate_for",
    "change_password",
    "check_is_login",
    "create_user",
    "delete_key",
    "delete_user",
    "ensure_admin",
    "ensure_signing_key",
    "hash_secret",
    "issue_key",
    "list_keys",
    "list_users",
    "load_keys",
    "log_out",
    "read_user",
    "refresh",
    "reset_own_password",
    "rotate",
    "set_password",
    "sign_in",
    "sweep",
    "update_user",
    "user_named",
    "visible_users",
]
