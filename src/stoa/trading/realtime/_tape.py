"""What a session's subscribers are told, made from its journal and its candles alone.

The same journal and bars give the same events with the same numbers, on any node and again after any crash: a journal
entry begins a segment at the number that it stores, every bar after it takes a stride, and within a bar the candle
comes first, then each fill with its position, then the account.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from stoa.kernel.journal import Entry
from stoa.trading import playback
from stoa.trading.candles import Bars
from stoa.trading.engine import Ledger, Trader
from stoa.trading.model import Fill, Position, PositionStatus
from stoa.trading.realtime._messages import (
    AccountEvent,
    CandleEvent,
    FillBody,
    FillEvent,
    HeldBody,
    MoneyBody,
    Picture,
    Placed,
    PositionEvent,
    StatusEvent,
)
from stoa.trading.service import (
    COMMANDED,
    COMPLETED,
    STOPPED,
    STRIDE,
    Span,
    anchor_from,
    command_from,
    forward,
)
from stoa.trading.store import TradingSession
from stoa.trading.wire import CandleBody, CandlesBody, number
from stoa.web.values import iso

_AHEAD = 256
"""Candles that are made ready at once. Nobody is told of them before they are complete."""


class Tape:
    """``bar`` is the last one told, ``seq`` the highest number used by then. ``ids`` names the positions' rows."""

    def __init__(
        self, session: TradingSession, span: Span, trader: Trader, *, bar: int, ids: dict[int, int]
    ) -> None:
        self.session = session
        self.span = span
        self.ids = ids
        self.bar = bar
        self._trader = trader
        self._base, self._begun = session.stream_base, session.stream_bar
        self._candles: list[CandleBody] = []
        self._candles_from = 0
        self._known: dict[int, Position] = {}
        if trader.bar >= 0:  # a trader is not asked before its first bar
            self._taken(trader.take())
        self._settled()

    @property
    def seq(self) -> int:
        """The last number of the last bar told."""
        return self.end_at(self.bar) - 1

    def end_at(self, bar: int) -> int:
        """The first number after those of ``bar``."""
        return self._base + (bar - self._begun + 1) * STRIDE

    @property
    def next_fill(self) -> int | None:
        """The bar in which something happens to the account next, if nobody does anything."""
        return self._next_fill

    def through(self, bar: int, *, after: int = 0) -> Iterator[Placed]:
        """What happens in the bars up to ``bar``. Bars that are wholly told by number ``after`` are passed over."""
        passed = min(bar, self._begun + (after - self._base) // STRIDE - 1)
        if passed > self.bar:
            self.bar = passed
            forward(self._trader, self.span.bars, self.span.finer, bar=passed)
            self._taken(self._trader.take())
            self._settled()
        while self.bar < bar:
            self.bar += 1
            seq = self._base + (self.bar - self._begun) * STRIDE + 1
            yield CandleEvent(self.session.id, seq, self._candle(self.bar))
            if self.bar == self._next_fill:
                forward(self._trader, self.span.bars, self.span.finer, bar=self.bar)
                yield from self._changed(seq + 1, self._trader.take())
            elif self._is_exposed:
                yield AccountEvent(self.session.id, seq + 1, self._money())

    def enter(self, entry: Entry, *, after: int = 0) -> Iterator[Placed]:
        """What happened before ``entry``, and what it did: not for one that changes the history."""
        yield from self.through(entry.data["bar"], after=after)
        self._base, self._begun = entry.data["stream"], entry.data["bar"]
        self.ids |= {int(name): row_id for name, row_id in entry.data["ids"].items()}
        self.session = replace(self.session, anchor=anchor_from(entry.data["anchor"]))
        seq = self._base
        if entry.type in (COMMANDED, STOPPED, COMPLETED):
            forward(self._trader, self.span.bars, self.span.finer, bar=self.bar)
            told = entry.data.get("command")
            self._trader.give(playback.closing(self.bar) if told is None else command_from(told))
            for event in self._changed(seq, self._trader.take()):
                seq = event.seq + 1
                yield event
        if entry.type != COMMANDED:
            yield self.status(seq)

    def status(self, seq: int) -> StatusEvent:
        anchor = self.session.anchor
        now = iso(self.span.time_of(anchor.bar))
        return StatusEvent(self.session.id, seq, anchor.status, anchor.speed, anchor.bar, now)

    def picture(self) -> Picture:
        anchor = self.session.anchor
        held = [self._held(each) for each in self._known.values()]
        return Picture(
            self.session.id, self.seq, anchor.status, anchor.speed, self.bar, iso(self.span.time_of(self.bar)),
            self._money(), held, self._candle(self.bar) if self.bar >= 0 else None,
        )  # fmt: skip

    def _settled(self) -> None:
        """The account as it is until something happens to it: its equity is a straight line of the price."""
        trader, terms = self._trader, self.session.terms
        self._equity, self._close = trader.equity, trader.close
        rows = trader.open_positions
        signs = [1 if side == 0 else -1 for side in rows["side"].tolist()]
        lots = rows["lots"].tolist()
        self._slope = terms.tick * sum(sign * each for sign, each in zip(signs, lots, strict=True))
        self._is_exposed = bool(len(rows))
        self._margin = trader.used_margin
        self._counts = len(rows), len(trader.pending_orders)
        self._balance = trader.balance
        over = self.bar < 0 or self.bar >= len(self.span.bars) - 1
        self._next_fill = None if over else self._upcoming()

    def _upcoming(self) -> int | None:
        begin = self._trader.bar + 1
        found = self._trader.bar_of_next_fill(self.span.bars[begin:], self.span.finer)
        return None if found is None else begin + found

    def _money(self) -> MoneyBody:
        terms = self.session.terms
        moved = int(self.span.bars.close[self.bar]) - self._close if self.bar >= 0 else 0
        equity, balance = terms.money(self._equity + self._slope * moved), terms.money(self._balance)
        level = equity / self._margin * 100 if self._margin else Decimal(0)
        return MoneyBody(
            number(balance), number(equity), number(equity - balance), number(self._margin),
            number(equity - self._margin), number(level), *self._counts,
        )  # fmt: skip

    def _changed(self, seq: int, ledger: Ledger) -> Iterator[Placed]:
        """Each fill, then each position that is not what it was, then the account."""
        session_id = self.session.id
        for fill in ledger.fill_values():
            yield FillEvent(session_id, seq, self._fill(fill))
            seq += 1
        for position in self._taken(ledger):
            yield PositionEvent(session_id, seq, self._held(position))
            seq += 1
        self._settled()
        yield AccountEvent(session_id, seq, self._money())

    def _taken(self, ledger: Ledger) -> list[Position]:
        """The positions that are not what they were."""
        changed = [each for each in ledger.position_values() if self._known.get(each.number) != each]
        for each in changed:
            if each.status is PositionStatus.OPEN:
                self._known[each.number] = each
            else:
                self._known.pop(each.number, None)
        return changed

    def _fill(self, fill: Fill) -> FillBody:
        return FillBody(
            self.ids[fill.number], fill.reason, fill.side, number(fill.quantity_lots), number(fill.price),
            iso(fill.at), fill.ambiguous,
        )  # fmt: skip

    def _held(self, position: Position) -> HeldBody:
        span, closed = self.span, position.closed_bar
        return HeldBody(
            self.ids[position.number], self.session.id, span.candle_id(position.opened_bar),
            None if closed is None else span.candle_id(closed), position.status, position.side,
            number(position.entry_price), number(position.quantity_lots), _or_none(position.tp_price),
            _or_none(position.sl_price), _or_none(position.exit_price), iso(position.opened_at),
            None if position.closed_at is None else iso(position.closed_at), number(position.realized_pnl),
            number(position.commission_cost), number(position.slippage_cost), number(position.spread_cost),
            position.ambiguous,
        )  # fmt: skip

    def _candle(self, bar: int) -> CandleBody:
        at = bar - self._candles_from
        if not 0 <= at < len(self._candles):
            part = self.span.bars[bar : bar + _AHEAD]
            self._candles, self._candles_from, at = _candles_of(part, self.session), bar, 0
        return self._candles[at]


def _candles_of(bars: Bars, session: TradingSession) -> list[CandleBody]:
    return CandlesBody.of(bars, session.instrument, total=0, page=1, limit=1).candles


def _or_none(value: Decimal | None) -> float | None:
    return None if value is None else number(value)
