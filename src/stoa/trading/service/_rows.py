"""The account's rows: what the fold says of positions, orders and transactions, written where people look for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from stoa.trading import store
from stoa.trading.engine import Ledger
from stoa.trading.model import Order, OrderStatus, OrderType, Position, PositionStatus, Transaction
from stoa.trading.service._market import Span
from stoa.trading.store import OrderRow, PositionRow, TradingSession, TransactionRow

Row = TypeVar("Row", PositionRow, OrderRow, TransactionRow)


@dataclass(frozen=True, slots=True)
class Writing:
    """``wall`` says when a bar's events happened in the time of people."""

    connection: Connection
    session: TradingSession
    span: Span
    wall: Callable[[int], datetime]

    def add(self, ledger: Ledger) -> dict[int, int]:
        """Adds what is new in ``ledger``, and changes what has become different. Answers new positions' ids by number."""
        positions = [self._position(each) for each in ledger.position_values()]
        fresh = _write(
            self.connection, positions, self._known(PositionRow, [row.number for row in positions])
        )
        self._add_orders([each for each in ledger.order_values() if _is_shown(each)])
        self._add_transactions(ledger.transaction_values())
        return {row.number: row.id for row in fresh}

    def rewrite(self, ledger: Ledger) -> dict[int, int]:
        """``ledger`` is the whole account: what is not in it is gone. What stays keeps its id."""
        standing: dict[type[PositionRow | OrderRow | TransactionRow], set[int]] = {
            PositionRow: {each.number for each in ledger.position_values()},
            OrderRow: {each.number for each in ledger.order_values() if _is_shown(each)},
            TransactionRow: {each.index for each in ledger.transaction_values()},
        }
        for of, numbers in standing.items():
            store.delete_beyond(self.connection, of, self.session.id, numbers)
        return self.add(ledger)

    def _known(self, of: type[Row], numbers: Sequence[int]) -> dict[int, Row]:
        return store.numbered(self.connection, of, self.session.id, numbers) if numbers else {}

    def _ids(self, numbers: set[int]) -> dict[int, int]:
        """The ids of positions."""
        return {number: row.id for number, row in self._known(PositionRow, sorted(numbers)).items()}

    def _add_orders(self, orders: Sequence[Order]) -> None:
        ids = self._ids({each.number for each in orders if each.status is OrderStatus.FILLED})
        rows = [self._order(each, ids) for each in orders]
        _write(self.connection, rows, self._known(OrderRow, [row.number for row in rows]))

    def _add_transactions(self, transactions: Sequence[Transaction]) -> None:
        ids = self._ids({each.position for each in transactions if each.position is not None})
        rows = [self._transaction(each, ids) for each in transactions]
        _write(self.connection, rows, self._known(TransactionRow, [each.index for each in transactions]))

    def _position(self, position: Position) -> PositionRow:
        span, closed = self.span, position.closed_bar
        return PositionRow(
            id=0, session_id=self.session.id, user_id=self.session.user_id, number=position.number, hidden=False,
            candle_id=span.candle_id(position.opened_bar),
            exit_candle_id=None if closed is None else span.candle_id(closed), position_status=position.status,
            side=position.side, entry_price=position.entry_price, quantity_lots=position.quantity_lots,
            tp_price=position.tp_price, sl_price=position.sl_price, exit_price=position.exit_price,
            opened_at=position.opened_at, closed_at=position.closed_at, realized_pnl=position.realized_pnl,
            commission_cost=position.commission_cost, slippage_cost=position.slippage_cost,
            spread_cost=position.spread_cost, ambiguous=position.ambiguous,
            created_at=self.wall(position.opened_bar),
            updated_at=self.wall(position.opened_bar if closed is None else closed),
        )  # fmt: skip

    def _order(self, order: Order, ids: Mapping[int, int]) -> OrderRow:
        done, placed = order.done_bar, self.wall(order.placed_bar)
        return OrderRow(
            id=0, session_id=self.session.id, user_id=self.session.user_id, number=order.number,
            order_type=order.type, order_status=order.status, side=order.side, price=order.price,
            quantity_lots=order.quantity_lots, tp_price=order.tp_price, sl_price=order.sl_price,
            position_id=ids.get(order.number), placed_at=self.span.time_of(order.placed_bar),
            closed_at=None if done is None else self.span.time_of(done), created_at=placed,
            updated_at=placed if done is None else self.wall(done),
        )  # fmt: skip

    def _transaction(self, transaction: Transaction, ids: Mapping[int, int]) -> TransactionRow:
        at = self.wall(transaction.bar)
        return TransactionRow(
            id=0, user_id=self.session.user_id, session_id=self.session.id, number=transaction.index, hidden=False,
            position_id=None if transaction.position is None else ids[transaction.position],
            transaction_type=transaction.type, amount=transaction.amount, balance_after=transaction.balance_after,
            created_at=at, updated_at=at,
        )  # fmt: skip


def _is_shown(order: Order) -> bool:
    """A market order that was filled where it was given is a position and nothing else."""
    return order.type is not OrderType.MARKET or order.done_bar != order.placed_bar


def _write(connection: Connection, rows: Sequence[Row], known: Mapping[int, Row]) -> list[Row]:
    """Answers those that are new."""
    fresh: list[Row] = []
    changed: list[Row] = []
    for row in rows:
        before = known.get(row.number) if row.number is not None else None
        if before is None:
            fresh.append(row)
            continue
        after = _carried(row, before)
        if replace(after, updated_at=before.updated_at) != before:
            changed.append(after)
    store.update_rows(connection, changed)
    return store.insert_rows(connection, fresh)


def _carried(row: Row, before: Row) -> Row:
    """What the fold does not know stays; but what is open again, after going back, is seen."""
    kept = {"id": before.id, "created_at": before.created_at}
    if not isinstance(before, OrderRow):
        is_open = isinstance(row, PositionRow) and row.position_status is PositionStatus.OPEN
        kept["hidden"] = before.hidden and not is_open
    return replace(row, **kept)  # type: ignore[arg-type]
