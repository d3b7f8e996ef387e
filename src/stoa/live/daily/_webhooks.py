"""Daily's webhooks: proven to be Daily's, and read. Pure.

A webhook bears ``X-Webhook-Timestamp`` and ``X-Webhook-Signature``: base64 of the HMAC-SHA256, with the secret that
both know, of the timestamp, a dot and the body as it came.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from stoa.kernel.clock import from_millis
from stoa.kernel.errors import MalformedError, UnauthenticatedError

LARGEST = 256 * 1024
"""Bytes of a body."""
TOLERANCE = timedelta(minutes=5)
"""How far a webhook's own time may be from ours."""
_SECONDS = re.compile(r"\d{9,13}(\.\d{1,9})?", re.ASCII)
_MILLIS_FROM = 10**11

Text = Annotated[str, Meta(max_length=512, pattern=r"^[^\x00]*$")]
SessionId = Annotated[str, Meta(min_length=1, max_length=36, pattern=r"^[!-~]*$(?!\n)")]
Instant = Annotated[float, Meta(ge=0, le=4_102_444_800)]
"""Seconds since 1970, to the year 2100."""
Seconds = Annotated[float, Meta(ge=0, le=10_000_000)]


class MeetingStarted(Struct):
    room: Text
    start_ts: Instant


class MeetingEnded(Struct):
    room: Text
    end_ts: Instant


class ParticipantJoined(Struct):
    """``user_id`` is what we had the token say."""

    room: Text
    session_id: SessionId
    joined_at: Instant
    user_id: Text | None = None


class ParticipantLeft(ParticipantJoined, kw_only=True):
    duration: Seconds


class RecordingStarted(Struct):
    """It names no room: ``instance_id`` is what we had it started with."""

    recording_id: SessionId
    instance_id: Text | None = None


class RecordingReady(Struct):
    recording_id: SessionId
    room_name: Text
    start_ts: Instant
    duration: Seconds
    s3_key: Text | None = None


class RecordingError(Struct):
    instance_id: Text | None = None
    room_name: Text | None = None
    error_msg: str | None = None
    timestamp: Instant | None = None


Payload = (
    MeetingStarted | MeetingEnded | ParticipantJoined | ParticipantLeft | RecordingStarted | RecordingReady
    | RecordingError
)  # fmt: skip
KINDS: dict[str, type[Payload]] = {
    "meeting.started": MeetingStarted,
    "meeting.ended": MeetingEnded,
    "participant.joined": ParticipantJoined,
    "participant.left": ParticipantLeft,
    "recording.started": RecordingStarted,
    "recording.ready-to-download": RecordingReady,
    "recording.error": RecordingError,
}


class Happened(Struct):
    """``id`` is the same every time that it is sent."""

    id: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[!-~]*$(?!\n)")]
    type: Text
    payload: msgspec.Raw


class _Test(Struct, forbid_unknown_fields=True):
    """What is posted once while a webhook is registered, to see that somebody is there. It is not signed."""

    test: str


def secret_of(given: str, key: str) -> bytes:
    """The secret that is set, in base64; else one that follows from the API's key, so that none need be kept."""
    if given:
        return b64decode(given, validate=True)
    return hmac.digest(key.encode(), b"stoa webhooks of daily", "sha256")


def is_test(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=_Test)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def check(secret: bytes, timestamp: str, signature: str, body: bytes, *, now: datetime) -> None:
    """Raises UnauthenticatedError for what Daily did not sign, or long ago."""
    if not _SECONDS.fullmatch(timestamp):
        raise UnauthenticatedError("The webhook bears no time")
    expected = sign(secret, timestamp, body)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise UnauthenticatedError("The webhook's signature is wrong")
    seconds = float(timestamp)
    sent_at = datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLIS_FROM else seconds, UTC)
    if abs(now - sent_at) > TOLERANCE:
        raise UnauthenticatedError("The webhook is too old")


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    return b64encode(hmac.digest(secret, timestamp.encode() + b"." + body, hashlib.sha256)).decode()


def read(body: bytes) -> Happened:
    """Raises MalformedError for what is no event at all."""
    try:
        body.decode()
        return msgspec.json.decode(body, type=Happened)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"The body is no event of Daily: {error}.") from None


def payload_of(happened: Happened) -> Payload | None:
    """None for a kind that is not known. Raises msgspec.ValidationError for one that is not what it should be."""
    kind = KINDS.get(happened.type)
    return None if kind is None else msgspec.json.decode(happened.payload, type=kind)


def instant(seconds: float) -> datetime:
    """To the millisecond, like all our times."""
    return from_millis(round(seconds * 1000))
