"""Janus' recordings: ``MJR00002``, a JSON head with its length, then ``MEET``, milliseconds, length and RTP packet each.

Janus writes them through a buffer of 4 KiB: of one that was killed the end is missing, maybe in the middle of a packet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import BinaryIO

_MAGIC, _FRAME = b"MJR00002", b"MEET"
_SIZE = Struct("!H")
_HEAD = Struct("!4sLH")
_MILLIS = 1 << 32


@dataclass(frozen=True, slots=True)
class Head:
    """``began`` is when the first packet came, in milliseconds since 1970."""

    kind: str
    codec: str
    source: str
    began: int


def read_head(file: BinaryIO) -> Head | None:
    """None for a file to which nothing came, or that is none of Janus'."""
    if file.read(len(_MAGIC)) != _MAGIC:
        return None
    size = file.read(_SIZE.size)
    if len(size) < _SIZE.size:
        return None
    try:
        head = json.loads(file.read(*_SIZE.unpack(size)))
        kind = {"a": "audio", "v": "video"}[head["t"]]
        return Head(kind, head["c"], head.get("d", ""), int(head["u"]) // 1000)
    except (ValueError, KeyError, TypeError):
        return None


def packets(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(milliseconds since the first, packet), up to the end or to where it breaks off."""
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        magic, millis, size = _HEAD.unpack(head)
        packet = file.read(size)
        if magic != _FRAME or len(packet) < size:
            return
        yield millis % _MILLIS, packet


def is_recording(path: Path) -> bool:
    return path.suffix == ".mjr" and path.name.startswith("videoroom-")
