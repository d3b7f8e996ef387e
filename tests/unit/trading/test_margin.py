"""What may be opened, and when it is taken away."""

from decimal import Decimal

import pytest
from tests.unit.trading.markets import candles, close, eurusd, new

from stoa.trading.engine import Trader
from stoa.trading.errors import InsufficientMarginError
from stoa.trading.model import FillAt, FillReason, OrderStatus, OrderType, PositionStatus, Side

BUY, SELL = Side.BUY, Side.SELL
LIQUIDATED, OPEN = PositionStatus.LIQUIDATED, PositionStatus.OPEN


def free(balance, leverage="100"):
    return eurusd(balance, leverage, spread=0, slippage=0, commission="0")


@pytest.mark.parametrize(("balance", "covered"), [("1100", True), ("1099.99", False)])
def test_one_lot_at_one_to_a_hundred_needs_a_hundredth(balance, covered):
    trader = Trader(free(balance))
    trader.advance(candles("1.1000"))
    if not covered:
        with pytest.raises(InsufficientMarginError, match=r"^insufficient margin$"):
            trader.give(new(0, BUY, lots="1"))
        assert len(trader.ledger().orders) == 0
    else:
        assert trader.give(new(0, BUY, lots="1")) == 1
        assert trader.used_margin == 1100


@pytest.mark.parametrize(("balance", "covered"), [("1132.25", True), ("1132.24", False)])
def test_the_costs_of_opening_have_to_be_there_too(play, balance, covered):
    """1 lot at 1.10025 uses 1100.25; spread 20, slippage 5 and commission 7 are gone at once."""
    ledger = play(eurusd(balance), candles("1.1000"), new(0, BUY, lots="1"))
    assert len(ledger.fills) == covered
    assert ledger.order_values()[0].status is (OrderStatus.FILLED if covered else OrderStatus.REJECTED)


def test_what_is_open_counts(play):
    orders = [new(0, BUY, lots="1"), new(0, SELL, lots="1")]
    assert len(play(free("2199.99"), candles("1.1000"), *orders).fills) == 1
    assert len(play(free("2200"), candles("1.1000"), *orders).fills) == 2


@pytest.mark.parametrize("order", [
    new(0, BUY, lots="1", fill=FillAt.NEXT_OPEN),
    new(0, BUY, OrderType.LIMIT, lots="1", price="1.0900"),
    new(0, SELL, OrderType.STOP, lots="1", price="1.0900"),
])  # fmt: skip
def test_an_order_is_checked_when_it_is_filled(play, order):
    ledger = play(free("1000"), candles("1.1000", "1.1000 1.1000 1.0800 1.1000"), order)
    assert len(ledger.fills) == 0
    assert ledger.order_values()[0].status is OrderStatus.REJECTED


def test_liquidation_at_the_first_price_below_the_level(play):
    """One lot at 1.10000 uses 1100: at 50 % the equity is 550, after 55 pips of 10 each. One step more and it is over."""
    at_level = play(free("1100"), candles("1.1000", "1.1000 1.1000 1.09450 1.0980"), new(0, BUY, lots="1"))
    assert at_level.position_values()[0].status is OPEN
    below = play(free("1100"), candles("1.1000", "1.1000 1.1000 1.09440 1.0980"), new(0, BUY, lots="1"))
    position = below.position_values()[0]
    assert (position.status, position.exit_price) == (LIQUIDATED, Decimal("1.09449"))
    assert position.exit_reason is FillReason.LIQUIDATION


def test_liquidation_of_a_sell(play):
    position = play(
        free("1100"), candles("1.1000", "1.1000 1.1060 1.1000 1.1"), new(0, SELL, lots="1")
    ).position_values()[0]
    assert (position.status, position.exit_price) == (LIQUIDATED, Decimal("1.10551"))


def test_a_gap_liquidates_at_the_open_and_slips(play):
    terms = eurusd("1132.25", slippage=5, spread=20, commission="7")
    position = play(terms, candles("1.1000", "1.0500"), new(0, BUY, lots="1")).position_values()[0]
    assert (position.status, position.exit_price) == (LIQUIDATED, Decimal("1.04995"))


def test_the_worst_goes_first_and_the_rest_stays_if_that_suffices(play):
    """Two lots bought at 1.1 and 1.2: at the stop-out the dearer one has lost more."""
    bars = candles("1.1000", "1.2000", "1.2000 1.2000 1.1450 1.1500")
    ledger = play(free("3000"), bars, new(0, BUY, lots="0.5"), new(1, BUY, lots="1"))
    assert [each.status for each in ledger.position_values()] == [OPEN, LIQUIDATED]


def test_again_until_it_is_above(play):
    bars = candles("1.1000", "1.0000")
    ledger = play(free("3400"), bars, *[new(0, BUY, lots="1") for _ in range(3)])
    assert [each.status for each in ledger.position_values()] == [LIQUIDATED] * 3
    assert [each.number for each in ledger.fill_values()][3:] == [1, 2, 3]  # equally bad: the oldest first


def test_a_stop_loss_before_the_stop_out_comes_first(play):
    bars = candles("1.1000", "1.1000 1.1000 1.0500 1.0600")
    first = play(free("1100"), bars, new(0, BUY, lots="1", sl="1.0960")).position_values()[0]
    assert (first.exit_reason, first.exit_price) == (FillReason.STOP_LOSS, Decimal("1.0960"))
    later = play(free("1100"), bars, new(0, BUY, lots="1", sl="1.0900")).position_values()[0]
    assert (later.exit_reason, later.exit_price) == (FillReason.LIQUIDATION, Decimal("1.09449"))


def test_a_liquidation_that_a_take_profit_might_have_saved_is_ambiguous(play):
    bars = candles("1.1000", "1.1000 1.1060 1.0500 1.0600")
    worse = play(free("1100"), bars, new(0, BUY, lots="1", tp="1.1050")).position_values()[0]
    assert (worse.status, worse.ambiguous) == (LIQUIDATED, True)
    better = play(free("1100"), bars, new(0, BUY, lots="1", tp="1.1050"), better=True).position_values()[0]
    assert (better.exit_reason, better.ambiguous) == (FillReason.TAKE_PROFIT, False)


def test_closing_frees_the_margin(play):
    ledger = play(
        free("1100"), candles("1.1", "1.1"), new(0, BUY, lots="1"), close(1), new(1, SELL, lots="1")
    )
    assert len(ledger.fills) == 3
