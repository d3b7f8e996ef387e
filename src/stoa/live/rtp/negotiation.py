"""Session descriptions: what the server says.

Its side is always the same: one bundle over one transport, an ICE-lite agent whose candidates are all known, Opus for
sound and VP8 for pictures (both are mandatory for a browser, RFC 7874 and 7742, so that everybody can see everybody
although nothing is transcoded).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stoa.live.rtp.sdp import (
    AUDIO_LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    TRANSPORT_CC,
    Description,
    MalformedSdpError,
    Section,
)

_EXTENSIONS = {
    "audio": (MID, TRANSPORT_CC, AUDIO_LEVEL),
    "video": (MID, RID, REPAIRED_RID, TRANSPORT_CC),
}

CODEC = {"audio": "opus", "video": "VP8"}
CLOCK = {"audio": 48000, "video": 90000}
FEEDBACK = {"audio": ("transport-cc",), "video": ("transport-cc", "ccm fir", "nack", "nack pli")}
PAYLOAD_TYPE = {"audio": 111, "video": 96}
RETRANSMISSION = 97
TRANSPORT_CC_ID = 3
START_KBPS = 1500
"""What a Chromium sends at first, before it knows the path: at its own 300 it begins with a stamp and climbs for minutes."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The server's end of a transport. ``addresses`` are (host, port) of its candidates, best first."""

    ufrag: str
    password: str
    fingerprint: str
    addresses: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A section that is taken, and what comes in it. ``extensions`` tells ids by URI.

    One that does not send now (``sends``) is taken too: refused, its browser could never use it again.
    """

    mid: str
    kind: str
    sends: bool
    payload_type: int
    retransmission: int | None
    extensions: dict[str, int]
    rids: tuple[str, ...]
    ssrcs: tuple[int, ...]
    repairs: dict[int, int]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One section of an offer of the server. A slot that nobody sends in stays, inactive (RFC 8829, section 5.2.2)."""

    mid: str
    kind: str
    ssrc: int
    repair_ssrc: int
    stream: str
    track: str
    active: bool


def accept(offer: Description, *, most: int = 8) -> list[Accepted]:
    """What can come of what is offered: at most ``most`` sections."""
    found = [_accepted(section) for section in offer.sections if section.mid in offer.bundle]
    accepted = [each for each in found if each is not None][:most]
    if not accepted:
        raise MalformedSdpError(
            "Nothing is offered that can be received: Opus or VP8, in a bundle, with rtcp-mux."
        )
    if len({each.mid for each in accepted}) != len(accepted):
        raise MalformedSdpError("Two sections have the same mid.")
    return accepted


def answer(offer: Description, accepted: Sequence[Accepted], agent: Agent) -> str:
    """The answer to somebody who wants to send."""
    taken = {each.mid: each for each in accepted}
    lines = _session(agent, taken, version=1)
    for section in offer.sections:
        found = taken.get(section.mid)
        lines += _refused(section) if found is None else _answered(section, found, agent)
    return _text(lines)


def offer(sections: Sequence[Outgoing], agent: Agent, *, version: int) -> str:
    """What the server sends to a viewer. ``version`` grows with each offer on the same transport."""
    lines = _session(agent, [section.mid for section in sections], version=version)
    for section in sections:
        lines += _offered(section, agent)
    return _text(lines)


def _accepted(section: Section) -> Accepted | None:
    codec = section.codec(CODEC.get(section.kind, ""))
    if codec is None or not section.port or not section.rtcp_mux:
        return None
    extensions = {uri: section.extension(uri) for uri in _EXTENSIONS[section.kind]}
    return Accepted(
        section.mid,
        section.kind,
        section.direction in ("sendrecv", "sendonly"),
        codec.payload_type,
        section.retransmission_of(codec.payload_type),
        {uri: number for uri, number in extensions.items() if number is not None},
        section.simulcast,
        section.ssrcs,
        section.repairs,
    )


