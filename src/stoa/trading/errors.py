"""What can go wrong in trading.

- ``TradingInvalidError``       a value that breaks its rules, each fault with its field
- ``TooLargeError``             an amount that the exact ledger can not hold, with its field
- ``CandlesRefusedError``       a file of candles with bad rows; ``details["lines"]`` are their numbers
- ``TransitionRefusedError``    the session's status does not allow it now
- ``NotTradableError``          orders for a session that is neither running nor paused
- ``InsufficientMarginError``
- ``PositionNotOpenError``, ``OrderNotPendingError``
- ``UnconfirmedError``          going back would drop what came after
- ``SymbolTakenError``, ``InstrumentUsedError``, ``InstrumentDisabledError``
- ``NoDataError``               nothing to report on, or no candles to replay
- ``NotOwnerError``, ``TooManyActiveError``
- ``SessionNotFoundError``, ``PositionNotFoundError``, ``OrderNotFoundError``, ``TransactionNotFoundError``,
  ``ReportNotFoundError``, ``InstrumentNotFoundError``, ``CandlesNotFoundError``
"""

from __future__ import annotations

from typing import ClassVar

from stoa.kernel.errors import ConflictError, Fault, ForbiddenError, InvalidError, NotFoundError


class TradingInvalidError(InvalidError):
    code: ClassVar[str] = "trading.invalid"

    @classmethod
    def of(cls, *faults: Fault) -> TradingInvalidError:
        return cls("; ".join(f"{fault.field}: {fault.message}" for fault in faults), faults=faults)


class TooLargeError(TradingInvalidError):
    code: ClassVar[str] = "trading.too_large"


class CandlesRefusedError(InvalidError):
    code: ClassVar[str] = "trading.candles_refused"


class TransitionRefusedError(ConflictError):
    code: ClassVar[str] = "trading.transition_refused"


class NotTradableError(ConflictError):
    code: ClassVar[str] = "trading.not_tradable"


class InsufficientMarginError(ConflictError):
    code: ClassVar[str] = "trading.insufficient_margin"

    def __init__(self) -> None:
        super().__init__("insufficient margin")


class PositionNotOpenError(ConflictError):
    code: ClassVar[str] = "trading.position_not_open"

    def __init__(self) -> None:
        super().__init__("The position is not open.")


class OrderNotPendingError(ConflictError):
    code: ClassVar[str] = "trading.order_not_pending"

    def __init__(self) -> None:
        super().__init__("The order is not pending.")


class UnconfirmedError(ConflictError):
    code: ClassVar[str] = "trading.unconfirmed"

    def __init__(self) -> None:
        super().__init__('Going back drops what came after. Say "confirm": true to do it.')


class SymbolTakenError(ConflictError):
    code: ClassVar[str] = "trading.symbol_taken"

    def __init__(self, symbol: str) -> None:
        super().__init__(f"There is an instrument {symbol} already.")


class InstrumentUsedError(ConflictError):
    code: ClassVar[str] = "trading.instrument_used"

    def __init__(self) -> None:
        super().__init__("The instrument has dependencies.")


class InstrumentDisabledError(ConflictError):
    code: ClassVar[str] = "trading.instrument_disabled"

    def __init__(self) -> None:
        super().__init__("The instrument is disabled.")


class NoDataError(ConflictError):
    code: ClassVar[str] = "trading.no_data"


class NotOwnerError(ForbiddenError):
    code: ClassVar[str] = "trading.not_owner"


class TooManyActiveError(ForbiddenError):
    code: ClassVar[str] = "trading.too_many_active"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"You have {most} sessions that are running or paused, and may have no more. Stop one first."
        )


class SessionNotFoundError(NotFoundError):
    code: ClassVar[str] = "trading.session_not_found"

    def __init__(self) -> None:
        super().__init__("Session not found")


class PositionNotFoundError(NotFoundError):
    code: ClassVar[str] = "trading.position_not_found"

    def __init__(self) -> None:
        super().__init__("Position not found")


class OrderNotFoundError(NotFoundError):
    code: ClassVar[str] = "trading.order_not_found"

    def __init__(self) -> None:
        super().__init__("Order not found")


class TransactionNotFoundError(NotFoundError):
    code: ClassVar[str] = "trading.transaction_not_found"

    def __init__(self) -> None:
        super().__init__("Transaction not found")


class ReportNotFoundError(NotFoundError):
    code: ClassVar[str] = "trading.report_not_found"

    def __init__(self) -> None:
        super().__init__("Report not found")


class InstrumentNotFoundError(NotFoundError):
    code: ClassVar[str] = "trading.instrument_not_found"

    def __init__(self) -> None:
        super().__init__("Instrument not found")


class CandlesNotFoundError(NotFoundError):
    code: ClassVar[str] = "trading.candles_not_found"

    def __init__(self) -> None:
        super().__init__("Candles not found")
