"""How a session moves in time: computed from its anchor and the clock, never stepped.

Bars are named by their index in the session's span. The session's time is the close of its last completed bar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from stoa.kernel.errors import Fault
from stoa.trading.errors import TradingInvalidError, UnconfirmedError
from stoa.trading.model import Action, Anchor, Command, CommandKind, Speed, Status
from stoa.trading.rules import check_transition

Ints = NDArray[np.int64]
_MILLISECOND = timedelta(milliseconds=1)


def span_of(ts: Ints, start: datetime, end: datetime | None) -> slice:
    """The candles of a session: those that start at or after ``start`` and before ``end`` (None: to the last).

    Raises TradingInvalidError naming ``start_ts`` or ``end_ts`` where the data does not reach.
    """
    if len(ts) == 0 or not int(ts[0]) <= start.timestamp() <= int(ts[-1]):
        raise TradingInvalidError.of(Fault("start_ts", "lies outside the stored candles."))
    first = int(np.searchsorted(ts, start.timestamp(), side="left"))
    stop = len(ts) if end is None else int(np.searchsorted(ts, end.timestamp(), side="left"))
    if stop <= first:
        raise TradingInvalidError.of(Fault("end_ts", "leaves no candle after start_ts."))
    return slice(first, stop)


def new_anchor(now: datetime, *, speed: Speed, last_bar: int) -> Anchor:
    """A draft's: no bar is complete."""
    return Anchor(status=Status.DRAFT, bar=-1, at=now, speed=speed, last_bar=last_bar)


def position_at(anchor: Anchor, now: datetime) -> int:
    """The last completed bar; -1 in a draft."""
    if anchor.status is not Status.RUNNING:
        return anchor.bar
    elapsed = max(0, (now - anchor.at) // _MILLISECOND)
    return min(anchor.last_bar, anchor.bar + elapsed * anchor.speed.bars_in_two_seconds // 2000)


def time_of(anchor: Anchor, bar: int) -> datetime | None:
    """The first millisecond at which a running session has completed ``bar``; None where it does not move."""
    if anchor.status is not Status.RUNNING:
        return None
    speed = anchor.speed.bars_in_two_seconds
    return anchor.at + -((anchor.bar - bar) * 2000 // speed) * _MILLISECOND


def completes_at(anchor: Anchor) -> datetime | None:
    return time_of(anchor, anchor.last_bar)


def status_at(anchor: Anchor, now: datetime) -> Status:
    """COMPLETED as soon as a running session has reached its last bar, whether anybody looked or not."""
    if anchor.status is Status.RUNNING and position_at(anchor, now) >= anchor.last_bar:
        return Status.COMPLETED
    return anchor.status


def settle(anchor: Anchor, now: datetime) -> Anchor:
    """The same playback, COMPLETED where it has reached its end (then ``closing`` is due). Else the anchor itself."""
    if status_at(anchor, now) is anchor.status:
        return anchor
    completed = check_transition(anchor.status, Action.COMPLETE)
    return replace(anchor, status=completed, bar=anchor.last_bar, at=completes_at(anchor) or now)


def act(anchor: Anchor, action: Action, now: datetime) -> Anchor:
    """Start, pause, resume, stop, archive. A pause gives up the part of a bar that had begun.

    Raises TransitionRefusedError.
    """
    settled = settle(anchor, now)
    status = check_transition(settled.status, action)
    bar = 0 if action is Action.START else position_at(settled, now)
    return replace(settled, status=status, bar=bar, at=now)


def change_speed(anchor: Anchor, speed: Speed, now: datetime) -> Anchor:
    """The bar that had begun goes on from where it was. Raises TransitionRefusedError."""
    settled = settle(anchor, now)
    check_transition(settled.status, Action.CHANGE)
    if settled.status is not Status.RUNNING:
        return replace(settled, speed=speed)
    old, new = settled.speed.bars_in_two_seconds, speed.bars_in_two_seconds
    bar = position_at(settled, now)
    begun = max(0, (now - settled.at) // _MILLISECOND) * old - (bar - settled.bar) * 2000  # of 2000 parts
    return replace(settled, speed=speed, bar=bar, at=now - begun // new * _MILLISECOND)


def change_end(anchor: Anchor, last_bar: int, now: datetime) -> Anchor:
    """Another end of the span; COMPLETED where the session has reached it.

    Raises TransitionRefusedError, and TradingInvalidError for an end that is past and for a session that is over.
    """
    settled = settle(anchor, now)
    check_transition(settled.status, Action.CHANGE)
    here = position_at(settled, now)
    if settled.status is Status.COMPLETED:
        raise TradingInvalidError.of(Fault("end_ts", "can't be changed: the session is over."))
    if last_bar < here:
        raise TradingInvalidError.of(Fault("end_ts", "lies before the session's time."))
    if last_bar > here:
        return replace(settled, last_bar=last_bar)
    completed = check_transition(settled.status, Action.COMPLETE)
    return replace(settled, status=completed, bar=here, at=now, last_bar=last_bar)


def advance(anchor: Anchor, bar: int, now: datetime) -> Anchor:
    """A paused session (or a draft, which is started and paused) stepped to ``bar``; COMPLETED at its last.

    Raises TransitionRefusedError, and TradingInvalidError naming ``to`` for going back.
    """
    settled = settle(anchor, now)
    status = check_transition(settled.status, Action.ADVANCE)
    if bar < settled.bar:
        raise TradingInvalidError.of(Fault("to", "lies before the session's time; seek goes back."))
    there = min(max(bar, 0), settled.last_bar)
    if there == settled.last_bar:
        status = check_transition(status, Action.COMPLETE)
    return replace(settled, status=status, bar=there, at=now)


def bar_at(ts: Ints, to: datetime, seconds: int) -> int:
    """The last of the bars starting at ``ts``, each ``seconds`` long, that is complete at ``to``; -1 before the first."""
    return int(np.searchsorted(ts, to.timestamp() - seconds, side="right")) - 1


def seek(anchor: Anchor, bar: int, now: datetime, *, confirmed: bool) -> Anchor:
    """Back to ``bar``: a running session runs on from there, a completed one is paused.

    Raises TransitionRefusedError, UnconfirmedError, and TradingInvalidError naming ``to`` for a time that is not past.
    """
    settled = settle(anchor, now)
    status = check_transition(settled.status, Action.SEEK)
    if not 0 <= bar <= position_at(settled, now):
        raise TradingInvalidError.of(Fault("to", "must lie between the session's first candle and its time."))
    if not confirmed:
        raise UnconfirmedError
    return replace(settled, status=status, bar=bar, at=now)


def fork(anchor: Anchor, bar: int, now: datetime) -> Anchor:
    """The anchor of a copy, paused at ``bar``.

    Raises TransitionRefusedError, and TradingInvalidError naming ``at`` for a time that is not past.
    """
    settled = settle(anchor, now)
    check_transition(settled.status, Action.FORK)
    if not 0 <= bar <= position_at(settled, now):
        raise TradingInvalidError.of(Fault("at", "must lie between the session's first candle and its time."))
    return replace(settled, status=Status.PAUSED, bar=bar, at=now)


def kept(commands: Iterable[Command], bar: int) -> list[Command]:
    """The commands that still stand after going back to ``bar``: those given up to its close, but no end of the session."""
    return [command for command in commands if command.bar <= bar and command.kind is not CommandKind.STOP]


def closing(bar: int) -> Command:
    """What ends a session, stopped or complete: everything is closed at the last price, nothing stays pending."""
    return Command(CommandKind.STOP, bar)
