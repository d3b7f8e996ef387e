"""Algorithms: the same engine and report as a replay, no look into the future, and the same ledger when replayed."""

import csv
import io
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest
from backtesting.test import EURUSD
from bench.peers.crosses import COSTS, Cross, peer, run, signals
from hypothesis import given
from hypothesis import strategies as st

import stoa.trading
from stoa.trading import engine
from stoa.trading.candles import Bars
from stoa.trading.engine import Trader
from stoa.trading.errors import CandlesRefusedError, PositionNotOpenError, TradingInvalidError
from stoa.trading.model import FillAt, Timeframe
from stoa.trading.strategies import LookAheadError, backtest
from stoa.trading.strategies._commands import commands_from
from stoa.trading.strategies._indicators import crossings


def candles(closes, *, reach=5, timeframe=Timeframe.H1):
    close = np.asarray(closes, np.int64)
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opened, close) + reach, np.minimum(opened, close) - reach
    return Bars(
        timeframe,
        1_700_000_000 // 3600 * 3600 + timeframe.seconds * np.arange(len(close)),
        opened,
        high,
        low,
        close,
        np.ones(len(close)),
    )


def wandering(seed, count=400):
    return candles(110_000 + np.random.default_rng(seed).integers(-80, 81, count).cumsum())


@pytest.fixture(scope="module")
def eurusd():
    return backtest(EURUSD, lambda _context: None).bars


def test_a_cross_is_the_same_as_by_backtesting_py(eurusd):
    ours, theirs = backtest(eurusd, Cross, **COSTS), run(peer())
    trades, positions = theirs["_trades"].sort_values("EntryBar"), ours.account.positions
    assert positions.entry_bar.tolist() == trades.EntryBar.tolist()
    assert positions.exit_bar.tolist() == trades.ExitBar.tolist()
    assert (positions.side * positions.lots * 100_000).round().tolist() == trades.Size.tolist()
    assert positions.entry_price.tolist() == pytest.approx(trades.EntryPrice.tolist(), abs=1e-12)
    assert positions.exit_price.tolist() == pytest.approx(trades.ExitPrice.tolist(), abs=1e-12)
    assert positions.net.tolist() == pytest.approx(trades.PnL.tolist(), abs=1e-6)
    assert ours.metrics["final_equity"] == pytest.approx(theirs["Equity Final [$]"], abs=1e-6)
    assert ours.account.equity[20:].tolist() == pytest.approx(
        theirs["_equity_curve"].Equity.tolist()[20:], abs=1e-6
    )


def test_a_spread_costs_the_same_whichever_fill_pays_it(eurusd):
    """Rule 2 charges it where the ask is dealt at: a BUY's opening, a SELL's closing. Half at each fill is the same sum."""
    ours = backtest(eurusd, Cross, spread_pts=20, **COSTS)
    theirs = run(peer(lambda size, price: 7.0 + abs(size) * 0.00020 / 2))
    assert ours.metrics["final_equity"] == pytest.approx(theirs["Equity Final [$]"], abs=1e-6)
    assert ours.metrics["total_spread"] == pytest.approx(2.0 * ours.metrics["total_trades"])


def test_a_class_a_function_and_signals_are_one(eurusd):
    def cross(context):
        if context.bar == 0:
            context.memory = Cross()
            context.memory.init(context)
        context.memory.next(context)

    whole = backtest(eurusd, Cross, **COSTS)
    assert whole.metrics["total_trades"] == 263
    for other in (
        backtest(eurusd, cross, **COSTS),
        backtest(eurusd, Cross(), **COSTS),
        backtest(eurusd, signals=signals(eurusd), **COSTS),
    ):
        assert other.ledger_hash == whole.ledger_hash


