"""What traders do: open, place, change, close, cancel. Each use case is one transaction, filled at the server's price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock
from stoa.kernel.pages import Page
from stoa.trading import rules, store
from stoa.trading.errors import (
    OrderNotFoundError,
    OrderNotPendingError,
    PositionNotFoundError,
    PositionNotOpenError,
)
from stoa.trading.market import Market
from stoa.trading.model import (
    Command,
    CommandKind,
    FillAt,
    OrderStatus,
    OrderType,
    PositionStatus,
    Side,
)
from stoa.trading.service._play import Play
from stoa.trading.service._sessions import changeable, check_owner, found, held, seen_by
from stoa.trading.store import Listing, OrderRow, PositionRow

Levels = tuple["Decimal | UnsetType | None", "Decimal | UnsetType | None"]
"""sl and tp: UNSET stays, None is taken away."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    type: OrderType
    side: Side
    quantity_lots: Decimal
    price: Decimal | None = None
    sl_price: Decimal | None = None
    tp_price: Decimal | None = None
    fill: FillAt = FillAt.NOW


def place(
    connection: Connection, market: Market, session_id: int, order: NewOrder, *, actor: Actor, clock: Clock
) -> PositionRow | OrderRow:
    """The position where it is filled at once, else the order that waits.

    Raises NotTradableError, TradingInvalidError, InsufficientMarginError.
    """
    play = held(connection, market, session_id, actor=actor, clock=clock)
    rules.check_may_trade(play.status)
    command = rules.order(
        play.session.terms, bar=play.bar, last=play.last, side=order.side, type=order.type,
        quantity_lots=order.quantity_lots, price=order.price, sl_price=order.sl_price, tp_price=order.tp_price,
        fill=order.fill,
    )  # fmt: skip
    number = play.give(command)
    play.save(actor_id=actor.id)
    if order.type is OrderType.MARKET and order.fill is FillAt.NOW:
        return store.numbered(connection, PositionRow, session_id, [number])[number]
    return store.numbered(connection, OrderRow, session_id, [number])[number]


def position(connection: Connection, position_id: int, *, actor: Actor) -> PositionRow:
    """Raises PositionNotFoundError, NotOwnerError."""
    row = store.get(connection, PositionRow, position_id)
    if row is None:
        raise PositionNotFoundError
    check_owner(row.user_id, actor)
    return row


def order(connection: Connection, order_id: int, *, actor: Actor) -> OrderRow:
    """Raises OrderNotFoundError, NotOwnerError."""
    row = store.get(connection, OrderRow, order_id)
    if row is None:
        raise OrderNotFoundError
    check_owner(row.user_id, actor)
    return row


def list_account(
    connection: Connection, of: type[store.AccountRow], listing: Listing, *, actor: Actor
) -> Page[store.AccountRow]:
    """Those that the actor may see. Raises SessionNotFoundError, NotOwnerError where one session's are asked for."""
    if listing.session_id is not None:
        found(connection, listing.session_id, actor=actor)
    return store.list_rows(connection, of, seen_by(listing, actor))


def close(
    connection: Connection, market: Market, position_id: int, kind: CommandKind, *, actor: Actor, clock: Clock
) -> PositionRow:
    """CLOSE or LIQUIDATE, at the market. Raises PositionNotOpenError, NotTradableError."""
    play, row = _with_position(connection, market, position_id, actor=actor, clock=clock)
    _close(play, row, kind)
    play.save(actor_id=actor.id)
    return position(connection, position_id, actor=actor)


def _with_position(
    connection: Connection, market: Market, position_id: int, *, actor: Actor, clock: Clock
) -> tuple[Play, PositionRow]:
    """Its session held, and the position as it is then."""
    row = position(connection, position_id, actor=actor)
    play = held(connection, market, row.session_id, actor=actor, clock=clock)
    return play, position(connection, position_id, actor=actor)


