"""Compiled: the ways in. Each has its types spelled out, so that it is compiled (or read from the cache) at import."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int64, njit, types

from stoa.trading.engine._book import equity, is_below, liquidate_worst
from stoa.trading.engine._columns import (
    AT,
    BALANCE,
    BAR,
    C_BAR,
    DONE,
    DOWN,
    FAILED,
    QUEUED,
    UP,
    Book,
    Columns,
)  # fmt: skip
from stoa.trading.engine._loop import play_candle, watch
from stoa.trading.engine._orders import carry_out

ROW = int64[::1]
TABLE = int64[:, ::1]
_READ = types.Array(int64, 1, "C", readonly=True)
_BOOK = types.NamedTuple((ROW, TABLE, TABLE, TABLE, TABLE, ROW, ROW), Book)
COLUMNS = types.NamedTuple((_READ, _READ, _READ, _READ, _READ, int64), Columns)


@njit
def play_bar(b: Book, bars: Columns, finer: Columns, i: int) -> None:
    """One bar: by the finer candles where they make it up exactly, else as it is."""
    o, h, l, c = bars.open[i], bars.high[i], bars.low[i], bars.close[i]  # noqa: E741
    ts = bars.ts[i]
    first = np.searchsorted(finer.ts, ts)
    last = np.searchsorted(finer.ts, ts + bars.seconds)
    whole = first < last and finer.open[first] == o and finer.close[last - 1] == c
    if whole:
        highest, lowest = finer.high[first], finer.low[first]
        for k in range(first, last):
            highest, lowest = max(highest, finer.high[k]), min(lowest, finer.low[k])
        whole = highest == h and lowest == l
    if not whole:
        play_candle(b, o, h, l, c, ts, ts + bars.seconds, True)
        return
    for k in range(first, last):
        starts = finer.ts[k]
        play_candle(
            b, finer.open[k], finer.high[k], finer.low[k], finer.close[k], starts, starts + finer.seconds, k == first
        )  # fmt: skip


@njit(int64(_BOOK, int64[::1], int64, int64, int64), nogil=True, cache=True)
def give(b: Any, command: Any, close: Any, at: Any, strict: Any) -> int:
    """Carries one command out at the last completed bar's close; how it ended."""
    before, b.state[AT] = b.state[AT], at
    verdict = carry_out(b, command, close, strict != 0)
    if verdict != DONE:
        b.state[AT] = before
    while is_below(b, close):
        liquidate_worst(b, close, -1)
    watch(b)
    return verdict


@njit(int64(_BOOK, int64, COLUMNS, COLUMNS, TABLE, ROW, ROW), nogil=True, cache=True)
def fold(b: Any, first: Any, bars: Any, finer: Any, commands: Any, balances: Any, equities: Any) -> int:
    """Plays ``bars``, of which the first is the account's bar ``first``; how many were played before it failed."""
    s = b.state
    n = len(commands)
    k = 0
    for i in range(len(bars.ts)):
        s[BAR] = first + i
        if s[QUEUED] or bars.low[i] <= s[DOWN] or bars.high[i] >= s[UP]:
            play_bar(b, bars, finer, i)
        while k < n and commands[k, C_BAR] == s[BAR]:
            give(b, commands[k], bars.close[i], bars.ts[i] + bars.seconds, 0)
            k += 1
        if s[FAILED]:
            return i
        balances[i] = s[BALANCE]
        equities[i] = equity(b, bars.close[i])
    return len(bars.ts)


@njit(int64(_BOOK, COLUMNS, int64), nogil=True, cache=True)
def next_touched(b: Any, bars: Any, start: Any) -> int:
    """The first bar from ``start`` on in which a level is touched; their count if none is."""
    s = b.state
    if s[QUEUED]:
        return start
    for i in range(start, len(bars.ts)):
        if bars.low[i] <= s[DOWN] or bars.high[i] >= s[UP]:
            return i
    return len(bars.ts)
