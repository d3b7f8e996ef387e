"""Candles of a timeframe made from finer ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stoa.trading.candles._bars import Bars
from stoa.trading.candles._times import floor
from stoa.trading.model import Timeframe


def is_made_of(timeframe: Timeframe, finer: Timeframe) -> bool:
    """Whether bars of ``finer`` fill bars of ``timeframe`` evenly."""
    return finer.seconds < timeframe.seconds and timeframe.seconds % finer.seconds == 0


def resample(bars: Bars, timeframe: Timeframe) -> Bars:
    """The bars of ``timeframe`` that are over when the last of ``bars`` is.

    So what is made of a beginning of ``bars`` is the beginning of what is made of all of them: nothing comes from
    later. A bar is made of what there is: where candles are missing it is no less complete.
    """
    made = aggregate(bars, timeframe)
    if len(made) and made.ts[-1] + timeframe.seconds > bars.ts[-1] + bars.timeframe.seconds:
        return made[:-1]
    return made


def aggregate(bars: Bars, timeframe: Timeframe) -> Bars:
    """The same with a last bar that may not be over. Bars that begin together may be made in parts and then again."""
    if not len(bars):
        return empty(timeframe)
    starts = floor(bars.ts, timeframe)
    first = np.flatnonzero(np.concatenate([[True], starts[1:] != starts[:-1]]))
    last = np.concatenate([first[1:], [len(starts)]]) - 1
    return Bars(
        timeframe,
        ts=starts[first],
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=bars.close[last],
        volume=np.add.reduceat(bars.volume, first),
    )


def joined(parts: Sequence[Bars], timeframe: Timeframe) -> Bars:
    """One after the other; ``timeframe`` is that of all parts. One part is not copied."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty(timeframe)
    names = ("ts", "open", "high", "low", "close", "volume")
    return Bars(
        timeframe, **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def empty(timeframe: Timeframe) -> Bars:
    none = np.empty(0, np.int64)
    return Bars(timeframe, none, none, none, none, none, np.empty(0, np.float64))
