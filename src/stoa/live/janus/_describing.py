"""Session descriptions on their way between a browser and Janus.

What a browser says loses its candidates: Janus learns an address when a signed check comes from it, so that nothing is
ever sent somewhere because somebody named it. What Janus offers gets the names that every provider of Stoa uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stoa.live.media.messages import SdpRefusedError, Shown
from stoa.live.rtp import sdp
from stoa.live.rtp.negotiation import START_KBPS

KINDS = {"mic": "audio", "camera": "video", "screen": "video", "screen-audio": "audio"}
"""What each source is."""
_MID_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-")
_MOST_SECTIONS = 8


@dataclass(frozen=True, slots=True)
class Offer:
    """``sources`` are what each section that sends is, by its mid. ``identity`` is new with each new connection."""

    sdp: str
    sources: dict[str, str]
    identity: tuple[tuple[str, str], ...]


def read_offer(text: str, sources: Mapping[str, str]) -> Offer:
    """What somebody wants to send. Raises SdpRefusedError."""
    description = _parsed(text)
    try:
        transport = description.transport()
    except sdp.MalformedSdpError as error:
        raise SdpRefusedError(str(error)) from None
    sections = [each for each in description.sections if each.mid in description.bundle and each.port]
    if len(sections) > _MOST_SECTIONS or any(not _is_mid(each.mid) for each in sections):
        raise SdpRefusedError(f"At most {_MOST_SECTIONS} sections can be sent, each with a plain mid.")
    if len({each.mid for each in sections}) != len(sections):
        raise SdpRefusedError("Two sections have the same mid.")
    sent = [each for each in sections if each.direction in ("sendrecv", "sendonly")]
    codecs = {"audio": "opus", "video": "VP8"}
    if not any(each.codec(codecs.get(each.kind, "")) for each in sections):
        raise SdpRefusedError("Nothing is offered that can be received: Opus or VP8.")
    return Offer(without_candidates(text), _assigned(sent, sources), transport.fingerprints)


def read_answer(text: str) -> str:
    """Raises SdpRefusedError."""
    _parsed(text)
    return without_candidates(text)


def without_candidates(text: str) -> str:
    kept = [
        line for line in text.splitlines() if not line.startswith(("a=candidate:", "a=end-of-candidates"))
    ]
    return "\r\n".join(kept) + "\r\n"


def answered(text: str) -> str:
    """Janus' answer to somebody who sends: pictures begin at a size that can be seen."""
    found: list[str] = []
    for line in text.splitlines():
        found.append(line)
        if line.startswith("a=rtpmap:") and line.endswith(" VP8/90000"):
            number = line.removeprefix("a=rtpmap:").split(" ", 1)[0]
            found.append(f"a=fmtp:{number} x-google-start-bitrate={START_KBPS}")
    return "\r\n".join(found) + "\r\n"


def offered(text: str, tracks: Sequence[Shown]) -> str:
    """Janus' offer, where each section says whose track it is, and those that show nothing are inactive."""
    shown = {each.mid: each for each in tracks}
    head, *sections = text.replace("\r\n", "\n").rstrip("\n").split("\nm=")
    lines = "\nm=".join([head, *(_named(section, shown) for section in sections)])
    return lines.replace("\n", "\r\n") + "\r\n"


def _named(section: str, shown: Mapping[str, Shown]) -> str:
    lines = section.split("\n")
    mid = next((line.removeprefix("a=mid:") for line in lines if line.startswith("a=mid:")), "")
    track = shown.get(mid)
    if track is None:
        kept = [line for line in lines if not line.startswith(("a=msid:", "a=ssrc"))]
        return "\n".join("a=inactive" if line == "a=sendonly" else line for line in kept)
    name = f"a=msid:{track.participant} {track.publication}"
    return "\n".join(name if line.startswith("a=msid:") else line for line in lines)


def _parsed(text: str) -> sdp.Description:
    try:
        return sdp.parse(text)
    except sdp.MalformedSdpError as error:
        raise SdpRefusedError(str(error)) from None


def _assigned(sent: Sequence[sdp.Section], sources: Mapping[str, str]) -> dict[str, str]:
    """As they are told; else the first sound is the microphone, the first picture the camera."""
    found: dict[str, str] = {}
    for each in sent:
        free = (
            source for source, kind in KINDS.items() if kind == each.kind and source not in found.values()
        )
        source = sources.get(each.mid) or next(free, None)
        if source is None or KINDS.get(source) != each.kind:
            raise SdpRefusedError(f"Section {each.mid} is no {source or 'source'} of kind {each.kind}.")
        found[each.mid] = source
    return found


def _is_mid(mid: str) -> bool:
    return 0 < len(mid) <= 16 and _MID_LETTERS.issuperset(mid)
