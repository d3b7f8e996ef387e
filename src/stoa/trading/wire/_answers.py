"""Answers, exactly as documented. Exact values become JSON numbers, whose digits are theirs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from stoa.kernel.pages import Page
from stoa.trading.model import (
    OrderStatus,
    OrderType,
    PositionStatus,
    Side,
    Speed,
    Status,
    Timeframe,
    TransactionType,
)
from stoa.trading.service import AccountView
from stoa.trading.store import Listing, OrderRow, PositionRow, Report, TradingSession, TransactionRow
from stoa.web.values import InstantText, iso, iso_or_none


def number(value: Decimal) -> float:
    return float(value)


def _number_or_none(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


class SessionBody(Struct):
    """``end_ts`` is null until it is known: said at creation, or where the session was over. ``name`` only if it has one."""

    id: int
    user_id: int
    instrument_id: int
    timeframe: Timeframe
    session_status: Status
    speed: Speed
    start_ts: InstantText
    end_ts: InstantText | None
    initial_balance: float
    leverage: float
    spread_pts: int
    slippage_pts: int
    commission_per_fill: float
    created_at: InstantText
    updated_at: InstantText
    name: str | UnsetType = UNSET

    @classmethod
    def of(cls, session: TradingSession) -> SessionBody:
        return cls(**_session_fields(session))


def _session_fields(session: TradingSession) -> dict[str, Any]:
    return {
        "id": session.id, "user_id": session.user_id, "instrument_id": session.instrument.id,
        "timeframe": session.timeframe, "session_status": session.anchor.status, "speed": session.anchor.speed,
        "start_ts": iso(session.start), "end_ts": iso_or_none(session.end or session.ended),
        "initial_balance": number(session.initial_balance), "leverage": number(session.leverage),
        "spread_pts": session.spread_pts, "slippage_pts": session.slippage_pts,
        "commission_per_fill": number(session.commission_per_fill), "created_at": iso(session.created_at),
        "updated_at": iso(session.updated_at), "name": UNSET if session.name is None else session.name,
    }  # fmt: skip


class AccountBody(Struct):
    """The account at the session's ``now``: after bar ``bar`` of it (from 0; -1 before the first) at the close ``price``.

    ``margin_level`` is equity as a percentage of used margin, 0 where none is used. Equal ``ledger_hash`` is the same
    history of fills and money to the last digit.
    """

    session_id: int
    now: InstantText
    bar: int
    price: float | None
    balance: float
    equity: float
    unrealized_pnl: float
    used_margin: float
    free_margin: float
    margin_level: float
    open_positions: int
    pending_orders: int
    ledger_hash: str

    @classmethod
    def of(cls, view: AccountView) -> AccountBody:
        level = view.equity / view.used_margin * 100 if view.used_margin else Decimal(0)
        return cls(
            view.session.id, iso(view.now), view.bar, _number_or_none(view.price), number(view.balance),
            number(view.equity), number(view.equity - view.balance), number(view.used_margin),
            number(view.equity - view.used_margin), number(level), view.open_positions, view.pending_orders,
            view.hash,
        )  # fmt: skip


class MovedBody(SessionBody, kw_only=True):
    """A session that was stepped, sought or copied, and its account there."""

    account: AccountBody

    @classmethod
    def at(cls, view: AccountView) -> MovedBody:
        return cls(**_session_fields(view.session), account=AccountBody.of(view))


class PositionBody(Struct):
    """``candle_id`` and ``exit_candle_id`` are those of the candles in which it was opened and closed."""

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
    opened_at: InstantText
    closed_at: InstantText | None
    realized_pnl: float
    commission_cost: float
    slippage_cost: float
    spread_cost: float
    ambiguous: bool
    created_at: InstantText
    updated_at: InstantText

    @classmethod
    def of(cls, row: PositionRow) -> PositionBody:
        return cls(
            row.id, row.session_id, row.candle_id, row.exit_candle_id, row.position_status, row.side,
            number(row.entry_price), number(row.quantity_lots), _number_or_none(row.tp_price),
            _number_or_none(row.sl_price), _number_or_none(row.exit_price), iso(row.opened_at),
            iso_or_none(row.closed_at), number(row.realized_pnl), number(row.commission_cost),
            number(row.slippage_cost), number(row.spread_cost), row.ambiguous, iso(row.created_at),
            iso(row.updated_at),
        )  # fmt: skip


class OrderBody(Struct):
    """``position_id`` is what a FILLED one opened; ``closed_at`` is when it was filled, cancelled or rejected."""

    id: int
    session_id: int
    order_type: OrderType
    order_status: OrderStatus
    side: Side
    price: float | None
    quantity_lots: float
    tp_price: float | None
    sl_price: float | None
    position_id: int | None
    placed_at: InstantText
    closed_at: InstantText | None
    created_at: InstantText
    updated_at: InstantText

    @classmethod
    def of(cls, row: OrderRow) -> OrderBody:
        return cls(
            row.id, row.session_id, row.order_type, row.order_status, row.side, _number_or_none(row.price),
            number(row.quantity_lots), _number_or_none(row.tp_price), _number_or_none(row.sl_price),
            row.position_id, iso(row.placed_at), iso_or_none(row.closed_at), iso(row.created_at),
            iso(row.updated_at),
        )  # fmt: skip


class TransactionBody(Struct):
    id: int
    user_id: int
    session_id: int | None
    position_id: int | None
    transaction_type: TransactionType
    amount: float
    balance_after: float
    created_at: InstantText
    updated_at: InstantText

    @classmethod
    def of(cls, row: TransactionRow) -> TransactionBody:
        return cls(
            row.id, row.user_id, row.session_id, row.position_id, row.transaction_type, number(row.amount),
            number(row.balance_after), iso(row.created_at), iso(row.updated_at),
        )  # fmt: skip


class ReportBody(Struct):
    id: int
    session_id: int
    summary_json: dict[str, Any]
    equity_curve_json: dict[str, Any]
    created_at: InstantText
    updated_at: InstantText

    @classmethod
    def of(cls, report: Report) -> ReportBody:
        return cls(
            report.id, report.session_id, report.summary_json, report.equity_curve_json, iso(report.created_at),
            iso(report.updated_at),
        )  # fmt: skip


class Paged(Struct, kw_only=True):
    total: int
    page: int
    limit: int


class SessionPage(Paged, kw_only=True):
    sessions: list[SessionBody]

    @classmethod
    def of(cls, page: Page[TradingSession], listing: Listing) -> SessionPage:
        return cls(sessions=[SessionBody.of(each) for each in page.items], **_paged(page, listing))


class PositionPage(Paged, kw_only=True):
    positions: list[PositionBody]

    @classmethod
    def of(cls, page: Page[PositionRow], listing: Listing) -> PositionPage:
        return cls(positions=[PositionBody.of(each) for each in page.items], **_paged(page, listing))


class OrderPage(Paged, kw_only=True):
    orders: list[OrderBody]

    @classmethod
    def of(cls, page: Page[OrderRow], listing: Listing) -> OrderPage:
        return cls(orders=[OrderBody.of(each) for each in page.items], **_paged(page, listing))


class TransactionPage(Paged, kw_only=True):
    transactions: list[TransactionBody]

    @classmethod
    def of(cls, page: Page[TransactionRow], listing: Listing) -> TransactionPage:
        return cls(transactions=[TransactionBody.of(each) for each in page.items], **_paged(page, listing))


class ReportPage(Paged, kw_only=True):
    reports: list[ReportBody]

    @classmethod
    def of(cls, page: Page[Report], listing: Listing) -> ReportPage:
        return cls(reports=[ReportBody.of(each) for each in page.items], **_paged(page, listing))


def _paged(page: Page[Any], listing: Listing) -> dict[str, int]:
    return {"total": page.total, "page": listing.page, "limit": listing.limit}
