"""Lost packets: asking the sender for what is missing, and keeping what a receiver may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from stoa.live.rtp.packet import SEQUENCES, Unwrapper

REORDERING = 0.02
"""Seconds that a packet may be late without being called missing."""
_REPEAT = 0.08
_TRIES = 10
_GIVEN_UP = 1.5
_GAP = 400
"""A larger jump is a new beginning, not a loss."""
_MOST_MISSING = 500
"""More than that is no loss that could be repaired, or somebody who plays with numbers."""


@dataclass(slots=True)
class _Missing:
    since: float
    asked_at: float = 0.0
    tries: int = 0


class Losses:
    """What of one stream is missing, and what of that should be asked for now."""

    def __init__(self) -> None:
        self._unwrapper = Unwrapper()
        self._highest = -1
        self._missing: dict[int, _Missing] = {}

    def add(self, sequence: int, now: float) -> int | None:
        """The packet's number without the wrapping; None for one that came before, or too late."""
        number = self._unwrapper.unwrap(sequence)
        if number <= self._highest:
            return None if self._missing.pop(number, None) is None else number
        if 0 <= self._highest < number - 1:
            if number - self._highest > _GAP:
                self._missing.clear()
            elif len(self._missing) < _MOST_MISSING:
                for each in range(self._highest + 1, number):
                    self._missing[each] = _Missing(now)
        self._highest = number
        return number

    def fill(self, sequence: int) -> int | None:
        """The number of a packet that was sent again; None where none of that number is missing. Whatever number it bears,
        what comes next is taken.
        """
        number = self._highest - (self._highest - sequence) % SEQUENCES
        return None if self._missing.pop(number, None) is None else number

    def due(self, now: float, round_trip: float = 0.0) -> tuple[int, ...]:
        """Sequence numbers to ask for. Each is asked for again after a round trip, until it is too late for it."""
        asked: list[int] = []
        for number, missing in list(self._missing.items()):
            if now - missing.since > _GIVEN_UP or missing.tries >= _TRIES:
                del self._missing[number]
            elif now - missing.since >= REORDERING and (
                not missing.tries or now - missing.asked_at >= max(_REPEAT, 1.2 * round_trip)
            ):
                missing.tries, missing.asked_at = missing.tries + 1, now
                asked.append(number & 0xFFFF)
        return tuple(asked)

    @property
    def missing(self) -> int:
        return len(self._missing)


@dataclass(slots=True)
class Sent:
    """A packet that went to a receiver. The payload is shared with every other receiver's."""

    sequence: int
    timestamp: int
    second: int
    payload: bytes
    again_at: float = -1.0


class History:
    """The last packets of one stream to one receiver."""

    SIZE = 1024
    NOT_TWICE_WITHIN = 0.02

    def __init__(self) -> None:
        self._kept: list[Sent | None] = [None] * self.SIZE

    def add(self, sent: Sent) -> None:
        self._kept[sent.sequence % self.SIZE] = sent

    def again(self, sequence: int, now: float) -> Sent | None:
        """The packet that is asked for, if it is still here and was not sent again just now."""
        found = self._kept[sequence % self.SIZE]
        if found is None or found.sequence != sequence or now - found.again_at < self.NOT_TWICE_WITHIN:
            return None
        found.again_at = now
        return found


class KeyFrames:
    """Requests for key frames, so that a room of viewers does not make one sender send nothing else."""

    APART = 0.4
    """Seconds between two requests: one that was lost is repeated, one that is answered just now is not."""

    def __init__(self) -> None:
        self._wanted = False
        self._asked_at = float("-inf")

    def want(self) -> None:
        self._wanted = True

    def came(self) -> None:
        self._wanted = False

    def due(self, now: float) -> bool:
        """Whether to ask now. True again after a while if none came."""
        if not self._wanted or now - self._asked_at < self.APART:
            return False
        self._asked_at = now
        return True
