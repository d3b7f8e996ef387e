"""Compiled: moving-average crosses of many pairs, each an account of its own.

One position at a time, without stop-loss or take-profit: what ``_book`` and ``_loop`` do comes down to a few sums here.
Tests hold every pair equal to its own run.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float64, int64, njit, types

from stoa.trading.engine._columns import FAR, Columns
from stoa.trading.engine._fold import COLUMNS, ROW, TABLE

TRADES, BALANCE_AT_END, EQUITY_AT_END, REALIZED, CHARGED = range(5)


class Rules(NamedTuple):
    """What one position of so many lots is ruled by. ``worth`` is what a step is worth on it."""

    balance: Any
    worth: Any
    spread: Any
    slippage: Any
    commission: Any
    margin_a: Any
    margin_b: Any
    stop_a: Any
    stop_b: Any


@njit
def mark_turns(fast: Any, slow: Any, wide: Any, narrow: Any, stands: Any, turns: Any) -> None:
    """``stands``: 1 where the faster average is above, -1 below, 0 where they are equal; ``turns``: 1 where that changes.

    The averages are compared as sum × other length: floats that hold whole numbers, so nothing is rounded.
    Plain loops from 0, which the compiler turns into vector instructions.
    """
    for i in range(len(fast)):
        difference = fast[i] * wide - slow[i] * narrow
        stands[i] = (difference > 0) - (difference < 0)
    before, after, changed = stands[:-1], stands[1:], turns[1:]
    for i in range(len(before)):
        changed[i] = before[i] != after[i]


@njit
def next_cross(stands: Any, turns: Any, words: Any, state: int, start: int) -> int:
    """The first bar from ``start`` on at which the averages have crossed; the bars' count if none."""
    n = len(stands)
    i = start
    while i < n:
        if i % 8 == 0 and words[i // 8] == 0:
            i += 8
        elif turns[i] != 0 and stands[i] == -state:
            return i
        else:
            i += 1
    return n


@njit
def opened(rules: Rules, balance: int, side: int, bid: int) -> int:
    """The entry price, or 0 where the margin does not suffice."""
    entry = bid + rules.spread + rules.slippage if side > 0 else bid - rules.slippage
    after = balance - rules.commission - rules.worth * (rules.spread + rules.slippage)
    return entry if after * rules.margin_a >= rules.worth * entry * rules.margin_b else 0


@njit
def gain(rules: Rules, side: int, entry: int, bid: int) -> int:
    """What closing at ``bid`` brings, before slippage and commission."""
    return rules.worth * (bid - entry if side > 0 else entry - bid - rules.spread)


@njit
def stop_level(rules: Rules, balance: int, side: int, entry: int) -> int:
    """The first bid at which a position is liquidated: one below for a BUY (side 1), one above for a SELL (-1)."""
    slope = rules.stop_a * rules.worth
    room = rules.stop_a * (balance + gain(rules, side, entry, 0)) - rules.stop_b * rules.worth * entry
    return (-room - 1) // slope if side > 0 else room // slope + 1


@njit
def stop_bid(bars: Columns, side: int, level: int, after: int, last: int) -> int:
    """The bid of the liquidation in one of the bars after ``after`` up to ``last``; FAR if none reaches the level."""
    opens, lows, highs = (
        bars.open[after + 1 : last + 1],
        bars.low[after + 1 : last + 1],
        bars.high[after + 1 : last + 1],
    )
    for i in range(len(opens)):
        if side > 0 and lows[i] <= level:
            return min(level, opens[i])
        if side < 0 and highs[i] >= level:
            return max(level, opens[i])
    return FAR


@njit
def cross(
    rules: Rules, bars: Columns, stands: Any, turns: Any, words: Any, full: Any, ends: Any, row: Any
) -> None:
    """One pair, whose averages are there from bar ``full`` on. ``ends`` are the lowest low and the highest high: most
    stop-outs lie beyond them, and then nothing happens between two crosses.
    """
    n = len(bars.close)
    balance, entry, i, state = rules.balance, 0, full, 0
    while i < n and state == 0:
        state = stands[i]
        i += 1
    while i < n:
        at = next_cross(stands, turns, words, state, i)
        left = FAR  # the bid at which the position is closed
        if entry != 0:
            level = stop_level(rules, balance, state, entry)
            if (state > 0 and ends[0] <= level) or (state < 0 and ends[1] >= level):
                left = stop_bid(bars, state, level, i - 1, min(at, n - 1))
            if left == FAR and at < n:
                left = bars.close[at]
        if left != FAR:
            brought = gain(rules, state, entry, left) - rules.worth * rules.slippage
            balance += brought - rules.commission
            entry = 0
            row[TRADES] += 1
            row[REALIZED] += brought
            row[CHARGED] += rules.commission
        if at == n:
            break
        state = -state
        bid = bars.close[at]
        entry = opened(rules, balance, state, bid)
        if entry != 0:
            balance -= rules.commission
            row[CHARGED] += rules.commission
            if state * (bid - stop_level(rules, balance, state, entry)) <= 0:  # at once, on terms so strict
                balance += gain(rules, state, entry, bid) - rules.worth * rules.slippage - rules.commission
                row[TRADES] += 1
                row[REALIZED] += gain(rules, state, entry, bid) - rules.worth * rules.slippage
                row[CHARGED] += rules.commission
                entry = 0
        i = at + 1
    row[BALANCE_AT_END] = balance
    row[EQUITY_AT_END] = balance + gain(rules, state, entry, bars.close[n - 1]) if entry != 0 else balance


_RULES = types.NamedUniTuple(int64, len(Rules._fields), Rules)
_SUMS = float64[:, ::1]


@njit(types.void(_RULES, COLUMNS, _SUMS, TABLE, TABLE, ROW, TABLE), nogil=True, cache=True)
def crosses(rules: Any, bars: Any, sums: Any, at: Any, lengths: Any, ends: Any, rows: Any) -> None:
    """``at`` are each pair's rows of ``sums``, ``lengths`` its windows."""
    n = len(bars.close)
    stands, turns = np.zeros(n, np.int8), np.zeros(n + 8, np.uint8)
    words = turns[: (n + 7) // 8 * 8].view(np.uint64)
    for k in range(len(rows)):
        rows[k, :] = 0
        wide, narrow = float(lengths[k, 1]), float(lengths[k, 0])
        mark_turns(sums[at[k, 0]], sums[at[k, 1]], wide, narrow, stands, turns)
        cross(rules, bars, stands, turns, words, lengths[k, 1] - 1, ends, rows[k])
