"""The account: what is open, what is pending, and the books."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from stoa.trading.model import (
    FillAt,
    FillReason,
    OrderStatus,
    OrderType,
    PositionStatus,
    Side,
    Terms,
    TransactionType,
)


@dataclass
class OrderState:
    number: int
    side: Side
    type: OrderType
    lots: Decimal
    price: Decimal | None
    sl: Decimal | None
    tp: Decimal | None
    placed_bar: int
    fill: FillAt
    status: OrderStatus = OrderStatus.PENDING
    done_bar: int | None = None


@dataclass
class PositionState:
    number: int
    side: Side
    lots: Decimal
    worth: Decimal
    """Money that a price of 1 is: lots × contract size."""
    entry: Decimal
    sl: Decimal | None
    tp: Decimal | None
    opened_bar: int
    opened_at: datetime
    entry_reason: FillReason
    commission: Decimal
    slippage: Decimal
    spread: Decimal
    status: PositionStatus = PositionStatus.OPEN
    exit: Decimal | None = None
    closed_bar: int | None = None
    closed_at: datetime | None = None
    exit_reason: FillReason | None = None
    pnl: Decimal = Decimal(0)
    ambiguous: bool = False
    close_next_open: bool = False
    plan: FillReason | None = None
    """The one of its levels that counts inside the candle at hand."""
    plan_is_ambiguous: bool = False


@dataclass(frozen=True)
class FillRow:
    number: int
    bar: int
    at: datetime
    reason: FillReason
    side: Side
    lots: Decimal
    price: Decimal
    ambiguous: bool


@dataclass(frozen=True)
class TransactionRow:
    type: TransactionType
    number: int | None
    amount: Decimal
    balance_after: Decimal
    bar: int
    at: datetime


@dataclass
class Account:
    """Bids are given wherever a price is asked for: candles are bid. ``bar`` and ``at`` are those of the moment."""

    terms: Terms
    at: datetime
    bar: int = 0
    balances: list[Decimal] = field(default_factory=list)
    equities: list[Decimal] = field(default_factory=list)
    positions: list[PositionState] = field(default_factory=list)
    orders: list[OrderState] = field(default_factory=list)
    fills: list[FillRow] = field(default_factory=list)
    transactions: list[TransactionRow] = field(default_factory=list)
    balance: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        point = self.terms.pip_size / 10
        self.spread = self.terms.spread_pts * point
        self.slippage = self.terms.slippage_pts * point
        self.book(TransactionType.DEPOSIT, None, self.terms.initial_balance)

    @property
    def open(self) -> list[PositionState]:
        return [position for position in self.positions if position.status is PositionStatus.OPEN]

    @property
    def pending(self) -> list[OrderState]:
        return [order for order in self.orders if order.status is OrderStatus.PENDING]

    def book(self, kind: TransactionType, number: int | None, amount: Decimal) -> None:
        self.balance += amount
        self.transactions.append(TransactionRow(kind, number, amount, self.balance, self.bar, self.at))

    def closing_price(self, side: Side, bid: Decimal) -> Decimal:
        """What a position of this side could be closed at, before slippage."""
        return bid if side is Side.BUY else bid + self.spread

    def unrealised(self, position: PositionState, bid: Decimal) -> Decimal:
        return gain(position, self.closing_price(position.side, bid))

    def equity(self, bid: Decimal) -> Decimal:
        return self.balance + sum((self.unrealised(each, bid) for each in self.open), Decimal(0))

    def notional(self) -> Decimal:
        """Used margin × leverage."""
        return sum((each.worth * each.entry for each in self.open), Decimal(0))

    def is_below(self, bid: Decimal) -> bool:
        """Whether equity has fallen below the liquidation level, a percentage of the used margin."""
        terms = self.terms
        return (
            bool(self.open)
            and self.equity(bid) * terms.leverage * 100 < self.notional() * terms.liquidation_level
        )

    def enter(self, order: OrderState, bid: Decimal) -> PositionState | None:
        """Fills an order; None, and the order REJECTED, where the margin does not suffice."""
        buying = order.side is Side.BUY
        market = bid + self.spread if buying else bid
        slips = order.type is not OrderType.LIMIT
        price = market
        if order.price is not None:
            price = order.price
        if order.price is not None and order.type is OrderType.STOP:
            price = max(order.price, market) if buying else min(order.price, market)
        if slips:
            price += self.slippage if buying else -self.slippage
        worth = order.lots * self.terms.contract_size
        position = PositionState(
            number=order.number,
            side=order.side,
            lots=order.lots,
            worth=worth,
            entry=price,
            sl=order.sl,
            tp=order.tp,
            opened_bar=self.bar,
            opened_at=self.at,
            entry_reason=FillReason(order.type.value),
            commission=self.terms.commission_per_fill,
            slippage=self.slippage * worth if slips else Decimal(0),
            spread=self.spread * worth,
        )
        equity = self.equity(bid) + self.unrealised(position, bid) - position.commission
        covered = equity * self.terms.leverage >= self.notional() + worth * price
        order.status = OrderStatus.FILLED if covered else OrderStatus.REJECTED
        order.done_bar = self.bar
        if not covered:
            return None
        self.positions.append(position)
        self._fill(position, position.entry_reason, order.side, price)
        self._charge(position)
        return position

    def leave(self, position: PositionState, reason: FillReason, bid: Decimal) -> None:
        """Closes a position for ``reason`` while the bid is ``bid``."""
        buy = position.side is Side.BUY
        price = self.closing_price(position.side, bid)
        if reason is FillReason.STOP_LOSS and position.sl is not None:
            price = min(position.sl, price) if buy else max(position.sl, price)
        if reason is FillReason.TAKE_PROFIT and position.tp is not None:
            price = position.tp
        else:
            price += -self.slippage if buy else self.slippage
            position.slippage += self.slippage * position.worth
        liquidated = reason is FillReason.LIQUIDATION
        position.status = PositionStatus.LIQUIDATED if liquidated else PositionStatus.CLOSED
        position.exit, position.exit_reason = price, reason
        position.closed_bar, position.closed_at = self.bar, self.at
        position.pnl = gain(position, price)
        position.commission += self.terms.commission_per_fill
        self._fill(position, reason, Side.SELL if buy else Side.BUY, price)
        self.book(TransactionType.PNL, position.number, position.pnl)
        self._charge(position)

    def _charge(self, position: PositionState) -> None:
        if self.terms.commission_per_fill:
            self.book(TransactionType.COMMISSION, position.number, -self.terms.commission_per_fill)

    def _fill(self, position: PositionState, reason: FillReason, side: Side, price: Decimal) -> None:
        self.fills.append(
            FillRow(
                position.number, self.bar, self.at, reason, side, position.lots, price, position.ambiguous
            )
        )


def gain(position: PositionState, price: Decimal) -> Decimal:
    """What the position would have earned, closed at ``price``."""
    sign = 1 if position.side is Side.BUY else -1
    return (price - position.entry) * position.worth * sign
