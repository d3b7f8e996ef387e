"""An account's history as columns, and its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stoa.trading.engine import _columns as col
from stoa.trading.model import (
    Fill,
    FillReason,
    Order,
    OrderStatus,
    OrderType,
    Position,
    PositionStatus,
    Side,
    Terms,
    Transaction,
    TransactionType,
)

Rows = NDArray[Any]
Ints = NDArray[np.int64]

_SIDES, _TYPES, _REASONS = list(Side), list(OrderType), list(FillReason)
_POSITIONS, _ORDERS, _TRANSACTIONS = list(PositionStatus), list(OrderStatus), list(TransactionType)


@dataclass(frozen=True)
class Ledger:
    """An account's history: structured arrays of int64 in Terms' units (steps, hundredths of a lot, money units).

    ``-1`` stands for none in ``closed_bar``, ``closed_ts``, ``done_bar``, ``exit_reason`` and the DEPOSIT's ``number``,
    0 for no price. Enumerations are their members' places: BUY 0, SELL 1. Times are epoch seconds.

    - positions: number side status lots entry_price exit_price sl tp opened_bar opened_ts closed_bar closed_ts realized_pnl
      commission_cost slippage_cost spread_cost ambiguous entry_reason exit_reason; in order of opening
    - orders: number side type status lots price sl tp placed_bar done_bar; in order of placing
    - fills: number bar ts reason side lots price ambiguous ordinal; as they happened
    - transactions: number type amount balance_after bar ts ordinal; as they happened, the DEPOSIT first
    - balance, equity: at the close of each bar of ``ts`` (its start), after the commands given there

    ``ordinal`` counts the session's positions as they were opened, from 0.
    """

    terms: Terms
    positions: Rows
    orders: Rows
    fills: Rows
    transactions: Rows
    ts: Ints
    balance: Ints
    equity: Ints
    first_transaction: int = 0
    """How many of the account's transactions came before these."""

    def position_values(self) -> list[Position]:
        return [self._position(row) for row in _dicts(self.positions)]

    def order_values(self) -> list[Order]:
        return [self._order(row) for row in _dicts(self.orders)]

    def fill_values(self) -> list[Fill]:
        return [
            Fill(
                number=row["number"],
                bar=row["bar"],
                at=_at(row["ts"]),
                reason=_REASONS[row["reason"]],
                side=_SIDES[row["side"]],
                quantity_lots=self.terms.quantity(row["lots"]),
                price=self.terms.price(row["price"]),
                ambiguous=bool(row["ambiguous"]),
            )
            for row in _dicts(self.fills)
        ]

    def transaction_values(self) -> list[Transaction]:
        return [
            Transaction(
                index=index,
                type=_TRANSACTIONS[row["type"]],
                position=row["number"] if row["number"] >= 0 else None,
                amount=self.terms.money(row["amount"]),
                balance_after=self.terms.money(row["balance_after"]),
                bar=row["bar"],
                at=_at(row["ts"]),
            )
            for index, row in enumerate(_dicts(self.transactions), self.first_transaction)
        ]

    def _order(self, row: dict[str, int]) -> Order:
        return Order(
            number=row["number"],
            side=_SIDES[row["side"]],
            type=_TYPES[row["type"]],
            status=_ORDERS[row["status"]],
            quantity_lots=self.terms.quantity(row["lots"]),
            price=self._price(row["price"]),
            sl_price=self._price(row["sl"]),
            tp_price=self._price(row["tp"]),
            placed_bar=row["placed_bar"],
            done_bar=row["done_bar"] if row["done_bar"] >= 0 else None,
        )

    def _position(self, row: dict[str, int]) -> Position:
        terms, is_open = self.terms, row["status"] == col.OPEN
        return Position(
            number=row["number"],
            side=_SIDES[row["side"]],
            status=_POSITIONS[row["status"]],
            quantity_lots=terms.quantity(row["lots"]),
            entry_price=terms.price(row["entry_price"]),
            exit_price=None if is_open else terms.price(row["exit_price"]),
            sl_price=self._price(row["sl"]),
            tp_price=self._price(row["tp"]),
            opened_at=_at(row["opened_ts"]),
            closed_at=None if is_open else _at(row["closed_ts"]),
            opened_bar=row["opened_bar"],
            closed_bar=None if is_open else row["closed_bar"],
            realized_pnl=terms.money(row["realized_pnl"]),
            commission_cost=terms.money(row["commission_cost"]),
            slippage_cost=terms.money(row["slippage_cost"]),
            spread_cost=terms.money(row["spread_cost"]),
            ambiguous=bool(row["ambiguous"]),
            entry_reason=_REASONS[row["entry_reason"]],
            exit_reason=None if is_open else _REASONS[row["exit_reason"]],
        )

    def _price(self, steps: int) -> Decimal | None:
        return self.terms.price(steps) if steps else None


def ledger_hash(ledger: Ledger) -> str:
    """64 hex digits over terms, fills and transactions: equal exactly where the accounts are.

    Orders that were never filled leave no trace in it. ``ledger`` is a whole history; its DEPOSIT stands in the terms.
    """
    return finish(
        ledger.terms,
        extend(b"", numbers(ledger.fills, len(col.FILL))),
        extend(b"", numbers(ledger.transactions, len(col.TRANSACTION))[1:]),
    )


def extend(digest: bytes, rows: Ints) -> bytes:
    """A chain of digests, a link a row, so that it can be carried on. The first column, a number, is left out."""
    for row in np.ascontiguousarray(rows[:, 1:], dtype="<i8"):
        digest = hashlib.sha256(digest + row.tobytes()).digest()
    return digest


def finish(terms: Terms, fills: bytes, transactions: bytes) -> str:
    says = repr([str(value.normalize()) if isinstance(value, Decimal) else value for value in plain(terms)])
    return hashlib.sha256(says.encode() + b"\0" + fills + b"\0" + transactions).hexdigest()


def plain(terms: Terms) -> list[Any]:
    """The fields' values in their order; what is computed from them is left out."""
    return [getattr(terms, name) for name in Terms.__dataclass_fields__]


def named(table: Ints, count: int, names: list[str]) -> Rows:
    """The first ``count`` rows with the columns' names: a copy."""
    kinds = np.dtype([(name, np.int64) for name in names])
    return np.ascontiguousarray(table[:count, : len(names)]).view(kinds).reshape(count)


def numbers(rows: Rows, width: int) -> Ints:
    return rows.view(np.int64).reshape(len(rows), width)


def _dicts(rows: Rows) -> list[dict[str, int]]:
    names = rows.dtype.names or ()
    return [dict(zip(names, row, strict=True)) for row in rows.tolist()]


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
