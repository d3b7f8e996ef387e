"""Decisions about activity that are not counting: who may see whom, which login a session is of."""

from __future__ import annotations

import base64
import math
from datetime import datetime
from functools import lru_cache

from stoa.activity.errors import FilterInvalidError
from stoa.activity.model import ListMode
from stoa.kernel.actor import Actor
from stoa.kernel.clock import to_millis
from stoa.kernel.errors import Fault

MAX_CLIENT = 64
MAX_SEQ = 2**53 - 1
READ_OTHERS = "users_read"


@lru_cache(4096)
def beaker_id(username: str, *, login_at: datetime) -> str:
    """The document's ``id_beaker_session``: base64 of ``<username>_<login time in whole seconds>``."""
    return base64.b64encode(f"{username}_{to_millis(login_at) // 1000}".encode()).decode()


def may_see_everyone(actor: Actor, *, mode: ListMode) -> bool:
    return mode is ListMode.ALL or actor.is_admin or actor.may(READ_OTHERS)


def timestamp_from(text: str | None, *, field: str) -> float | None:
    """Seconds since the epoch from a query parameter. Raises FilterInvalidError for what is no number."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        message = "must be a number of seconds since the epoch."
        raise FilterInvalidError(f"{field}: {message}", faults=(Fault(field, message),))
    return value


def is_journalled(actor: Actor, *, mode: ListMode) -> bool:
    """Where sessions are private, every look at others' is written down."""
    return mode is ListMode.SELF and may_see_everyone(actor, mode=mode)
