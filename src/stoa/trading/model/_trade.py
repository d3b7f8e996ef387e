"""What a trader does, and what comes of it. Prices and money are exact Decimals; engines use Terms' integers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


class PositionStatus(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    LIQUIDATED = "LIQUIDATED"


class TransactionType(StrEnum):
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    COMMISSION = "COMMISSION"
    PNL = "PNL"
    SLIPPAGE = "SLIPPAGE"
    SPREAD = "SPREAD"
    ADJUSTMENT = "ADJUSTMENT"


class FillAt(StrEnum):
    """When a market order or a close is filled: at the last completed bar's close, or at the next bar's open."""

    NOW = "now"
    NEXT_OPEN = "next_open"


class FillReason(StrEnum):
    """Why a fill happened: the first three open a position, the others close one."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    CLOSE = "CLOSE"
    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    LIQUIDATION = "LIQUIDATION"
    SESSION_STOP = "SESSION_STOP"


class CommandKind(StrEnum):
    OPEN = "open"
    """A new order: MARKET, LIMIT or STOP. It takes the next number; the position it opens has the same one."""
    CANCEL = "cancel"
    """Cancels the pending order ``number``."""
    CHANGE = "change"
    """Sets both ``sl`` and ``tp`` (None takes one away) of the open position or pending order ``number``."""
    CLOSE = "close"
    LIQUIDATE = "liquidate"
    """Closes position ``number`` at the market as LIQUIDATED."""
    STOP = "stop"
    """Closes everything at the last price, cancels every order: the session's end."""


@dataclass(frozen=True, slots=True)
class Command:
    """What the trader did, after bar ``bar`` (index into the session's bars, from 0) had completed.

    ``lots`` counts hundredths of a lot; ``price``, ``sl`` and ``tp`` count steps. ``number`` is the order or
    position meant: orders count from 1 in a session, and a position has the number of its order.
    Order of commands at one bar is the order given.
    """

    kind: CommandKind
    bar: int
    number: int = 0
    side: Side | None = None
    type: OrderType | None = None
    lots: int = 0
    price: int | None = None
    sl: int | None = None
    tp: int | None = None
    fill: FillAt = FillAt.NOW


@dataclass(frozen=True, slots=True)
class Order:
    number: int
    side: Side
    type: OrderType
    status: OrderStatus
    quantity_lots: Decimal
    price: Decimal | None
    sl_price: Decimal | None
    tp_price: Decimal | None
    placed_bar: int
    """The bar after whose close it was placed."""
    done_bar: int | None
    """The bar in or after which it was filled, cancelled or rejected."""


@dataclass(frozen=True, slots=True)
class Position:
    """``number`` is its order's. ``ambiguous``: the candles do not say which of its levels was touched first."""

    number: int
    side: Side
    status: PositionStatus
    quantity_lots: Decimal
    entry_price: Decimal
    exit_price: Decimal | None
    sl_price: Decimal | None
    tp_price: Decimal | None
    opened_at: datetime
    closed_at: datetime | None
    opened_bar: int
    closed_bar: int | None
    realized_pnl: Decimal
    commission_cost: Decimal
    slippage_cost: Decimal
    spread_cost: Decimal
    ambiguous: bool
    entry_reason: FillReason
    exit_reason: FillReason | None


@dataclass(frozen=True, slots=True)
class Fill:
    number: int
    """The position's."""
    bar: int
    at: datetime
    reason: FillReason
    side: Side
    """The fill's own: closing a BUY is a SELL."""
    quantity_lots: Decimal
    price: Decimal
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Transaction:
    """``index`` counts a session's transactions from 0, the DEPOSIT."""

    index: int
    type: TransactionType
    position: int | None
    """The position's number."""
    amount: Decimal
    balance_after: Decimal
    bar: int
    at: datetime
