"""What the controller and a worker say to each other: MessagePack after four bytes of length, on a Unix socket."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from stoa.kernel.errors import ConflictError, InvalidError, NotFoundError, StoaError
from stoa.live.media._setup import Setup

VERSION = 2
"""Of this protocol. A controller replaces a worker that speaks another."""
_LONGEST = 4 * 1024 * 1024

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:@+-]{1,128}$")]
"""A room's or a participant's name: it stands in session descriptions, where a line break would be a forgery."""


class MediaError(StoaError):
    """Base of what a worker refuses."""


class UnknownError(NotFoundError, MediaError):
    code = "live.media.unknown"


class RoomFullError(ConflictError, MediaError):
    code = "live.media.room_full"


class SdpRefusedError(InvalidError, MediaError):
    code = "live.media.sdp_refused"


class NameRefusedError(InvalidError, MediaError):
    code = "live.media.name_refused"


class RefusedError(ConflictError, MediaError):
    code = "live.media.refused"


ERRORS: dict[str, type[MediaError]] = {
    error.code: error
    for error in (UnknownError, RoomFullError, SdpRefusedError, NameRefusedError, RefusedError)
}


# Commands ----------------------------------------------------------------------------------------------------------


class Command(Struct, frozen=True, tag_field="do", tag=str.lower):
    pass


class Hello(Command, frozen=True):
    """Answered with a ``Standing``. Whoever says it is the controller, who gets the events."""


class OpenRoom(Command, frozen=True):
    room: Name
    max_participants: int | None = None


class CloseRoom(Command, frozen=True):
    room: Name


class Tidy(Command, frozen=True):
    """Closes the rooms in which nobody was for so many seconds, and which are not recorded. Answered with their names."""

    idle: float


class Join(Command, frozen=True):
    room: Name
    participant: Name
    mic: bool = True
    camera: bool = True


class Publish(Command, frozen=True):
    """A description of what the participant sends. ``sources`` tells what each section is, by its mid."""

    room: Name
    participant: Name
    sdp: str
    sources: dict[str, str] = {}


class Answer(Command, frozen=True):
    """The participant's answer to the offer of that version."""

    room: Name
    participant: Name
    version: int
    sdp: str


class Candidate(Command, frozen=True):
    room: Name
    participant: Name
    candidate: str


class Offer(Command, frozen=True):
    """Asks for the offer that stands: for a client whose signalling was cut off."""

    room: Name
    participant: Name


class Leave(Command, frozen=True):
    """``reason`` goes into the event: ``left``, ``kicked``, …"""

    room: Name
    participant: Name
    reason: str = "left"


class Permit(Command, frozen=True):
    room: Name
    participant: Name
    mic: bool
    camera: bool


class Mute(Command, frozen=True):
    room: Name
    participant: Name
    source: str
    muted: bool


class Show(Command, frozen=True):
    """How tall a viewer's tile for a publication is, in pixels; 0: it is not seen."""

    room: Name
    participant: Name
    publication: Name
    max_height: int


class StartRecording(Command, frozen=True):
    room: Name
    folder: str


class StopRecording(Command, frozen=True):
    room: Name


class Stats(Command, frozen=True):
    room: Name


class Acknowledge(Command, frozen=True):
    """All events up to that number arrived for good: the worker may forget them."""

    number: int


class Shutdown(Command, frozen=True):
    pass


AnyRoomCommand = (
    OpenRoom | CloseRoom | Tidy | Join | Publish | Answer | Candidate | Offer | Leave | Permit | Mute | Show
    | StartRecording | StopRecording | Stats
)  # fmt: skip
AnyCommand = AnyRoomCommand | Hello | Acknowledge | Shutdown


# Events ------------------------------------------------------------------------------------------------------------


class Event(Struct, frozen=True, tag_field="event", tag=str.lower):
    """``at`` is in milliseconds since 1970."""

    room: str
    at: int


class Joined(Event, frozen=True):
    """A participant's media arrived: they are in."""

    participant: str


