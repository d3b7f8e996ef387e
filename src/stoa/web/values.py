"""How instants stand on the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta

from stoa.kernel.errors import InvalidError

Instant = Annotated[
    datetime, Meta(tz=True, description="ISO 8601 with a time zone, for example 2023-12-01T09:00:00Z.")
]
"""An instant in a request body."""

InstantText = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""An instant in an answer, made by ``iso``."""


def utc(value: datetime, field: str) -> datetime:
    """The instant in UTC, cut to milliseconds. InvalidError where it has no zone or leaves the years 1–9999."""
    if value.tzinfo is None:
        raise InvalidError.field(field, "needs a time zone, for example a trailing Z.")
    try:
        at = value.astimezone(UTC)
    except OverflowError:
        raise InvalidError.field(field, "is outside the years 1 to 9999.") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def parse_instant(text: str, field: str) -> datetime:
    """An instant from a query string, where a ``+`` may have become a space."""
    try:
        value = datetime.fromisoformat(
            text.strip().replace(" ", "+") if text.count(":") > 2 else text.strip()
        )
    except ValueError:
        raise InvalidError.field(
            field, "must be an ISO 8601 time, for example 2023-12-01T09:00:00Z."
        ) from None
    return utc(value, field)


def iso(at: datetime) -> str:
    """``2023-12-01T09:00:00Z``, with milliseconds only where there are any."""
    timespec = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def iso_millis(at: datetime) -> str:
    """``2025-07-15T10:30:00.000Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(at: datetime | None) -> str | None:
    return None if at is None else iso(at)


def present(**fields: Any) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
