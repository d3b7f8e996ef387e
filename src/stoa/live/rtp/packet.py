"""RTP packets on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct, error

_HEADER = Struct("!BBHLL")
_EXTENSION = Struct("!HH")
_ONE_BYTE = 0xBEDE
_TWO_BYTES = 0x1000

SEQUENCES = 1 << 16
TIMESTAMPS = 1 << 32


class MalformedPacketError(ValueError):
    """Bytes that are no RTP or RTCP."""


@dataclass(slots=True)
class RtpPacket:
    """``extensions`` holds the header extensions' raw values by their negotiated id."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    extensions: dict[int, bytes] = field(default_factory=dict)


def is_rtcp(datagram: bytes) -> bool:
    """Whether a datagram whose first byte says RTP or RTCP is RTCP (RFC 5761, section 4)."""
    return len(datagram) >= 2 and 192 <= datagram[1] <= 223


def parse(data: bytes) -> RtpPacket:
    try:
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    except error:
        raise MalformedPacketError("An RTP packet has at least 12 bytes.") from None
    if first >> 6 != 2:
        raise MalformedPacketError("RTP has version 2.")
    at, end = 12 + 4 * (first & 0x0F), len(data)
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        if at + 4 > end:
            raise MalformedPacketError("The header extension is cut off.")
        profile, words = _EXTENSION.unpack_from(data, at)
        at += 4
        if at + 4 * words > end:
            raise MalformedPacketError("The header extension is cut off.")
        extensions = _extensions(profile, data[at : at + 4 * words])
        at += 4 * words
    if first & 0x20:
        end -= data[-1]
        if end == len(data):
            raise MalformedPacketError("Padding has at least one byte.")
    if at > end:
        raise MalformedPacketError("The packet is shorter than it says.")
    return RtpPacket(
        second & 0x7F, sequence, timestamp, ssrc, data[at:end], second >= 0x80, extensions
    )  # fmt: skip


def build(packet: RtpPacket) -> bytes:
    """Extensions are written in the one-byte form; an id over 14 or a value over 16 bytes takes the two-byte form."""
    block = _block(packet.extensions)
    header = _HEADER.pack(
        0x90 if block else 0x80,
        packet.payload_type | (0x80 if packet.marker else 0),
        packet.sequence,
        packet.timestamp,
        packet.ssrc,
    )
    return header + block + packet.payload


def unwrap_retransmission(packet: RtpPacket, *, payload_type: int, ssrc: int) -> RtpPacket | None:
    """The packet inside a retransmission (RFC 4588); None for one that carries nothing but probes."""
    if len(packet.payload) <= 2:
        return None
    sequence = int.from_bytes(packet.payload[:2], "big")
    return RtpPacket(
        payload_type, sequence, packet.timestamp, ssrc, packet.payload[2:], packet.marker, packet.extensions
    )


class Unwrapper:
    """Numbers that wrap around, made into numbers that do not. Starts one round up, so that none is negative."""

    __slots__ = ("_last", "_modulus")

    def __init__(self, modulus: int = SEQUENCES) -> None:
        self._modulus = modulus
        self._last: int | None = None

    def unwrap(self, number: int) -> int:
        if self._last is None:
            self._last = number + self._modulus
            return self._last
        half = self._modulus >> 1
        step = (number - self._last + half) % self._modulus - half
        found = self._last + step
        self._last = max(found, self._last)
        return found


def _extensions(profile: int, block: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    if profile == _ONE_BYTE:
        wide = False
    elif profile & 0xFFF0 == _TWO_BYTES:
        wide = True
    else:
        return found
    at, end = 0, len(block)
    while at < end:
        number = block[at]
        if number == 0:
            at += 1
            continue
        if wide:
            if at + 2 > end:
                break
            size = block[at + 1]
            at += 2
        else:
            number, size = number >> 4, (number & 0x0F) + 1
            at += 1
            if number == 15:
                break
        if at + size > end:
            raise MalformedPacketError("A header extension is cut off.")
        found[number] = block[at : at + size]
        at += size
    return found


def _block(extensions: dict[int, bytes]) -> bytes:
    if not extensions:
        return b""
    wide = any(number > 14 or not 1 <= len(value) <= 16 for number, value in extensions.items())
    if wide:
        body = b"".join(bytes((number, len(value))) + value for number, value in extensions.items())
    else:
        body = b"".join(
            bytes((number << 4 | len(value) - 1,)) + value for number, value in extensions.items()
        )
    body += bytes(-len(body) % 4)
    return _EXTENSION.pack(_TWO_BYTES if wide else _ONE_BYTE, len(body) >> 2) + body