def test_a_replay_of_its_commands_gives_the_same_ledger(eurusd):
    whole = backtest(eurusd, Cross, spread_pts=20, slippage_pts=5, **COSTS)
    assert engine.ledger_hash(engine.run(whole.terms, whole.bars, whole.commands)) == whole.ledger_hash
    by_hand, given_ = Trader(whole.terms), iter(whole.commands)
    command = next(given_)
    for bar in range(len(whole.bars)):
        by_hand.advance(whole.bars[bar : bar + 1])
        while command is not None and command.bar == bar:
            by_hand.give(command)
            command = next(given_, None)
    assert by_hand.hash() == whole.ledger_hash


class Busy:
    """Does everything that a trader can, and looks at the account now and then."""

    def __init__(self, seed, looks):
        self.chance, self.looks = np.random.default_rng(seed), looks

    def next(self, context):
        price = context.close[-1]
        if self.chance.random() < self.looks:
            assert context.equity == pytest.approx(context.balance, abs=1e6)
            assert context.lots == pytest.approx(
                float((context.positions["lots"] * (1 - 2 * context.positions["side"])).sum()) / 100
            )
        way = self.chance.integers(0, 12)
        fill = FillAt.NEXT_OPEN if self.chance.random() < 0.3 else FillAt.NOW
        if way == 0:
            context.buy(0.3, sl=price - 0.002, tp=price + 0.002, fill=fill)
        elif way == 1:
            context.sell(0.2, sl=price + 0.001, fill=fill)
        elif way == 2:
            context.buy(0.1, limit=price - 0.0007)
        elif way == 3:
            context.sell(0.1, stop=price - 0.0009, tp=price - 0.004)
        elif way == 4:
            context.close_all(fill=fill)
        elif way == 5 and self.looks == 1 and len(context.orders):
            context.cancel(int(context.orders["number"][0]))
        elif way == 6:
            context.buy(20)


@pytest.mark.parametrize("looks", [0, 0.3, 1])
@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_strategy_does_can_be_replayed(seed, looks):
    bars = wandering(seed)
    whole = backtest(
        bars, Busy(seed, looks), initial_balance=2_000, spread_pts=10, slippage_pts=2, commission_per_fill=3
    )
    again = engine.run(whole.terms, bars, whole.commands)
    assert engine.ledger_hash(again) == whole.ledger_hash
    assert again.equity.tolist() == whole.ledger.equity.tolist()
    assert len(whole.ledger.fills) > 10
    assert whole.refused


@given(
    st.integers(0, 1_000),
    st.lists(st.sampled_from([-0.2, -0.1, 0.0, 0.1, 0.2, float("nan")]), min_size=60, max_size=60),
    st.sampled_from(list(FillAt)),
)
def test_signals_hold_what_they_say(seed, targets, fill):
    bars = wandering(seed, 60)
    whole = backtest(bars, signals=targets, fill=fill, close_at_end=False)
    wanted = np.nan_to_num(targets)
    delay = int(fill is FillAt.NEXT_OPEN)
    for bar in range(60 - delay):
        positions = whole.account.positions
        held = (positions.entry_bar <= bar + delay) & (
            (positions.exit_bar > bar + delay) | (positions.exit_bar < 0)
        )
        assert float((positions.side * positions.lots)[held].sum()) == wanted[bar]


def test_signals_that_want_nothing_do_nothing():
    assert backtest(wandering(1, 9), signals=[0.0] * 9).commands == []


def test_commands_and_rows_are_the_same(eurusd):
    whole = backtest(wandering(3), Busy(3, 1), initial_balance=2_000)
    assert engine.command_rows(whole.commands).tolist() == whole.command_rows.tolist()
    assert commands_from(engine.command_rows([])) == []


