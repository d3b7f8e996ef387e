"""One candle: its open first, then every price inside it, one step after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from stoa.trading.model import FillAt, FillReason, OrderType, Side
from stoa.trading.reference._account import Account, OrderState, PositionState

UP, DOWN = 1, -1
_LEVELS = (FillReason.STOP_LOSS, FillReason.TAKE_PROFIT)


@dataclass(frozen=True)
class Candle:
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    starts_at: datetime
    ends_at: datetime


class Inside:
    """Plays one candle on an account. Inside it only open, high, low and close are known, not the way between them.

    So of two levels that both lie in it nobody knows which was touched first: then the worse for the trader counts (with
    ``better`` the other one), and the position is ambiguous.
    """

    def __init__(self, account: Account, candle: Candle, *, better: bool, opens_bar: bool) -> None:
        self.account = account
        self.candle = candle
        self.preferred = FillReason.TAKE_PROFIT if better else FillReason.STOP_LOSS
        self.better = better
        self.opens_bar = opens_bar
        self.low = self.high = candle.open  # as far as the price may have gone by now

    def play(self) -> None:
        account, candle = self.account, self.candle
        account.at = candle.starts_at
        self.play_open()
        account.at = candle.ends_at
        self.low, self.high = candle.low, candle.high
        for position in account.open:
            self.plan(position)
        first = self.first_way()
        extremes = (candle.low, candle.high) if first == DOWN else (candle.high, candle.low)
        self.walk(candle.open, extremes[0], first)
        self.walk(extremes[0], extremes[1], -first)
        for position in account.open:
            if position.plan is not None:  # behind its entry, but beyond the close: it was surely touched
                self.exit(position, position.plan, level_of(account, position, position.plan))
        if not self.better:
            self.walk_stop_outs(candle.close, extremes[0], first)
            self.walk_stop_outs(extremes[0], extremes[1], -first)
        while account.is_below(candle.close):
            self.liquidate_worst(candle.close)

    def play_open(self) -> None:
        """What waited for the next open, then whatever the first price touches."""
        account, bid = self.account, self.candle.open
        if self.opens_bar:
            for position in account.open:
                if position.close_next_open:
                    account.leave(position, FillReason.CLOSE, bid)
            for order in account.pending:
                if order.type is OrderType.MARKET and order.fill is FillAt.NEXT_OPEN:
                    account.enter(order, bid)
        while self.something_at_open(bid):
            pass

    def something_at_open(self, bid: Decimal) -> bool:
        for position in self.account.open:
            for reason in _LEVELS:
                if self.is_touched(position, reason, bid):
                    self.account.leave(position, reason, bid)
                    return True
        if self.account.is_below(bid):
            self.liquidate_worst(bid)
            return True
        for order in self.account.pending:
            if self.is_reached(order, bid):
                self.account.enter(order, bid)
                return True
        return False

    def first_way(self) -> int:
        """Against the account's net exposure, or with it where the better counts."""
        exposure = sum(way_of(position.side) * position.worth for position in self.account.open)
        against = UP if exposure < 0 else DOWN
        return -against if self.better else against

    def walk(self, start: Decimal, end: Decimal, way: int) -> None:
        price = start
        while True:
            while self.something_at(price, way):
                pass
            if price == end:
                return
            price += way * self.account.terms.step

    def something_at(self, price: Decimal, way: int) -> bool:
        """At one price: exits in order of opening, the stop-out, entries in order of placing. True after the first."""
        for position in self.account.open:
            if position.plan is None or exit_way(position, position.plan) != way:
                continue
            if self.is_touched(position, position.plan, price):
                self.exit(position, position.plan, price)
                return True
        if self.account.is_below(price):
            self.liquidate_worst(price)
            return True
        for order in self.account.pending:
            if entry_way(order) == way and self.is_reached(order, price):
                entered = self.account.enter(order, price)
                if entered is not None:
                    self.plan_entered(entered, price, way)
                return True
        return False

    def walk_stop_outs(self, start: Decimal, end: Decimal, way: int) -> None:
        """What came before may have come after: at neither extreme may the account as it is now be below."""
        price = start
        while (end - price) * way >= 0:
            while self.account.is_below(price):
                self.liquidate_worst(price, surely=False)
            price += way * self.account.terms.step

    def plan(self, position: PositionState) -> None:
        """Which level of a position counts that was open when the candle began."""
        touched = [reason for reason in _LEVELS if self.is_touched_inside(position, reason)]
        position.plan = None
        if touched:
            position.plan = self.preferred if self.preferred in touched else touched[0]
        position.plan_is_ambiguous = len(touched) == 2

    def plan_entered(self, position: PositionState, price: Decimal, way: int) -> None:
        """The same for one that was opened inside, at ``price`` while it moved ``way``.

        Of its levels one lies ahead and is surely touched if the candle reaches it. The other lies behind: whether the price
        came back to it after the entry is only sure where the close is beyond it.
        """
        ahead, behind = _LEVELS if exit_way(position, FillReason.STOP_LOSS) == way else _LEVELS[::-1]
        reaches_ahead = self.is_touched_inside(position, ahead)
        reaches_behind = self.is_touched_inside(position, behind)
        surely_behind = self.is_touched(position, behind, self.candle.close)
        if reaches_behind and behind is self.preferred:
            position.plan_is_ambiguous = reaches_ahead or not surely_behind
            self.walk_back(position, behind, price, -way)
        elif reaches_ahead:
            position.plan = ahead
            position.plan_is_ambiguous = reaches_behind
        elif reaches_behind and surely_behind:
            position.plan = behind
        elif reaches_behind:
            position.ambiguous = True

    def walk_back(self, position: PositionState, behind: FillReason, start: Decimal, way: int) -> None:
        price = start
        while position in self.account.open:
            if self.is_touched(position, behind, price):
                self.exit(position, behind, price)
            elif self.account.is_below(price):
                self.liquidate_worst(price, surely=False)
            else:
                price += way * self.account.terms.step

    def exit(self, position: PositionState, reason: FillReason, bid: Decimal) -> None:
        position.ambiguous = position.ambiguous or position.plan_is_ambiguous
        self.account.leave(position, reason, bid)

    def liquidate_worst(self, bid: Decimal, *, surely: bool = True) -> None:
        worst = min(self.account.open, key=lambda position: self.account.unrealised(position, bid))
        might_have_won = self.is_touched_inside(worst, FillReason.TAKE_PROFIT)
        worst.ambiguous = worst.ambiguous or might_have_won or not surely
        self.account.leave(worst, FillReason.LIQUIDATION, bid)

    def is_touched_inside(self, position: PositionState, reason: FillReason) -> bool:
        return self.is_touched(position, reason, self.low) or self.is_touched(position, reason, self.high)

    def is_touched(self, position: PositionState, reason: FillReason, bid: Decimal) -> bool:
        level = position.sl if reason is FillReason.STOP_LOSS else position.tp
        if level is None:
            return False
        price = self.account.closing_price(position.side, bid)
        return price >= level if exit_way(position, reason) == UP else price <= level

    def is_reached(self, order: OrderState, bid: Decimal) -> bool:
        if order.price is None:
            return False
        price = bid + self.account.spread if order.side is Side.BUY else bid
        return price >= order.price if entry_way(order) == UP else price <= order.price


def level_of(account: Account, position: PositionState, reason: FillReason) -> Decimal:
    """The bid at which the position's level is touched."""
    level = position.sl if reason is FillReason.STOP_LOSS else position.tp
    assert level is not None
    return level if position.side is Side.BUY else level - account.spread


def way_of(side: Side) -> int:
    return UP if side is Side.BUY else DOWN


def exit_way(position: PositionState, reason: FillReason) -> int:
    """A BUY's stop-loss lies below and its take-profit above; a SELL's the other way round."""
    return way_of(position.side) if reason is FillReason.TAKE_PROFIT else -way_of(position.side)


def entry_way(order: OrderState) -> int:
    """A LIMIT to buy waits for a lower price, a STOP to buy for a higher one."""
    return way_of(order.side) if order.type is OrderType.STOP else -way_of(order.side)
