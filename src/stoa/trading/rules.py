"""Decisions of trading, pure: what may be asked of a session now, and whether an order makes sense."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from stoa.kernel.errors import ConflictError, Fault
from stoa.trading.errors import NotTradableError, TradingInvalidError, TransitionRefusedError
from stoa.trading.model import (
    LIFECYCLE,
    Action,
    Command,
    CommandKind,
    FillAt,
    OrderType,
    Side,
    Status,
    Terms,
)

_SAID = {
    Action.PAUSE: "Session is not running",
    Action.RESUME: "Session is not paused",
    Action.ARCHIVE: "Session is not completed",
}
_ACTIONS = {
    (Status.DRAFT, Status.RUNNING): Action.START,
    (Status.RUNNING, Status.PAUSED): Action.PAUSE,
    (Status.PAUSED, Status.RUNNING): Action.RESUME,
    (Status.RUNNING, Status.COMPLETED): Action.STOP,
    (Status.PAUSED, Status.COMPLETED): Action.STOP,
    (Status.COMPLETED, Status.ARCHIVED): Action.ARCHIVE,
}


def check_transition(status: Status, action: Action) -> Status:
    """The status that ``action`` leads to. Raises TransitionRefusedError in the document's words."""
    try:
        return LIFECYCLE.after(status, action)
    except ConflictError:
        said = _SAID.get(action, f"Invalid state transition: {action} of a session that is {status}")
        raise TransitionRefusedError(said) from None


def action_for(status: Status, wanted: Status) -> Action | None:
    """What a PUT of ``session_status`` asks for; None where it is so already. Raises TransitionRefusedError."""
    if wanted is status:
        return None
    try:
        return _ACTIONS[status, wanted]
    except KeyError:
        raise TransitionRefusedError(f"Invalid state transition: {status} to {wanted}") from None


def check_may_trade(status: Status) -> None:
    """Raises NotTradableError unless the session is running or paused."""
    if Action.TRADE not in LIFECYCLE.actions(status):
        raise NotTradableError(f"Session is {status}: nothing can be traded in it")


def order(  # noqa: PLR0913 - all that a trader can say of an order
    terms: Terms,
    *,
    bar: int,
    last: int,
    side: Side,
    type: OrderType,  # noqa: A002 - the order's own word
    quantity_lots: Decimal,
    price: Decimal | None = None,
    sl_price: Decimal | None = None,
    tp_price: Decimal | None = None,
    fill: FillAt = FillAt.NOW,
) -> Command:
    """The command for a new order while the last completed bar is ``bar`` and its close is ``last`` steps.

    A market order's ``price`` is ignored; ``fill`` is for market orders only. The stop-loss has to lie on the losing side
    of the price at which the position could be closed right after the entry, the take-profit on the winning side; a limit
    has to be better than the market and a stop worse. Raises TradingInvalidError naming each bad field.
    """
    faults: list[Fault] = []
    lots = _read(faults, lambda: terms.lots(quantity_lots))
    at = None
    if type is not OrderType.MARKET:
        at = _entry(terms, faults, side=side, kind=type, price=price, last=last)
    bid = _bid(terms, side, at, last)
    sl, tp = _levels(terms, faults, side=side, bid=bid, sl_price=sl_price, tp_price=tp_price)
    if faults:
        raise TradingInvalidError.of(*faults)
    return Command(
        kind=CommandKind.OPEN,
        bar=bar,
        side=side,
        type=type,
        lots=lots or 0,
        price=at,
        sl=sl,
        tp=tp,
        fill=fill if type is OrderType.MARKET else FillAt.NOW,
    )


def change(
    terms: Terms,
    *,
    bar: int,
    last: int,
    number: int,
    side: Side,
    price: int | None,
    sl_price: Decimal | None,
    tp_price: Decimal | None,
) -> Command:
    """Both levels of an open position (``price`` None) or of a pending order at ``price`` steps, anew; None takes one away.

    Raises TradingInvalidError naming ``sl_price`` or ``tp_price``.
    """
    faults: list[Fault] = []
    bid = _bid(terms, side, price, last)
    sl, tp = _levels(terms, faults, side=side, bid=bid, sl_price=sl_price, tp_price=tp_price)
    if faults:
        raise TradingInvalidError.of(*faults)
    return Command(CommandKind.CHANGE, bar, number, sl=sl, tp=tp)


def close(*, bar: int, number: int, fill: FillAt = FillAt.NOW) -> Command:
    return Command(CommandKind.CLOSE, bar, number, fill=fill)


def liquidate(*, bar: int, number: int) -> Command:
    return Command(CommandKind.LIQUIDATE, bar, number)


def cancel(*, bar: int, number: int) -> Command:
    return Command(CommandKind.CANCEL, bar, number)


def _bid(terms: Terms, side: Side, price: int | None, last: int) -> int:
    """The bid when the order is filled: of a BUY at ``price`` (an ask) the spread is taken off."""
    if price is None:
        return last
    return price - terms.spread if side is Side.BUY else price


def _entry(
    terms: Terms, faults: list[Fault], *, side: Side, kind: OrderType, price: Decimal | None, last: int
) -> int | None:
    if price is None:
        faults.append(Fault("price", "is needed for a limit or stop order."))
        return None
    given = price
    at = _read(faults, lambda: terms.steps(given, "price"))
    if at is None:
        return None
    market = last + terms.spread if side is Side.BUY else last
    name = "ask" if side is Side.BUY else "bid"
    is_above = (side is Side.BUY) == (kind is OrderType.STOP)
    if (at <= market) if is_above else (at >= market):
        way = "above" if is_above else "below"
        faults.append(Fault("price", f"must be {way} the {name}, {terms.price(market)}."))
    return at


def _levels(
    terms: Terms,
    faults: list[Fault],
    *,
    side: Side,
    bid: int,
    sl_price: Decimal | None,
    tp_price: Decimal | None,
) -> tuple[int | None, int | None]:
    closing = bid if side is Side.BUY else bid + terms.spread
    found: list[int | None] = []
    for name, price, is_above in (
        ("sl_price", sl_price, side is Side.SELL),
        ("tp_price", tp_price, side is Side.BUY),
    ):
        level = None if price is None else _level(terms, faults, name, price)
        if level is not None and ((level <= closing) if is_above else (level >= closing)):
            way = "above" if is_above else "below"
            faults.append(Fault(name, f"must be {way} {terms.price(closing)} for a {side}."))
        found.append(level)
    return found[0], found[1]


def _level(terms: Terms, faults: list[Fault], name: str, price: Decimal) -> int | None:
    return _read(faults, lambda: terms.steps(price, name))


def _read(faults: list[Fault], read: Callable[[], int]) -> int | None:
    """What ``read`` finds, or None and its faults."""
    try:
        return read()
    except TradingInvalidError as error:
        faults.extend(error.faults)
        return None
