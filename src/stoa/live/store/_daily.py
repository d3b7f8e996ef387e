"""What is kept because of Daily: which of its events were taken, and what it calls our recordings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, String, Table, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from stoa.kernel.clock import from_millis, to_millis
from stoa.live.model import LiveSession, Recording, RecordingStatus, Status
from stoa.live.store._recordings import recording_in
from stoa.live.store._sessions import session_of_id
from stoa.live.store._tables import metadata, participants, recordings, sessions

_KEPT = timedelta(days=3)
"""Daily tries again for hours at most."""

events = Table(
    "live_daily_events",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("at", BigInteger, nullable=False, index=True, comment="when it was taken"),
)
named = Table(
    "live_daily_recordings",
    metadata,
    Column("id", String(36), primary_key=True, comment="of ours: Daily knows it as the instance"),
    Column("daily_id", String(64), nullable=False, unique=True),
)


def take_event(connection: Connection, event_id: str, *, now: datetime) -> bool:
    """False where it was taken before."""
    row = {"id": event_id, "at": to_millis(now)}
    return connection.execute(_TAKE[connection.dialect.name], row).first() is not None


def forget_events(connection: Connection, *, now: datetime) -> None:
    connection.execute(_FORGET, {"before": to_millis(now - _KEPT)})


def name_recording(connection: Connection, recording_row_id: str, daily_id: str) -> bool:
    """Notes what Daily calls it. False where that, or another name of it, is known already."""
    row = {"id": recording_row_id, "daily_id": daily_id}
    return connection.execute(_NAME[connection.dialect.name], row).first() is not None


def daily_id_of(connection: Connection, recording_row_id: str) -> str | None:
    return connection.scalar(_DAILY_ID, {"id": recording_row_id})


def recording_of_instance(connection: Connection, recording_row_id: str) -> Recording | None:
    row = connection.execute(_OF_INSTANCE, {"id": recording_row_id}).one_or_none()
    return None if row is None else recording_in(row)


def recording_of_daily_id(connection: Connection, daily_id: str) -> Recording | None:
    row = connection.execute(_OF_DAILY_ID, {"daily_id": daily_id}).one_or_none()
    return None if row is None else recording_in(row)


def unfinished(connection: Connection) -> list[tuple[Recording, LiveSession]]:
    """Recordings that run, or whose file is still to come, with their sessions: also deleted ones."""
    found = [recording_in(row) for row in connection.execute(_UNFINISHED)]
    pairs = [(one, session_of_id(connection, one.session_id)) for one in found]
    return [(one, session) for one, session in pairs if session is not None]


def quiet_sessions(connection: Connection, *, since: datetime) -> list[tuple[str, datetime]]:
    """Live sessions that everybody left since they were to start, and no later than ``since``; with when the last did."""
    rows = connection.execute(_QUIET, {"since": to_millis(since)})
    return [(row.id, from_millis(row.emptied_at)) for row in rows]


def _or_nothing(table: Table) -> dict[str, Any]:
    return {
        "sqlite": sqlite.insert(table).on_conflict_do_nothing().returning(table.c.id),
        "postgresql": postgresql.insert(table).on_conflict_do_nothing().returning(table.c.id),
    }


_TAKE, _NAME = _or_nothing(events), _or_nothing(named)
_FORGET = delete(events).where(events.c.at < bindparam("before"))
_DAILY_ID = select(named.c.daily_id).where(named.c.id == bindparam("id"))
_OF_INSTANCE = select(recordings).where(recordings.c.id == bindparam("id"))
_OF_DAILY_ID = (
    select(recordings)
    .join(named, named.c.id == recordings.c.id)
    .where(named.c.daily_id == bindparam("daily_id"))
)
_UNFINISHED = (
    select(recordings)
    .where(recordings.c.status == RecordingStatus.PROCESSING.value)
    .order_by(recordings.c.started_at, recordings.c.id)
)
_LAST_LEFT = func.max(participants.c.left_at)
_QUIET = (
    select(sessions.c.id, _LAST_LEFT.label("emptied_at"))
    .join(participants, participants.c.session_id == sessions.c.id)
    .where(sessions.c.status == Status.LIVE.value, sessions.c.deleted_at.is_(None))
    .group_by(sessions.c.id, sessions.c.starts_at)
    .having(
        func.count() == func.count(participants.c.left_at),
        bindparam("since") >= _LAST_LEFT,
        sessions.c.starts_at <= _LAST_LEFT,
    )
    .order_by(sessions.c.id)
)
