"""Statements on sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from stoa.kernel.clock import to_millis
from stoa.kernel.pages import Page
from stoa.schedule import conflicts
from stoa.schedule.model import (
    ScheduledSession,
    Window,
)
from stoa.schedule.store._rows import bounds, millis, session_of, session_values
from stoa.schedule.store._tables import holders, sessions, slots


def insert_session(connection: Connection, session: ScheduledSession) -> None:
    connection.execute(insert(sessions), session_values(session))
    _insert_slots(connection, [session])


def insert_sessions(connection: Connection, many: Sequence[ScheduledSession]) -> None:
    if many:
        connection.execute(insert(sessions), [session_values(session) for session in many])
        _insert_slots(connection, many)


def update_session(connection: Connection, session: ScheduledSession) -> None:
    connection.execute(_UPDATE_SESSION, {"key": session.id} | session_values(session))
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
        for first, last in [bounds(session)]
        for slot in conflicts.slots(session.series)
        for holder in holders(session)
    ]
    if values:
        connection.execute(insert(slots), values)


def get_session(connection: Connection, session_id: str) -> ScheduledSession | None:
    row = connection.execute(_GET_SESSION, {"id": session_id}).one_or_none()
    return None if row is None else session_of(row)


_GET_SESSION = select(sessions).where(sessions.c.id == bindparam("id"), sessions.c.removed_at.is_(None))


def get_sessions(connection: Connection, ids: Sequence[str]) -> list[ScheduledSession]:
    return [session_of(row) for row in connection.execute(_GET_SESSIONS, {"ids": list(ids)})]


_GET_SESSIONS = select(sessions).where(
    sessions.c.id.in_(bindparam("ids", expanding=True)), sessions.c.removed_at.is_(None)
)


def list_sessions(
    connection: Connection, *, timeline_id: str | None, window: tuple[datetime | None, datetime | None],
    descending: bool, skip: int, take: int,
) -> Page[ScheduledSession]:  # fmt: skip
    """Sessions by start (those without one last); ``window`` bounds the start, its end left out."""
    after, before = window
    values = {"timeline_id": timeline_id, "after": millis(after), "before": millis(before)}
    shape = (timeline_id is not None, after is not None, before is not None)
    total = connection.execute(_count_statement(*shape), values).scalar_one()
    rows = connection.execute(_list_statement(*shape, descending), values | {"skip": skip, "take": take})
    return Page([session_of(row) for row in rows], total)


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
    return [session_of(row) for row in connection.execute(_OF_TIMELINE, {"timeline_id": timeline_id})]


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
    return [session_of(row) for row in connection.execute(statement, values)]


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


def by_uids(connection: Connection, timeline_id: str, uids: Iterable[str]) -> dict[str, ScheduledSession]:
    found = connection.execute(_BY_UIDS, {"timeline_id": timeline_id, "uids": list(uids)})
    return {str(row.uid or row.id): session_of(row) for row in found}


_BY_UIDS = select(sessions).where(
    sessions.c.timeline_id == bindparam("timeline_id"),
    or_(
        sessions.c.uid.in_(bindparam("uids", expanding=True)),
        sessions.c.uid.is_(None) & sessions.c.id.in_(bindparam("uids", expanding=True)),
    ),
    sessions.c.removed_at.is_(None),
)
