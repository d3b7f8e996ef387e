"""One moving-average cross, for Stoa in both of its forms, and for backtesting.py with the same sizes and costs."""

from __future__ import annotations

import warnings
from typing import Any

import backtesting
import numpy as np
import pandas as pd
from backtesting.lib import crossover
from backtesting.test import EURUSD

from stoa.trading import Context
from stoa.trading.candles import Bars
from stoa.trading.metrics import Floats
from stoa.trading.strategies import crossings, moving_average

FAST, SLOW = 10, 20
LOTS, UNITS = 0.1, 10_000
LAST = len(EURUSD) - 2
"""After this bar everything is closed, at the next one's open: what backtesting.py does with the rest is its own rule."""
COSTS: dict[str, Any] = {"commission_per_fill": 7, "fill": "next_open"}


class Cross:
    """As one writes it for Stoa."""

    def init(self, context: Context) -> None:
        self.crosses = context.crosses(context.sma(FAST), context.sma(SLOW))

    def next(self, context: Context) -> None:
        way = self.crosses[-1]
        if context.bar == LAST:
            context.close_all()
        elif way:
            context.close_all()
            (context.buy if way > 0 else context.sell)(LOTS)


def signals(bars: Bars, *, last: int = LAST) -> Floats:
    """The same as target positions."""
    crossed = crossings(moving_average(bars.close, FAST), moving_average(bars.close, SLOW))
    latest = np.maximum.accumulate(np.where(crossed != 0, np.arange(len(crossed)), 0))
    targets: Floats = LOTS * crossed[latest]
    targets[last:] = 0
    return targets


class Averages(backtesting.Strategy):  # type: ignore[misc]
    """As one writes it for backtesting.py. The averages are of whole points, so that no rounding decides a tie."""

    def init(self) -> None:
        closes = np.rint(self.data.Close * 100_000).astype(np.int64)
        self.fast, self.slow = (self.I(moving_average, closes, length) for length in (FAST, SLOW))

    def next(self) -> None:
        if len(self.data) == LAST + 1:
            self.position.close()
        elif crossover(self.fast, self.slow):
            self.position.close()
            self.buy(size=UNITS)
        elif crossover(self.slow, self.fast):
            self.position.close()
            self.sell(size=UNITS)


def peer(commission: Any = (7.0, 0.0)) -> backtesting.Backtest:
    """Made ready to be run by ``run``, and without its progress bar."""
    backtesting.backtesting._tqdm = lambda bars, **_: bars  # noqa: SLF001
    return backtesting.Backtest(EURUSD, Averages, cash=10_000, margin=0.01, commission=commission)


def run(theirs: backtesting.Backtest) -> pd.Series[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return theirs.run()
