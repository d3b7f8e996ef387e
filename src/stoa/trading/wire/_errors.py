"""How trading says what went wrong: ``{"error": …}``, with ``details`` where fields or lines are to blame."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from stoa.kernel.errors import InvalidError
from stoa.trading.errors import (
    CandlesRefusedError,
    InstrumentDisabledError,
    InstrumentUsedError,
    InsufficientMarginError,
    NoDataError,
    NotTradableError,
    OrderNotPendingError,
    PositionNotOpenError,
    TradingInvalidError,
    TransitionRefusedError,
)
from stoa.web.errors import Dialect, Problem


class ErrorField(Struct):
    field: str
    message: str


class ErrorBody(Struct, omit_defaults=True):
    error: str
    details: list[ErrorField] = []


def error_body(problem: Problem) -> dict[str, Any]:
    body: dict[str, Any] = {"error": problem.error.message}
    if problem.error.faults:
        body["details"] = [{"field": fault.field, "message": fault.message} for fault in problem.error.faults]
    return body


PATHS = ("/sessions", "/positions", "/orders", "/transactions", "/reports", "/users", "/instruments")
_BAD_REQUESTS = (
    TradingInvalidError, CandlesRefusedError, TransitionRefusedError, NotTradableError, InsufficientMarginError,
    PositionNotOpenError, OrderNotPendingError, InstrumentUsedError, InstrumentDisabledError, NoDataError,
)  # fmt: skip
DIALECT = Dialect(
    paths=PATHS, body=error_body, statuses={InvalidError: 422, **dict.fromkeys(_BAD_REQUESTS, 400)}
)