def test_nothing_that_is_to_come_can_be_reached():
    bars = candles([*([110_000] * 50), *([900_000] * 50)])
    seen = []

    def curious(context):
        lines = [getattr(context, name) for name in ("open", "high", "low", "close", "volume", "ts")] + [
            context.sma(3)
        ]
        for line in lines:
            assert len(line) == len(line.values) == context.bar + 1
            with pytest.raises(IndexError):
                line[context.bar + 1]
        base = context.close.values.base  # noqa: PD011
        seen.append(float(np.nanmax(base if base is not None else context.close[:])))

    backtest(bars, curious)
    assert max(seen[:50]) == pytest.approx(1.1)
    assert seen[-1] == pytest.approx(9.0)


def test_a_changed_future_changes_nothing_of_the_past():
    past = 110_000 + np.random.default_rng(1).integers(-80, 81, 300).cumsum()
    absurd = np.concatenate((past[:200], past[200:] * 7))
    told = []
    for closes in (past, absurd):
        heard = []

        def listen(context, heard=heard):
            if context.bar == 0:
                context.lines = [
                    context.sma(9),
                    context.ema(9),
                    context.rsi(),
                    context.atr(),
                    context.highest(5),
                    context.lowest(5),
                ]
            if context.bar % 20 == 3:
                context.buy(0.1, sl=context.close[-1] - 0.001, tp=context.close[-1] + 0.001)
            heard.append((context.time, context.equity, context.lots, *(line[-1] for line in context.lines)))

        backtest(candles(closes), listen)
        told.append(heard[:200])
    assert repr(told[0]) == repr(told[1])


@pytest.mark.parametrize(
    "rule",
    [
        lambda close: np.append(close[1:], close[-1]),
        lambda close: close - close.mean(),
        lambda close: np.convolve(close, np.ones(5) / 5, "same"),
        lambda close: close / close.max(),
    ],
)
def test_an_indicator_that_looks_ahead_is_caught(rule):
    with pytest.raises(LookAheadError, match="looks ahead"):
        backtest(wandering(1), lambda context: context.indicator(rule))


def test_an_indicator_of_ones_own():
    def middle(high, low, weight):
        return (high + low) * weight

    def check(context):
        line = context.indicator(middle, context.high, context.low, args=(0.5,))
        assert line[-1] == (context.high[-1] + context.low[-1]) * 0.5

    backtest(wandering(2, 30), check)
    with pytest.raises(ValueError, match="one number a bar"):
        backtest(wandering(2, 30), lambda context: context.indicator(np.mean))


@pytest.mark.parametrize("length", [1, 2, 7, 30, 500])
def test_indicators_are_pandas(length, eurusd):
    import pandas as pd

    close, high, low = (pd.Series(column / 100_000) for column in (eurusd.close, eurusd.high, eurusd.low))
    wanted = {
        "sma": close.rolling(length).mean(),
        "ema": close.ewm(span=length, adjust=False).mean(),
        "highest": high.rolling(length).max(),
        "lowest": low.rolling(length).min(),
    }

    def check(context):
        if context.bar == 0:
            context.lines = {name: getattr(context, name)(length) for name in wanted}
        if context.bar == len(eurusd) - 1:
            for name, line in context.lines.items():
                assert np.allclose(line.values, wanted[name], rtol=0, atol=1e-11, equal_nan=True)

    backtest(eurusd, check)


def wilder(values, length):
    """Its definition, step by step."""
    found = [np.nan] * (length - 1) + [sum(values[:length]) / length]
    for value in values[length:]:
        found.append((found[-1] * (length - 1) + value) / length)
    return found


@pytest.mark.parametrize("length", [1, 5, 14])
def test_wilders_indicators(length):
    bars = wandering(4, 60)
    high, low, close = ((column / 100_000).tolist() for column in (bars.high, bars.low, bars.close))
    moves = np.diff(close)
    rises, falls = (
        wilder(np.maximum(moves, 0).tolist(), length),
        wilder(np.maximum(-moves, 0).tolist(), length),
    )
    wanted = [
        100 - 100 / (1 + rise / fall) if fall else 100 if rise else 50
        for rise, fall in zip(rises, falls, strict=True)
    ]
    ranges = [max(high[at], close[at - 1]) - min(low[at], close[at - 1]) for at in range(1, 60)]

    def check(context):
        if context.bar == 0:
            context.lines = context.rsi(length), context.atr(length)
        if context.bar == 59:
            known = slice(length, None)
            assert context.lines[0][known].tolist() == pytest.approx(wanted[length - 1 :], rel=1e-9)
            assert context.lines[1][known].tolist() == pytest.approx(
                wilder(ranges, length)[length - 1 :], rel=1e-9
            )
            assert np.isnan(context.lines[0][:length]).all()

    backtest(bars, check)


