"""Bodies of requests. Numbers are read as JSON has them and become exact at once: 0.1 is a tenth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from stoa.kernel.errors import InvalidError
from stoa.trading.model import (
    FillAt,
    OrderType,
    PositionStatus,
    Side,
    Speed,
    Status,
    Timeframe,
    TransactionType,
)
from stoa.trading.service import Advance, Draft, Entered, Levels, NewOrder, SessionChanges, Written
from stoa.trading.wire._market import exact
from stoa.web.values import Instant, utc

MOST = 1e12
"""The largest amount, price or ratio that is read at all: beyond it no ledger is exact."""

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Name = Annotated[str, Meta(max_length=200)]
Above = Annotated[float, Meta(gt=0, le=MOST)]
NotBelow = Annotated[float, Meta(ge=0, le=MOST)]
Signed = Annotated[float, Meta(ge=-MOST, le=MOST)]
Points = Annotated[int, Meta(ge=0, le=1_000_000)]
Ignored = Annotated[Any, Meta(description="Taken, and passed over: the server fills.")]


def _exact_or(number: float | UnsetType | None) -> Decimal | UnsetType | None:
    return exact(number) if isinstance(number, float) else number


class CreateSession(Struct):
    instrument_id: Id
    timeframe: Timeframe
    speed: Speed
    start_ts: Instant
    initial_balance: Above
    leverage: Above
    spread_pts: Points
    slippage_pts: Points
    commission_per_fill: NotBelow
    end_ts: Instant | None = None
    name: Name | None = None

    def to_draft(self) -> Draft:
        return Draft(
            instrument_id=self.instrument_id, timeframe=self.timeframe, speed=self.speed,
            start=utc(self.start_ts, "start_ts"), end=None if self.end_ts is None else utc(self.end_ts, "end_ts"),
            initial_balance=exact(self.initial_balance), leverage=exact(self.leverage), spread_pts=self.spread_pts,
            slippage_pts=self.slippage_pts, commission_per_fill=exact(self.commission_per_fill), name=self.name,
        )  # fmt: skip


class ChangeSession(Struct):
    """What is absent stays. ``end_ts`` null: until the last candle."""

    session_status: Status | UnsetType = UNSET
    speed: Speed | UnsetType = UNSET
    end_ts: Instant | UnsetType | None = UNSET
    name: Name | UnsetType | None = UNSET

    def to_changes(self) -> SessionChanges:
        end = utc(self.end_ts, "end_ts") if isinstance(self.end_ts, datetime) else self.end_ts
        return SessionChanges(self.session_status, self.speed, end, self.name)


class Until(StrEnum):
    FILL = "fill"


class AdvanceSession(Struct):
    """Exactly one of them: to a moment, by a number of bars, or until the next fill."""

    to: Instant | UnsetType = UNSET
    bars: Annotated[int, Meta(ge=1, le=10_000_000)] | UnsetType = UNSET
    until: Until | UnsetType = UNSET

    def to_value(self) -> Advance:
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not UNSET]
        if len(given) != 1:
            raise InvalidError.field("to", "say exactly one of to, bars and until.")
        to = utc(self.to, "to") if isinstance(self.to, datetime) else None
        return Advance(to, None if isinstance(self.bars, UnsetType) else self.bars)


class SeekSession(Struct):
    """``confirm``: what came after the moment may be dropped."""

    to: Instant
    confirm: bool = False

    def to_values(self) -> tuple[datetime, bool]:
        return utc(self.to, "to"), self.confirm


class ForkSession(Struct):
    at: Instant

    def to_value(self) -> datetime:
        return utc(self.at, "at")


class CreatePosition(Struct):
    session_id: Id
    side: Side
    quantity_lots: Above
    sl_price: Above | None = None
    tp_price: Above | None = None
    fill: FillAt = FillAt.NOW
    candle_id: Ignored = None
    entry_price: Ignored = None

    def to_order(self) -> NewOrder:
        return NewOrder(
            OrderType.MARKET, self.side, exact(self.quantity_lots), None, _level(self.sl_price),
            _level(self.tp_price), self.fill,
        )  # fmt: skip


class CreateOrder(Struct):
    """``price`` is a limit's or a stop's. ``fill`` says when a market order is filled."""

    session_id: Id
    order_type: OrderType
    side: Side
    quantity_lots: Above
    price: Above | None = None
    sl_price: Above | None = None
    tp_price: Above | None = None
    fill: FillAt = FillAt.NOW

    def to_order(self) -> NewOrder:
        market = self.order_type is OrderType.MARKET
        if self.price is None and not market:
            raise InvalidError.field("price", "is required for a LIMIT and a STOP.")
        return NewOrder(
            self.order_type, self.side, exact(self.quantity_lots), None if market else _level(self.price),
            _level(self.sl_price), _level(self.tp_price), self.fill,
        )  # fmt: skip


def _level(price: float | None) -> Decimal | None:
    return None if price is None else exact(price)


class ChangeLevels(Struct):
    """null takes a level away; what is absent stays."""

    sl_price: Above | UnsetType | None = UNSET
    tp_price: Above | UnsetType | None = UNSET

    def to_levels(self) -> Levels:
        return _exact_or(self.sl_price), _exact_or(self.tp_price)


class ChangePosition(ChangeLevels):
    """CLOSED and LIQUIDATED close it at the server's price; prices, times, results and costs are the server's."""

    position_status: PositionStatus | UnsetType = UNSET
    exit_candle_id: Ignored = None
    exit_price: Ignored = None
    closed_at: Ignored = None
    realized_pnl: Ignored = None
    commission_cost: Ignored = None
    slippage_cost: Ignored = None
    spread_cost: Ignored = None


class CreateTransaction(Struct):
    user_id: Id
    transaction_type: TransactionType
    amount: Signed
    balance_after: Signed
    session_id: Id | None = None
    position_id: Id | None = None

    def to_entered(self) -> Entered:
        return Entered(
            self.user_id, self.session_id, self.position_id, self.transaction_type, exact(self.amount),
            exact(self.balance_after),
        )  # fmt: skip


class CreateReport(Struct):
    session_id: Id
    summary_json: dict[str, Any]
    equity_curve_json: dict[str, Any]

    def to_written(self) -> Written:
        return Written(self.summary_json, self.equity_curve_json)


class ChangeReport(Struct):
    summary_json: dict[str, Any] | UnsetType = UNSET
    equity_curve_json: dict[str, Any] | UnsetType = UNSET

    def to_written(self) -> Written:
        return Written(self.summary_json, self.equity_curve_json)
