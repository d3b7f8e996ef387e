"""Which level was touched first, when the candle does not say."""

from decimal import Decimal

import numpy as np
import pytest
from tests.unit.trading.markets import candles, eurusd, new

from stoa.trading.model import FillReason, OrderType, Side, Timeframe

FREE = eurusd(spread=0, slippage=0, commission="0")
BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP = OrderType.LIMIT, OrderType.STOP
SL, TP = FillReason.STOP_LOSS, FillReason.TAKE_PROFIT
BOTH = "1.1000 1.1060 1.0940 1.1000"
QUIET = "1.1000"


def only(ledger):
    (position,) = ledger.position_values()
    return position


@pytest.mark.parametrize(("side", "sl", "tp"), [(BUY, "1.0950", "1.1050"), (SELL, "1.1050", "1.0950")])
def test_the_worse_is_booked_and_both_are_shown(play, side, sl, tp):
    bars = candles(QUIET, BOTH)
    worse = only(play(FREE, bars, new(0, side, sl=sl, tp=tp)))
    assert (worse.exit_reason, worse.realized_pnl, worse.ambiguous) == (SL, -50, True)
    better = only(play(FREE, bars, new(0, side, sl=sl, tp=tp), better=True))
    assert (better.exit_reason, better.realized_pnl, better.ambiguous) == (TP, 50, True)


def quarters(*rows):
    return candles(*rows, timeframe=Timeframe.M15, start=1_704_067_200 + 3600)


UP_FIRST = [
    "1.1000 1.1060 1.1000 1.1020",
    "1.1020 1.1020 1.0940 1.0990",
    "1.0990",
    "1.0990 1.1000 1.0990 1.1000",
]
DOWN_FIRST = ["1.1000", "1.1000 1.1000 1.0940 1.0990", "1.0990 1.1060 1.0990 1.1000", "1.1000"]


@pytest.mark.parametrize(("parts", "reason", "pnl"), [(UP_FIRST, TP, 50), (DOWN_FIRST, SL, -50)])
def test_finer_candles_decide(play, parts, reason, pnl):
    position = only(
        play(FREE, candles(QUIET, BOTH), new(0, BUY, sl="1.0950", tp="1.1050"), finer=quarters(*parts))
    )
    assert (position.exit_reason, position.realized_pnl, position.ambiguous) == (reason, pnl, False)


def test_a_fill_is_timed_by_the_candle_that_decided(play):
    ledger = play(
        FREE, candles(QUIET, BOTH), new(0, BUY, sl="1.0950", tp="1.1050"), finer=quarters(*DOWN_FIRST)
    )
    assert only(ledger).closed_at.timestamp() == 1_704_067_200 + 3600 + 1800  # the end of the second quarter
    assert only(ledger).closed_bar == 1


@pytest.mark.parametrize("missing", range(4))
def test_finer_candles_that_do_not_make_up_the_bar_decide_nothing(play, missing):
    kept = [row for place, row in enumerate(UP_FIRST) if place != missing]
    whole = quarters(*UP_FIRST)
    finer = quarters(*kept)
    finer = type(finer)(
        Timeframe.M15,
        np.delete(whole.ts, missing),
        finer.open,
        finer.high,
        finer.low,
        finer.close,
        finer.volume,
    )
    position = only(play(FREE, candles(QUIET, BOTH), new(0, BUY, sl="1.0950", tp="1.1050"), finer=finer))
    makes_it_up = (
        missing == 2
    )  # without the quiet quarter the rest has the bar's open, high, low and close still
    assert position.ambiguous is not makes_it_up


def test_two_levels_in_one_finest_candle_stay_ambiguous(play):
    parts = [BOTH, "1.1000", "1.1000", "1.1000"]
    position = only(
        play(FREE, candles(QUIET, BOTH), new(0, BUY, sl="1.0950", tp="1.1050"), finer=quarters(*parts))
    )
    assert (position.exit_reason, position.ambiguous) == (SL, True)


