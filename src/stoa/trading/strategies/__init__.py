"""Algorithms on the replay's own engine: the same orders, the same fills and the same report as by hand."""

from stoa.trading.strategies._backtest import Strategy, StrategyLike, backtest
from stoa.trading.strategies._context import Context
from stoa.trading.strategies._indicators import crossings, moving_average
from stoa.trading.strategies._lines import Line, LookAheadError
from stoa.trading.strategies._result import Refusal, Result

__all__ = (
    "Context",
    "Line",
    "LookAheadError",
    "Refusal",
    "Result",
    "Strategy",
    "StrategyLike",
    "backtest",
    "crossings",
    "moving_average",
)
