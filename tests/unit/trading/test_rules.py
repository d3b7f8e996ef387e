"""What may be asked of a session, and which orders make sense."""

from decimal import Decimal

import pytest
from tests.unit.trading.markets import eurusd, steps

from stoa.trading import rules
from stoa.trading.errors import NotTradableError, TradingInvalidError, TransitionRefusedError
from stoa.trading.model import Action, FillAt, OrderType, Side, Status

D = Decimal
LAST = steps("1.1000")  # so the ask is 1.10020
ALLOWED = {
    (Status.DRAFT, Action.START): Status.RUNNING,
    (Status.RUNNING, Action.PAUSE): Status.PAUSED,
    (Status.PAUSED, Action.RESUME): Status.RUNNING,
    (Status.RUNNING, Action.STOP): Status.COMPLETED,
    (Status.PAUSED, Action.STOP): Status.COMPLETED,
    (Status.COMPLETED, Action.ARCHIVE): Status.ARCHIVED,
}
DOCUMENTED = (Action.START, Action.PAUSE, Action.RESUME, Action.STOP, Action.ARCHIVE)
SAID = {
    Action.START: "Invalid state transition",
    Action.PAUSE: "Session is not running",
    Action.RESUME: "Session is not paused",
    Action.STOP: "Invalid state transition",
    Action.ARCHIVE: "Session is not completed",
}


@pytest.mark.parametrize("action", DOCUMENTED)
@pytest.mark.parametrize("status", Status)
def test_transitions_are_the_documents(status, action):
    if (status, action) in ALLOWED:
        assert rules.check_transition(status, action) is ALLOWED[status, action]
    else:
        with pytest.raises(TransitionRefusedError, match=SAID[action]):
            rules.check_transition(status, action)


@pytest.mark.parametrize("wanted", Status)
@pytest.mark.parametrize("status", Status)
def test_put_of_a_status_obeys_the_same_table(status, wanted):
    reached = {there: action for (here, action), there in ALLOWED.items() if here is status}
    if status is wanted:
        assert rules.action_for(status, wanted) is None
    elif wanted in reached:
        assert rules.action_for(status, wanted) is reached[wanted]
    else:
        with pytest.raises(TransitionRefusedError, match=f"{status} to {wanted}"):
            rules.action_for(status, wanted)


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.FORK])
def test_archived_is_final(action):
    with pytest.raises(TransitionRefusedError):
        rules.check_transition(Status.ARCHIVED, action)


@pytest.mark.parametrize("status", Status)
def test_trading_needs_a_running_or_paused_session(status):
    if status in (Status.RUNNING, Status.PAUSED):
        rules.check_may_trade(status)
    else:
        with pytest.raises(NotTradableError, match=status):
            rules.check_may_trade(status)


def order(side, kind=OrderType.MARKET, **values):
    return rules.order(eurusd(), bar=3, last=LAST, side=side, type=kind, quantity_lots=D("0.1"), **values)


def refused(side, kind=OrderType.MARKET, **values):
    with pytest.raises(TradingInvalidError) as error:
        order(side, kind, **values)
    return [fault.field for fault in error.value.faults]


def test_a_market_orders_price_is_ignored():
    command = order(Side.BUY, price=D("0.5"), fill=FillAt.NEXT_OPEN)
    assert (command.price, command.lots, command.bar, command.fill) == (None, 10, 3, FillAt.NEXT_OPEN)


def test_only_market_orders_wait_for_an_open():
    assert order(Side.BUY, OrderType.LIMIT, price=D("1.09"), fill=FillAt.NEXT_OPEN).fill is FillAt.NOW


@pytest.mark.parametrize(
    ("side", "sl", "tp"), [(Side.BUY, "1.09999", "1.10001"), (Side.SELL, "1.10021", "1.10019")]
)
def test_levels_lie_on_their_sides_of_the_closing_price(side, sl, tp):
    command = order(side, sl_price=D(sl), tp_price=D(tp))
    assert (command.sl, command.tp) == (steps(sl), steps(tp))
    assert refused(side, sl_price=D(tp), tp_price=D(sl)) == ["sl_price", "tp_price"]
    middle = D("1.10000") if side is Side.BUY else D("1.10020")
    assert refused(side, sl_price=middle, tp_price=middle) == ["sl_price", "tp_price"]


@pytest.mark.parametrize(
    ("side", "kind", "good", "bad"),
    [
        (Side.BUY, OrderType.LIMIT, "1.10019", "1.10020"),
        (Side.BUY, OrderType.STOP, "1.10021", "1.10020"),
        (Side.SELL, OrderType.LIMIT, "1.10001", "1.10000"),
        (Side.SELL, OrderType.STOP, "1.09999", "1.10000"),
    ],
)
def test_entry_prices_lie_on_their_sides_of_the_market(side, kind, good, bad):
    assert order(side, kind, price=D(good)).price == steps(good)
    assert refused(side, kind, price=D(bad)) == ["price"]
    assert refused(side, kind) == ["price"]


def test_an_entry_orders_levels_are_seen_from_its_price():
    assert (
        order(Side.BUY, OrderType.LIMIT, price=D("1.05"), sl_price=D("1.04979"), tp_price=D("1.06")).sl
        == 104_979
    )
    assert refused(Side.BUY, OrderType.LIMIT, price=D("1.05"), sl_price=D("1.0498")) == ["sl_price"]


def test_new_levels_of_a_position_are_seen_from_the_market():
    given = {"bar": 4, "last": LAST, "number": 2, "side": Side.BUY, "price": None}
    command = rules.change(eurusd(), **given, sl_price=D("1.09"), tp_price=None)
    assert (command.number, command.bar, command.sl, command.tp) == (2, 4, 109_000, None)
    with pytest.raises(TradingInvalidError, match="sl_price"):
        rules.change(eurusd(), **given, sl_price=D("1.11"), tp_price=None)
