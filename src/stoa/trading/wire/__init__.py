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
from stoa.trading.wire._market import (
    CandleBody,
    CandlesBody,
    CandlesOperation,
    ChangeInstrument,
    CreateInstrument,
    ImportedBody,
    InstrumentBody,
    InstrumentsBody,
    OneInstrumentBody,
    timeframe_from,
)
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
    "DIALECT", "PATHS", "AccountBody", "AdvanceSession", "CandleBody", "CandlesBody", "CandlesOperation",
    "ChangeInstrument", "ChangeLevels", "ChangePosition", "ChangeReport", "ChangeSession", "CreateInstrument",
    "CreateOrder", "CreatePosition", "CreateReport", "CreateSession", "CreateTransaction", "ErrorBody",
    "ForkSession", "ImportedBody", "InstrumentBody", "InstrumentsBody", "MovedBody", "OneInstrumentBody",
    "OrderBody", "OrderPage", "PositionBody", "PositionPage", "ReportBody", "ReportPage", "SeekSession",
    "SessionBody", "SessionPage", "TransactionBody", "TransactionPage", "number", "timeframe_from",
]  # fmt: skip
