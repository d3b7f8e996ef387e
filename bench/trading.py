"""Replays and algorithms: against backtesting.py, and alone."""

from __future__ import annotations

import numpy as np
from backtesting.test import EURUSD

from bench.figure import Bench, Figure, Result, millis, quickest_seconds, times
from bench.peers import crosses
from stoa.trading import Result as Run
from stoa.trading import backtest, engine
from stoa.trading.candles import Bars
from stoa.trading.engine import Trader
from stoa.trading.model import Timeframe

TIMES = 10.0
LEDGER_BARS_A_SECOND = 1e6
SWEEP_BARS_A_SECOND = 1e8
MOST_SECONDS = 0.200
_YEAR_OF_MINUTES = 372_000
_PAIRS = 1_000


def measure_cross(bench: Bench) -> list[Result]:
    """The cross on 5,000 hourly candles: equal first, then fast. Both begin with candles in memory and end with statistics."""
    bars = backtest(EURUSD, signals=np.zeros(len(EURUSD))).bars
    peer = crosses.peer()
    ours = backtest(bars, crosses.Cross, **crosses.COSTS)
    _check_equal(ours, crosses.run(peer))

    def call() -> object:
        return backtest(bars, crosses.Cross, **crosses.COSTS).metrics

    def draw() -> object:
        return backtest(bars, signals=crosses.signals(bars), **crosses.COSTS).metrics

    rounds = bench.pick(15, 3)
    theirs = quickest_seconds(lambda: crosses.run(peer), times=rounds)
    called, drawn = quickest_seconds(call, times=rounds), quickest_seconds(draw, times=rounds)
    note = f"{ours.metrics['total_trades']} trades, final equity {ours.metrics['final_equity']:,.2f}, all equal to the cent"
    return [
        Result(
            f"moving-average cross, {len(bars):,} bars, {how}", millis(own), f"≥ {TIMES:.0f} ×", theirs / own >= TIMES,
            peer=f"{millis(theirs)} backtesting.py", ratio=times(theirs / own), note=note,
        )
        for how, own in (("called at each bar", called), ("as signals", drawn))
    ]  # fmt: skip


def _check_equal(ours: Run, theirs: object) -> None:
    trades = theirs["_trades"].sort_values("EntryBar")  # type: ignore[index]
    positions = ours.account.positions
    same = len(positions) == len(trades) and all(
        np.abs(column - trades[name].to_numpy()).max() < 0.005
        for name, column in (
            ("EntryBar", positions.entry_bar),
            ("ExitBar", positions.exit_bar),
            ("PnL", positions.net),
        )
    )
    final = float(theirs["Equity Final [$]"])  # type: ignore[index]
    if not same or abs(ours.account.equity[-1] - final) >= 0.005:
        raise AssertionError("The two runs differ.")


def wandering(count: int, timeframe: Timeframe = Timeframe.M1) -> Bars:
    """Candles of a random walk, without gaps."""
    chance = np.random.default_rng(5)
    close = 110_000 + np.clip(chance.integers(-9, 10, count).cumsum(), -60_000, 60_000)
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opened, close) + 4, np.minimum(opened, close) - 4
    starts = 1_700_000_040 + timeframe.seconds * np.arange(count)
    return Bars(timeframe, starts, opened, high, low, close, np.ones(count))


def measure_ledger(bench: Bench) -> list[Result]:
    """From target positions to the whole ledger: fills, positions, transactions, balance and equity at every bar."""
    bars = wandering(bench.pick(2_000_000, 500_000))
    targets = crosses.signals(bars, last=len(bars))
    runs: list[Run] = []

    def run() -> None:
        runs[:] = [backtest(bars, signals=targets, initial_balance=10_000_000, **crosses.COSTS)]

    rate = len(bars) / quickest_seconds(run, times=bench.pick(5, 3))
    return [
        Result(
            "bars a second with the full ledger", f"{rate / 1e6:,.1f} million", f"≥ {LEDGER_BARS_A_SECOND / 1e6:.0f} million",
            rate >= LEDGER_BARS_A_SECOND, note=f"{len(runs[0].ledger.positions):,} positions over {len(bars):,} bars",
        )
    ]  # fmt: skip


def measure_reach(bench: Bench) -> list[Result]:
    """A year of M1 with an order every 500 bars: folded to the end from nothing, sought back, and stepped once."""
    bars = wandering(bench.pick(_YEAR_OF_MINUTES, _YEAR_OF_MINUTES // 4))
    targets = np.where(np.arange(len(bars)) // 500 % 2, 0.1, -0.1)
    year = backtest(bars, signals=targets, initial_balance=1_000_000, close_at_end=False)
    rows, back = year.command_rows, len(bars) * 9 // 10
    kept = rows[rows[:, 1] <= back]
    trader = Trader(year.terms)
    trader.play(bars[:back], None, kept[kept[:, 1] < back])
    trader.take()
    snapshot = trader.snapshot()

    def reach() -> None:
        Trader(year.terms).play(bars, None, rows)

    def seek() -> None:
        Trader(year.terms).play(bars[: back + 1], None, kept)

    def step() -> None:
        Trader.restore(snapshot).advance(bars[back : back + 1])

    rounds = bench.pick(9, 3)
    return [
        Result(
            f"a session {what} in {len(bars):,} bars of M1",
            millis(taken),
            f"≤ {millis(MOST_SECONDS)}",
            taken <= MOST_SECONDS,
        )
        for what, taken in (
            ("reached at the end, from nothing", quickest_seconds(reach, times=rounds)),
            ("sought at nine tenths, from nothing", quickest_seconds(seek, times=rounds)),
            ("stepped, from its snapshot", quickest_seconds(step, times=rounds)),
        )
    ]


def measure_sweep(bench: Bench) -> list[Result]:
    """Pairs of averages over candles that lie in memory, on one core; one pair in a hundred is folded again to be compared."""
    bars = wandering(bench.pick(100_000, 20_000))
    terms = backtest(bars[:1], signals=[0.0], commission_per_fill=7, initial_balance=1_000_000).terms
    pairs = [(fast, fast + 5 * gap) for fast in range(5, 55) for gap in range(1, 21)][:_PAIRS]
    found = engine.sweep_crosses(bars, terms, pairs)
    for row in found[::100]:
        commands = engine.cross_commands(bars, int(row["fast"]), int(row["slow"]), lots=10)
        if engine.run_rows(terms, bars, commands).equity[-1] != row["equity"]:
            raise AssertionError("A row of the sweep is no run of its pair.")
    taken = quickest_seconds(lambda: engine.sweep_crosses(bars, terms, pairs), times=bench.pick(5, 3))
    rate = len(bars) * len(pairs) / taken
    return [
        Result(
            f"sweep of {len(pairs):,} pairs over {len(bars):,} bars", f"{rate / 1e6:,.0f} million bars a second",
            f"≥ {SWEEP_BARS_A_SECOND / 1e6:.0f} million", rate >= SWEEP_BARS_A_SECOND,
            note=f"{int(found['trades'].sum()):,} trades, on one core",
        )
    ]  # fmt: skip


FIGURES = (
    Figure("cross", "a moving-average cross", measure_cross),
    Figure("ledger", "bars with the full ledger", measure_ledger),
    Figure("sweep", "a sweep of crosses", measure_sweep),
    Figure("reach", "anywhere in a year of minutes", measure_reach),
)
