"""Where bars begin, and which stretches without any are a weekend. Seconds since the epoch, UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from stoa.trading.model import Timeframe

WEEK = 7 * 86400
MONDAY = 4 * 86400
"""The first Monday of the epoch, which began on a Thursday: where bars of a week are counted from."""
_FRIDAY_EVENING = 4 * 86400 + 20 * 3600
_MONDAY_MORNING = WEEK + 4 * 3600
LARGEST = 10

Ints = NDArray[np.int64]


def iso(seconds: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def floor(ts: Ints, timeframe: Timeframe) -> Ints:
    """The starts of the bars that hold ``ts``. Days begin at midnight, weeks on Monday, in UTC."""
    origin = MONDAY if timeframe is Timeframe.W1 else 0
    floored: Ints = ts - (ts - origin) % timeframe.seconds
    return floored


def is_weekend(begin: Ints, end: Ints) -> NDArray[np.bool_]:
    """Whether stretches lie between Friday 20:00 and the Monday after, 04:00: markets close and open in there."""
    monday = begin - (begin - MONDAY) % WEEK
    inside: NDArray[np.bool_] = (begin - monday >= _FRIDAY_EVENING) & (end - monday <= _MONDAY_MORNING)
    return inside


@dataclass(frozen=True, slots=True)
class Gap:
    """``missing`` bars, from ``start`` (where the first of them would begin) to ``end`` (where the next one does)."""

    missing: int
    start: int
    end: int


@dataclass
class Gaps:
    """Counts what is missing between bars. A stretch of a weekend is no gap; nothing is ever filled in."""

    timeframe: Timeframe
    count: int = 0
    missing: int = 0
    weekends: int = 0
    largest: list[Gap] = field(default_factory=list)
    _last: int | None = None

    def take(self, ts: Ints) -> None:
        """The next bars, which ascend."""
        seconds = self.timeframe.seconds
        starts = ts if self._last is None else np.concatenate([[self._last], ts])
        self._last = int(starts[-1])
        begin, end = starts[:-1] + seconds, starts[1:]
        apart = end > begin
        begin, end = begin[apart], end[apart]
        weekend = is_weekend(begin, end)
        self.weekends += int(weekend.sum())
        begin, end = begin[~weekend], end[~weekend]
        missing = (end - begin) // seconds
        self.count += len(missing)
        self.missing += int(missing.sum())
        longest = np.argsort(-missing, kind="stable")[:LARGEST]
        found = [Gap(int(missing[i]), int(begin[i]), int(end[i])) for i in longest]
        self.largest = sorted(self.largest + found, key=lambda gap: (-gap.missing, gap.start))[:LARGEST]
