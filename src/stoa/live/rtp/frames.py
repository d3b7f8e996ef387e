"""Packets back into whole frames, in their order, for a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stoa.live.rtp import vp8
from stoa.live.rtp.packet import TIMESTAMPS, Unwrapper

_WAIT = 0.6
"""Seconds that a missing packet is waited for: a few round trips of asking for it again."""
_MOST_WAITING = 2048


@dataclass(frozen=True, slots=True)
class Frame:
    """``timestamp`` has no wrapping; ``at`` is when the frame's last packet came."""

    timestamp: int
    data: bytes
    key: bool
    at: float


@dataclass(slots=True)
class _Packet:
    timestamp: int
    marker: bool
    payload: bytes
    at: float


class Frames:
    """One stream's packets in any order, its frames in order. A frame with a hole is left out, and so is what builds on
    it: ``broken`` stands until the next key frame, which somebody should ask for.
    """

    def __init__(self, assembler: Callable[[], Assembler]) -> None:
        self._assembler = assembler()
        self._sequences = Unwrapper()
        self._timestamps = Unwrapper(TIMESTAMPS)
        self._waiting: dict[int, _Packet] = {}
        self._next: int | None = None

    @property
    def broken(self) -> bool:
        return self._assembler.broken

    def add(self, sequence: int, timestamp: int, *, marker: bool, payload: bytes, now: float) -> list[Frame]:
        number = self._sequences.unwrap(sequence)
        if self._next is None:
            self._next = number
        if number >= self._next:
            self._waiting[number] = _Packet(self._timestamps.unwrap(timestamp), marker, payload, now)
        return list(self._ready(now))

    def flush(self) -> list[Frame]:
        """What can still be made of what waits, now that nothing more comes."""
        return list(self._ready(float("inf")))

    def _ready(self, now: float) -> Iterator[Frame]:
        while self._waiting:
            assert self._next is not None
            packet = self._waiting.pop(self._next, None)
            if packet is None:
                oldest = min(self._waiting)
                if now - self._waiting[oldest].at < _WAIT and len(self._waiting) < _MOST_WAITING:
                    return
                self._assembler.lost()
                self._next = oldest
                continue
            self._next += 1
            if packet.payload:
                yield from self._assembler.add(
                    packet.timestamp, packet.payload, packet.at, marker=packet.marker
                )


class Assembler:
    """Sound: every packet is a frame, and a lost one hurts no other."""

    broken = False

    def lost(self) -> None:
        pass

    def add(self, timestamp: int, payload: bytes, at: float, *, marker: bool) -> Iterator[Frame]:  # noqa: ARG002
        yield Frame(timestamp, payload, key=True, at=at)


class Vp8Assembler(Assembler):
    def __init__(self) -> None:
        self.broken = True
        self._parts: list[bytes] = []
        self._timestamp = -1

    def lost(self) -> None:
        self.broken = True
        self._parts.clear()

    def add(self, timestamp: int, payload: bytes, at: float, *, marker: bool) -> Iterator[Frame]:
        found = vp8.describe(payload)
        if found is None:
            return
        if found.begins_frame:
            self._parts, self._timestamp = [], timestamp
        elif not self._parts or timestamp != self._timestamp:
            self.lost()
            return
        self._parts.append(payload[found.size :])
        if marker:
            data = b"".join(self._parts)
            self._parts.clear()
            key = vp8.is_key_frame(data)
            self.broken = self.broken and not key
            if not self.broken:
                yield Frame(timestamp, data, key, at)
