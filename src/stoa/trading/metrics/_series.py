"""Series out of an account: returns, drawdowns, months."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import numpy as np

from stoa.trading.metrics._account import Floats, Integers

_DAY_SECONDS = 86_400
_TRADING_DAYS = 252
_WEEKS = 52


def bars_per_year(bar_seconds: int) -> float:
    """252 days of 24 hours, as the foreign exchange trades; 52 weeks."""
    if bar_seconds >= 7 * _DAY_SECONDS:
        return _WEEKS * 7 * _DAY_SECONDS / bar_seconds
    return _TRADING_DAYS * _DAY_SECONDS / bar_seconds


def returns_of(equities: Floats) -> Floats:
    """Change from point to point over the earlier one. Where nothing above zero is left to earn on, it is 0."""
    before, after = equities[:-1], equities[1:]
    earning = np.minimum.accumulate(before) > 0 if len(before) else before > 0
    return np.divide(after - before, before, out=np.zeros(len(before)), where=earning)


def drawdowns_of(values: Floats) -> Floats:
    """Value less its running peak: ≤ 0, in money, without the noise of floating point."""
    return np.round(values - np.maximum.accumulate(values), 8) + 0.0


def drawdown_shares_of(values: Floats) -> Floats:
    """Drawdowns over the running peak: 0 … −1, and below where more than everything was lost."""
    peaks = np.maximum.accumulate(values)
    return values / peaks - 1.0 + 0.0


def longest_drawdown(values: Floats, times: Integers) -> int:
    """Most seconds from a point at its peak to the next one, where something lies between; an unended one counts to the end."""
    at_peak = np.flatnonzero(values >= np.maximum.accumulate(values))
    if at_peak[-1] != len(values) - 1:
        at_peak = np.append(at_peak, len(values) - 1)
        steps = np.diff(at_peak)
        below = (steps > 1) | (np.arange(len(steps)) == len(steps) - 1)
    else:
        below = np.diff(at_peak) > 1
    return int(np.diff(times[at_peak])[below].max(initial=0))


def longest_run(held: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(((False,), held, (False,))).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def monthly_returns(starts: Integers, equities: Floats) -> dict[tuple[int, int], float]:
    """(year, month) → the equity's change over that month of UTC, over its value at the month's beginning.

    A bar belongs to the month in which it starts; ``equities`` has one point more, the beginning.
    """
    if not len(starts):
        return {}
    months = starts.astype("datetime64[s]").astype("datetime64[M]")
    last = np.append(np.flatnonzero(months[1:] != months[:-1]), len(months) - 1)
    ends = equities[1:][last]
    begins = np.concatenate((equities[:1], ends[:-1]))
    changes = np.divide(ends - begins, begins, out=np.zeros(len(ends)), where=begins > 0)
    return {
        (int(month.astype(int)) // 12 + 1970, int(month.astype(int)) % 12 + 1): float(change)
        for month, change in zip(months[last], changes, strict=True)
    }


def thinned(columns: tuple[Floats, ...], most: int) -> Integers:
    """Indices of at most ``most`` points: the ends, and of every stretch each column's lowest and highest."""
    length = len(columns[0])
    if length <= most:
        return np.arange(length)
    stretches = max(1, (most - 2) // (2 * len(columns)))
    edges = np.linspace(0, length, stretches + 1).astype(np.int64)
    kept = [np.array((0, length - 1))]
    for begin, end in itertools.pairwise(edges):
        kept += [
            begin + np.array((column[begin:end].argmin(), column[begin:end].argmax())) for column in columns
        ]
    return np.unique(np.concatenate(kept))


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration_text(seconds: float) -> str:
    """``4h 32m``, as the document writes it; hours go beyond a day."""
    minutes = int(seconds) // 60
    return f"{minutes // 60}h {minutes % 60}m"
