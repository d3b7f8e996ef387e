"""What is made of a recording after it stopped: its files, told step by step, and made again or removed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.ids import Ids
from stoa.kernel.journal import Event
from stoa.live import rules, store
from stoa.live.errors import RecordingGoneError, RecordingStateError
from stoa.live.model import LiveSession, Recording, RecordingStatus, Seen
from stoa.live.service._room import COMPOSE, stream_of, tell
from stoa.platform import timers
from stoa.platform.storage import lock

PROGRESS, READY, NOT_MADE = "live.recording_progress", "live.recording_ready", "live.recording_not_made"
DISCARD = "live.discard"
"""The timer that stands for the files of a removed recording, by its id, until they are gone."""
_STEPS = 10
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class ToCompose:
    recording: Recording
    people: tuple[Seen, ...]


def to_compose(connection: Connection, recording_id: str) -> ToCompose | None:
    """None where nothing is to be made of it (any more)."""
    recording = store.recording_of_id(connection, recording_id)
    if recording is None or not _waits(recording):
        return None
    times = defaultdict(list)
    for one in store.participants_of(connection, recording.session_id):
        if one.joined_at is not None:
            times[one.user_id].append((one.joined_at, one.left_at))
    people = [
        Seen(member.user_id, member.name, tuple(times[member.user_id]))
        for member in store.members_of(connection, recording.session_id)
    ]
    return ToCompose(recording, tuple(people))


def compose_at(connection: Connection, recording_id: str, *, due_at: datetime, attempt: int) -> None:
    timers.set(connection, COMPOSE, recording_id, due_at=due_at, payload={"attempt": attempt})


def renew_compose(connection: Connection, recording_id: str, *, due_at: datetime, attempt: int) -> None:
    """Somebody works on it still. One that is done, failed or removed meanwhile is not brought back."""
    recording = store.recording_of_id(connection, recording_id)
    if recording is not None and _waits(recording):
        compose_at(connection, recording_id, due_at=due_at, attempt=attempt)


def compose_progress(connection: Connection, recording_id: str, progress: float, *, now: datetime) -> None:
    """The room is told of each tenth."""
    recording = store.recording_of_id(connection, recording_id)
    if recording is None or not _waits(recording):
        return
    before = recording.progress or 0.0
    store.save_recording(connection, replace(recording, progress=progress, updated_at=now))
    if int(progress * _STEPS) > int(before * _STEPS):
        told = {"recordingId": recording_id, "progress": round(progress, 2)}
        tell(connection, recording.session_id, Event(PROGRESS, told), now=now)


def composed(connection: Connection, recording_id: str, s3_key: str | None, *, now: datetime) -> bool:
    """False where it was removed meanwhile. Once is enough: again changes nothing."""
    timers.cancel(connection, COMPOSE, recording_id)
    recording = store.recording_of_id(connection, recording_id)
    if recording is None:
        return False
    if recording.status is RecordingStatus.COMPLETED:
        return True
    made = replace(
        recording, status=RecordingStatus.COMPLETED, s3_key=s3_key, progress=1.0, reason=None, updated_at=now
    )
    store.save_recording(connection, made)
    tell(connection, made.session_id, Event(READY, {"recordingId": recording_id}), now=now)
    return True


def not_composed(connection: Connection, recording_id: str, reason: str, *, now: datetime) -> None:
    """Until its owner has it made again."""
    timers.cancel(connection, COMPOSE, recording_id)
    recording = store.recording_of_id(connection, recording_id)
    if recording is None or not _waits(recording):
        return
    reason = "".join(char for char in reason[:_LONGEST_REASON] if char.isprintable())
    failed = replace(recording, status=RecordingStatus.FAILED, reason=reason, updated_at=now)
    store.save_recording(connection, failed)
    told = {"recordingId": recording_id, "reason": reason}
    tell(connection, recording.session_id, Event(NOT_MADE, told), now=now)


def compose_again(
    connection: Connection, recording_id: str, *, actor: Actor | None, now: datetime
) -> Recording:
    """A failed one, from the beginning. ``actor`` None is whoever has the server's command line."""
    recording = owned_recording(connection, recording_id, actor=actor, to="compose")
    if recording.status is not RecordingStatus.FAILED or recording.stopped_at is None:
        raise RecordingStateError(
            f"This recording is {rules.word_of(recording)}: there is nothing to make again"
        )
    again = replace(recording, status=RecordingStatus.PROCESSING, progress=0.0, reason=None, updated_at=now)
    store.save_recording(connection, again)
    timers.set(connection, COMPOSE, recording_id, due_at=now)
    return again


def remove_recording(connection: Connection, recording_id: str, *, actor: Actor, now: datetime) -> Recording:
    """It is gone at once; its files soon."""
    recording = owned_recording(connection, recording_id, actor=actor, to="delete recordings of")
    if recording.stopped_at is None and recording.status is RecordingStatus.PROCESSING:
        raise RecordingStateError("This session is being recorded: stop it first")
    timers.cancel(connection, COMPOSE, recording_id)
    store.drop_recording(connection, recording)
    discard_at(connection, recording_id, due_at=now)
    return recording


def discard_at(connection: Connection, recording_id: str, *, due_at: datetime) -> None:
    timers.set(connection, DISCARD, recording_id, due_at=due_at)


def discarded(connection: Connection, recording_id: str) -> None:
    timers.cancel(connection, DISCARD, recording_id)


def take_in(
    connection: Connection, session: LiveSession, *, began: datetime, ended: datetime, now: datetime, ids: Ids
) -> Recording:
    """A recording whose tracks are on disk already. Its file is made like any other's."""
    recording = Recording(
        id=ids.uuid(), session_id=session.id, recording_id=ids.uuid(), s3_key=None, duration=None,
        status=RecordingStatus.PROCESSING, started_at=began, stopped_at=None, created_at=now, updated_at=now,
    )  # fmt: skip
    stopped = replace(
        recording, stopped_at=ended, duration=rules.recorded_seconds(recording, ended), progress=0.0
    )
    store.add_recording(connection, stopped)
    timers.set(connection, COMPOSE, stopped.recording_id, due_at=now)
    return stopped


def recording_if_any(connection: Connection, recording_id: str) -> Recording | None:
    return store.recording_of_id(connection, recording_id)


def owned_recording(connection: Connection, recording_id: str, *, actor: Actor | None, to: str) -> Recording:
    """Under its session's lock."""
    found = store.recording_of_id(connection, recording_id)
    session = None if found is None else _session_of(connection, found)
    if session is None:
        raise RecordingGoneError
    if actor is not None:
        rules.check_owner(session, actor, to=to)
    lock(connection, stream_of(session.id))
    recording = store.recording_of_id(connection, recording_id)
    if recording is None:
        raise RecordingGoneError
    return recording


def _session_of(connection: Connection, recording: Recording) -> LiveSession | None:
    return store.session_of_id(connection, recording.session_id)


def _waits(recording: Recording) -> bool:
    return recording.stopped_at is not None and recording.status is RecordingStatus.PROCESSING
