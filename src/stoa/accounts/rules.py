"""Who may see and change whom, what values are allowed, and when an account is locked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stoa.accounts.errors import InvalidUserError, LockedOutError, NotAllowedError
from stoa.accounts.model import (
    ADMIN_ID,
    LEVEL_PERMISSIONS,
    PERMISSIONS,
    SYSTEM_ID,
    NewUser,
    User,
    UserChange,
)
from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_USERNAME = re.compile(r"[A-Za-z0-9._-]{5,25}")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")


@dataclass(frozen=True, slots=True)
class LockOut:
    """``failures`` wrong passwords within ``window`` lock an account for ``duration``."""

    failures: int = 5
    window: timedelta = timedelta(seconds=300)
    duration: timedelta = timedelta(seconds=900)


LOCK_OUT = LockOut()


def locked_until(failures: Sequence[datetime], *, policy: LockOut = LOCK_OUT) -> datetime | None:
    """When the latest lock that these failures made ends; None if they never made one."""
    ordered = sorted(failures)
    locks = [
        last + policy.duration
        for first, last in zip(ordered, ordered[policy.failures - 1 :], strict=False)
        if last - first <= policy.window
    ]
    return locks[-1] if locks else None


def check_not_locked(failures: Sequence[datetime], *, now: datetime, policy: LockOut = LOCK_OUT) -> None:
    """Raises LockedOutError while a lock lasts; the moment at which it ends is free again."""
    until = locked_until(failures, policy=policy)
    if until is not None and now < until:
        raise LockedOutError(until=until, now=now)


def username_key(username: str) -> str:
    """Two usernames with the same key are the same username."""
    return username.lower()


def is_username(text: str) -> bool:
    return _USERNAME.fullmatch(text) is not None


def is_user_id(text: str) -> bool:
    return _OBJECT_ID.fullmatch(text) is not None


def check_new_user(new: NewUser, *, password: str | None = None) -> None:
    """Raises InvalidUserError with every fault. ``password`` is left out where it was checked before."""
    faults = [
        *_username_faults(new.username),
        *_name_faults("first_name", new.first_name),
        *_name_faults("last_name", new.last_name),
        *_permission_faults(new.express_permissions),
    ]
    if password is not None:
        faults += _password_faults("password", password)
    _refuse(faults)


def check_change(change: UserChange, *, password: str | None = None) -> None:
    faults: list[Fault] = []
    if change.username is not None:
        faults += _username_faults(change.username)
    if change.first_name is not None:
        faults += _name_faults("first_name", change.first_name)
    if change.last_name is not None:
        faults += _name_faults("last_name", change.last_name)
    if change.express_permissions is not None:
        faults += _permission_faults(change.express_permissions)
    if password is not None:
        faults += _password_faults("password", password)
    _refuse(faults)


def check_password(password: str, *, field: str = "password") -> None:
    _refuse(_password_faults(field, password))


def check_user_id(text: str) -> str:
    """The id as it is stored. Raises InvalidUserError for what can't be one."""
    if not is_user_id(text):
        raise InvalidUserError(
            "_id: must be 24 hexadecimal digits.", faults=(Fault("_id", "must be 24 hexadecimal digits."),)
        )
    return text.lower()


def check_key(name: str, *, expires_at: datetime | None, now: datetime) -> None:
    faults = _name_faults("name", name)
    if expires_at is not None and expires_at <= now:
        faults.append(Fault("expires_at", "must lie in the future."))
    _refuse(faults)


def access_level(text: str) -> AccessLevel:
    """The level that ``text`` names. ``default`` is a form's placeholder and no level."""
    try:
        return AccessLevel(text)
    except ValueError:
        known = ", ".join(level for level in AccessLevel if level is not AccessLevel.SYSTEM)
        message = f"must be one of {known}."
        raise InvalidUserError(f"accessId: {message}", faults=(Fault("access", message),)) from None


def holds(permissions: Iterable[str], permission: str) -> bool:
    """As ``Actor.may``: a permission is held if any leading run of its pieces is."""
    held = frozenset(permissions)
    pieces = permission.split("_")
    return any("_".join(pieces[: end + 1]) in held for end in range(len(pieces)))


def may_see_user(actor: Actor, user: User) -> bool:
    if actor.may("users_read"):
        return True
    return actor.may("users_read_students") and user.access is AccessLevel.STUDENT


