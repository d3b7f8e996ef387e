"""Bars and commands, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

from stoa.trading.candles import Bars
from stoa.trading.model import Command, CommandKind, FillAt, FillReason, OrderStatus, OrderType, Terms
from stoa.trading.reference._account import Account, OrderState, PositionState
from stoa.trading.reference._candle import Candle, Inside


def run(
    terms: Terms, bars: Bars, commands: Iterable[Command], finer: Bars | None = None, *, better: bool = False
) -> Account:
    """The account after all bars. Commands ascend by bar; one that can't be done is left out (an order is REJECTED)."""
    waiting = list(commands)
    with localcontext(prec=80):
        account = Account(terms, at=_at(int(bars.ts[0])) if len(bars) else _at(0))
        for bar in range(len(bars)):
            account.bar = bar
            for place, candle in enumerate(_candles(terms, bars, bar, finer)):
                Inside(account, candle, better=better, opens_bar=place == 0).play()
            close = terms.price(int(bars.close[bar]))
            account.at = _at(int(bars.ts[bar]) + bars.timeframe.seconds)
            while waiting and waiting[0].bar == bar:
                _carry_out(account, waiting.pop(0), close)
                while account.is_below(close):
                    worst = min(account.open, key=lambda each: account.unrealised(each, close))
                    account.leave(worst, FillReason.LIQUIDATION, close)
            account.balances.append(account.balance)
            account.equities.append(account.equity(close))
        return account


def _carry_out(account: Account, command: Command, close: Decimal) -> None:
    if command.kind is CommandKind.OPEN:
        order = _order(account, command)
        account.orders.append(order)
        if order.type is OrderType.MARKET and order.fill is FillAt.NOW:
            account.enter(order, close)
    elif command.kind is CommandKind.STOP:
        for position in account.open:
            account.leave(position, FillReason.SESSION_STOP, close)
        for order in account.pending:
            _cancel(account, order)
    else:
        targets: list[PositionState | OrderState] = [*account.open, *account.pending]
        for target in targets:
            if target.number == command.number:
                _change(account, target, command, close)


def _order(account: Account, command: Command) -> OrderState:
    assert command.side is not None
    assert command.type is not None
    price = _price(account.terms, command.price)
    return OrderState(
        number=len(account.orders) + 1,
        side=command.side,
        type=command.type,
        lots=account.terms.quantity(command.lots),
        price=None if command.type is OrderType.MARKET else price,
        sl=_price(account.terms, command.sl),
        tp=_price(account.terms, command.tp),
        placed_bar=account.bar,
        fill=command.fill,
    )


def _change(account: Account, target: PositionState | OrderState, command: Command, close: Decimal) -> None:
    if command.kind is CommandKind.CHANGE:
        target.sl, target.tp = _price(account.terms, command.sl), _price(account.terms, command.tp)
    elif isinstance(target, OrderState):
        if command.kind is CommandKind.CANCEL:
            _cancel(account, target)
    elif command.kind is CommandKind.LIQUIDATE:
        account.leave(target, FillReason.LIQUIDATION, close)
    elif command.kind is CommandKind.CLOSE and command.fill is FillAt.NEXT_OPEN:
        target.close_next_open = True
    elif command.kind is CommandKind.CLOSE:
        account.leave(target, FillReason.CLOSE, close)


def _cancel(account: Account, order: OrderState) -> None:
    order.status, order.done_bar = OrderStatus.CANCELLED, account.bar


def _price(terms: Terms, steps: int | None) -> Decimal | None:
    return None if steps is None else terms.price(steps)


def _candles(terms: Terms, bars: Bars, bar: int, finer: Bars | None) -> Iterator[Candle]:
    """The finer candles of a bar where they make it up exactly, else the bar itself."""
    whole = bars[bar : bar + 1]
    start = int(bars.ts[bar])
    parts = whole if finer is None else finer.between(start, start + bars.timeframe.seconds)
    if len(parts) == 0 or _shape(parts) != _shape(whole):
        parts = whole
    for place in range(len(parts)):
        starts_at = _at(int(parts.ts[place]))
        yield Candle(
            open=terms.price(int(parts.open[place])),
            high=terms.price(int(parts.high[place])),
            low=terms.price(int(parts.low[place])),
            close=terms.price(int(parts.close[place])),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(seconds=parts.timeframe.seconds),
        )


def _shape(bars: Bars) -> tuple[int, int, int, int]:
    return int(bars.open[0]), int(bars.high.max()), int(bars.low.min()), int(bars.close[-1])


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
