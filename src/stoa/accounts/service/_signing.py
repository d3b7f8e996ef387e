"""Signing keys: kept, so that tokens survive a restart; changed, so that none is good for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stoa.accounts import store
from stoa.accounts.model import KEY_GRACE, KEY_ROTATION, LOGIN_LIFETIME, SigningKey
from stoa.accounts.tokens import KeySet
from stoa.platform.storage import lock

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from stoa.kernel.ids import Ids

_LOCK = "accounts.signing_keys"


def load_keys(connection: Connection, *, now: datetime) -> KeySet:
    return KeySet(store.good_signing_keys(connection, now=now))


def ensure_signing_key(
    connection: Connection, *, ids: Ids, now: datetime, login_lifetime: timedelta = LOGIN_LIFETIME
) -> KeySet:
    """The keys; a new one signs if there was none or the newest has become old. For the start and for a timer."""
    lock(connection, _LOCK)
    keys = load_keys(connection, now=now)
    signing = [key for key in keys.keys if key.retires_at is None]
    if signing and now - signing[0].created_at < KEY_ROTATION:
        return keys
    return rotate(connection, ids=ids, now=now, login_lifetime=login_lifetime)


def rotate(
    connection: Connection, *, ids: Ids, now: datetime, login_lifetime: timedelta = LOGIN_LIFETIME
) -> KeySet:
    """A new key signs from now on; the older ones verify until their last token has expired."""
    lock(connection, _LOCK)
    store.retire_signing_keys(connection, retires_at=now + login_lifetime + KEY_GRACE)
    store.add_signing_key(connection, SigningKey(ids.uuid(), ids.secret(), now, None))
    return load_keys(connection, now=now)
