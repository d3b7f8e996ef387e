"""At which price an order is filled and what it costs, worked out by hand with the document's own numbers."""

from decimal import Decimal

import pytest
from tests.unit.trading.markets import candles, close, eurusd, new

from stoa.trading.model import (
    Command,
    CommandKind,
    FillAt,
    FillReason,
    OrderStatus,
    OrderType,
    PositionStatus,
    Side,
    TransactionType,
)

FREE = eurusd(spread=0, slippage=0, commission="0")
BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP = OrderType.LIMIT, OrderType.STOP


def only(ledger):
    (position,) = ledger.position_values()
    return position


@pytest.mark.parametrize(("exit_price", "pnl"), [("1.1280", "46.0"), ("1.1150", "-84.0")])
def test_profit_is_the_documents(play, exit_price, pnl):
    position = only(play(FREE, candles("1.1234", exit_price), new(0, BUY), close(1)))
    assert (position.entry_price, position.exit_price) == (Decimal("1.1234"), Decimal(exit_price))
    assert position.realized_pnl == Decimal(pnl)
    assert position.status is PositionStatus.CLOSED


@pytest.mark.parametrize(("exit_price", "pnl"), [("1.1280", "-46.0"), ("1.1150", "84.0")])
def test_a_sell_earns_the_other_way_round(play, exit_price, pnl):
    position = only(play(FREE, candles("1.1234", exit_price), new(0, SELL), close(1)))
    assert position.realized_pnl == Decimal(pnl)


def test_a_buy_opens_at_ask_and_slips_and_closes_at_bid_and_slips(play):
    position = only(play(eurusd(), candles("1.12340", "1.12800"), new(0, BUY), close(1)))
    assert position.entry_price == Decimal("1.12365")  # bid + 20 points of spread + 5 of slippage
    assert position.exit_price == Decimal("1.12795")
    assert position.realized_pnl == Decimal("43.00")


def test_a_sell_opens_at_bid_and_closes_at_ask(play):
    position = only(play(eurusd(), candles("1.12340", "1.11500"), new(0, SELL), close(1)))
    assert position.entry_price == Decimal("1.12335")
    assert position.exit_price == Decimal("1.11525")
    assert position.realized_pnl == Decimal("81.00")


@pytest.mark.parametrize("side", Side)
def test_costs_are_the_documents(play, side):
    """20 points on 0.1 lot are 2.0, 5 points are 0.5 a fill, and 7.0 is charged twice."""
    opened = only(play(eurusd(), candles("1.1234"), new(0, side)))
    assert (opened.spread_cost, opened.slippage_cost, opened.commission_cost) == (2, Decimal("0.5"), 7)
    closed = only(play(eurusd(), candles("1.1234", "1.1234"), new(0, side), close(1)))
    assert (closed.spread_cost, closed.slippage_cost, closed.commission_cost) == (2, 1, 14)
    assert closed.realized_pnl == -3  # spread and slippage stand in the prices already


def test_the_ledgers_rows_and_their_order(play):
    ledger = play(eurusd(), candles("1.12340", "1.12800"), new(0, BUY), close(1))
    rows = [(row.type, row.position, row.amount, row.balance_after) for row in ledger.transaction_values()]
    assert rows == [
        (TransactionType.DEPOSIT, None, 10000, 10000),
        (TransactionType.COMMISSION, 1, -7, 9993),
        (TransactionType.PNL, 1, 43, 10036),
        (TransactionType.COMMISSION, 1, -7, 10029),
    ]


def test_no_commission_leaves_no_row(play):
    ledger = play(FREE, candles("1.1", "1.1"), new(0, BUY), close(1))
    assert [row.type for row in ledger.transaction_values()] == [TransactionType.DEPOSIT, TransactionType.PNL]


