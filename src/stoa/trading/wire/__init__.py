"""What trading says and is told over HTTP, exactly as documented, and how values become it."""

from stoa.trading.wire._answers import (
    AccountBody,
    MovedBody,
    OrderBody,
    OrderPage,
    PositionBody,
    PositionPage,
    ReportBody,
    ReportPage,
    SessionBody,
    SessionPage,
    TransactionBody,
    TransactionPage,
    number,
)
from stoa.trading.wire._errors import DIALECT, PATHS, ErrorBody
from stoa.trading.wire._market import CandleBody, CandlesBody
from stoa.trading.wire._requests import (
    AdvanceSession,
    ChangeLevels,
    ChangePosition,
    ChangeReport,
    ChangeSession,
    CreateOrder,
    CreatePosition,
    CreateReport,
    CreateSession,
    CreateTransaction,
    ForkSession,
    SeekSession,
)

__all__ = [
    "DIALECT", "PATHS", "AccountBody", "AdvanceSession", "CandleBody", "CandlesBody", "ChangeLevels", "ChangePosition", "ChangeReport",
    "ChangeSession", "CreateOrder", "CreatePosition", "CreateReport", "CreateSession", "CreateTransaction",
    "ErrorBody", "ForkSession", "MovedBody", "OrderBody", "OrderPage", "PositionBody", "PositionPage", "ReportBody",
    "ReportPage", "SeekSession", "SessionBody", "SessionPage", "TransactionBody", "TransactionPage", "number",
]  # fmt: skip
