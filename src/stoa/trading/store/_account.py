"""What happened in sessions: positions, orders and transactions, as the account's fold and a few people wrote them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, bindparam, delete, insert, select, update

from stoa.kernel.clock import from_millis, to_millis
from stoa.kernel.pages import Page
from stoa.trading.model import OrderStatus, OrderType, PositionStatus, Side, TransactionType
from stoa.trading.store._account_tables import orders, positions, transactions
from stoa.trading.store._exact import as_number
from stoa.trading.store._lists import Listing, page_of


@dataclass(frozen=True, slots=True)
class PositionRow:
    """``number`` is the account's own for it."""

    id: int
    session_id: int
    user_id: int
    number: int
    hidden: bool
    candle_id: int
    exit_candle_id: int | None
    position_status: PositionStatus
    side: Side
    entry_price: Decimal
    quantity_lots: Decimal
    tp_price: Decimal | None
    sl_price: Decimal | None
    exit_price: Decimal | None
    opened_at: datetime
    closed_at: datetime | None
    realized_pnl: Decimal
    commission_cost: Decimal
    slippage_cost: Decimal
    spread_cost: Decimal
    ambiguous: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OrderRow:
    id: int
    session_id: int
    user_id: int
    number: int
    order_type: OrderType
    order_status: OrderStatus
    side: Side
    price: Decimal | None
    quantity_lots: Decimal
    tp_price: Decimal | None
    sl_price: Decimal | None
    position_id: int | None
    placed_at: datetime
    closed_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """``number`` is its place in the account's ledger, from 0; None for one that an administrator entered."""

    id: int
    user_id: int
    session_id: int | None
    number: int | None
    hidden: bool
    position_id: int | None
    transaction_type: TransactionType
    amount: Decimal
    balance_after: Decimal
    created_at: datetime
    updated_at: datetime


AccountRow = TypeVar("AccountRow", PositionRow, OrderRow, TransactionRow)

_ENUMS = {
    "position_status": PositionStatus, "side": Side, "order_type": OrderType, "order_status": OrderStatus,
    "transaction_type": TransactionType,
}  # fmt: skip
_TIMES = ("opened_at", "closed_at", "placed_at", "created_at", "updated_at")
_TABLES: dict[type, Table] = {PositionRow: positions, OrderRow: orders, TransactionRow: transactions}


def get(connection: Connection, of: type[AccountRow], row_id: int) -> AccountRow | None:
    """None where there is none, or it is hidden."""
    row = connection.execute(_GET[of], {"id": row_id}).one_or_none()
    return None if row is None or getattr(row, "hidden", False) else _value(of, row)


def numbered(
    connection: Connection, of: type[AccountRow], session_id: int, numbers: Iterable[int]
) -> dict[int, AccountRow]:
    """Those of them that are there, by their numbers."""
    asked = {"session_id": session_id, "numbers": sorted(numbers)}
    return {row.number: _value(of, row) for row in connection.execute(_NUMBERED[of], asked)}


def position_ids(connection: Connection, session_id: int) -> dict[int, int]:
    """The ids of a session's positions by their numbers."""
    return {row.number: row.id for row in connection.execute(_IDS, {"session_id": session_id})}


def list_rows(connection: Connection, of: type[AccountRow], listing: Listing) -> Page[AccountRow]:
    page = page_of(connection, _TABLES[of], listing, sorting=SORTS[of])
    return Page([_value(of, row) for row in page.items], page.total)


def insert_rows(connection: Connection, rows: Sequence[AccountRow]) -> list[AccountRow]:
    """Answers them with their ids."""
    if not rows:
        return []
    table = _TABLES[type(rows[0])]
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    given = connection.execute(statement, [_columns(row) for row in rows]).scalars()
    return [replace(row, id=row_id) for row, row_id in zip(rows, given, strict=True)]


def update_rows(connection: Connection, rows: Sequence[AccountRow]) -> None:
    if rows:
        connection.execute(_UPDATE[type(rows[0])], [_columns(row) | {"key": row.id} for row in rows])


def delete_beyond(
    connection: Connection,
    of: type[PositionRow | OrderRow | TransactionRow],
    session_id: int,
    numbers: Collection[int],
) -> None:
    """Removes a session's rows of the fold but those with these numbers."""
    table = _TABLES[of]
    rows = connection.execute(
        select(table.c.id, table.c.number).where(
            table.c.session_id == session_id, table.c.number.is_not(None)
        )
    )
    gone = [row.id for row in rows if row.number not in numbers]
    if gone:
        connection.execute(delete(table).where(table.c.id.in_(gone)))


def _columns(row: PositionRow | OrderRow | TransactionRow) -> dict[str, Any]:
    values = asdict(row)
    del values["id"]
    for name in _TIMES:
        if values.get(name) is not None:
            values[name] = to_millis(values[name])
    return values


def _value(of: type[AccountRow], row: Row[Any]) -> AccountRow:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    for name in _TIMES:
        if values.get(name) is not None:
            values[name] = from_millis(values[name])
    for name, enum in _ENUMS.items():
        if name in values:
            values[name] = enum(values[name])
    return of(**values)


def _sorting(table: Table, *unsaid: str) -> dict[str, ColumnElement[Any]]:
    """What a list is sorted by: the object's own fields."""
    return {column.name: as_number(column) for column in table.c if column.name not in unsaid}


SORTS: dict[type, dict[str, ColumnElement[Any]]] = {
    PositionRow: _sorting(positions, "user_id", "number", "hidden"),
    OrderRow: _sorting(orders, "user_id", "number"),
    TransactionRow: _sorting(transactions, "number", "hidden"),
}
_GET = {of: select(table).where(table.c.id == bindparam("id")) for of, table in _TABLES.items()}
_IDS = select(positions.c.number, positions.c.id).where(positions.c.session_id == bindparam("session_id"))
_NUMBERED = {
    of: select(table).where(
        table.c.session_id == bindparam("session_id"),
        table.c.number.in_(bindparam("numbers", expanding=True)),
    )
    for of, table in _TABLES.items()
}
_UPDATE = {
    of: update(table)
    .where(table.c.id == bindparam("key"))
    .values(
        {column.name: bindparam(column.name, type_=column.type) for column in table.c if column.name != "id"}
    )
    for of, table in _TABLES.items()
}
