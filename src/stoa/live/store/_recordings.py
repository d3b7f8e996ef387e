"""Statements on recordings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from stoa.kernel.clock import from_millis
from stoa.live.model import LiveSession, Recording, RecordingStatus
from stoa.live.store._rows import instant, values_of
from stoa.live.store._sessions import session_of_id
from stoa.live.store._tables import (
    recordings,
)


def add_recording(connection: Connection, recording: Recording) -> None:
    connection.execute(_ADD_RECORDING, values_of(recording, recordings))


def save_recording(connection: Connection, recording: Recording) -> None:
    connection.execute(_SAVE_RECORDING, {"key": recording.id} | values_of(recording, recordings))


def drop_recording(connection: Connection, recording: Recording) -> None:
    connection.execute(_DROP_RECORDING, {"key": recording.id})


def recordings_of(connection: Connection, session_id: str) -> list[Recording]:
    """Newest first."""
    return [recording_in(row) for row in connection.execute(_RECORDINGS, {"of": session_id})]


def recording_of_id(connection: Connection, recording_id: str) -> Recording | None:
    row = connection.execute(_RECORDING, {"id": recording_id}).one_or_none()
    return None if row is None else recording_in(row)


def running(connection: Connection, session_id: str) -> Recording | None:
    found = recordings_of(connection, session_id)
    return next((one for one in found if _runs(one)), None)


def all_running(connection: Connection) -> list[tuple[Recording, LiveSession]]:
    rows = connection.execute(_ALL_RUNNING).all()
    found = [(recording_in(row), session_of_id(connection, row.session_id)) for row in rows]
    return [(recording, session) for recording, session in found if session is not None]


def _runs(recording: Recording) -> bool:
    return recording.stopped_at is None and recording.status is RecordingStatus.PROCESSING


def recording_in(row: Row[Any]) -> Recording:
    return Recording(
        row.id, row.session_id, row.recording_id, row.s3_key, row.duration, RecordingStatus(row.status),
        from_millis(row.started_at), instant(row.stopped_at), from_millis(row.created_at),
        from_millis(row.updated_at), row.progress, row.reason,
    )  # fmt: skip


_ADD_RECORDING = insert(recordings)
_SAVE_RECORDING = update(recordings).where(recordings.c.id == bindparam("key"))
_DROP_RECORDING = delete(recordings).where(recordings.c.id == bindparam("key"))
_RECORDINGS = (
    select(recordings)
    .where(recordings.c.session_id == bindparam("of"))
    .order_by(recordings.c.started_at.desc(), recordings.c.created_at.desc(), recordings.c.id)
)
_RECORDING = select(recordings).where(recordings.c.recording_id == bindparam("id"))
_ALL_RUNNING = select(recordings).where(
    recordings.c.stopped_at.is_(None), recordings.c.status == RecordingStatus.PROCESSING.value
)
