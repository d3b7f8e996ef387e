"""Candles of no market: a random walk with sessions, quiet and busy weeks, and weekends, for demonstrations and tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stoa.trading.candles._bars import Bars
from stoa.trading.candles._times import MONDAY, WEEK
from stoa.trading.model import Timeframe

_DAY = 86400
_FRIDAY_CLOSE = 4 * _DAY + 21 * 3600
_SUNDAY_OPEN = 6 * _DAY + 22 * 3600
_MOVES = 8
"""Moves inside a bar, which give it its high and low."""
_BUSY = np.array(
    [0.6, 0.6, 0.6, 0.5, 0.5, 0.6, 0.9, 1.3, 1.5, 1.4, 1.2, 1.1, 1.2, 1.6, 1.8, 1.7, 1.4, 1.1, 0.9, 0.8, 0.7, 0.5, 0.5, 0.6]
)  # fmt: skip
"""How much a market moves in each hour (UTC): Tokyo, London, and New York with it."""
_MEMORY = 200
"""Bars over which quiet and busy times fade into one another."""

Floats = NDArray[np.float64]


def synthetic(
    seed: int, timeframe: Timeframe, start: int, end: int, *, price: int, volatility: float = 0.006
) -> Bars:
    """The bars that start in [start, end), epoch seconds, on the timeframe's grid; the same for the same arguments.

    ``price`` is the first open in steps, ``volatility`` a day's standard deviation as a fraction of the price.
    """
    chance = np.random.default_rng(seed)
    ts = np.arange(start, end, timeframe.seconds, dtype=np.int64)
    of_week = (ts - MONDAY) % WEEK
    ts = ts[(of_week < _FRIDAY_CLOSE) | (of_week >= _SUNDAY_OPEN)]
    busy = _BUSY[ts // 3600 % 24] if timeframe.seconds < _DAY else np.ones(len(ts))
    size = volatility * np.sqrt(timeframe.seconds / _DAY) * busy * _weather(chance, len(ts))
    moves = chance.standard_normal((len(ts), _MOVES)) * (size / np.sqrt(_MOVES))[:, None]
    path = price * np.exp(np.cumsum(moves).reshape(len(ts), _MOVES))
    steps = np.maximum(np.rint(path), 1).astype(np.int64)
    closed = steps[:, -1]
    opened = np.concatenate([[price], closed[:-1]])[: len(ts)]
    volume = np.rint(300 * busy * chance.lognormal(0, 0.3, len(ts)) * timeframe.seconds / 3600) + 1
    high = np.maximum(steps.max(axis=1, initial=0), opened)
    low = np.minimum(steps.min(axis=1, initial=np.iinfo(np.int64).max), opened)
    return Bars(timeframe, ts, opened, high, low, np.ascontiguousarray(closed), volume)


def _weather(chance: np.random.Generator, count: int) -> Floats:
    """About 1, now lower and now higher for days together."""
    noise = chance.standard_normal(count + _MEMORY - 1)
    fading = np.exp(-np.arange(_MEMORY) / (_MEMORY / 4))
    slow: Floats = np.convolve(noise, fading / np.sqrt((fading**2).sum()), "valid")
    return np.exp(0.35 * slow[:count])
