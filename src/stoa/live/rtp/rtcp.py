"""RTCP: reports and feedback on the wire (RFC 3550, 4585, 5104, 5506, draft-alvestrand-rmcat-remb)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct, error, pack, unpack_from

from stoa.live.rtp.packet import MalformedPacketError

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
_NACK, _TWCC = 1, 15
_PLI, _FIR, _REMB = 1, 4, 15
_BLOCK = Struct("!LLLLLL")
_CNAME = 1
_MOST_NACKED = 2048
"""Numbers that one request may name: more would be a flood, not a loss."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How one stream arrived. ``fraction_lost`` of 256; ``jitter`` in the stream's clock; delays in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int = 0
    delay_since_sr: int = 0


@dataclass(frozen=True, slots=True)
class SenderReport:
    """``ntp`` is the sender's wall clock as a 64-bit NTP timestamp at the moment that ``timestamp`` stands for."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    ssrc: int
    cname: str


@dataclass(frozen=True, slots=True)
class Bye:
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nack:
    """Please send these again."""

    sender: int
    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """Please send a key frame (PLI)."""

    sender: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """Please send a key frame (FIR), to each of ``ssrcs``; ``number`` tells a new request from a repeated one."""

    sender: int
    ssrcs: tuple[int, ...]
    number: int = 0


@dataclass(frozen=True, slots=True)
class Remb:
    """The receiver's own estimate of what its path bears, in bits a second."""

    sender: int
    bitrate: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """Transport-wide arrival times, still packed: see ``twcc``."""

    sender: int
    ssrc: int
    packed: bytes


Report = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Bye
    | Nack
    | PictureLoss
    | FullIntraRequest
    | Remb
    | TransportFeedback
)


def parse(data: bytes) -> list[Report]:
    """What a compound packet holds, unknown parts left out."""
    found: list[Report] = []
    try:
        for kind, count, body in _parts(data):
            found += _READERS[kind](count, body) if kind in _READERS else ()
    except (error, IndexError, UnicodeDecodeError):
        raise MalformedPacketError("An RTCP packet is shorter than it says.") from None
    return found


def build(reports: Iterable[Report]) -> bytes:
    return b"".join(_written(report) for report in reports)


def _parts(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(data):
        first, kind, words = unpack_from("!BBH", data, at)
        if first >> 6 != 2:
            raise MalformedPacketError("RTCP has version 2.")
        body = data[at + 4 : at + 4 + 4 * words]
        if len(body) != 4 * words:
            raise MalformedPacketError("An RTCP packet is cut off.")
        at += 4 + 4 * words
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                raise MalformedPacketError("RTCP padding is longer than its packet.")
            body = body[: -body[-1]]
        yield kind, first & 0x1F, body


def _blocks(count: int, body: bytes, at: int) -> tuple[ReportBlock, ...]:
    found = []
    for index in range(count):
        ssrc, lost, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, at + 24 * index)
        total = lost & 0xFFFFFF
        total -= (total & 0x800000) << 1
        found.append(ReportBlock(ssrc, lost >> 24, total, highest, jitter, last_sr, delay))
    return tuple(found)


def _read_sender_report(count: int, body: bytes) -> list[Report]:
    ssrc, ntp, timestamp, packets, octets = unpack_from("!LQLLL", body)
    return [SenderReport(ssrc, ntp, timestamp, packets, octets, _blocks(count, body, 24))]


def _read_receiver_report(count: int, body: bytes) -> list[Report]:
    return [ReceiverReport(unpack_from("!L", body)[0], _blocks(count, body, 4))]