def test_a_point_is_a_tenth_of_a_pip_however_fine_the_step():
    from stoa.trading.model import Instrument, Terms

    fine = Instrument(1, "X", "X", pip_size=Decimal("0.0001"), step=Decimal("0.000001"))
    terms = Terms.of(fine, initial_balance=Decimal(1), leverage=Decimal(1), spread_pts=20, slippage_pts=5)
    assert (terms.spread, terms.slippage) == (200, 50)


@pytest.mark.parametrize(("side", "entry"), [(BUY, "1.12525"), (SELL, "1.12495")])
def test_next_open_fills_there(play, side, entry):
    bars = candles("1.1234", "1.1250 1.1260 1.1240 1.1255")
    position = only(play(eurusd(), bars, new(0, side, fill=FillAt.NEXT_OPEN)))
    assert (position.entry_price, position.opened_bar) == (Decimal(entry), 1)
    assert position.opened_at.timestamp() == bars.ts[1]


def test_a_close_can_wait_for_the_next_open_too(play):
    bars = candles("1.1234", "1.1250 1.1260 1.1240 1.1255")
    position = only(play(FREE, bars, new(0, BUY), close(0, fill=FillAt.NEXT_OPEN)))
    assert (position.exit_price, position.closed_bar) == (Decimal("1.1250"), 1)


LEVELS = [
    # side, level, the bars after 1.1000, exit price, why
    (BUY, {"sl": "1.0950"}, "1.1000 1.1010 1.0950 1.0960", "1.09495", FillReason.STOP_LOSS),
    (BUY, {"sl": "1.0950"}, "1.0900 1.0910 1.0890 1.0900", "1.08995", FillReason.STOP_LOSS),
    (BUY, {"tp": "1.1050"}, "1.1000 1.1050 1.0990 1.1000", "1.10500", FillReason.TAKE_PROFIT),
    (BUY, {"tp": "1.1050"}, "1.1100 1.1110 1.1090 1.1100", "1.10500", FillReason.TAKE_PROFIT),
    (SELL, {"sl": "1.1050"}, "1.1000 1.1048 1.0990 1.1000", "1.10505", FillReason.STOP_LOSS),
    (SELL, {"sl": "1.1050"}, "1.1100 1.1110 1.1090 1.1100", "1.11025", FillReason.STOP_LOSS),
    (SELL, {"tp": "1.0950"}, "1.1000 1.1010 1.0948 1.1000", "1.09500", FillReason.TAKE_PROFIT),
    (SELL, {"tp": "1.0950"}, "1.0900 1.0910 1.0890 1.0900", "1.09500", FillReason.TAKE_PROFIT),
]


@pytest.mark.parametrize(("side", "levels", "after", "price", "why"), LEVELS)
def test_levels_fill_where_they_are_or_beyond_a_gap(play, side, levels, after, price, why):
    """A stop-loss slips, and takes the first price beyond it; a take-profit is filled at its price. A SELL's are asks."""
    position = only(play(eurusd(), candles("1.1000", after), new(0, side, **levels)))
    assert (position.exit_price, position.exit_reason) == (Decimal(price), why)
    assert not position.ambiguous


@pytest.mark.parametrize(
    ("side", "level", "after"),
    [
        (BUY, {"sl": "1.0950"}, "1.1000 1.1010 1.09501 1.0960"),
        (BUY, {"tp": "1.1050"}, "1.1000 1.10499 1.0990 1.1000"),
        (SELL, {"sl": "1.1050"}, "1.1000 1.10479 1.0990 1.1000"),
        (SELL, {"tp": "1.0950"}, "1.1000 1.1010 1.09481 1.1000"),
    ],
)
def test_a_step_short_of_a_level_is_not_touched(play, side, level, after):
    assert only(play(eurusd(), candles("1.1000", after), new(0, side, **level))).status is PositionStatus.OPEN