def may_write_user(actor: Actor, user: User) -> bool:
    """Besides the permission itself, nobody writes a user who can do more: a new password would be a way up."""
    if user.id == SYSTEM_ID or user.access is AccessLevel.SYSTEM:
        return False
    if not actor.may("users_write"):
        allowed = actor.may("users_write_students") and user.access is AccessLevel.STUDENT
        if not allowed:
            return False
    return may_grant(actor, user.permissions)


def grantable(actor: Actor) -> frozenset[str]:
    """What the actor may hand on: all that the actor holds, and what the levels up to the actor's own hold.

    An admin joins as manager and never as participant, and yet makes students who do: hence the levels below.
    """
    below = _LEVELS_BELOW.get(actor.access, ())
    return actor.permissions.union(*(LEVEL_PERMISSIONS[level] for level in below))


def may_grant(actor: Actor, permissions: Iterable[str]) -> bool:
    mine = grantable(actor)
    return all(holds(mine, permission) for permission in permissions)


def check_may_see(actor: Actor, user: User) -> None:
    if not may_see_user(actor, user):
        raise NotAllowedError("You may not see this user.")


def check_may_add(actor: Actor, new: NewUser) -> None:
    _check_access_given(actor, new.access)
    _check_granted(actor, LEVEL_PERMISSIONS[new.access].union(new.express_permissions))


def check_may_change(actor: Actor, user: User, change: UserChange) -> None:
    """Raises NotAllowedError where ``actor`` may not turn ``user`` into what ``change`` says."""
    if not may_write_user(actor, user):
        raise NotAllowedError("You may not change this user.")
    access = user.access if change.access is None else change.access
    express = user.express_permissions if change.express_permissions is None else change.express_permissions
    changed = access is not user.access or set(express) != set(user.express_permissions)
    if user.id == ADMIN_ID and changed:
        raise NotAllowedError("The first admin's access can't be changed.")
    if access is not user.access:
        _check_access_given(actor, access)
    _check_granted(actor, LEVEL_PERMISSIONS[access].union(express))


def check_may_delete(actor: Actor, user: User) -> None:
    if user.id in (SYSTEM_ID, ADMIN_ID):
        raise NotAllowedError("This user is protected and can't be deleted.")
    if not may_write_user(actor, user):
        raise NotAllowedError("You may not delete this user.")


_BELOW_ADMIN = (AccessLevel.STUDENT, AccessLevel.INSTRUCTOR, AccessLevel.ADMIN)
_LEVELS_BELOW = {
    AccessLevel.STUDENT: _BELOW_ADMIN[:1],
    AccessLevel.INSTRUCTOR: _BELOW_ADMIN[:2],
    AccessLevel.ADMIN: _BELOW_ADMIN,
    AccessLevel.SYSTEM: _BELOW_ADMIN,
}


def _check_access_given(actor: Actor, access: AccessLevel) -> None:
    if access is AccessLevel.SYSTEM:
        raise NotAllowedError("Nobody can be given the system's access level.")
    if access is not AccessLevel.STUDENT and not actor.may("users_write"):
        raise NotAllowedError("You may only make students.")
    if not actor.may("users_write_students"):
        raise NotAllowedError("You may not make users.")


def _check_granted(actor: Actor, permissions: Iterable[str]) -> None:
    mine = grantable(actor)
    beyond = sorted(permission for permission in permissions if not holds(mine, permission))
    if beyond:
        raise NotAllowedError(f"You can't grant what you don't have yourself: {', '.join(beyond)}.")


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        sentence = " ".join(f"{fault.field}: {fault.message}" for fault in faults)
        raise InvalidUserError(sentence, faults=tuple(faults))


def _username_faults(username: str) -> list[Fault]:
    if is_username(username):
        return []
    return [Fault("username", "must have 5 to 25 characters out of letters, digits and - _ .")]


def _password_faults(field: str, password: str) -> list[Fault]:
    if 8 <= len(password) <= 50:
        return []
    return [Fault(field, "must have 8 to 50 characters.")]


def _name_faults(field: str, name: str) -> list[Fault]:
    if not 1 <= len(name) <= 50 or not name.strip():
        return [Fault(field, "must have 1 to 50 characters.")]
    if not name.isprintable():
        return [Fault(field, "must be printable text.")]
    return []


def _permission_faults(permissions: Iterable[str]) -> list[Fault]:
    return [
        Fault("express_permissions", f"{permission!r} is no permission.")
        for permission in dict.fromkeys(permissions)
        if permission not in PERMISSIONS
    ]
