"""Rows as values, and values as rows."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Row,
)

from stoa.kernel.clock import from_millis, to_millis
from stoa.schedule import conflicts
from stoa.schedule.model import (
    Cycle,
    Day,
    Override,
    ScheduledSession,
    Series,
    SessionType,
)
from stoa.schedule.store._tables import FOR_EVER


def bounds(session: ScheduledSession) -> tuple[int, int]:
    series = session.series
    assert series is not None
    first, last = conflicts.bounds(series)
    return to_millis(first), FOR_EVER if last is None else to_millis(last)


def session_values(session: ScheduledSession) -> dict[str, Any]:
    first, last = bounds(session) if session.series is not None else (None, None)
    return {
        "id": session.id, "timeline_id": session.timeline_id, "owner_id": session.owner_id,
        "type": session.type.value, "name": session.name, "description": session.description,
        "zone": session.zone, "start_at": millis(session.start), "end_at": millis(session.end),
        "cycle": session.cycle and session.cycle.value, "day": session.day and session.day.value,
        "interval": session.interval, "count": session.count, "until_at": millis(session.until),
        "exceptions": _dump_exceptions(session.exceptions), "overrides": _dump_overrides(session.overrides),
        "uid": session.uid, "first_start": first, "last_end": last,
        "created_at": to_millis(session.created_at), "updated_at": millis(session.updated_at),
        "removed_at": millis(session.removed_at),
    }  # fmt: skip


def session_of(row: Row[Any]) -> ScheduledSession:
    (
        session_id, timeline_id, owner_id, kind, name, description, zone, start, end, cycle, day, interval, count,
        until, exceptions, overrides, uid, _first, _last, created, updated, removed,
    ) = tuple(row)  # fmt: skip
    return ScheduledSession(
        session_id, timeline_id, owner_id, SessionType(kind), name, description, zone, instant(start), instant(end),
        Cycle(cycle) if cycle else None, Day(day) if day else None, interval, count, instant(until),
        _load_exceptions(exceptions), _load_overrides(overrides), from_millis(created), instant(updated),
        instant(removed), uid,
    )  # fmt: skip


def millis(at: datetime | None) -> int | None:
    return None if at is None else to_millis(at)


def instant(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)


def _dump_exceptions(days: frozenset[date]) -> str | None:
    return json.dumps(sorted(day.isoformat() for day in days)) if days else None


def _load_exceptions(text: str | None) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for day in json.loads(text)) if text else frozenset()


def _dump_overrides(overrides: tuple[Override, ...]) -> str | None:
    if not overrides:
        return None
    return json.dumps(
        [[o.date.isoformat(), millis(o.start), millis(o.end), o.name, o.description] for o in overrides]
    )


def _load_overrides(text: str | None) -> tuple[Override, ...]:
    if not text:
        return ()
    return tuple(
        Override(date.fromisoformat(day), instant(start), instant(end), name, description)
        for day, start, end, name, description in json.loads(text)
    )


def series_of(row: Row[Any]) -> tuple[str, Series]:
    session_id, start, end, zone, cycle, day, interval, count, until, exceptions, overrides = tuple(row)
    return session_id, Series(
        from_millis(start), from_millis(end), zone, Cycle(cycle) if cycle else None, Day(day) if day else None,
        interval, count, instant(until), _load_exceptions(exceptions), _load_overrides(overrides),
    )  # fmt: skip
