"""Decisions about activity that are not counting: what a ping says, who may see whom, which login a session is of."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stoa.activity.errors import FilterInvalidError, PingInvalidError
from stoa.activity.model import ListMode, Ping
from stoa.activity.tally import parse_path
from stoa.kernel.actor import Actor
from stoa.kernel.clock import to_millis
from stoa.kernel.errors import Fault

MAX_CLIENT = 64
MAX_SEQ = 2**53 - 1
READ_OTHERS = "users_read"


def beaker_id(username: str, *, login_at: datetime) -> str:
    """The document's ``id_beaker_session``: base64 of ``<username>_<login time in whole seconds>``."""
    return base64.b64encode(f"{username}_{to_millis(login_at) // 1000}".encode()).decode()


def may_see_everyone(actor: Actor, *, mode: ListMode) -> bool:
    return mode is ListMode.ALL or actor.is_admin or actor.may(READ_OTHERS)


def keepalive_from(body: Any) -> Ping:
    """A decoded keepalive body. Raises PingInvalidError; ``visible`` and ``path`` are required."""
    fields = _object(body)
    if "visible" not in fields:
        raise _bad("visible", "is required.")
    if not isinstance(fields["visible"], bool):
        raise _bad("visible", "must be true or false.")
    return _ping(fields, visible=fields["visible"])


def hide_from(body: Any) -> Ping:
    """A decoded session-hide body: a visible ping. Raises PingInvalidError."""
    return _ping(_object(body), visible=True)


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise PingInvalidError(
            "The body must be a JSON object.", faults=(Fault("", "must be a JSON object."),)
        )
    return body


def _ping(fields: Mapping[str, Any], *, visible: bool) -> Ping:
    if "path" not in fields:
        raise _bad("path", "is required.")
    client = fields.get("client")
    if client is not None and not (isinstance(client, str) and len(client) <= MAX_CLIENT and _plain(client)):
        raise _bad("client", f"must be a printable ASCII text of at most {MAX_CLIENT} characters.")
    return Ping(
        path=parse_path(fields["path"]),
        visible=visible,
        claim_ms=_whole(fields, "visible_ms"),
        age_ms=_whole(fields, "age_ms") or 0,
        seq=_whole(fields, "seq"),
        client=client or "",
    )


def _whole(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEQ):
        return value
    raise _bad(name, "must be a whole number from 0 to 2^53 - 1.")


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _bad(field: str, message: str) -> PingInvalidError:
    return PingInvalidError(f"{field}: {message}", faults=(Fault(field, message),))


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
