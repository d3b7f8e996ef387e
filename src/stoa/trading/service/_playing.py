"""Time in a session: stepped on, gone back in, copied at a moment; and the account there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock
from stoa.trading import playback, store
from stoa.trading.candles import Bars
from stoa.trading.market import Market
from stoa.trading.model import Instrument, Status
from stoa.trading.service._history import (
    ADVANCED,
    COMPLETED,
    FORKED,
    SOUGHT,
    anchor_to,
    command_to,
    commands_of,
    entries,
    replayed,
)
from stoa.trading.service._play import Play, open_play
from stoa.trading.service._quota import NO_QUOTA, Quota
from stoa.trading.service._sessions import check_quota, found, held
from stoa.trading.store import TradingSession


@dataclass(frozen=True, slots=True)
class Advance:
    """To a moment; by a number of bars; or, with neither, until something happens to the account."""

    to: datetime | None = None
    bars: int | None = None


@dataclass(frozen=True, slots=True)
class AccountView:
    """The account at the session's ``now``, the close of bar ``bar`` (-1 before the first). ``hash`` names its ledger."""

    session: TradingSession
    now: datetime
    bar: int
    price: Decimal | None
    balance: Decimal
    equity: Decimal
    used_margin: Decimal
    open_positions: int
    pending_orders: int
    hash: str

    @classmethod
    def of(cls, play: Play) -> AccountView:
        terms, trader = play.session.terms, play.trader
        return cls(
            session=play.session, now=play.session_time, bar=play.bar,
            price=terms.price(play.last) if play.bar >= 0 else None, balance=terms.money(trader.balance),
            equity=terms.money(trader.equity),
            used_margin=trader.used_margin,
            open_positions=len(trader.open_positions), pending_orders=len(trader.pending_orders),
            hash=trader.hash(),
        )  # fmt: skip


def account(
    connection: Connection, market: Market, session_id: int, *, actor: Actor, now: datetime
) -> AccountView:
    session = found(connection, session_id, actor=actor)
    return AccountView.of(open_play(connection, market, session, now, writing=False))


def candles(
    connection: Connection, market: Market, session_id: int, *, actor: Actor, now: datetime
) -> tuple[Instrument, Bars]:
    """What the session has shown by ``now``."""
    play = open_play(connection, market, found(connection, session_id, actor=actor), now, writing=False)
    return play.session.instrument, play.span.bars[: play.bar + 1]


def advance(
    connection: Connection, market: Market, session_id: int, how: Advance, *, actor: Actor, clock: Clock,
    quota: Quota = NO_QUOTA,
) -> AccountView:  # fmt: skip
    """Raises TransitionRefusedError unless it is paused or a draft, TradingInvalidError for a time that has gone,
    TooManyActiveError.
    """
    play = held(connection, market, session_id, actor=actor, clock=clock)
    anchor = playback.advance(play.session.anchor, _target(play, how), play.now)
    check_quota(play, anchor, actor=actor, quota=quota)
    here = play.bar
    play.step(anchor.bar)
    if play.bar < anchor.bar:  # the account has outgrown what is exact: the session ends before that
        anchor = replace(anchor, status=Status.COMPLETED, bar=play.bar)
    there = anchor_to(replace(anchor, status=Status.PAUSED))
    play.note(ADVANCED, after_bar=here, to=anchor.bar, anchor=there)
    if anchor.status is Status.COMPLETED:
        play.finish(anchor, note=COMPLETED)
    else:
        play.place(anchor)
    play.save(actor_id=actor.id)
    return AccountView.of(play)


def _target(play: Play, how: Advance) -> int:
    last = play.session.anchor.last_bar
    if how.to is not None:
        if how.to < play.session_time:
            return play.bar - 1  # which is refused, of a draft too
        return min(playback.bar_at(play.span.bars.ts, how.to, play.session.timeframe.seconds), last)
    if how.bars is not None:
        return min(play.bar + how.bars, last)
    upcoming = play.next_fill()
    return last if upcoming is None else upcoming


def _past_bar(play: Play, moment: datetime) -> int:
    """The last bar that was complete then; one after the session's where that has not come, though no bar be left."""
    if moment > play.session_time:
        return play.bar + 1
    return playback.bar_at(play.span.bars.ts, moment, play.session.timeframe.seconds)


def seek(
    connection: Connection, market: Market, session_id: int, to: datetime, *, confirmed: bool, actor: Actor,
    clock: Clock, quota: Quota = NO_QUOTA,
) -> AccountView:  # fmt: skip
    """Back, with the account of that moment.

    Raises UnconfirmedError, TransitionRefusedError, TradingInvalidError, TooManyActiveError.
    """
    play = held(connection, market, session_id, actor=actor, clock=clock)
    session, span, bar = play.session, play.span, _past_bar(play, to)
    anchor = playback.seek(session.anchor, bar, play.now, confirmed=confirmed)
    check_quota(play, anchor, actor=actor, quota=quota)
    commands = playback.kept(commands_of(entries(connection, session_id)), bar)
    play.note(SOUGHT, at_bar=bar)
    play.trader = replayed(session.terms, span.bars, span.finer, commands, bar=bar)
    play.bar = bar
    play.place(anchor, ended=None)
    store.forget_reports(connection, session_id, after_bar=bar)
    play.save(actor_id=actor.id, anew=True)
    return AccountView.of(play)


def fork(
    connection: Connection, market: Market, session_id: int, at: datetime, *, actor: Actor, clock: Clock,
    quota: Quota = NO_QUOTA,
) -> AccountView:  # fmt: skip
    """A copy of the session up to ``at``, the actor's own, paused there.

    Raises TransitionRefusedError, TradingInvalidError, TooManyActiveError.
    """
    play = held(connection, market, session_id, actor=actor, clock=clock)
    session, span, now, bar = play.session, play.span, play.now, _past_bar(play, at)
    anchor = playback.fork(session.anchor, bar, now)
    quota.check(connection, actor, now=now)
    commands = playback.kept(commands_of(entries(connection, session_id)), bar)
    trader = replayed(session.terms, span.bars, span.finer, commands, bar=bar)
    copy = replace(
        session, user_id=actor.number, anchor=anchor, ended=None, snapshot=trader.snapshot(), synced=bar, fills_bar=None,
        stream_bar=-1, stream_base=0, created_at=now, updated_at=now,
    )  # fmt: skip
    copy = replace(copy, id=store.insert_session(connection, copy))
    copied = Play(connection, copy, span, trader, bar, now)
    told = [command_to(command) for command in commands]
    copied.note(FORKED, origin=session_id, commands=told)
    copied.save(actor_id=actor.id)
    return AccountView.of(copied)
