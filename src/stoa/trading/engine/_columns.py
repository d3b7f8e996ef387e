"""The columns of the engine's tables, and of the row that carries its numbers from bar to bar.

All are int64. What comes first in each table is public and named in ``Ledger``; the rest is the engine's own.
Enumerations are their members' places in them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from stoa.trading.model import (
    CommandKind,
    FillReason,
    OrderStatus,
    OrderType,
    PositionStatus,
    Side,
    TransactionType,
)


class Book(NamedTuple):
    """An account's tables. ``open`` and ``pending`` hold row numbers of positions and orders, oldest first."""

    state: Any
    positions: Any
    orders: Any
    fills: Any
    transactions: Any
    open: Any
    pending: Any


class Columns(NamedTuple):
    """Candles for the compiled loop. ``seconds`` is a candle's length."""

    ts: Any
    open: Any
    high: Any
    low: Any
    close: Any
    seconds: int


STATE = [
    "balance",
    "slope",
    "offset",
    "notional",
    "exposure",
    "down",
    "up",
    "queued",
    "failed",
    "bar",
    "at",
    "low",
    "high",
    "ceiling",
    "n_positions",
    "n_orders",
    "n_fills",
    "n_transactions",
    "n_open",
    "n_pending",
    "last_number",
    "opened",
    "tick",
    "spread",
    "slippage",
    "commission",
    "margin_a",
    "margin_b",
    "stop_a",
    "stop_b",
    "most",
    "better",
]
(
    BALANCE, SLOPE, OFFSET, NOTIONAL, EXPOSURE, DOWN, UP, QUEUED, FAILED, BAR, AT, LOW, HIGH, CEILING,
    N_POSITIONS, N_ORDERS, N_FILLS, N_TRANSACTIONS, N_OPEN, N_PENDING, LAST_NUMBER, OPENED,
    TICK, SPREAD, SLIPPAGE, COMMISSION, MARGIN_A, MARGIN_B, STOP_A, STOP_B, MOST, BETTER,
) = range(len(STATE))  # fmt: skip

POSITION = [
    "number",
    "side",
    "status",
    "lots",
    "entry_price",
    "exit_price",
    "sl",
    "tp",
    "opened_bar",
    "opened_ts",
    "closed_bar",
    "closed_ts",
    "realized_pnl",
    "commission_cost",
    "slippage_cost",
    "spread_cost",
    "ambiguous",
    "entry_reason",
    "exit_reason",
]
(
    P_NUMBER, P_SIDE, P_STATUS, P_LOTS, P_ENTRY, P_EXIT, P_SL, P_TP, P_OPENED_BAR, P_OPENED_AT, P_CLOSED_BAR, P_CLOSED_AT,
    P_PNL, P_COMMISSION, P_SLIPPAGE, P_SPREAD, P_AMBIGUOUS, P_ENTRY_REASON, P_EXIT_REASON,
) = range(len(POSITION))  # fmt: skip
P_ORDINAL, P_CLOSE_NEXT, P_PLAN, P_PLAN_AMBIGUOUS = range(len(POSITION), len(POSITION) + 4)
POSITION_WIDTH = len(POSITION) + 4

ORDER = ["number", "side", "type", "status", "lots", "price", "sl", "tp", "placed_bar", "done_bar"]
(O_NUMBER, O_SIDE, O_TYPE, O_STATUS, O_LOTS, O_PRICE, O_SL, O_TP, O_PLACED, O_DONE) = range(len(ORDER))

FILL = ["number", "bar", "ts", "reason", "side", "lots", "price", "ambiguous", "ordinal"]
TRANSACTION = ["number", "type", "amount", "balance_after", "bar", "ts", "ordinal"]
COMMAND = ["kind", "bar", "number", "side", "type", "lots", "price", "sl", "tp", "next"]
(C_KIND, C_BAR, C_NUMBER, C_SIDE, C_TYPE, C_LOTS, C_PRICE, C_SL, C_TP, C_NEXT) = range(len(COMMAND))

BUY = list(Side).index(Side.BUY)
SELL = list(Side).index(Side.SELL)
MARKET, LIMIT, STOP = (list(OrderType).index(each) for each in OrderType)
PENDING, FILLED, CANCELLED, REJECTED = (list(OrderStatus).index(each) for each in OrderStatus)
OPEN, CLOSED, LIQUIDATED = (list(PositionStatus).index(each) for each in PositionStatus)
DEPOSIT = list(TransactionType).index(TransactionType.DEPOSIT)
CHARGE = list(TransactionType).index(TransactionType.COMMISSION)
PNL = list(TransactionType).index(TransactionType.PNL)
CLOSING = list(FillReason).index(FillReason.CLOSE)
STOP_LOSS = list(FillReason).index(FillReason.STOP_LOSS)
TAKE_PROFIT = list(FillReason).index(FillReason.TAKE_PROFIT)
LIQUIDATION = list(FillReason).index(FillReason.LIQUIDATION)
SESSION_STOP = list(FillReason).index(FillReason.SESSION_STOP)
DO_OPEN, DO_CANCEL, DO_CHANGE, DO_CLOSE, DO_LIQUIDATE, DO_STOP = range(len(CommandKind))

DONE, NO_MARGIN, NOT_OPEN, NOT_PENDING, LOTS_TOO_LARGE, PRICE_TOO_LARGE, BALANCE_TOO_LARGE = range(7)
"""How a command, or a run, ended."""

FAR = 2**61
"""A level that no price reaches."""