class Left(Event, frozen=True):
    """``reason``: ``left``, ``kicked``, ``dead`` (nothing came for 4.2 s), ``closed`` (their browser said so),
    ``replaced`` (the same participant joined again), ``unconnected`` (their media never arrived), ``room-closed``.
    """

    participant: str
    reason: str


class Shown(Struct, frozen=True):
    """What a section of an offer shows, and whether anything comes of it now (see ``TrackChanged``)."""

    mid: str
    publication: str
    participant: str
    source: str
    on: bool = True


class Offered(Event, frozen=True):
    """The participant's receiving connection should take this offer, and answer it with the same version."""

    participant: str
    version: int
    sdp: str
    tracks: list[Shown]


class TrackChanged(Event, frozen=True):
    """``state``: ``on``, ``off`` (nothing comes, or it may not pass), ``gone``."""

    participant: str
    publication: str
    source: str
    state: str


class SpeakerChanged(Event, frozen=True):
    participant: str | None


class QualityChanged(Event, frozen=True):
    """``quality``: ``good``, ``low``, ``very-low``."""

    participant: str
    quality: str


class RecordingFailed(Event, frozen=True):
    """Something could not be written. The call and the rest of the recording go on."""

    reason: str


class RoomLost(Event, frozen=True):
    """The worker that had the room died. It is open again, and empty: everybody joins anew, at once."""


AnyEvent = (
    Joined | Left | Offered | TrackChanged | SpeakerChanged | QualityChanged | RecordingFailed | RoomLost
)  # fmt: skip


# Answers -----------------------------------------------------------------------------------------------------------


class TrackStats(Struct, frozen=True):
    publication: str
    source: str
    on: bool
    layers: list[LayerStats]


class LayerStats(Struct, frozen=True):
    width: int
    height: int
    bitrate: float
    packets: int
    lost: int
    jitter: float


class StreamStats(Struct, frozen=True):
    publication: str
    height: int
    packets: int
    octets: int
    loss: float


class ParticipantStats(Struct, frozen=True):
    """Bitrates in bits a second; round trips and jitter in seconds; loss as a share."""

    participant: str
    joined_at: int | None
    quality: str
    round_trip: float
    bandwidth: float
    loss_up: float
    refused: int
    sends: list[TrackStats]
    receives: list[StreamStats]


class RoomStats(Struct, frozen=True):
    room: str
    speaker: str | None
    recording: bool
    participants: list[ParticipantStats]


class RoomStanding(Struct, frozen=True):
    """``recording`` is the folder to which the room is recorded."""

    room: str
    max_participants: int | None
    recording: str | None
    participants: list[str]


class Standing(Struct, frozen=True):
    """What a worker is: the protocol that it speaks, how it was set up, and its rooms."""

    version: int
    setup: Setup
    pid: int
    rooms: list[RoomStanding]


class Call(Struct, frozen=True):
    number: int
    command: AnyCommand


class Reply(Struct, frozen=True, tag_field="kind", tag="reply"):
    """``result`` of a call; or the ``code`` and sentence of an error."""

    number: int
    result: msgspec.Raw = msgspec.Raw(b"\xc0")
    code: str = ""
    message: str = ""


class Told(Struct, frozen=True, tag_field="kind", tag="event"):
    number: int
    event: AnyEvent


_encoder = msgspec.msgpack.Encoder()
_read_call = msgspec.msgpack.Decoder(Call).decode


def encode(message: Any) -> bytes:
    packed = _encoder.encode(message)
    return len(packed).to_bytes(4, "big") + packed


def encode_call(call: Call) -> bytes:
    """A call that a worker can read. ``InvalidError`` for a name that is none, which it would choke on."""
    frame = encode(call)
    try:
        _read_call(frame[4:])
    except msgspec.ValidationError as error:
        raise NameRefusedError(f"A name has 1 to 128 of A-Z a-z 0-9 _ . : @ + - ({error})") from None
    return frame


def packed(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(value))


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """One message; None at the end of the connection."""
    try:
        size = int.from_bytes(await reader.readexactly(4), "big")
        if size > _LONGEST:
            return None
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
