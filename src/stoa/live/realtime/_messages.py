"""What a client asks, each event with its object, and what it is told.

Everything is acknowledged: ``{"ok": true, …}``, or ``{"ok": false, "code", "message"}``. Told are

- ``offer {version, sdp, tracks}``: for the connection that receives; ``answer`` it with its version
- ``entry {seq, at, type, …}``: what happened in the room: ``joined``, ``left``, ``chat``, ``hand``, ``kicked``,
  ``permitted``, ``recording_started``, ``recording_stopped``, ``recording_failed``, ``ended``
- ``track {userId, publication, source, state}``, ``speaker {userId}``, ``quality {userId, quality}``
- ``muted {source, by}``: the room's owner muted this client
- ``out {reason}``: this client is in no room any more (``kicked``, ``ended``, ``replaced``, ``dead``, …)
- ``room-lost {}``: the media has to be joined anew, with a new token
- ``resync {}``: something was missed: join again with ``resume`` and ``after``
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from stoa.kernel.clock import to_millis
from stoa.kernel.errors import InvalidError, StoaError
from stoa.kernel.journal import Entry
from stoa.live import rules
from stoa.live.errors import ElsewhereError
from stoa.live.media import messages as m
from stoa.live.service import Admitted
from stoa.platform.realtime import Frame, frame

NAMESPACE = "/live"
OUT, ENTRY, LOST, RESYNC, ERROR, MUTED = "out", "entry", "room-lost", "resync", "error", "muted"

Sdp = Annotated[str, Meta(max_length=131_072)]
Text = Annotated[str, Meta(min_length=1, max_length=128)]


class Asked(Struct, rename="camel"):
    """What is not known is passed over."""


class Join(Asked):
    """``after`` is the last entry that was seen: those that follow come first. Who is in may ``resume`` the signalling
    alone, after it broke off.
    """

    token: Annotated[str, Meta(max_length=4096)]
    after: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    resume: bool = False


class Publish(Asked):
    sdp: Sdp
    sources: Annotated[dict[str, str], Meta(max_length=32)] = {}


class Answer(Asked):
    version: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    sdp: Sdp


class Candidate(Asked):
    candidate: Annotated[str, Meta(max_length=2_048)]


class Mute(Asked):
    """One's own; an owner may mute somebody else, who alone can take it back."""

    source: Text
    muted: bool
    user_id: Text | None = None


class Show(Asked):
    """How tall one's tile for a publication is, in pixels; 0: it is not seen."""

    publication: Text
    max_height: Annotated[int, Meta(ge=0, le=10_000)]


class Chat(Asked):
    text: Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_CHAT)]


class Hand(Asked):
    raised: bool


class Leave(Asked):
    pass


class Renew(Asked):
    """Asks for a new token, for somebody who is in and signed in."""


EVENTS: dict[str, type[Asked]] = {
    "join": Join, "publish": Publish, "answer": Answer, "candidate": Candidate, "mute": Mute, "show": Show,
    "chat": Chat, "hand": Hand, "leave": Leave, "renew": Renew,
}  # fmt: skip


def read(event: str, args: tuple[Any, ...]) -> Asked:
    """Raises InvalidError."""
    kind = EVENTS.get(event)
    if kind is None:
        raise InvalidError.field("event", f"must be one of {', '.join(EVENTS)}.")
    if len(args) > 1:
        raise InvalidError.field("data", "must be one object.")
    try:
        asked = msgspec.convert(args[0] if args else {}, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidError(str(error)) from None
    if isinstance(asked, Chat) and "\0" in asked.text:
        raise InvalidError.field("text", "must not hold a NUL.")
    return asked


def refused(error: StoaError) -> dict[str, Any]:
    where = {"url": error.url} if isinstance(error, ElsewhereError) else {}
    return {"ok": False, "code": error.code, "message": error.message} | where


def told(event: str, data: dict[str, Any]) -> Frame:
    return frame(event, data, namespace=NAMESPACE)


def told_entry(entry: Entry) -> Frame:
    place = {"seq": entry.seq, "at": to_millis(entry.at), "type": entry.type.removeprefix("live.")}
    return told(ENTRY, place | entry.data)


def offer(offered: m.Offered) -> dict[str, Any]:
    tracks = [
        {
            "mid": one.mid, "publication": one.publication, "userId": one.participant, "source": one.source,
            "on": one.on,
        }
        for one in offered.tracks
    ]  # fmt: skip
    return {"version": offered.version, "sdp": offered.sdp, "tracks": tracks}


def told_event(event: m.AnyEvent) -> Frame | None:
    """What a whole room is told of the media; None for what the journal tells, and for what is one client's."""
    if isinstance(event, m.TrackChanged):
        return told("track", {
            "userId": event.participant, "publication": event.publication, "source": event.source,
            "state": event.state,
        })  # fmt: skip
    if isinstance(event, m.SpeakerChanged):
        return told("speaker", {"userId": event.participant})
    if isinstance(event, m.QualityChanged):
        return told("quality", {"userId": event.participant, "quality": event.quality})
    return None


def joined(
    admitted: Admitted, provider: str, entry: dict[str, Any], offered: m.Offered | None
) -> dict[str, Any]:
    """How a join is acknowledged. ``seq`` is where the entries go on from; ``entry`` is the provider's own.

    Without an ``offer``, the media is not signalled through here.
    """
    member = admitted.member
    others = [
        {"userId": one.user_id, "name": admitted.names.get(one.user_id, ""), "role": one.role.value}
        for one in admitted.others
    ]
    return {
        "ok": True, "room": admitted.session.room_name, "userId": member.user_id, "name": member.name,
        "role": member.role.value, "isOwner": admitted.is_owner, "micAllowed": member.mic_allowed,
        "cameraAllowed": member.camera_allowed, "resumed": admitted.resumed, "participants": others,
        "seq": admitted.seq, "provider": provider, "entry": entry,
        "offer": None if offered is None else offer(offered),
    }  # fmt: skip