def _with_order(
    connection: Connection, market: Market, order_id: int, *, actor: Actor, clock: Clock
) -> tuple[Play, OrderRow]:
    """The same with an order. Raises OrderNotPendingError."""
    row = order(connection, order_id, actor=actor)
    play = held(connection, market, row.session_id, actor=actor, clock=clock)
    row = order(connection, order_id, actor=actor)
    if row.order_status is not OrderStatus.PENDING:
        raise OrderNotPendingError
    return play, row


def _close(play: Play, row: PositionRow, kind: CommandKind) -> None:
    if row.position_status is not PositionStatus.OPEN:
        raise PositionNotOpenError
    rules.check_may_trade(play.status)
    play.give(Command(kind, play.bar, number=row.number))


def change_position(
    connection: Connection, market: Market, position_id: int, levels: Levels, status: PositionStatus | UnsetType,
    *, actor: Actor, clock: Clock,
) -> PositionRow:  # fmt: skip
    """New levels, or an end: CLOSED and LIQUIDATED close it. Raises PositionNotOpenError, TradingInvalidError."""
    play, row = _with_position(connection, market, position_id, actor=actor, clock=clock)
    changeable(play.session)
    if levels != (UNSET, UNSET):
        if row.position_status is not PositionStatus.OPEN:
            raise PositionNotOpenError
        _set_levels(play, row, levels, price=None)
    if not isinstance(status, UnsetType) and status is not row.position_status:
        if status is PositionStatus.OPEN:
            raise PositionNotOpenError
        _close(play, row, _CLOSING[status])
    play.save(actor_id=actor.id)
    return position(connection, position_id, actor=actor)


_CLOSING = {PositionStatus.CLOSED: CommandKind.CLOSE, PositionStatus.LIQUIDATED: CommandKind.LIQUIDATE}


def _set_levels(play: Play, row: PositionRow | OrderRow, levels: Levels, *, price: Decimal | None) -> None:
    rules.check_may_trade(play.status)
    sl, tp = levels
    terms = play.session.terms
    command = rules.change(
        terms, bar=play.bar, last=play.last, number=row.number, side=row.side,
        price=None if price is None else terms.steps(price, "price"),
        sl_price=row.sl_price if isinstance(sl, UnsetType) else sl,
        tp_price=row.tp_price if isinstance(tp, UnsetType) else tp,
    )  # fmt: skip
    play.give(command)


def delete_position(
    connection: Connection, market: Market, position_id: int, *, actor: Actor, clock: Clock
) -> None:
    """Takes it out of the lists; one that is open is closed first. What it did to the account stays in the ledger."""
    play, row = _with_position(connection, market, position_id, actor=actor, clock=clock)
    changeable(play.session)
    if row.position_status is PositionStatus.OPEN:
        _close(play, row, CommandKind.CLOSE)
        play.save(actor_id=actor.id)
        row = position(connection, position_id, actor=actor)
    store.update_rows(connection, [replace(row, hidden=True, updated_at=play.now)])


def change_order(
    connection: Connection, market: Market, order_id: int, levels: Levels, *, actor: Actor, clock: Clock
) -> OrderRow:
    """Raises OrderNotPendingError, TradingInvalidError."""
    play, row = _with_order(connection, market, order_id, actor=actor, clock=clock)
    if levels != (UNSET, UNSET):
        price = row.price if row.price is not None else play.session.terms.price(play.last)
        _set_levels(play, row, levels, price=price)
        play.save(actor_id=actor.id)
    return order(connection, order_id, actor=actor)


def cancel(connection: Connection, market: Market, order_id: int, *, actor: Actor, clock: Clock) -> None:
    """Raises OrderNotPendingError."""
    play, row = _with_order(connection, market, order_id, actor=actor, clock=clock)
    rules.check_may_trade(play.status)
    play.give(Command(CommandKind.CANCEL, play.bar, number=row.number))
    play.save(actor_id=actor.id)
