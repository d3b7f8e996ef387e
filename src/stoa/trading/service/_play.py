"""A session under way in one transaction: its account brought to now, changed, and written down again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stoa.kernel.clock import Clock
from stoa.kernel.journal import Event
from stoa.platform import journal, timers
from stoa.platform.storage import lock
from stoa.trading import playback, store
from stoa.trading.engine import Trader
from stoa.trading.errors import TooLargeError
from stoa.trading.market import Market
from stoa.trading.model import Anchor, Command, OrderStatus, Status
from stoa.trading.service._history import (
    COMMANDED,
    COMPLETED,
    anchor_to,
    command_to,
    forward,
    stream_of,
)
from stoa.trading.service._market import Span, span_of
from stoa.trading.service._rows import Writing
from stoa.trading.store import TradingSession

DUE = "trading.session"
"""The timers at which something happens in a session: a fill, or its end. Their subject is its id."""
STRIDE = 1 << 16
"""Stream numbers that a bar may use. A journal entry begins a segment after those of the bar it was made at."""
VOID = 1 << 12
"""Bars whose numbers lie unused between two segments. A node that hears late of an entry may have told bars as if there
were none; nobody can go on from their numbers, which are nothing else's."""

_REJECTED = list(OrderStatus).index(OrderStatus.REJECTED)


@dataclass
class Play:
    """``bar`` is the last completed one at ``now``; ``trader`` stands there. ``save`` writes all of it, or nothing is."""

    connection: Connection
    session: TradingSession
    span: Span
    trader: Trader
    bar: int
    now: datetime
    events: list[Event] = field(default_factory=list)
    ids: dict[int, int] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        return self.session.anchor.status

    @property
    def last(self) -> int:
        """The price: the last completed bar's close, in steps."""
        return self.trader.close

    @property
    def session_time(self) -> datetime:
        """The session's now: the close of its last completed bar, or its start."""
        return self.span.time_of(self.bar)

    def note(
        self, type_: str, *, after_bar: int | None = None, at_bar: int | None = None, **data: Any
    ) -> None:
        """An entry for the journal, and a new segment of the stream.

        A step's came ``after_bar``, before the bars that it went. A seek's stands ``at_bar``, to which it went back.
        """
        session, here = self.session, self.bar if after_bar is None else after_bar
        base = session.stream_base + (here - session.stream_bar + 1 + VOID) * STRIDE
        bar = here if at_bar is None else at_bar
        self.session = replace(session, stream_bar=bar, stream_base=base)
        self.events.append(Event(type_, {"bar": bar, "stream": base} | data))

    def give(self, command: Command) -> int:
        """Raises what the trader raises."""
        number = self.trader.give(command)
        self.note(COMMANDED, command=command_to(command))
        return number

    def place(self, anchor: Anchor, **changes: Any) -> None:
        """The session itself changes."""
        self.session = replace(self.session, anchor=anchor, updated_at=self.now, **changes)

    def step(self, bar: int) -> None:
        """Brings the account on to ``bar``, or to the last one before it up to which it can be exact."""
        before = self.trader.snapshot()
        try:
            forward(self.trader, self.span.bars, self.span.finer, bar=bar)
        except TooLargeError:
            bar = self._last_exact(before, bar)
        self.bar = bar

    def _last_exact(self, before: bytes, bar: int) -> int:
        """The last bar that can be played, since ``bar`` can not. The account is brought there."""
        fine = Trader.restore(before).bar
        while bar - fine > 1:
            middle = (fine + bar) // 2
            try:
                forward(Trader.restore(before), self.span.bars, self.span.finer, bar=middle)
            except TooLargeError:
                bar = middle
            else:
                fine = middle
        self.trader = Trader.restore(before)
        forward(self.trader, self.span.bars, self.span.finer, bar=fine)
        return fine

    def finish(self, anchor: Anchor, *, note: str) -> None:
        """Closes everything at the last price: the session's end."""
        self.trader.give(playback.closing(self.bar))
        self.note(note)
        self.place(anchor, ended=self.session_time)

    def next_fill(self) -> int | None:
        if self.bar < 0 or self.status in (Status.COMPLETED, Status.ARCHIVED):
            return None
        ahead = self.trader.bar_of_next_fill(self.span.bars[self.bar + 1 :], self.span.finer)
        return None if ahead is None else self.bar + 1 + ahead

    def next_event(self) -> int | None:
        """The next bar that changes a row: with a fill, with an order that is rejected, or one that can't be played.

        What the future holds is found here, and nobody is told: not by an error either.
        """
        upcoming = self.next_fill()
        if not len(self.trader.pending_orders):
            return upcoming
        probe = Trader.restore(self.trader.snapshot())
        last = len(self.span.bars) - 1 if upcoming is None else upcoming
        with suppress(TooLargeError):
            forward(probe, self.span.bars, self.span.finer, bar=last)
        orders = probe.ledger().orders
        rejected = orders["done_bar"][orders["status"] == _REJECTED]
        return int(rejected.min()) if len(rejected) else upcoming

    def save(self, *, actor_id: str | None, by_anchor: bool = False, anew: bool = False) -> None:
        """``by_anchor``: what happened did so as the session ran, not now. ``anew``: the trader's history is all new."""
        wall = self._reached if by_anchor else self._now
        writing = Writing(self.connection, self.session, self.span, wall)
        # Before the first bar a trader can't begin anew: what it has is written again, and is the same.
        ledger = self.trader.take() if self.bar >= 0 else self.trader.ledger()
        self.ids |= (writing.rewrite if anew else writing.add)(ledger)
        self.session = replace(
            self.session, fills_bar=self.next_event(), synced=self.bar, snapshot=self.trader.snapshot()
        )
        store.update_session(self.connection, self.session)
        self._tell(actor_id)
        plan(self.connection, self.session)

    def _tell(self, actor_id: str | None) -> None:
        """The journal says where the session stands now, and what the positions are called that came since.

        An event that has an anchor of its own happened on the way there.
        """
        if not self.events:
            return
        told = {"anchor": anchor_to(self.session.anchor), "ids": {str(n): i for n, i in self.ids.items()}}
        events = [Event(event.type, told | event.data) for event in self.events]
        journal.append(self.connection, stream_of(self.session.id), *events, actor_id=actor_id, at=self.now)
        self.events, self.ids = [], {}

    def _now(self, _bar: int) -> datetime:
        return self.now

    def _reached(self, bar: int) -> datetime:
        at = playback.time_of(self.session.anchor, bar)
        return self.now if at is None else min(at, self.now)


