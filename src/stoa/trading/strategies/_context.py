"""What a strategy holds: the market up to now, its account, and the commands that a trader has."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stoa.trading import rules
from stoa.trading.errors import PositionNotOpenError
from stoa.trading.metrics import floats
from stoa.trading.model import Command, CommandKind, FillAt, OrderType, Side
from stoa.trading.strategies import _indicators
from stoa.trading.strategies._commands import KINDS, Row
from stoa.trading.strategies._desk import Desk
from stoa.trading.strategies._lines import Line, Rule, checked

Price = float | Decimal | str | None
_FEW = 16
_OPEN, _CANCEL, _CLOSE = (KINDS[kind] for kind in (CommandKind.OPEN, CommandKind.CANCEL, CommandKind.CLOSE))
_SIDES = list(Side)
_AT_MARKET = list(OrderType).index(OrderType.MARKET)


class Context:
    """The market and the account at the close of the last completed bar.

    ``open``, ``high``, ``low``, ``close`` (bid prices), ``volume`` and ``ts`` (a bar's start, epoch seconds) are lines: they
    end now. Prices and lots that are given are checked as the API checks them (TradingInvalidError).

    An order for which the margin doesn't suffice when it is to be filled comes to nothing, and is in the result's ``refused``.
    Its number is 0 where that is known at once: where ``equity`` was asked for in this bar.
    """

    def __init__(self, desk: Desk, fill: FillAt) -> None:
        self._desk, self._now, self._fill = desk, desk.now, fill
        self._last_number = 0
        self._held: dict[int, int] = {}
        """Orders that nobody has closed: number → the bar from which on there is a position, if it still is one."""
        self._waits = False
        """Whether there ever was a limit or a stop order: then only the account knows what is open."""
        self._hundredths: dict[float, int] = {}
        bars = desk.bars
        self.open, self.high, self.low, self.close = (
            Line(self._now, floats(column, desk.terms.step))
            for column in (bars.open, bars.high, bars.low, bars.close)
        )
        self.volume, self.ts = Line(self._now, bars.volume), Line(self._now, bars.ts)

    @property
    def bar(self) -> int:
        """Index of the last completed bar, from 0."""
        return self._now.end - 1

    @property
    def time(self) -> datetime:
        """The session's time: the last completed bar's close."""
        return datetime.fromtimestamp(self.ts[-1] + self._desk.bars.timeframe.seconds, UTC)

    # Indicators: to be made once, in ``init`` or at the first bar.

    def sma(self, length: int) -> Line:
        """Mean of the last ``length`` closes."""
        return self._line(_indicators.moving_average(self._desk.bars.close, length))

    def ema(self, length: int) -> Line:
        """Exponential mean of closes with a share of 2 / (length + 1)."""
        return self._line(_indicators.exponential(self._desk.bars.close, length))

    def highest(self, length: int) -> Line:
        """Highest high of the last ``length`` bars."""
        return self._line(_indicators.highest(self._desk.bars.high, length))

    def lowest(self, length: int) -> Line:
        """Lowest low of the last ``length`` bars."""
        return self._line(_indicators.lowest(self._desk.bars.low, length))

    def rsi(self, length: int = 14) -> Line:
        """Wilder's relative strength index of closes, 0 … 100."""
        return Line(self._now, _indicators.relative_strength(self._desk.bars.close, length))

    def atr(self, length: int = 14) -> Line:
        """Wilder's average true range."""
        ranges = _indicators.true_range(self._desk.bars.high, self._desk.bars.low, self._desk.bars.close)
        return self._line(_indicators.wilder(ranges, length, first=1))

    def crosses(self, over: Line, under: Line) -> Line:
        """1 at the close at which ``over`` has come above ``under``, −1 where it has come below, else 0."""
        return Line(self._now, _indicators.crossings(over._source, under._source))  # noqa: SLF001

    def indicator(self, rule: Rule, *lines: Line, args: tuple[Any, ...] = ()) -> Line:
        """One of your own: ``rule(*arrays, *args)`` gives a number a bar; ``lines`` are the closes if none are named.

        It is run over whole columns, and again over some that end earlier: where its past differs, LookAheadError.
        """
        columns = tuple(line._source for line in lines or (self.close,))  # noqa: SLF001
        return Line(self._now, checked(rule, columns, args))

    def _line(self, steps: NDArray[np.float64]) -> Line:
        over, under = self._desk.terms.step.as_integer_ratio()
        return Line(self._now, steps * over / under)

    # The account.

    @property
    def balance(self) -> float:
        return self._money(self._desk.look(at_equity=False).balance)

    @property
    def equity(self) -> float:
        return self._money(self._desk.look(at_equity=True).equity)

    @property
    def positions(self) -> NDArray[Any]:
        """Open positions as rows (``number side status lots entry_price …``, in steps and hundredths of lots)."""
        return self._desk.look(at_equity=False).open_positions

    @property
    def orders(self) -> NDArray[Any]:
        """Pending orders as rows."""
        return self._desk.look(at_equity=False).pending_orders

    @property
    def lots(self) -> float:
        """Open lots, those sold less than nothing."""
        rows = self.positions
        return int((rows["lots"] * (1 - 2 * rows["side"])).sum()) / 100 if len(rows) else 0.0

    # Commands.

    def buy(
        self, lots: float, *, limit: Price = None, stop: Price = None, sl: Price = None, tp: Price = None,
        fill: FillAt | None = None,
    ) -> int:  # fmt: skip
        """Opens at the market, or places a limit or a stop order; its number, which is its position's, too."""
        return self._order(Side.BUY, lots, limit, stop, sl, tp, fill or self._fill)

    def sell(
        self, lots: float, *, limit: Price = None, stop: Price = None, sl: Price = None, tp: Price = None,
        fill: FillAt | None = None,
    ) -> int:  # fmt: skip
        return self._order(Side.SELL, lots, limit, stop, sl, tp, fill or self._fill)

    def close_position(self, number: int, *, fill: FillAt | None = None) -> None:
        """Nothing happens if it is closed already. Raises PositionNotOpenError for a number that no order had."""
        if not 0 < number <= self._last_number:
            raise PositionNotOpenError
        if self._held.get(number, self._now.end) < self._now.end:
            del self._held[number]
        at_next = (fill or self._fill) is FillAt.NEXT_OPEN
        self._desk.give((_CLOSE, self._now.end - 1, number, 0, 0, 0, 0, 0, 0, at_next))

    def close_all(self, *, fill: FillAt | None = None) -> None:
        """Closes every position; orders stay."""
        if self._waits or len(self._held) > _FEW:
            numbers = self.positions["number"].tolist()
            self._held = {
                number: since
                for number, since in self._held.items()
                if number in numbers or since >= self._now.end
            }
        else:
            numbers = [number for number, since in self._held.items() if since < self._now.end]
        for number in numbers:
            self.close_position(number, fill=fill)

    def cancel(self, number: int) -> None:
        """Takes a pending order away. Nothing happens if it is filled or cancelled already."""
        self._desk.give((_CANCEL, self._now.end - 1, number, 0, 0, 0, 0, 0, 0, False))

    def change(self, number: int, *, sl: Price = None, tp: Price = None) -> None:
        """Sets both levels of an open position or a pending order; None takes one away. Nothing happens if it is neither."""
        trader = self._desk.look(at_equity=False)
        for rows, price in ((trader.open_positions, None), (trader.pending_orders, "price")):
            for row in rows[rows["number"] == number]:
                command = rules.change(
                    self._desk.terms, bar=self.bar, last=self._last(), number=number, side=_SIDES[row["side"]],
                    price=None if price is None or not row[price] else int(row[price]),
                    sl_price=self._exact(sl), tp_price=self._exact(tp),
                )  # fmt: skip
                self._desk.give(command)

    def _order(
        self, side: Side, lots: float, limit: Price, stop: Price, sl: Price, tp: Price, fill: FillAt
    ) -> int:
        count = self._hundredths.get(lots)
        if count is None:
            count = self._hundredths[lots] = self._desk.terms.lots(Decimal(str(lots)))
        sold, at_next = side is Side.SELL, fill is FillAt.NEXT_OPEN
        if limit is None and stop is None and sl is None and tp is None:
            given: Row | Command = (_OPEN, self._now.end - 1, 0, sold, _AT_MARKET, count, 0, 0, 0, at_next)
        else:
            kind = (
                OrderType.LIMIT if limit is not None else OrderType.MARKET if stop is None else OrderType.STOP
            )
            self._waits = self._waits or kind is not OrderType.MARKET
            given = rules.order(
                self._desk.terms, bar=self.bar, last=self._last(), side=side, type=kind, quantity_lots=Decimal(str(lots)),
                price=self._exact(limit if stop is None else stop), sl_price=self._exact(sl), tp_price=self._exact(tp),
                fill=fill,
            )  # fmt: skip
        if not self._desk.give(given):
            return 0
        self._last_number += 1
        self._held[self._last_number] = self._now.end - 1 + at_next
        return self._last_number

    def _last(self) -> int:
        return int(self._desk.bars.close[self._now.end - 1])

    def _exact(self, price: Price) -> Decimal | None:
        """A computed price is moved to the nearest step; one that is said as text or Decimal has to be one."""
        if isinstance(price, float) and isfinite(price):
            return round(Decimal(price) / self._desk.terms.step) * self._desk.terms.step
        return None if price is None else Decimal(price)

    def _money(self, units: int) -> float:
        return float(self._desk.terms.money(units))
