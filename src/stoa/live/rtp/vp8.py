"""VP8 in RTP: the payload descriptor (RFC 7741, section 4.2) and the key frame's size (RFC 6386, section 9.1)."""

from __future__ import annotations

from dataclasses import dataclass

PICTURE_IDS = 1 << 15
TL0_INDEXES = 1 << 8


@dataclass(frozen=True, slots=True)
class Descriptor:
    """``size`` is where the frame's bytes begin. ``picture_id`` has 15 or 7 bits, as ``wide`` says.

    The positions say where the numbers stand in the payload: 0 where they are not.
    """

    size: int
    begins_frame: bool
    picture_id: int | None = None
    wide: bool = False
    tl0_index: int | None = None
    temporal_layer: int = 0
    picture_id_at: int = 0
    tl0_index_at: int = 0


def describe(payload: bytes) -> Descriptor | None:
    """None for what is no VP8 payload."""
    try:
        first = payload[0]
        begins = bool(first & 0x10) and first & 0x07 == 0
        if not first & 0x80:
            return Descriptor(1, begins) if len(payload) > 1 else None
        flags, at = payload[1], 2
        picture_id = tl0_index = None
        picture_id_at = tl0_index_at = temporal = 0
        wide = False
        if flags & 0x80:
            picture_id_at, wide = at, payload[at] >= 0x80
            picture_id = (payload[at] & 0x7F) << 8 | payload[at + 1] if wide else payload[at]
            at += 2 if wide else 1
        if flags & 0x40:
            tl0_index_at, tl0_index = at, payload[at]
            at += 1
        if flags & 0x30:
            temporal = payload[at] >> 6 if flags & 0x20 else 0
            at += 1
    except IndexError:
        return None
    if at >= len(payload):
        return None
    return Descriptor(at, begins, picture_id, wide, tl0_index, temporal, picture_id_at, tl0_index_at)


def renumbered(payload: bytes, found: Descriptor, picture_id: int, tl0_index: int) -> bytes:
    """The payload with other numbers in the places that it has for them."""
    head = bytearray(payload[: found.size])
    if found.picture_id_at and found.wide:
        head[found.picture_id_at] = 0x80 | picture_id >> 8 & 0x7F
        head[found.picture_id_at + 1] = picture_id & 0xFF
    elif found.picture_id_at:
        head[found.picture_id_at] = picture_id & 0x7F
    if found.tl0_index_at:
        head[found.tl0_index_at] = tl0_index & 0xFF
    return bytes(head) + payload[found.size :]


def is_key_frame(frame: bytes) -> bool:
    return len(frame) >= 10 and not frame[0] & 1 and frame[3:6] == b"\x9d\x01\x2a"


def size_of(frame: bytes) -> tuple[int, int]:
    """(width, height) of a key frame, in pixels."""
    return (
        int.from_bytes(frame[6:8], "little") & 0x3FFF,
        int.from_bytes(frame[8:10], "little") & 0x3FFF,
    )