ENTRIES = [
    (BUY, LIMIT, "1.0950", "1.1000 1.1010 1.0948 1.0960", "1.09500"),  # ask 1.0950
    (BUY, LIMIT, "1.0950", "1.0900 1.0910 1.0890 1.0900", "1.09500"),  # a gap: at its price all the same
    (SELL, LIMIT, "1.1050", "1.1000 1.1050 1.0990 1.1000", "1.10500"),
    (SELL, LIMIT, "1.1050", "1.1100 1.1110 1.1090 1.1100", "1.10500"),
    (BUY, STOP, "1.1050", "1.1000 1.1048 1.0990 1.1000", "1.10505"),
    (BUY, STOP, "1.1050", "1.1100 1.1110 1.1090 1.1100", "1.11025"),  # a gap: the first ask beyond, and slips
    (SELL, STOP, "1.0950", "1.1000 1.1010 1.0950 1.0960", "1.09495"),
    (SELL, STOP, "1.0950", "1.0900 1.0910 1.0890 1.0900", "1.08995"),
]


@pytest.mark.parametrize(("side", "kind", "price", "after", "entry"), ENTRIES)
def test_entry_orders(play, side, kind, price, after, entry):
    ledger = play(eurusd(), candles("1.1000", after), new(0, side, kind, price=price))
    position = only(ledger)
    assert (position.entry_price, position.opened_bar) == (Decimal(entry), 1)
    assert position.slippage_cost == (0 if kind is LIMIT else Decimal("0.5"))
    (order,) = ledger.order_values()
    assert (order.status, order.done_bar, order.number) == (OrderStatus.FILLED, 1, position.number)


@pytest.mark.parametrize(("side", "kind", "price", "after", "_entry"), ENTRIES)
def test_a_cancelled_order_is_never_filled(play, side, kind, price, after, _entry):
    cancel = Command(CommandKind.CANCEL, 0, 1)
    ledger = play(eurusd(), candles("1.1000", after), new(0, side, kind, price=price), cancel)
    assert ledger.position_values() == []
    assert ledger.order_values()[0].status is OrderStatus.CANCELLED


def test_an_order_works_from_the_next_bar_on(play):
    """The bar after whose close it was placed is over."""
    bars = candles("1.1000 1.1000 1.0900 1.1000", "1.1000")
    assert play(eurusd(), bars, new(0, BUY, LIMIT, price="1.0950")).position_values() == []


def test_levels_can_be_changed_and_taken_away(play):
    bars = candles("1.1000", "1.1000", "1.1000 1.1000 1.0900 1.1000")
    change = Command(CommandKind.CHANGE, 1, 1, tp=111_000)
    position = only(play(FREE, bars, new(0, BUY, sl="1.0950"), change))
    assert (position.status, position.sl_price, position.tp_price) == (
        PositionStatus.OPEN,
        None,
        Decimal("1.11"),
    )


def test_stop_closes_all_at_the_last_price(play):
    commands = [new(0, BUY), new(0, SELL), new(0, BUY, LIMIT, price="1.0"), Command(CommandKind.STOP, 1)]
    ledger = play(eurusd(), candles("1.1000", "1.1010"), *commands)
    assert [each.exit_price for each in ledger.position_values()] == [Decimal("1.10095"), Decimal("1.10125")]
    assert {each.exit_reason for each in ledger.position_values()} == {FillReason.SESSION_STOP}
    assert [each.status for each in ledger.order_values()][2] is OrderStatus.CANCELLED


def test_forced_close(play):
    position = only(play(eurusd(), candles("1.1"), new(0, BUY), Command(CommandKind.LIQUIDATE, 0, 1)))
    assert (position.status, position.exit_price) == (PositionStatus.LIQUIDATED, Decimal("1.09995"))


def test_commands_for_what_is_not_there_are_left_out(play):
    bars = candles("1.1", "1.1", "1.1")
    lost = [Command(kind, 1, 9) for kind in (CommandKind.CLOSE, CommandKind.CHANGE, CommandKind.CANCEL)]
    assert len(play(eurusd(), bars, new(0, BUY), *lost, close(1), close(2)).fills) == 2
