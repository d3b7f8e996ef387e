"""Recordings: begun, ended, found."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.ids import Ids
from stoa.kernel.journal import Event
from stoa.live import rules, store
from stoa.live.errors import (
    NotRecordedError,
    RecordingGoneError,
    RecordingStateError,
    SessionEndedError,
)
from stoa.live.model import (
    LiveSession,
    Recording,
    RecordingStatus,
    Status,
)
from stoa.live.service._nodes import belongs, settle
from stoa.live.service._room import RECORDING, TROUBLED, finish, stream_of, tell
from stoa.live.service._sessions import end, found_session, kept_session, moved, owned_session, session_named
from stoa.platform.storage import lock


def begin_recording(
    connection: Connection, room_name: str, *, actor: Actor, now: datetime, ids: Ids, node: str = ""
) -> tuple[LiveSession, Recording]:
    """Of two who begin at once, one is refused. The session is live once ``recording_began``."""
    found = owned_session(connection, room_name, actor=actor, to="record")
    lock(connection, stream_of(found.id))
    session = session_named(connection, room_name)
    rules.check_may_record(session, store.running(connection, session.id))
    session = settle(connection, session, node, ids=ids)
    recording = Recording(
        id=ids.uuid(), session_id=session.id, recording_id=ids.uuid(), s3_key=None, duration=None,
        status=RecordingStatus.PROCESSING, started_at=now, stopped_at=None, created_at=now, updated_at=now,
    )  # fmt: skip
    store.add_recording(connection, recording)
    return session, recording


def recording_began(
    connection: Connection, session: LiveSession, recording: Recording, *, now: datetime
) -> Recording:
    """The recording as it is by now: the provider may have given it a name of its own."""
    lock(connection, stream_of(session.id))
    current = found_session(store.session_of_id(connection, session.id))
    if current.status is Status.ENDED:
        raise SessionEndedError
    if current.status is Status.SCHEDULED:
        moved(connection, current, Status.LIVE, now=now)
    tell(connection, session.id, Event(RECORDING), now=now)
    began = store.recording_of_instance(connection, recording.id)
    return began or recording


def recording_failed(connection: Connection, recording: Recording, *, now: datetime) -> None:
    """It never began: there is nothing that anything could be made of."""
    failed = replace(recording, status=RecordingStatus.FAILED, updated_at=now)
    store.save_recording(connection, failed)


def recording_troubled(connection: Connection, room_name: str, reason: str, *, now: datetime) -> None:
    """Some of it could not be written. It goes on, with what can be."""
    session = store.session_named(connection, room_name)
    if session is not None:
        tell(connection, session.id, Event(TROUBLED, {"reason": reason}), now=now)


def all_running(connection: Connection, node: str = "") -> list[tuple[Recording, LiveSession]]:
    """Those of the node's rooms."""
    return [(one, session) for one, session in store.all_running(connection) if belongs(session, node)]


def running_recording(
    connection: Connection, room_name: str, *, actor: Actor
) -> tuple[LiveSession, Recording]:
    """The owner's. Raises RecordingStateError where nothing is recorded."""
    session = owned_session(connection, room_name, actor=actor, to="stop recording")
    recording = store.running(connection, session.id)
    if recording is None:
        raise RecordingStateError("This session is not being recorded")
    return session, recording


def end_recording(connection: Connection, room_name: str, *, actor: Actor, now: datetime) -> Recording:
    """As documented: the recording is stopped, and the session ended."""
    session, _ = running_recording(connection, room_name, actor=actor)
    lock(connection, stream_of(session.id))
    session, recording = running_recording(connection, room_name, actor=actor)
    finished = finish(connection, recording, now=now)
    end(connection, session, now=now)
    return finished


def recordings(connection: Connection, room_name: str, *, actor: Actor) -> list[Recording]:
    """Newest first; of a deleted session, too."""
    session = kept_session(connection, room_name, actor=actor, to="access recording for")
    return store.recordings_of(connection, session.id)


def newest_recording(connection: Connection, room_name: str, *, actor: Actor) -> Recording:
    """Raises NotRecordedError."""
    found = recordings(connection, room_name, actor=actor)
    if not found:
        raise NotRecordedError
    return found[0]


def recording_of_id(connection: Connection, recording_id: str) -> Recording:
    found = store.recording_of_id(connection, recording_id)
    if found is None:
        raise RecordingGoneError
    return found
