"""Target positions, one a bar, as the commands that hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stoa.kernel.errors import Fault
from stoa.trading.engine import command_rows
from stoa.trading.errors import TradingInvalidError
from stoa.trading.model import MOST_LOTS, CommandKind, FillAt
from stoa.trading.strategies._commands import KINDS, Rows

_CENT = 100
"""Hundredths in a lot."""
_NOISE = 1e-6
"""What floating point may add to a hundredth."""


def rows_of(signals: ArrayLike, bars: int, fill: FillAt, *, close: bool) -> Rows:
    """``signals`` are lots, those sold below 0, that are to be held from each bar's close on; NaN is 0.

    What changes is closed whole and opened anew: positions aren't added to or taken from. With ``close`` the last command
    is a stop. Raises TradingInvalidError.
    """
    lots = _hundredths(signals, bars)
    changed = np.flatnonzero(np.diff(lots, prepend=0))
    wanted = lots[changed]
    opens = wanted != 0
    number = np.cumsum(opens)
    held = np.zeros_like(opens)
    held[1:] = opens[:-1]
    rows = np.zeros((len(changed), 2, command_rows([]).shape[1]), np.int64)
    closing, opening = rows[:, 0], rows[:, 1]
    closing[:, _KIND], opening[:, _KIND] = KINDS[CommandKind.CLOSE], KINDS[CommandKind.OPEN]
    rows[:, :, _BAR] = changed[:, None]
    closing[:, _NUMBER] = number - opens
    opening[:, _SIDE], opening[:, _LOTS] = wanted < 0, np.abs(wanted)
    rows[:, :, _NEXT] = fill is FillAt.NEXT_OPEN
    given: Rows = rows[np.column_stack((held, opens))]
    if not close or not len(given):
        return given
    stop = np.zeros((1, rows.shape[2]), np.int64)
    stop[0, _KIND], stop[0, _BAR] = KINDS[CommandKind.STOP], bars - 1
    return np.concatenate((given, stop))


_KIND, _BAR, _NUMBER, _SIDE, _LOTS, _NEXT = 0, 1, 2, 3, 5, 9


def _hundredths(signals: ArrayLike, bars: int) -> NDArray[np.int64]:
    given: NDArray[Any] = np.asarray(signals, np.float64)
    if given.shape != (bars,):
        raise TradingInvalidError.of(Fault("signals", f"must be one number for each of the {bars:,} bars."))
    scaled = np.where(np.isnan(given), 0.0, given) * _CENT
    whole: NDArray[np.float64] = np.rint(scaled)
    if np.abs(whole).max(initial=0) > _CENT * MOST_LOTS or (np.abs(scaled - whole) > _NOISE).any():
        raise TradingInvalidError.of(
            Fault("signals", f"must be hundredths of lots, at most {MOST_LOTS:,} lots.")
        )
    return whole.astype(np.int64)
