"""WebM, written so that the file is good at every moment (RFC 9559): a head, then clusters that stand for themselves.

The segment's size is left open. A reader takes whole clusters and stops at the first that is cut off, so a process that
dies loses what it had not yet written and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from struct import pack

_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_OPUS_HEAD = b"OpusHead" + pack("<BBHIhB", 1, 2, 0, 48000, 0, 0)
_PREROLL_NS = 80_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """A frame in its cluster, at milliseconds of the file's own time."""

    millis: int
    data: bytes
    key: bool


def opus_head() -> bytes:
    """The file's head for one track of Opus."""
    sound = _element(0xE1, _real(0xB5, 48000.0) + _number(0x9F, 2))
    private = _element(0x63A2, _OPUS_HEAD) + _number(0x56BB, _PREROLL_NS)
    return _head(_number(0x83, 2) + _text(0x86, "A_OPUS") + private + sound)


def vp8_head(width: int, height: int) -> bytes:
    """The file's head for one track of VP8. The size is the first key frame's; later ones may differ."""
    picture = _element(0xE0, _number(0xB0, width) + _number(0xBA, height))
    return _head(_number(0x83, 1) + _text(0x86, "V_VP8") + picture)


def cluster(blocks: Iterable[Block]) -> bytes:
    """Blocks in their order, within 32 s of the first."""
    listed = list(blocks)
    start = listed[0].millis
    body = b"".join(
        _element(0xA3, b"\x81" + pack("!hB", block.millis - start, 0x80 if block.key else 0) + block.data)
        for block in listed
    )
    return _element(_CLUSTER, _number(0xE7, start) + body)


def _head(track: bytes) -> bytes:
    ebml = b"".join((
        _number(0x4286, 1), _number(0x42F7, 1), _number(0x42F2, 4), _number(0x42F3, 8),
        _text(0x4282, "webm"), _number(0x4287, 4), _number(0x4285, 2),
    ))  # fmt: skip
    info = _number(0x2AD7B1, 1_000_000) + _text(0x4D80, "Stoa") + _text(0x5741, "Stoa")
    entry = _number(0xD7, 1) + _number(0x73C5, 1) + _number(0x9C, 0) + track
    tracks = _element(_TRACKS, _element(0xAE, entry))
    return _element(_EBML, ebml) + _id(_SEGMENT) + _UNKNOWN_SIZE + _element(_INFO, info) + tracks


def _id(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _element(number: int, body: bytes) -> bytes:
    size = len(body)
    length = 1
    while size >= (1 << 7 * length) - 1:
        length += 1
    return _id(number) + (size | 1 << 7 * length).to_bytes(length, "big") + body


def _number(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _real(number: int, value: float) -> bytes:
    return _element(number, pack("!d", value))


def _text(number: int, value: str) -> bytes:
    return _element(number, value.encode())
