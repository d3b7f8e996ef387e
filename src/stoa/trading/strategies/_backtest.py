"""One call that runs a strategy over candles."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from numpy.typing import ArrayLike

from stoa.trading import engine
from stoa.trading.candles import Bars
from stoa.trading.model import FillAt, Instrument, Terms, Timeframe
from stoa.trading.strategies._candles import Candles, bars_of
from stoa.trading.strategies._context import Context
from stoa.trading.strategies._desk import Desk
from stoa.trading.strategies._lines import Now
from stoa.trading.strategies._result import Result
from stoa.trading.strategies._signals import rows_of


class Strategy(Protocol):
    """A class of your own; ``init(context)`` is called once before the first bar, if there is one."""

    def next(self, context: Context) -> None:
        """Called at each bar's close."""


StrategyLike: TypeAlias = Callable[[Context], None] | Strategy | type[Strategy]
_EURUSD = Instrument(0, "EURUSD", "Euro / US dollar", Decimal("0.0001"))
Number: TypeAlias = int | float | str | Decimal


def backtest(  # noqa: PLR0913
    candles: Candles,
    strategy: StrategyLike | None = None,
    *,
    signals: ArrayLike | None = None,
    timeframe: Timeframe | str = Timeframe.H1,
    instrument: Instrument = _EURUSD,
    initial_balance: Number = 10_000,
    leverage: Number = 100,
    spread_pts: int = 0,
    slippage_pts: int = 0,
    commission_per_fill: Number = 0,
    fill: FillAt | str = FillAt.NOW,
    finer: Bars | None = None,
    close_at_end: bool = True,
    title: str = "",
) -> Result:
    """Runs a strategy over candles as a session's replay would, and returns its ledger, metrics and report.

    candles      ``Bars``, a file (CSV or Parquet, as the import reads), or a frame or mapping of columns
                 ``ts, open, high, low, close, volume``; of ``timeframe``, where they don't say it
    strategy     ``f(context)``, called at each bar's close; or a class or object with ``next(context)`` and ``init(context)``
    signals      instead of a strategy: lots to be held from each bar's close on, sold ones below 0
    fill         ``"now"``: at the close of the last completed bar; ``"next_open"``: at the next bar's open
    finer        candles of a finer timeframe; they decide what happened first inside a bar
    close_at_end closes what is open after the last bar, as stopping a session does

    Raises TradingInvalidError for terms or orders that are none, CandlesRefusedError for candles that are none,
    LookAheadError for an indicator that sees the future. What a strategy raises is raised.
    """
    if (strategy is None) == (signals is None):
        raise TypeError("Say either a strategy or signals.")
    bars = bars_of(candles, Timeframe(timeframe), instrument.step)
    terms = Terms.of(
        instrument, initial_balance=_exact(initial_balance), leverage=_exact(leverage), spread_pts=spread_pts,
        slippage_pts=slippage_pts, commission_per_fill=_exact(commission_per_fill),
    )  # fmt: skip
    refused: list[int] = []
    if signals is not None:
        rows = rows_of(signals, len(bars), FillAt(fill), close=close_at_end)
        ledger = engine.run_rows(terms, bars, rows, finer)
    else:
        desk = Desk(terms, bars, finer)
        _play(strategy, Context(desk, FillAt(fill)), desk.now, len(bars))
        ledger, rows = desk.finish(close=close_at_end)
        refused = desk.refused
    name = title or (
        "Signals" if strategy is None else getattr(strategy, "__name__", type(strategy).__name__)
    )
    return Result(instrument.symbol, name, terms, bars, finer, rows, ledger, refused)


def _exact(number: Number) -> Decimal:
    return Decimal(str(number))


def _play(strategy: Any, context: Context, now: Now, bars: int) -> None:
    called = strategy() if isinstance(strategy, type) else strategy
    if hasattr(called, "init"):
        called.init(context)
    step = getattr(called, "next", called)
    for end in range(1, bars + 1):
        now.end = end
        step(context)
