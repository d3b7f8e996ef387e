"""Indicators over columns. Each value comes from its own bar and earlier ones; NaN where there are too few."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stoa.trading.metrics import Floats


def moving_average(values: NDArray[Any], length: int) -> Floats:
    """Mean of the last ``length`` values, exact for whole numbers."""
    out = np.full(len(values), np.nan)
    if length <= len(values):
        sums = np.concatenate(((0,), np.cumsum(values)))
        out[length - 1 :] = (sums[length:] - sums[:-length]) / length
    return out


def exponential(values: NDArray[Any], length: int) -> Floats:
    """It begins with the first value; each one moves 2 / (length + 1) of the way to what is new."""
    return _smoothed(values, 0, 2 / (length + 1), float(values[0]) if len(values) else 0.0)


def wilder(values: NDArray[Any], length: int, *, first: int) -> Floats:
    """It begins with the mean of ``length`` values from ``first`` on; each one moves one ``length``-th of the way."""
    start = first + length - 1
    if start >= len(values):
        return np.full(len(values), np.nan)
    return _smoothed(values, start, 1 / length, float(values[first : start + 1].mean()))


def _smoothed(values: NDArray[Any], start: int, share: float, at: float) -> Floats:
    out = np.full(len(values), np.nan)
    out[start : start + 1] = at
    for place, value in enumerate(values[start + 1 :].tolist(), start + 1):
        at += share * (value - at)
        out[place] = at
    return out


def highest(values: NDArray[Any], length: int) -> Floats:
    return _rolling(np.max, values, length)


def lowest(values: NDArray[Any], length: int) -> Floats:
    return _rolling(np.min, values, length)


def _rolling(rule: Any, values: NDArray[Any], length: int) -> Floats:
    out = np.full(len(values), np.nan)
    if length <= len(values):
        out[length - 1 :] = rule(np.lib.stride_tricks.sliding_window_view(values, length), axis=1)
    return out


def relative_strength(values: NDArray[Any], length: int) -> Floats:
    """Wilder's index: the share of rises in all moves, 0 … 100; 50 where nothing moved."""
    moves = np.diff(values, prepend=values[:1])
    rises = wilder(np.maximum(moves, 0), length, first=1)
    moved = rises + wilder(np.maximum(-moves, 0), length, first=1)
    index: Floats = np.where(moved == 0, 50.0, 100 * rises / np.where(moved == 0, 1, moved))
    return index


def true_range(high: NDArray[Any], low: NDArray[Any], close: NDArray[Any]) -> Floats:
    before = np.concatenate((close[:1], close[:-1]))
    ranges: Floats = np.maximum(high, before) - np.minimum(low, before)
    return ranges


def crossings(over: Floats, under: Floats) -> Floats:
    """1 at a bar at whose close the first has come above the second, −1 where it has come below, else 0.

    Where they meet nothing has been crossed yet.
    """
    side = np.sign(over - under)
    known = np.flatnonzero((side > 0) | (side < 0))
    out = np.zeros(len(side))
    changed = np.flatnonzero(np.diff(side[known])) + 1
    out[known[changed]] = side[known[changed]]
    return out
