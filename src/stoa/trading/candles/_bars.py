"""Candles as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stoa.trading.model import Timeframe

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Candles of one timeframe, ascending. ``ts`` are starts in epoch seconds, prices are bids in steps.

    The columns are contiguous, of one length, and read-only.
    """

    timeframe: Timeframe
    ts: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in self.__slots__[1:]:
            kind = np.float64 if name == "volume" else np.int64
            column = np.ascontiguousarray(getattr(self, name), kind)
            if column.flags.writeable:
                column = column.view()
                column.flags.writeable = False
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.ts)

    def __getitem__(self, part: slice) -> Bars:
        """The bars of a slice: views, not copies."""
        return Bars(
            timeframe=self.timeframe,
            ts=self.ts[part],
            open=self.open[part],
            high=self.high[part],
            low=self.low[part],
            close=self.close[part],
            volume=self.volume[part],
        )

    def between(self, start: int, end: int) -> Bars:
        """The bars that start at or after ``start`` and before ``end``, both in epoch seconds."""
        first, stop = np.searchsorted(self.ts, [start, end], side="left")
        return self[int(first) : int(stop)]