def plan(connection: Connection, session: TradingSession) -> None:
    """Sets the timer of what comes next."""
    upcoming = [at for at in (session.fills_at, session.completes_at) if at is not None]
    if upcoming:
        timers.set(connection, DUE, str(session.id), due_at=min(upcoming))
    else:
        timers.cancel(connection, DUE, str(session.id))


def hold(connection: Connection, session_id: int) -> None:
    """Everything that changes a session holds it first, and reads the clock only then."""
    lock(connection, f"trading:{session_id}")


def open_play(
    connection: Connection, market: Market, session: TradingSession, now: datetime, *, writing: bool = True
) -> Play:
    """The session at ``now``; what the clock has completed is over. With ``writing``, all of that is written down."""
    # Another node's clock may be a little ahead of this one's: what has been written has happened.
    bar = max(playback.position_at(session.anchor, now), session.synced)
    play = Play(
        connection, session, span_of(connection, market, session), Trader.restore(session.snapshot), bar, now
    )
    play.step(bar)
    done, over = session.completes_at, None
    if play.bar < bar:  # the account has outgrown what is exact: the session ends before that
        done = playback.time_of(session.anchor, play.bar + 1) or now
        over = replace(session.anchor, status=Status.COMPLETED, bar=play.bar, at=done)
    elif done is not None and done <= now:
        over = playback.settle(session.anchor, done)
    if writing and session.fills_bar is not None and session.fills_bar <= bar:
        play.save(actor_id=None, by_anchor=True)
    if done is not None and over is not None:
        play.now = done
        play.finish(over, note=COMPLETED)
        if writing:
            play.save(actor_id=None)
        play.now = now
    return play


def sync(connection: Connection, market: Market, session_id: int, *, clock: Clock) -> None:
    """Writes what has happened in the session by now. A session that is gone, or has nothing due, is left as it is."""
    hold(connection, session_id)
    now, session = clock.now(), store.get_session(connection, session_id)
    if session is not None and any(
        at is not None and at <= now for at in (session.fills_at, session.completes_at)
    ):
        open_play(connection, market, session, now)
