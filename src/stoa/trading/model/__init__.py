"""Values of trading: markets, terms, orders, positions, transactions, and the session's lifecycle. All frozen."""

from stoa.trading.model._market import Instrument, Speed, Timeframe
from stoa.trading.model._session import ACTIVE, LIFECYCLE, Action, Anchor, Status
from stoa.trading.model._terms import LOT_STEP, MOST_LOTS, MOST_STEPS, Terms
from stoa.trading.model._trade import (
    Command,
    CommandKind,
    Fill,
    FillAt,
    FillReason,
    Order,
    OrderStatus,
    OrderType,
    Position,
    PositionStatus,
    Side,
    Transaction,
    TransactionType,
)

__all__ = [
    "ACTIVE",
    "LIFECYCLE",
    "LOT_STEP",
    "MOST_LOTS",
    "MOST_STEPS",
    "Action",
    "Anchor",
    "Command",
    "CommandKind",
    "Fill",
    "FillAt",
    "FillReason",
    "Instrument",
    "Order",
    "OrderStatus",
    "OrderType",
    "Position",
    "PositionStatus",
    "Side",
    "Speed",
    "Status",
    "Terms",
    "Timeframe",
    "Transaction",
    "TransactionType",
]
