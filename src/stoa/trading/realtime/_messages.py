"""What is said in the namespace ``/trading``. Every event bears ``session_id`` and ``seq``, where a client resumes."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from stoa.platform.realtime import Frame, frame
from stoa.trading.model import FillReason, PositionStatus, Side, Speed, Status
from stoa.trading.wire import CandleBody

NAMESPACE = "/trading"


class Placed(Struct):
    session_id: int
    seq: int


class CandleEvent(Placed):
    candle: CandleBody


class FillBody(Struct):
    """``side`` is the fill's own: closing a BUY is a SELL. ``at`` is the session's time."""

    position_id: int
    reason: FillReason
    side: Side
    quantity_lots: float
    price: float
    at: str
    ambiguous: bool


class FillEvent(Placed):
    fill: FillBody


class HeldBody(Struct):
    """A position as documented, without when its row was written."""

    id: int
    session_id: int
    candle_id: int
    exit_candle_id: int | None
    position_status: PositionStatus
    side: Side
    entry_price: float
    quantity_lots: float
    tp_price: float | None
    sl_price: float | None
    exit_price: float | None
    opened_at: str
    closed_at: str | None
    realized_pnl: float
    commission_cost: float
    slippage_cost: float
    spread_cost: float
    ambiguous: bool


class PositionEvent(Placed):
    position: HeldBody


class MoneyBody(Struct):
    """The account at the close of the last completed bar."""

    balance: float
    equity: float
    unrealized_pnl: float
    used_margin: float
    free_margin: float
    margin_level: float
    open_positions: int
    pending_orders: int


class AccountEvent(Placed):
    account: MoneyBody


class StatusEvent(Placed):
    """Where the session stands: after bar ``bar``, at the session's time ``now``. Going back is said so, too."""

    session_status: Status | str
    speed: Speed
    bar: int
    now: str


class Picture(StatusEvent):
    """All that a client needs to begin: what follows has higher numbers than ``seq``."""

    account: MoneyBody
    positions: list[HeldBody]
    candle: CandleBody | None


class Afresh(Placed):
    """Too much was missed, or the history changed: subscribe again for a fresh picture."""


NAMES: dict[type[Placed], str] = {
    CandleEvent: "candle", FillEvent: "fill", PositionEvent: "position", AccountEvent: "account",
    StatusEvent: "status", Afresh: "snapshot",
}  # fmt: skip


def framed(event: Placed) -> Frame:
    return frame(NAMES[type(event)], event, namespace=NAMESPACE)


def refusal(message: str) -> dict[str, Any]:
    return {"error": message}
