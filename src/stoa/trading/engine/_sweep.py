"""Moving-average crosses: the commands of one pair, and the outcome of many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stoa.kernel.errors import Fault
from stoa.trading.candles import Bars
from stoa.trading.engine import _columns as col
from stoa.trading.engine import _compiled
from stoa.trading.engine._ledger import Ints, Rows
from stoa.trading.engine._tables import columns
from stoa.trading.errors import NoDataError, TooLargeError, TradingInvalidError
from stoa.trading.model import Terms

_NAMES = ("fast", "slow", "trades", "balance", "equity", "realized_pnl", "commission")
_EXACT = 2**53


def cross_commands(bars: Bars, fast: int, slow: int, *, lots: int) -> Ints:
    """The commands of one pair, as rows: at the close of a bar whose faster average has crossed the slower one what is open
    is closed and the side of the cross is opened. Averages that are equal have not crossed.
    """
    difference = _sums(bars, fast) * slow - _sums(bars, slow) * fast
    stands = np.sign(difference[slow - 1 :])
    at = np.flatnonzero(stands) + slow - 1
    stands = stands[stands != 0]
    turns = np.flatnonzero(np.diff(stands)) + 1
    rows = np.zeros((2 * len(turns), len(col.COMMAND)), np.int64)
    opens, closes = rows[1::2], rows[::2]
    opens[:, col.C_BAR] = closes[:, col.C_BAR] = at[turns]
    opens[:, col.C_KIND], closes[:, col.C_KIND] = col.DO_OPEN, col.DO_CLOSE
    opens[:, col.C_SIDE] = np.where(stands[turns] > 0, col.BUY, col.SELL)
    opens[:, col.C_TYPE], opens[:, col.C_LOTS] = col.MARKET, lots
    closes[:, col.C_NUMBER] = np.arange(len(turns))
    return rows[1:]


def sweep_crosses(bars: Bars, terms: Terms, pairs: Sequence[tuple[int, int]], *, lots: int = 10) -> Rows:
    """What ``cross_commands`` of each pair (fast, slow) would bring, an account each, over all bars.

    A structured array, a row a pair: fast slow trades (closed ones) balance equity realized_pnl commission, in money units.
    Every row equals ``run`` of the pair's commands, margin and stop-outs included.
    Raises TradingInvalidError naming ``pairs`` or ``lots``, and TooLargeError as ``run``.
    """
    lengths = _checked(pairs)
    terms.lots(terms.quantity(lots), "lots")
    if len(bars) == 0:
        raise NoDataError("There are no candles.")
    windows, at = np.unique(lengths, return_inverse=True)
    sums = np.stack([_sums(bars, int(window)) for window in windows])
    if int(bars.high.max() - bars.low.min()) * int(windows[-1]) ** 2 >= _EXACT:
        raise TooLargeError.of(Fault("pairs", "are too long for averages that nothing is rounded in."))
    ends = np.array([bars.low.min(), bars.high.max()], np.int64)
    worth = terms.tick * lots
    if worth * (int(ends[1]) + terms.spread + terms.slippage) > terms.most_money // 8:
        raise TooLargeError.of(Fault("lots", "are too many for an exact ledger on these terms."))
    found = np.zeros((len(lengths), 5), np.int64)
    compiled = _compiled.sweep()
    rules = compiled.Rules(
        terms.units(terms.initial_balance),
        worth,
        terms.spread,
        terms.slippage,
        terms.units(terms.commission_per_fill),
        *terms.margin,
        *terms.stop_out,
    )
    compiled.crosses(rules, columns(bars), sums, at.reshape(lengths.shape), lengths, ends, found)
    if int(np.abs(found).max()) > terms.most_money:
        raise TooLargeError.of(Fault("balance", "is too large for an exact ledger on these terms."))
    rows = np.hstack([lengths, found])
    return rows.view(np.dtype([(name, np.int64) for name in _NAMES])).reshape(len(rows))


def _checked(pairs: Sequence[tuple[int, int]]) -> Ints:
    lengths = np.array(pairs, np.int64).reshape(-1, 2)
    if len(lengths) == 0 or bool((lengths[:, 0] < 1).any()) or bool((lengths[:, 0] >= lengths[:, 1]).any()):
        raise TradingInvalidError.of(Fault("pairs", "must be (fast, slow) with 1 ≤ fast < slow."))
    return lengths


def _sums(bars: Bars, window: int) -> NDArray[np.float64]:
    """Of the last ``window`` closes, counted from the first close; whole numbers. Nothing before the window is full."""
    if len(bars) < window:
        return np.zeros(len(bars))
    total = np.concatenate([[0], np.cumsum(bars.close - bars.close[0])])
    sums = np.zeros(len(bars))
    sums[window - 1 :] = total[window:] - total[:-window]
    return sums