def _session(agent: Agent, mids: Iterable[str], *, version: int) -> list[str]:
    return [
        "v=0",
        f"o=stoa 1 {version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(mids)}",
        "a=ice-lite",
        "a=msid-semantic:WMS *",
        f"a=fingerprint:sha-256 {agent.fingerprint}",
    ]


def _transport(agent: Agent, setup: str) -> Iterator[str]:
    yield f"a=ice-ufrag:{agent.ufrag}"
    yield f"a=ice-pwd:{agent.password}"
    yield f"a=setup:{setup}"
    for index, (host, port) in enumerate(agent.addresses):
        priority = 126 << 24 | 65535 - index << 8 | 255
        yield f"a=candidate:{index + 1} 1 udp {priority} {host} {port} typ host"
    yield "a=end-of-candidates"


def _codec(kind: str, number: int, retransmission: int | None) -> Iterator[str]:
    channels = "/2" if kind == "audio" else ""
    yield f"a=rtpmap:{number} {CODEC[kind]}/{CLOCK[kind]}{channels}"
    if kind == "audio":
        yield f"a=fmtp:{number} minptime=10;useinbandfec=1"
    for feedback in FEEDBACK[kind]:
        yield f"a=rtcp-fb:{number} {feedback}"
    if retransmission is not None:
        yield f"a=rtpmap:{retransmission} rtx/{CLOCK[kind]}"
        yield f"a=fmtp:{retransmission} apt={number}"


def _answered(section: Section, accepted: Accepted, agent: Agent) -> Iterator[str]:
    formats = [accepted.payload_type]
    if accepted.retransmission is not None:
        formats.append(accepted.retransmission)
    yield f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, formats))}"
    yield from ("c=IN IP4 0.0.0.0", f"a=mid:{section.mid}", "a=rtcp-mux", "a=rtcp-rsize")
    yield "a=recvonly" if accepted.sends else "a=inactive"
    yield from _transport(agent, "active" if section.setup == "passive" else "passive")
    yield from _codec(section.kind, accepted.payload_type, accepted.retransmission)
    if section.kind == "video":
        yield f"a=fmtp:{accepted.payload_type} x-google-start-bitrate={START_KBPS}"
    for uri, number in accepted.extensions.items():
        yield f"a=extmap:{number} {uri}"
    for rid in accepted.rids:
        yield f"a=rid:{rid} recv"
    if accepted.rids:
        yield f"a=simulcast:recv {';'.join(accepted.rids)}"


def _refused(section: Section) -> Iterator[str]:
    kind, _, rest = section.line.partition(" ")
    yield f"{kind} 0 {rest.partition(' ')[2]}"
    yield "c=IN IP4 0.0.0.0"
    if section.mid:
        yield f"a=mid:{section.mid}"
    yield "a=inactive"


def _offered(section: Outgoing, agent: Agent) -> Iterator[str]:
    number = PAYLOAD_TYPE[section.kind]
    retransmission = RETRANSMISSION if section.kind == "video" else None
    formats = f"{number} {retransmission}" if retransmission else f"{number}"
    yield f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {formats}"
    yield from ("c=IN IP4 0.0.0.0", f"a=mid:{section.mid}", "a=rtcp-mux", "a=rtcp-rsize")
    yield from _transport(agent, "actpass")
    yield from _codec(section.kind, number, retransmission)
    yield f"a=extmap:{TRANSPORT_CC_ID} {TRANSPORT_CC}"
    if not section.active:
        yield "a=inactive"
        return
    yield "a=sendonly"
    yield f"a=msid:{section.stream} {section.track}"
    if retransmission:
        yield f"a=ssrc-group:FID {section.ssrc} {section.repair_ssrc}"
    # The first is the one that a browser shows.
    yield f"a=ssrc:{section.ssrc} cname:{section.stream}"
    if retransmission:
        yield f"a=ssrc:{section.repair_ssrc} cname:{section.stream}"


def _text(lines: Iterable[str]) -> str:
    return "\r\n".join(lines) + "\r\n"
