"""What Daily's webhooks mean for us: each is taken once, in the transaction that remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import Connection

from stoa.live import service, store
from stoa.live.daily import _webhooks as w
from stoa.live.daily._names import read_key
from stoa.live.service import File, Seat, Sitting

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Upshot:
    """What is to be done at Daily after the commit: ``seats`` are who came in, by room; ``look``: see how things are."""

    seats: list[tuple[str, Seat]] = field(default_factory=list)
    look: bool = False


def take(connection: Connection, happened: w.Happened, *, now: datetime) -> Upshot:
    """What is repeated, of a kind or of a room that is not known, or not what it should be, changes nothing."""
    upshot = Upshot()
    try:
        payload = w.payload_of(happened)
    except msgspec.ValidationError as error:
        _log.warning("daily_webhook_not_understood", type=happened.type, id=happened.id, error=str(error))
        return upshot
    if payload is not None and store.take_event(connection, happened.id, now=now):
        _apply(connection, payload, upshot, now=now)
    return upshot


def _apply(connection: Connection, payload: w.Payload, upshot: Upshot, *, now: datetime) -> None:
    match payload:
        case w.MeetingStarted():
            service.meeting_started(connection, payload.room, now=now)
        case w.MeetingEnded():
            service.meeting_ended(connection, payload.room, at=w.instant(payload.end_ts))
        case w.ParticipantJoined():
            seat = _sat(connection, payload, now=now)
            if seat is not None:
                upshot.seats.append((payload.room, seat))
        case w.RecordingStarted():
            instance = payload.instance_id or ""
            upshot.look = service.recording_named(connection, instance, payload.recording_id) is None
        case w.RecordingReady():
            file = File(
                payload.recording_id, w.instant(payload.start_ts), round(payload.duration), payload.s3_key
            )
            service.file_told(connection, payload.room_name, file, now=now)
        case w.RecordingError():
            _broke(connection, payload, upshot, now=now)


def _sat(connection: Connection, payload: w.ParticipantJoined, *, now: datetime) -> Seat | None:
    """Who left tells, too, when they came: the one may be here before the other."""
    user_id, generation = read_key(payload.user_id or "")
    joined_at = w.instant(payload.joined_at)
    left_at = None
    if isinstance(payload, w.ParticipantLeft):
        left_at = joined_at + timedelta(milliseconds=round(payload.duration * 1000))
    sitting = Sitting(payload.session_id, user_id, generation, joined_at, left_at)
    return service.sat(connection, payload.room, sitting, now=now)


def _broke(connection: Connection, payload: w.RecordingError, upshot: Upshot, *, now: datetime) -> None:
    _log.warning("daily_recording_error", room=payload.room_name, error=payload.error_msg)
    at = now if payload.timestamp is None else w.instant(payload.timestamp)
    if payload.instance_id is not None:
        service.recording_broke(connection, payload.instance_id, at=at)
    else:
        upshot.look = True
