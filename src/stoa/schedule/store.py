"""Tables and statements of the schedule.

``schedule_slots`` is the coarse net for conflicts: two sessions that ever meet share a slot (see ``conflicts``), so a
new session is compared only with those that share one with it under the same timeline or owner.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from stoa.kernel.clock import from_millis, to_millis
from stoa.kernel.pages import Page
from stoa.schedule import conflicts
from stoa.schedule.model import (
    Cycle,
    Day,
    Override,
    ScheduledSession,
    Series,
    SessionType,
    Timeline,
    Window,
)

metadata = MetaData()

timelines = Table(
    "schedule_timelines",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("zone", String(64), nullable=False),
    Column("owner_id", String(24), nullable=False),
    Column("feed_secret", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger),
    Column("removed_at", BigInteger),
)

sessions = Table(
    "schedule_sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("timeline_id", String(36), nullable=False),
    Column("owner_id", String(24), nullable=False),
    Column("type", String(16), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("zone", String(64), nullable=False),
    Column("start_at", BigInteger),
    Column("end_at", BigInteger),
    Column("cycle", String(8)),
    Column("day", String(9)),
    Column("interval", Integer, nullable=False),
    Column("count", Integer),
    Column("until_at", BigInteger),
    Column("exceptions", Text),
    Column("overrides", Text),
    Column("uid", String(255)),
    Column("first_start", BigInteger),
    Column("last_end", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger),
    Column("removed_at", BigInteger),
    Index("ix_schedule_sessions_timeline", "timeline_id", "start_at"),
    Index("ix_schedule_sessions_owner", "owner_id", "first_start"),
    Index("ix_schedule_sessions_bounds", "first_start", "last_end"),
    Index("ix_schedule_sessions_uid", "timeline_id", "uid"),
)

slots = Table(
    "schedule_slots",
    metadata,
    Column("holder", String(40), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("last_end", BigInteger, primary_key=True),
    Column("session_id", String(36), primary_key=True),
    Column("first_start", BigInteger, nullable=False),
    Index("ix_schedule_slots_session", "session_id"),
    sqlite_with_rowid=False,
)

FOR_EVER = 2**62
"""``last_end`` of a series without an end: later than every instant there is."""


def holders(session: ScheduledSession) -> tuple[str, str]:
    """Whose time a session takes: its timeline's and its owner's. Also the keys to lock."""
    return f"t:{session.timeline_id}", f"o:{session.owner_id}"


# --- timelines ---------------------------------------------------------------------------------------------------


def insert_timeline(connection: Connection, timeline: Timeline) -> None:
    connection.execute(insert(timelines), _timeline_values(timeline))


def update_timeline(connection: Connection, timeline: Timeline) -> None:
    connection.execute(_UPDATE_TIMELINE, {"key": timeline.id} | _timeline_values(timeline))


_UPDATE_TIMELINE = update(timelines).where(timelines.c.id == bindparam("key"))


def get_timeline(connection: Connection, timeline_id: str) -> Timeline | None:
    row = connection.execute(_GET_TIMELINE, {"id": timeline_id}).one_or_none()
    return None if row is None else _timeline(row)


_GET_TIMELINE = select(timelines).where(timelines.c.id == bindparam("id"), timelines.c.removed_at.is_(None))


def list_timelines(connection: Connection, *, skip: int, take: int) -> Page[Timeline]:
    total = connection.execute(_COUNT_TIMELINES).scalar_one()
    rows = connection.execute(_LIST_TIMELINES.offset(skip).limit(take))
    return Page([_timeline(row) for row in rows], total)


_COUNT_TIMELINES = select(func.count()).select_from(timelines).where(timelines.c.removed_at.is_(None))
_LIST_TIMELINES = (
    select(timelines)
    .where(timelines.c.removed_at.is_(None))
    .order_by(timelines.c.created_at.desc(), timelines.c.id)
)


def _timeline_values(timeline: Timeline) -> dict[str, Any]:
    return {
        "id": timeline.id, "name": timeline.name, "description": timeline.description, "zone": timeline.zone,
        "owner_id": timeline.owner_id, "feed_secret": timeline.feed_secret,
        "created_at": to_millis(timeline.created_at), "updated_at": _millis(timeline.updated_at),
        "removed_at": _millis(timeline.removed_at),
    }  # fmt: skip


def _timeline(row: Row[Any]) -> Timeline:
    return Timeline(
        row.id, row.name, row.description, row.zone, row.owner_id, from_millis(row.created_at),
        _instant(row.updated_at), _instant(row.removed_at), row.feed_secret,
    )  # fmt: skip


# --- sessions ----------------------------------------------------------------------------------------------------


def insert_session(connection: Connection, session: ScheduledSession) -> None:
    connection.execute(insert(sessions), _session_values(session))
    _insert_slots(connection, [session])


def insert_sessions(connection: Connection, many: Sequence[ScheduledSession]) -> None:
    if many:
        connection.execute(insert(sessions), [_session_values(session) for session in many])
        _insert_slots(connection, many)


def update_session(connection: Connection, session: ScheduledSession) -> None:
    connection.execute(_UPDATE_SESSION, {"key": session.id} | _session_values(session))
    connection.execute(_DELETE_SLOTS, {"session_id": session.id})
    if session.removed_at is None:
        _insert_slots(connection, [session])


_UPDATE_SESSION = update(sessions).where(sessions.c.id == bindparam("key"))
_DELETE_SLOTS = delete(slots).where(slots.c.session_id == bindparam("session_id"))


def _insert_slots(connection: Connection, many: Sequence[ScheduledSession]) -> None:
    values = [
        {"holder": holder, "slot": slot, "session_id": session.id, "first_start": first, "last_end": last}
        for session in many
        if session.series is not None
        for first, last in [_bounds(session)]
        for slot in conflicts.slots(session.series)
        for holder in holders(session)
    ]
    if values:
        connection.execute(insert(slots), values)


def get_session(connection: Connection, session_id: str) -> ScheduledSession | None:
    row = connection.execute(_GET_SESSION, {"id": session_id}).one_or_none()
    return None if row is None else _session(row)


_GET_SESSION = select(sessions).where(sessions.c.id == bindparam("id"), sessions.c.removed_at.is_(None))


def get_sessions(connection: Connection, ids: Sequence[str]) -> list[ScheduledSession]:
    return [_session(row) for row in connection.execute(_GET_SESSIONS, {"ids": list(ids)})]


_GET_SESSIONS = select(sessions).where(
    sessions.c.id.in_(bindparam("ids", expanding=True)), sessions.c.removed_at.is_(None)
)


def list_sessions(
    connection: Connection, *, timeline_id: str | None, window: tuple[datetime | None, datetime | None],
    descending: bool, skip: int, take: int,
) -> Page[ScheduledSession]:  # fmt: skip
    """Sessions by start (those without one last); ``window`` bounds the start, its end left out."""
    after, before = window
    values = {"timeline_id": timeline_id, "after": _millis(after), "before": _millis(before)}
    shape = (timeline_id is not None, after is not None, before is not None)
    total = connection.execute(_count_statement(*shape), values).scalar_one()
    rows = connection.execute(_list_statement(*shape, descending), values | {"skip": skip, "take": take})
    return Page([_session(row) for row in rows], total)


@cache
def _list_statement(by_timeline: bool, after: bool, before: bool, descending: bool) -> Select[Any]:
    start = sessions.c.start_at.desc() if descending else sessions.c.start_at.asc()
    statement = _filtered(select(sessions), by_timeline, after, before)
    return (
        statement.order_by(start.nulls_last(), sessions.c.id)
        .offset(bindparam("skip"))
        .limit(bindparam("take"))
    )


@cache
def _count_statement(by_timeline: bool, after: bool, before: bool) -> Select[Any]:
    return _filtered(select(func.count()).select_from(sessions), by_timeline, after, before)


def _filtered(statement: Select[Any], by_timeline: bool, after: bool, before: bool) -> Select[Any]:
    statement = statement.where(sessions.c.removed_at.is_(None))
    if by_timeline:
        statement = statement.where(sessions.c.timeline_id == bindparam("timeline_id"))
    if after:
        statement = statement.where(sessions.c.start_at >= bindparam("after"))
    if before:
        statement = statement.where(sessions.c.start_at < bindparam("before"))
    return statement


def sessions_of_timeline(connection: Connection, timeline_id: str) -> list[ScheduledSession]:
    return [_session(row) for row in connection.execute(_OF_TIMELINE, {"timeline_id": timeline_id})]


_OF_TIMELINE = (
    select(sessions)
    .where(sessions.c.timeline_id == bindparam("timeline_id"), sessions.c.removed_at.is_(None))
    .order_by(sessions.c.start_at, sessions.c.id)
)


def sessions_in(
    connection: Connection,
    window: Window,
    *,
    timeline_id: str | None = None,
    owners: Sequence[str] | None = None,
) -> list[ScheduledSession]:
    """Sessions whose bounds meet the window: every one that has an occurrence in it, and some that have none."""
    statement = _in_statement(timeline_id is not None, owners is not None)
    values: dict[str, Any] = {"from": to_millis(window.start), "to": to_millis(window.end)}
    if timeline_id is not None:
        values["timeline_id"] = timeline_id
    if owners is not None:
        values["owners"] = list(owners)
    return [_session(row) for row in connection.execute(statement, values)]


@cache
def _in_statement(by_timeline: bool, by_owner: bool) -> Select[Any]:
    statement = select(sessions).where(
        sessions.c.removed_at.is_(None),
        sessions.c.first_start < bindparam("to"),
        sessions.c.last_end > bindparam("from"),
    )
    if by_timeline:
        statement = statement.where(sessions.c.timeline_id == bindparam("timeline_id"))
    if by_owner:
        statement = statement.where(sessions.c.owner_id.in_(bindparam("owners", expanding=True)))
    return statement


def rivals(connection: Connection, session: ScheduledSession) -> list[tuple[str, Series]]:
    """Ids and series that could collide with ``session``: they share a holder and a slot with it, their bounds meet.

    Only what says when they are is read: of many candidates few collide.
    """
    series = session.series
    if series is None:
        return []
    first, last = _bounds(session)
    own = conflicts.slots(series)
    values: dict[str, Any] = {
        "holders": list(holders(session)),
        "first": first,
        "last": last,
        "id": session.id,
    }
    if conflicts.ALWAYS not in own:
        values["slots"] = sorted(own | {conflicts.ALWAYS})
    ids = connection.execute(_rival_ids("slots" in values), values).scalars().all()
    if not ids:
        return []
    return [_id_and_series(row) for row in connection.execute(_GET_SERIES, {"ids": ids}).all()]


_GET_SERIES = select(
    *(
        sessions.c[name]
        for name in (
            "id", "start_at", "end_at", "zone", "cycle", "day", "interval", "count", "until_at", "exceptions",
            "overrides",
        )
    )
).where(sessions.c.id.in_(bindparam("ids", expanding=True)), sessions.c.start_at.is_not(None))  # fmt: skip


def _id_and_series(row: Row[Any]) -> tuple[str, Series]:
    session_id, start, end, zone, cycle, day, interval, count, until, exceptions, overrides = tuple(row)
    return session_id, Series(
        from_millis(start), from_millis(end), zone, Cycle(cycle) if cycle else None, Day(day) if day else None,
        interval, count, _instant(until), _load_exceptions(exceptions), _load_overrides(overrides),
    )  # fmt: skip


@cache
def _rival_ids(by_slot: bool) -> Select[Any]:
    statement = select(slots.c.session_id).where(
        slots.c.holder.in_(bindparam("holders", expanding=True)),
        slots.c.last_end > bindparam("first"),
        slots.c.first_start < bindparam("last"),
        slots.c.session_id != bindparam("id"),
    )
    if by_slot:
        statement = statement.where(slots.c.slot.in_(bindparam("slots", expanding=True)))
    return statement.distinct()


def by_uids(connection: Connection, timeline_id: str, uids: Iterable[str]) -> dict[str, ScheduledSession]:
    found = connection.execute(_BY_UIDS, {"timeline_id": timeline_id, "uids": list(uids)})
    return {str(row.uid or row.id): _session(row) for row in found}


_BY_UIDS = select(sessions).where(
    sessions.c.timeline_id == bindparam("timeline_id"),
    or_(
        sessions.c.uid.in_(bindparam("uids", expanding=True)),
        sessions.c.uid.is_(None) & sessions.c.id.in_(bindparam("uids", expanding=True)),
    ),
    sessions.c.removed_at.is_(None),
)


def _bounds(session: ScheduledSession) -> tuple[int, int]:
    series = session.series
    assert series is not None
    first, last = conflicts.bounds(series)
    return to_millis(first), FOR_EVER if last is None else to_millis(last)


def _session_values(session: ScheduledSession) -> dict[str, Any]:
    first, last = _bounds(session) if session.series is not None else (None, None)
    return {
        "id": session.id, "timeline_id": session.timeline_id, "owner_id": session.owner_id,
        "type": session.type.value, "name": session.name, "description": session.description,
        "zone": session.zone, "start_at": _millis(session.start), "end_at": _millis(session.end),
        "cycle": session.cycle and session.cycle.value, "day": session.day and session.day.value,
        "interval": session.interval, "count": session.count, "until_at": _millis(session.until),
        "exceptions": _dump_exceptions(session.exceptions), "overrides": _dump_overrides(session.overrides),
        "uid": session.uid, "first_start": first, "last_end": last,
        "created_at": to_millis(session.created_at), "updated_at": _millis(session.updated_at),
        "removed_at": _millis(session.removed_at),
    }  # fmt: skip


def _session(row: Row[Any]) -> ScheduledSession:
    (
        session_id, timeline_id, owner_id, kind, name, description, zone, start, end, cycle, day, interval, count,
        until, exceptions, overrides, uid, _first, _last, created, updated, removed,
    ) = tuple(row)  # fmt: skip
    return ScheduledSession(
        session_id, timeline_id, owner_id, SessionType(kind), name, description, zone, _instant(start), _instant(end),
        Cycle(cycle) if cycle else None, Day(day) if day else None, interval, count, _instant(until),
        _load_exceptions(exceptions), _load_overrides(overrides), from_millis(created), _instant(updated),
        _instant(removed), uid,
    )  # fmt: skip


def _millis(at: datetime | None) -> int | None:
    return None if at is None else to_millis(at)


def _instant(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)


def _dump_exceptions(days: frozenset[date]) -> str | None:
    return json.dumps(sorted(day.isoformat() for day in days)) if days else None


def _load_exceptions(text: str | None) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for day in json.loads(text)) if text else frozenset()


def _dump_overrides(overrides: tuple[Override, ...]) -> str | None:
    if not overrides:
        return None
    return json.dumps(
        [[o.date.isoformat(), _millis(o.start), _millis(o.end), o.name, o.description] for o in overrides]
    )


def _load_overrides(text: str | None) -> tuple[Override, ...]:
    if not text:
        return ()
    return tuple(
        Override(date.fromisoformat(day), _instant(start), _instant(end), name, description)
        for day, start, end, name, description in json.loads(text)
    )
