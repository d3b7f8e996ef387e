"""Transport-wide congestion control: which packets of a path arrived, and when (draft-holmer-rmcat-transport-wide-cc-01).

A sender numbers every packet of a path; the receiver answers with arrival times in steps of 250 µs. A browser's climb
to a higher resolution hangs on this feedback.
"""

from __future__ import annotations

from struct import error, pack, unpack_from
from typing import NamedTuple

from stoa.live.rtp.packet import MalformedPacketError, Unwrapper

TICK = 0.00025
_REFERENCE = 0.064
_MOST = 500
"""Packets that one feedback tells of: what fits into a datagram."""


class Arrival(NamedTuple):
    """A packet's number on its path, and when it came: seconds on the receiver's clock, None if it has not."""

    sequence: int
    at: float | None


class Arrivals:
    """What came since the last feedback. One per path."""

    def __init__(self) -> None:
        self._unwrapper = Unwrapper()
        self._seen: dict[int, float] = {}
        self._next = self._last = -1
        self._count = 0

    def add(self, sequence: int, now: float) -> None:
        number = self._unwrapper.unwrap(sequence)
        if number in self._seen or 0 <= number <= self._last - _MOST:
            return
        self._seen[number] = now
        # One that was told as missing and came after all is told again, with those around it.
        self._next = number if self._next < 0 else min(self._next, number)
        self._last = max(self._last, number)

    def feedback(self) -> bytes | None:
        """The packed part of a ``TransportFeedback`` on everything since the last; None if nothing came."""
        if self._next < 0 or self._next > self._last:
            return None
        first = max(self._next, self._last - _MOST + 1)
        times = [self._seen.get(number) for number in range(first, self._last + 1)]
        self._next = self._last + 1
        if len(self._seen) > 4 * _MOST:
            self._seen = {number: at for number, at in self._seen.items() if number > self._last - _MOST}
        packed = packed_feedback(first & 0xFFFF, times, self._count)
        self._count = (self._count + 1) & 0xFF
        return packed


def packed_feedback(first: int, times: list[float | None], count: int) -> bytes:
    began = next((at for at in times if at is not None), 0.0)
    reference = int(began / _REFERENCE)
    told = round(reference * _REFERENCE / TICK)
    symbols: list[int] = []
    deltas = bytearray()
    for at in times:
        if at is None:
            symbols.append(0)
            continue
        ticks = round(at / TICK)
        delta = max(-0x8000, min(0x7FFF, ticks - told))
        told += delta
        if 0 <= delta <= 0xFF:
            symbols.append(1)
            deltas.append(delta)
        else:
            symbols.append(2)
            deltas += pack("!h", delta)
    head = pack("!HH", first, len(times)) + (reference & 0xFFFFFF).to_bytes(3, "big") + bytes((count,))
    packed = head + _chunks(symbols) + deltas
    return packed + bytes(-len(packed) % 4)


def parse_feedback(packed: bytes) -> list[Arrival]:
    """Times count from the moment that the receiver's reference names: only their differences mean anything."""
    try:
        first, count, reference = unpack_from("!HHL", packed)
        if count > 0x4000:
            raise MalformedPacketError("Feedback on that many packets is a mistake.")
        symbols, at = _symbols(packed, count)
        ticks = round((reference >> 8) * _REFERENCE / TICK)
        found: list[Arrival] = []
        for index, symbol in enumerate(symbols):
            if symbol == 1:
                ticks += packed[at]
                at += 1
            elif symbol == 2:
                ticks += unpack_from("!h", packed, at)[0]
                at += 2
            found.append(Arrival((first + index) & 0xFFFF, ticks * TICK if symbol else None))
    except (error, IndexError):
        raise MalformedPacketError("Transport-wide feedback is cut off.") from None
    return found


def _chunks(symbols: list[int]) -> bytes:
    """Runs where they are long, else seven symbols of two bits at a time."""
    packed = bytearray()
    at = 0
    while at < len(symbols):
        run = 1
        while at + run < len(symbols) and symbols[at + run] == symbols[at] and run < 0x1FFF:
            run += 1
        if run >= 7 or at + run == len(symbols):
            packed += pack("!H", symbols[at] << 13 | run)
            at += run
        else:
            seven = symbols[at : at + 7]
            bits = 0xC000
            for index, symbol in enumerate(seven):
                bits |= symbol << (12 - 2 * index)
            packed += pack("!H", bits)
            at += len(seven)
    return bytes(packed)


def _symbols(packed: bytes, count: int) -> tuple[list[int], int]:
    symbols: list[int] = []
    at = 8
    while len(symbols) < count:
        (chunk,) = unpack_from("!H", packed, at)
        at += 2
        if not chunk & 0x8000:
            symbols += [chunk >> 13 & 3] * min(chunk & 0x1FFF, count - len(symbols))
            if not chunk & 0x1FFF:
                raise MalformedPacketError("A run of no packets tells nothing.")
        elif chunk & 0x4000:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return symbols[:count], at