def test_a_crossing_waits_while_two_lines_meet():
    over = np.array([np.nan, 1, 2, 2, 3, 3, 2, 1, 2, 3])
    assert crossings(over, np.full(10, 2.0)).tolist() == [0, 0, 0, 0, 1, 0, 0, -1, 0, 1]


def test_a_line_is_a_row_of_numbers():
    def check(context):
        line = context.close
        if context.bar == 9:
            assert line[0] == context.open[0]
            assert isinstance(line[-1], float)
            assert line[-3:].tolist() == line[-3:].copy().tolist() == np.asarray(line)[-3:].tolist()
            with pytest.raises(IndexError):
                line[-11]

    backtest(wandering(5, 10), check)


def test_an_order_that_the_margin_does_not_allow_comes_to_nothing():
    def greedy(context):
        if context.bar in {3, 5}:
            assert context.equity == 100
            assert context.buy(50) == 0
        if context.bar == 8:
            assert context.buy(50) == 1

    whole = backtest(wandering(6, 20), greedy, initial_balance=100)
    assert [each.bar for each in whole.refused] == [3, 5, 8]
    assert whole.refused[0].message == "insufficient margin"
    assert whole.metrics["total_trades"] == 0
    assert [
        each.bar
        for each in backtest(
            wandering(6, 9), signals=[0, 50, 0, 0, 50, 0, 0, 0, 0], initial_balance=100
        ).refused
    ] == [1, 4]


BAD_ORDERS = [
    (lambda context: context.buy(0), "quantity_lots"),
    (lambda context: context.buy(float("nan")), "quantity_lots"),
    (lambda context: context.buy(0.001), "quantity_lots"),
    (lambda context: context.sell(1e9), "quantity_lots"),
    (lambda context: context.buy(0.1, sl=-1), "sl_price"),
    (lambda context: context.buy(0.1, tp=Decimal("1.2000000001")), "tp_price"),
    (lambda context: context.buy(0.1, limit=float("inf")), "price"),
]


@pytest.mark.parametrize(("order", "field"), BAD_ORDERS, ids=range(len(BAD_ORDERS)))
def test_a_bad_order_names_its_field(order, field):
    with pytest.raises(TradingInvalidError) as caught:
        backtest(wandering(1, 5), order)
    assert caught.value.faults[0].field == field


def test_what_was_never_opened_can_not_be_closed():
    with pytest.raises(PositionNotOpenError):
        backtest(wandering(1, 5), lambda context: context.close_position(1))


def test_closing_twice_closes_once():
    def twice(context):
        if context.bar == 1:
            context.buy(0.1)
        if context.bar == 3:
            context.close_position(1)
            context.close_position(1)
            context.close_all()

    assert backtest(wandering(1, 9), twice).metrics["total_trades"] == 1


def test_what_opens_next_is_closed_later():
    def hasty(context):
        if context.bar == 1:
            context.buy(0.1, fill=FillAt.NEXT_OPEN)
            context.close_all()
        if context.bar == 5:
            context.close_all()

    positions = backtest(wandering(1, 9), hasty).account.positions
    assert (positions.entry_bar.tolist(), positions.exit_bar.tolist()) == ([2], [5])


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0.1], "one number for each"),
        ([0.105] * 9, "hundredths"),
        ([20_000.0] * 9, "at most"),
        ([float("inf")] * 9, "at most"),
    ],
)
def test_signals_that_are_none(targets, message):
    with pytest.raises(TradingInvalidError, match=message):
        backtest(wandering(1, 9), signals=targets)


