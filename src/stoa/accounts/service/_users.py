"""Making, reading, changing and deleting users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from stoa.accounts import rules, store
from stoa.accounts.errors import UsernameTakenError, UserNotFoundError
from stoa.accounts.model import (
    ADMIN_ID,
    ADMIN_USERNAME,
    SYSTEM_ID,
    SYSTEM_NUMBER,
    SYSTEM_USERNAME,
    Listener,
    NewUser,
    User,
    UserChange,
    tell_nobody,
)
from stoa.accounts.service._logins import announce, replace_password
from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.clock import to_millis
from stoa.platform.storage import lock

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from stoa.kernel.ids import Ids


def ensure_admin(connection: Connection, *, ids: Ids, now: datetime, password_hash: str) -> bool:  # noqa: ARG001
    """Makes the system's user and the first admin where they are not yet. True if the admin is new."""
    lock(connection, "accounts.admin")
    if store.get_user(connection, SYSTEM_ID) is None:
        system = NewUser(SYSTEM_USERNAME, "System", "", AccessLevel.SYSTEM)
        _store_user(connection, system, user_id=SYSTEM_ID, number=SYSTEM_NUMBER, password_hash=None, now=now)
    if store.get_user(connection, ADMIN_ID) is not None:
        return False
    admin = NewUser(ADMIN_USERNAME, "Stoa", "Admin", AccessLevel.ADMIN)
    _store_user(connection, admin, user_id=ADMIN_ID, password_hash=password_hash, now=now)
    return True


def has_admin(connection: Connection) -> bool:
    return store.get_user(connection, ADMIN_ID) is not None


def add_user(
    connection: Connection,
    new: NewUser,
    *,
    password_hash: str,
    ids: Ids,
    now: datetime,
    by: Actor | None = None,
) -> User:
    """Adds a user without asking who may (see ``create_user``). Raises InvalidUserError, UsernameTakenError."""
    rules.check_new_user(new)
    return _store_user(connection, new, user_id=ids.object_id(), password_hash=password_hash, now=now, by=by)


def create_user(
    connection: Connection, new: NewUser, *, password_hash: str, actor: Actor, ids: Ids, now: datetime
) -> User:
    rules.check_may_add(actor, new)
    return add_user(connection, new, password_hash=password_hash, ids=ids, now=now, by=actor)


def list_users(connection: Connection) -> list[User]:
    """Everybody but the system: for the command line."""
    return store.all_users(connection)


def visible_users(connection: Connection, *, actor: Actor) -> list[User]:
    if actor.may("users_read"):
        return store.all_users(connection)
    return store.all_users(connection, access=AccessLevel.STUDENT)


def user_named(connection: Connection, username: str) -> User:
    found = store.find_user(connection, username)
    if found is None:
        raise UserNotFoundError
    return found[0]


def read_user(connection: Connection, user_id: str, *, actor: Actor) -> User:
    """Raises UserNotFoundError, NotAllowedError."""
    user = _get(connection, user_id, hold=False)
    rules.check_may_see(actor, user)
    return user


def is_user(connection: Connection, number: int) -> bool:
    return store.has_user(connection, number)


def own_user(connection: Connection, *, actor: Actor) -> User:
    return _get(connection, actor.id, hold=False)


def update_user(
    connection: Connection,
    user_id: str,
    change: UserChange,
    *,
    password_hash: str | None = None,
    actor: Actor,
    now: datetime,
    tell: Listener = tell_nobody,
) -> User:
    """Changes what ``change`` names. A new password, or access that is revoked, ends all logins of the user.

    Raises UserNotFoundError, NotAllowedError, InvalidUserError, UsernameTakenError.
    """
    user = _get(connection, user_id)
    rules.check_may_change(actor, user, change)
    rules.check_change(change)
    values = _changed_values(change)
    values["updated_at"] = to_millis(now)
    if password_hash is not None:
        values["password_hash"] = password_hash
    try:
        changed = store.update_user(connection, user.id, values)
    except IntegrityError:
        raise UsernameTakenError(change.username or user.username) from None
    if changed is None:
        raise UserNotFoundError
    ended: tuple[str, ...] = ()
    if password_hash is not None or changed.access is AccessLevel.REVOKED:
        keep = actor.login_id if actor.id == user.id else None
        ended = store.end_logins(connection, user.id, now=now, keep=keep)
    announce(connection, tell, user.id, ended)
    return changed


def reset_own_password(
    connection: Connection,
    *,
    password_hash: str,
    actor: Actor,
    now: datetime,
    tell: Listener = tell_nobody,
) -> None:
    """Sets the actor's own password; the login that asks goes on, the others end."""
    _get(connection, actor.id)
    replace_password(
        connection, actor.id, password_hash=password_hash, keep=actor.login_id, now=now, tell=tell
    )


def set_password(connection: Connection, username: str, *, password_hash: str, now: datetime) -> User:
    """For the command line: sets anybody's password, ends that user's logins and lifts a lock."""
    user = user_named(connection, username)
    store.clear_failures(connection, user.username)
    replace_password(connection, user.id, password_hash=password_hash, now=now)
    return user


def delete_user(
    connection: Connection, user_id: str, *, actor: Actor, now: datetime, tell: Listener = tell_nobody
) -> None:
    """Softly: what the user made keeps its author. Logins end, API keys are gone, the username is free again."""
    user = _get(connection, user_id)
    rules.check_may_delete(actor, user)
    store.update_user(connection, user.id, {"deleted_at": to_millis(now)})
    store.delete_api_keys_of(connection, user.id)
    announce(connection, tell, user.id, store.end_logins(connection, user.id, now=now))


def _get(connection: Connection, user_id: str, *, hold: bool = True) -> User:
    user = store.get_user(connection, rules.check_user_id(user_id), hold=hold)
    if user is None:
        raise UserNotFoundError
    return user


def _changed_values(change: UserChange) -> dict[str, Any]:
    values = {
        "username": change.username,
        "first_name": change.first_name,
        "last_name": change.last_name,
        "access": None if change.access is None else change.access.value,
        "express_permissions": None
        if change.express_permissions is None
        else list(dict.fromkeys(change.express_permissions)),
        "needs_password_reset": change.needs_password_reset,
    }
    return {name: value for name, value in values.items() if value is not None}


def _store_user(
    connection: Connection,
    new: NewUser,
    *,
    user_id: str,
    password_hash: str | None,
    now: datetime,
    by: Actor | None = None,
    number: int | None = None,
) -> User:
    values = {
        "id": user_id,
        "username": new.username,
        "first_name": new.first_name,
        "last_name": new.last_name,
        "access": new.access.value,
        "express_permissions": list(dict.fromkeys(new.express_permissions)),
        "needs_password_reset": new.needs_password_reset,
        "password_hash": password_hash,
        "created_at": to_millis(now),
        "updated_at": to_millis(now),
        "created_by": SYSTEM_ID if by is None else by.id,
        "created_by_username": SYSTEM_USERNAME if by is None else by.username,
    }
    if number is not None:
        values["number"] = number
    try:
        return store.add_user(connection, values)
    except IntegrityError:
        raise UsernameTakenError(new.username) from None
