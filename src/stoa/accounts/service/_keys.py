"""API keys: a secret that a program presents instead of a login."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from stoa.accounts import rules, store
from stoa.accounts.errors import ExpiredError, InvalidTokenError, KeyNotFoundError, NotAllowedError
from stoa.accounts.model import AccessChanged, ApiKey, Listener, User, tell_nobody
from stoa.kernel.actor import AccessLevel, Actor
from stoa.platform.storage import after_commit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from stoa.kernel.ids import Ids

SECRET_PREFIX = "stoa_"  # noqa: S105 - tells keys from tokens
KEY_LOGIN = "key:"
"""An actor's login_id begins so where an API key stands for the login."""


def hash_secret(secret: str) -> str:
    """A key's secret carries 256 bits of chance, so a plain digest is enough to keep it by."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def issue_key(
    connection: Connection, *, user_id: str, name: str, expires_at: datetime | None, ids: Ids, now: datetime
) -> tuple[ApiKey, str]:
    """The key and its secret, which is told this once. Raises InvalidUserError."""
    rules.check_key(name, expires_at=expires_at, now=now)
    secret = SECRET_PREFIX + ids.secret()
    key = ApiKey(ids.object_id(), user_id, name, secret[: len(SECRET_PREFIX) + 6], now, expires_at)
    store.add_api_key(connection, key, secret_hash=hash_secret(secret))
    return key, secret


def check_is_login(actor: Actor) -> None:
    """A leaked key must not make more keys, nor lock its owner out by a new password."""
    if actor.login_id.startswith(KEY_LOGIN):
        raise NotAllowedError("This needs a login; an API key may not do it.")


def list_keys(connection: Connection, *, actor: Actor) -> list[ApiKey]:
    return store.api_keys_of(connection, actor.id)


def delete_key(connection: Connection, key_id: str, *, actor: Actor, tell: Listener = tell_nobody) -> None:
    """Only one's own: another's key is not found."""
    if not store.delete_api_key(connection, key_id, user_id=actor.id):
        raise KeyNotFoundError
    after_commit(connection, lambda: tell(AccessChanged(actor.id, (KEY_LOGIN + key_id,))))


def actor_of_key(connection: Connection, secret: str, *, now: datetime) -> tuple[Actor, datetime | None]:
    """Who presents ``secret``, and until when it is good. Raises InvalidTokenError, ExpiredError."""
    found = store.find_api_key(connection, hash_secret(secret))
    if found is None or found[0].access is AccessLevel.REVOKED:
        raise InvalidTokenError("The API key is not one that is valid here.")
    user, key = found
    if key.expires_at is not None and key.expires_at <= now:
        raise ExpiredError("The API key has expired.")
    return as_actor(user, login_id=KEY_LOGIN + key.id, login_at=key.created_at), key.expires_at


def still_in(connection: Connection, actors: Sequence[Actor], *, now: datetime) -> dict[str, Actor]:
    """Those whose logins and keys are good now, as they are now, by ``login_id``."""
    ids = [actor.login_id for actor in actors]
    keys = [each.removeprefix(KEY_LOGIN) for each in ids if each.startswith(KEY_LOGIN)]
    logins = [each for each in ids if not each.startswith(KEY_LOGIN)]
    present = []
    for user, login in store.active_logins(connection, logins, now=now) if logins else ():
        present.append(as_actor(user, login_id=login.id, login_at=login.began_at))
    for user, key in store.active_api_keys(connection, keys, now=now) if keys else ():
        present.append(as_actor(user, login_id=KEY_LOGIN + key.id, login_at=key.created_at))
    return {actor.login_id: actor for actor in present if actor.access is not AccessLevel.REVOKED}


def as_actor(user: User, *, login_id: str, login_at: datetime) -> Actor:
    return Actor(
        number=user.number,
        id=user.id,
        username=user.username,
        name=user.name,
        access=user.access,
        permissions=user.permissions,
        login_id=login_id,
        login_at=login_at,
    )