def test_either_a_strategy_or_signals():
    for both in ({}, {"strategy": Cross, "signals": [0.0] * 9}):
        with pytest.raises(TypeError, match="either"):
            backtest(wandering(1, 9), **both)


def test_bad_terms_name_their_field():
    with pytest.raises(TradingInvalidError) as caught:
        backtest(wandering(1, 9), Cross, leverage=0)
    assert caught.value.faults[0].field == "leverage"


def test_no_candles_are_an_empty_run():
    for run_of in (backtest(wandering(1, 0), Cross), backtest(wandering(1, 0), signals=[])):
        assert run_of.metrics["total_trades"] == 0
        assert run_of.commands == []
        assert run_of.equity_curve_json()["balances"] == [10_000]


def test_candles_come_as_files_and_frames(tmp_path, eurusd):
    import polars as pl

    EURUSD.to_csv(tmp_path / "eurusd.csv")
    frame = pl.DataFrame(
        {
            name: getattr(eurusd, name) if name in {"ts", "volume"} else getattr(eurusd, name) / 100_000
            for name in ("ts", "open", "high", "low", "close", "volume")
        }
    )
    columns = {name: frame[name].to_numpy() for name in frame.columns}
    for given_ in (tmp_path / "eurusd.csv", str(tmp_path / "eurusd.csv"), frame, columns):
        found = backtest(given_, lambda _context: None).bars
        for name in ("ts", "open", "high", "low", "close", "volume"):
            assert getattr(found, name).tolist() == getattr(eurusd, name).tolist()
    broken = EURUSD.head(9).copy()
    broken.loc[broken.index[4], "High"] = 0.5
    with pytest.raises(CandlesRefusedError, match="high"):
        backtest(broken, Cross)
    with pytest.raises(TypeError, match="ts"):
        backtest({"open": [1.0]}, Cross)


def test_the_result_reports_as_a_replay_does(eurusd):
    whole = backtest(eurusd, Cross, title="A cross", **COSTS)
    summary, curve = whole.summary_json(), whole.equity_curve_json()
    assert summary["total_trades"] == len(whole.ledger.positions)
    assert summary["band"] is None
    assert summary["net_profit"] == pytest.approx(
        float(whole.ledger.transaction_values()[-1].balance_after) - 10_000
    )
    assert curve["balances"][-1] == summary["final_balance"]
    assert len(curve["timestamps"]) == len(eurusd) + 1
    assert "<h1>A cross</h1>" in whole.report_page()
    rows = list(csv.DictReader(io.StringIO(whole.trades_csv())))
    assert len(rows) == 263
    assert sum(Decimal(row["net"]) for row in rows) == Decimal(str(summary["net_profit"]))
    assert rows[0]["entry_price"] == str(whole.ledger.position_values()[0].entry_price)


def test_ambiguous_bars_give_a_band():
    closes = [110_000] * 4 + [110_010] * 4

    def reaching(context):
        if context.bar == 2:
            context.buy(1, sl=1.09990, tp=1.10020)

    whole = backtest(candles(closes, reach=30), reaching)
    assert whole.metrics["ambiguous_trades"] == 1
    assert whole.summary_json()["band"]["total_pnl"] == {
        "worse": pytest.approx(-10),
        "better": pytest.approx(20),
    }
    assert "One trade was ambiguous." in whole.report_page()


def test_importing_trading_costs_nothing():
    code = "import sys, stoa.trading; print([name for name in ('numpy', 'numba', 'polars') if name in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"}
    )
    assert shown.stdout == "[]\n"
    assert stoa.trading.backtest is backtest
    with pytest.raises(AttributeError):
        stoa.trading.nothing  # noqa: B018
