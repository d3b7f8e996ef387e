"""Files of recordings that a provider makes elsewhere: what it calls them, and when they are ready."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from stoa.kernel.journal import Event
from stoa.live import store
from stoa.live.model import Recording, RecordingStatus
from stoa.live.service._room import RECORDED, stream_of, tell
from stoa.platform.storage import lock

_NEVER = timedelta(hours=6)
"""Nothing comes any more of a recording that was stopped so long ago."""
_SKEW, _SOON = timedelta(seconds=30), timedelta(minutes=2)
"""A file began no earlier, and where its recording failed no later, than this from when the recording did."""


@dataclass(frozen=True, slots=True)
class File:
    """What a provider says of a recording: ``id`` is its own name of it. ``duration`` in seconds; None: it runs."""

    id: str
    started_at: datetime
    duration: int | None = None
    s3_key: str | None = None
    failed: bool = False


def recording_named(connection: Connection, recording_row_id: str, name: str) -> Recording | None:
    """``name`` is what it is called elsewhere. None where there is no such recording of ours."""
    recording = store.recording_of_instance(connection, recording_row_id)
    if recording is not None:
        store.name_recording(connection, recording.id, name)
    return recording


def adopt_name(connection: Connection, recording_id: str) -> bool:
    """From now on it bears the name that it has elsewhere. False as long as that is not known."""
    recording = store.recording_of_id(connection, recording_id)
    name = None if recording is None else store.daily_id_of(connection, recording.id)
    if recording is None or name is None:
        return False
    store.save_recording(connection, replace(recording, recording_id=name))
    return True


def file_told(connection: Connection, room_name: str, file: File, *, now: datetime) -> Recording | None:
    """Takes in what is known of a file, in any order. None where it is of no recording of ours."""
    session = store.session_named(connection, room_name)
    if session is None:
        return None
    lock(connection, stream_of(session.id))
    recording = _recording_of(connection, session.id, file)
    if recording is None or recording.session_id != session.id:
        return None
    if file.failed:
        recording_broke(connection, recording.id, at=now)
    elif file.duration is not None:
        _ready(connection, recording, file, file.duration)
    return recording


def recording_broke(connection: Connection, recording_row_id: str, *, at: datetime) -> None:
    """A file that came all the same holds."""
    recording = store.recording_of_instance(connection, recording_row_id)
    if recording is None or recording.status is not RecordingStatus.PROCESSING:
        return
    stopped_at = recording.stopped_at or max(at, recording.started_at)
    failed = replace(recording, status=RecordingStatus.FAILED, stopped_at=stopped_at, updated_at=stopped_at)
    store.save_recording(connection, failed)
    if recording.stopped_at is None:
        tell(connection, recording.session_id, Event(RECORDED), now=at)


def give_up_files(connection: Connection, *, now: datetime) -> None:
    for recording, _ in store.unfinished(connection):
        if recording.stopped_at is not None and recording.stopped_at <= now - _NEVER:
            recording_broke(connection, recording.id, at=now)


def _recording_of(connection: Connection, session_id: str, file: File) -> Recording | None:
    """By its name; else the newest that has none yet and was begun before it; at last one that failed just then."""
    recording = store.recording_of_daily_id(connection, file.id)
    if recording is not None:
        return recording
    found = store.recordings_of(connection, session_id)
    for one in sorted(found, key=lambda each: each.status is RecordingStatus.FAILED):
        after = file.started_at - one.started_at
        longest = _SOON if one.status is RecordingStatus.FAILED else timedelta.max
        if -_SKEW <= after <= longest and store.daily_id_of(connection, one.id) is None:
            store.name_recording(connection, one.id, file.id)
            return one
    return None


def _ready(connection: Connection, recording: Recording, file: File, duration: int) -> None:
    stopped_at = file.started_at + timedelta(seconds=duration)
    done = replace(
        recording, status=RecordingStatus.COMPLETED, started_at=file.started_at, stopped_at=stopped_at,
        duration=duration, s3_key=file.s3_key or recording.s3_key, progress=1.0, updated_at=stopped_at,
    )  # fmt: skip
    if done != recording:
        store.save_recording(connection, done)
        if recording.stopped_at is None:
            tell(connection, recording.session_id, Event(RECORDED), now=stopped_at)