# An order that is filled inside the bar: side, kind, price, sl, tp, the bar, and what the two choices book.
# A limit comes on the way to its stop-loss, a stop on the way to its take-profit; the other level lies behind.
ENTERED = [
    # the level ahead, surely
    (BUY, LIMIT, "1.0980", "1.0950", "1.1050", "1.1000 1.1010 1.0940 1.0960", (SL, False), (SL, False)),
    (BUY, STOP, "1.1020", "1.0950", "1.1050", "1.1000 1.1060 1.0990 1.1000", (TP, False), (TP, False)),
    (SELL, LIMIT, "1.1020", "1.1050", "1.0950", "1.1000 1.1060 1.0990 1.1000", (SL, False), (SL, False)),
    (SELL, STOP, "1.0980", "1.1050", "1.0950", "1.1000 1.1010 1.0940 1.0960", (TP, False), (TP, False)),
    # the level behind was touched before or after the entry: nobody knows
    (BUY, LIMIT, "1.0980", "1.0950", "1.1050", "1.1000 1.1060 1.0970 1.1000", (None, True), (TP, True)),
    (BUY, STOP, "1.1020", "1.0950", "1.1050", "1.1000 1.1030 1.0940 1.1000", (SL, True), (None, True)),
    (SELL, LIMIT, "1.1020", "1.1050", "1.0950", "1.1000 1.1030 1.0940 1.1000", (None, True), (TP, True)),
    (SELL, STOP, "1.0980", "1.1050", "1.0950", "1.1000 1.1060 1.0970 1.1000", (SL, True), (None, True)),
    # the close is beyond it: it was touched after
    (BUY, LIMIT, "1.0980", "1.0950", "1.1050", "1.1000 1.1060 1.0970 1.1055", (TP, False), (TP, False)),
    (BUY, STOP, "1.1020", "1.0950", "1.1050", "1.1000 1.1030 1.0940 1.0945", (SL, False), (SL, False)),
    # both levels lie in the bar
    (BUY, LIMIT, "1.0980", "1.0950", "1.1050", BOTH, (SL, True), (TP, True)),
    (BUY, STOP, "1.1020", "1.0950", "1.1050", BOTH, (SL, True), (TP, True)),
    (SELL, LIMIT, "1.1020", "1.1050", "1.0950", BOTH, (SL, True), (TP, True)),
    (SELL, STOP, "1.0980", "1.1050", "1.0950", BOTH, (SL, True), (TP, True)),
    # filled at the open: the whole bar follows
    (BUY, LIMIT, "1.0980", "1.0950", "1.1050", "1.0970 1.1060 1.0960 1.1000", (TP, False), (TP, False)),
    (BUY, STOP, "1.1020", "1.0950", "1.1060", "1.1030 1.1050 1.0940 1.1000", (SL, False), (SL, False)),
]  # fmt: skip


@pytest.mark.parametrize("case", ENTERED)
def test_an_entry_inside_the_bar(play, case):
    side, kind, price, sl, tp, bar, worse, better = case
    order = new(0, side, kind, price=price, sl=sl, tp=tp)
    booked = only(play(FREE, candles(QUIET, bar), order))
    assert (booked.exit_reason, booked.ambiguous) == worse
    other = only(play(FREE, candles(QUIET, bar), order, better=True))
    assert (other.exit_reason, other.ambiguous) == better


def test_a_position_that_may_have_been_closed_stays_ambiguous(play):
    bars = candles(QUIET, "1.1000 1.1060 1.0970 1.1000", "1.1000 1.1000 1.0940 1.1000")
    ledger = play(FREE, bars, new(0, BUY, LIMIT, price="1.0980", sl="1.0950", tp="1.1050"))
    assert [fill.ambiguous for fill in ledger.fill_values()] == [False, True]


def test_each_of_two_opposite_positions_gets_its_worse(play):
    orders = [new(0, BUY, sl="1.0950", tp="1.1050"), new(0, SELL, sl="1.1050", tp="1.0950")]
    ledger = play(FREE, candles(QUIET, BOTH), *orders)
    assert [each.exit_reason for each in ledger.position_values()] == [SL, SL]
    assert all(each.ambiguous for each in ledger.position_values())
    assert ledger.terms.money(ledger.balance[-1]) == Decimal(9900)