def _read_source_description(count: int, body: bytes) -> list[Report]:
    found: list[Report] = []
    at = 0
    for _ in range(count):
        (ssrc,) = unpack_from("!L", body, at)
        at += 4
        while at < len(body) and body[at]:
            kind, size = body[at], body[at + 1]
            value = body[at + 2 : at + 2 + size]
            if kind == _CNAME:
                found.append(SourceDescription(ssrc, value.decode()))
            at += 2 + size
        at = (at // 4 + 1) * 4
    return found


def _read_bye(count: int, body: bytes) -> list[Report]:
    return [Bye(unpack_from(f"!{count}L", body))]


def _read_feedback(fmt: int, body: bytes) -> list[Report]:
    sender, ssrc = unpack_from("!LL", body)
    if fmt == _TWCC:
        return [TransportFeedback(sender, ssrc, body[8:])]
    if fmt != _NACK:
        return []
    lost: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, following = unpack_from("!HH", body, at)
        lost.append(first)
        lost += [(first + bit + 1) & 0xFFFF for bit in range(16) if following >> bit & 1]
    return [Nack(sender, ssrc, tuple(lost[:_MOST_NACKED]))]


def _read_payload_feedback(fmt: int, body: bytes) -> list[Report]:
    sender, ssrc = unpack_from("!LL", body)
    if fmt == _PLI:
        return [PictureLoss(sender, ssrc)]
    if fmt == _FIR:
        asked = tuple(unpack_from("!L", body, at)[0] for at in range(8, len(body) - 7, 8))
        return [FullIntraRequest(sender, asked, body[12])] if asked else []
    if fmt == _REMB and body[8:12] == b"REMB":
        count, packed = body[12], int.from_bytes(body[13:16], "big")
        return [Remb(sender, (packed & 0x3FFFF) << (packed >> 18), unpack_from(f"!{count}L", body, 16))]
    return []


_READERS = {
    SR: _read_sender_report,
    RR: _read_receiver_report,
    SDES: _read_source_description,
    BYE: _read_bye,
    RTPFB: _read_feedback,
    PSFB: _read_payload_feedback,
}


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return pack("!BBH", 0x80 | count, kind, len(body) >> 2) + body


def _packed_blocks(blocks: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(
        _BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | max(-0x800000, min(0x7FFFFF, block.packets_lost)) & 0xFFFFFF,
            block.highest_sequence,
            block.jitter,
            block.last_sr,
            block.delay_since_sr,
        )
        for block in blocks
    )


def _packed_losses(sequences: Iterable[int]) -> bytes:
    """Numbers in their order; each pair names one and up to 16 that follow it."""
    pairs: list[list[int]] = []
    for sequence in sequences:
        ahead = (sequence - pairs[-1][0] - 1) & 0xFFFF if pairs else 16
        if ahead < 16:
            pairs[-1][1] |= 1 << ahead
        else:
            pairs.append([sequence, 0])
    return b"".join(pack("!HH", *pair) for pair in pairs)


def _packed_bitrate(bitrate: int) -> bytes:
    exponent = max(0, bitrate.bit_length() - 18)
    return (exponent << 18 | bitrate >> exponent).to_bytes(3, "big")


def _written(report: Report) -> bytes:  # noqa: PLR0911 - one return for each kind of report
    match report:
        case SenderReport(ssrc, ntp, timestamp, packets, octets, blocks):
            head = pack("!LQLLL", ssrc, ntp, timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
            return _packet(SR, len(blocks), head + _packed_blocks(blocks))
        case ReceiverReport(ssrc, blocks):
            return _packet(RR, len(blocks), pack("!L", ssrc) + _packed_blocks(blocks))
        case SourceDescription(ssrc, cname):
            name = cname.encode()
            item = pack("!LBB", ssrc, _CNAME, len(name)) + name
            return _packet(SDES, 1, item + bytes(4 - len(item) % 4))
        case Bye(ssrcs):
            return _packet(BYE, len(ssrcs), pack(f"!{len(ssrcs)}L", *ssrcs))
        case Nack(sender, ssrc, sequences):
            return _packet(RTPFB, _NACK, pack("!LL", sender, ssrc) + _packed_losses(sequences))
        case PictureLoss(sender, ssrc):
            return _packet(PSFB, _PLI, pack("!LL", sender, ssrc))
        case FullIntraRequest(sender, ssrcs, number):
            asked = b"".join(pack("!LL", ssrc, number << 24) for ssrc in ssrcs)
            return _packet(PSFB, _FIR, pack("!LL", sender, 0) + asked)
        case Remb(sender, bitrate, ssrcs):
            tail = b"REMB" + bytes((len(ssrcs),)) + _packed_bitrate(bitrate) + pack(f"!{len(ssrcs)}L", *ssrcs)
            return _packet(PSFB, _REMB, pack("!LL", sender, 0) + tail)
        case TransportFeedback(sender, ssrc, packed):
            return _packet(RTPFB, _TWCC, pack("!LL", sender, ssrc) + packed)
