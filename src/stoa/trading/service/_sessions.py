"""Sessions: created, listed, changed, taken through their lifecycle, deleted. Each use case is one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock, to_millis
from stoa.kernel.errors import Fault
from stoa.kernel.journal import Event
from stoa.kernel.pages import Page
from stoa.platform import journal, timers
from stoa.platform.storage import lock
from stoa.trading import playback, rules, store
from stoa.trading.candles import Bars
from stoa.trading.engine import Trader
from stoa.trading.errors import (
    InstrumentDisabledError,
    InstrumentNotFoundError,
    NoDataError,
    NotOwnerError,
    SessionNotFoundError,
    TradingInvalidError,
    TransitionRefusedError,
)
from stoa.trading.market import Market, edition_of, find_instrument
from stoa.trading.model import ACTIVE, Action, Anchor, Instrument, Speed, Status, Terms, Timeframe
from stoa.trading.service._history import (
    ARCHIVED,
    CHANGED,
    COMPLETED,
    CREATED,
    DELETED,
    PAUSED,
    RESUMED,
    STARTED,
    STOPPED,
    anchor_to,
    stream_of,
)
from stoa.trading.service._market import Span, span_of
from stoa.trading.service._play import DUE, Play, hold, open_play
from stoa.trading.service._quota import NO_QUOTA, Quota
from stoa.trading.service._rows import Writing
from stoa.trading.store import Listing, TradingSession

DAY = 86_400
LONGEST_GAP = 30 * DAY
"""Seconds without a candle in which a session may begin."""
_NOTES = {
    Action.START: STARTED, Action.PAUSE: PAUSED, Action.RESUME: RESUMED, Action.STOP: STOPPED,
    Action.ARCHIVE: ARCHIVED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new session is to be. ``end`` None: until the last candle."""

    instrument_id: int
    timeframe: Timeframe
    speed: Speed
    start: datetime
    end: datetime | None
    initial_balance: Decimal
    leverage: Decimal
    spread_pts: int
    slippage_pts: int
    commission_per_fill: Decimal
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SessionChanges:
    """UNSET stays."""

    status: Status | UnsetType = UNSET
    speed: Speed | UnsetType = UNSET
    end: datetime | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET


def create(
    connection: Connection,
    market: Market,
    draft: Draft,
    *,
    actor: Actor,
    clock: Clock,
    quota: Quota = NO_QUOTA,
) -> TradingSession:
    """A DRAFT with its DEPOSIT. Raises TradingInvalidError with the field, InstrumentDisabledError, TooManyActiveError."""
    lock(connection, f"trading:candles:{draft.instrument_id}")
    now, instrument = clock.now(), _tradable(connection, draft.instrument_id)
    terms = Terms.of(
        instrument, initial_balance=draft.initial_balance, leverage=draft.leverage, spread_pts=draft.spread_pts,
        slippage_pts=draft.slippage_pts, commission_per_fill=draft.commission_per_fill,
    )  # fmt: skip
    edition = edition_of(connection, instrument.id)
    bars = _playable(connection, market, instrument.id, draft, edition=edition)
    quota.check(connection, actor, now=now)
    trader = Trader(terms)
    session = TradingSession(
        id=0, user_id=actor.number, instrument=instrument, edition=edition, timeframe=draft.timeframe,
        name=draft.name, start=draft.start, end=draft.end, ended=None, initial_balance=draft.initial_balance,
        leverage=draft.leverage, spread_pts=draft.spread_pts, slippage_pts=draft.slippage_pts,
        commission_per_fill=draft.commission_per_fill,
        anchor=playback.new_anchor(now, speed=draft.speed, last_bar=len(bars) - 1),
        first_ts=_at(int(bars.ts[0])), last_ts=_at(int(bars.ts[-1]) + draft.timeframe.seconds), fills_bar=None,
        synced=-1, snapshot=trader.snapshot(), stream_bar=-1, stream_base=0, created_at=now, updated_at=now,
    )  # fmt: skip
    session = replace(session, id=store.insert_session(connection, session))
    span = Span(instrument.id, session.start, bars, None)
    Writing(connection, session, span, lambda _bar: now).add(trader.ledger())
    created = Event(CREATED, {"bar": -1, "stream": 0, "anchor": anchor_to(session.anchor), "ids": {}})
    journal.append(connection, stream_of(session.id), created, actor_id=actor.id, at=now)
    return session


def _tradable(connection: Connection, instrument_id: int) -> Instrument:
    try:
        instrument = find_instrument(connection, instrument_id)
    except InstrumentNotFoundError as error:
        raise TradingInvalidError.of(Fault("instrument_id", f"{error.message}.")) from None
    if not instrument.enabled:
        raise InstrumentDisabledError
    return instrument


def _playable(
    connection: Connection, market: Market, instrument_id: int, draft: Draft, *, edition: int
) -> Bars:
    """The candles from the draft's start to its end. Raises TradingInvalidError with the field."""
    if draft.end is not None and draft.end <= draft.start:
        raise TradingInvalidError.of(Fault("end_ts", "must be after start_ts."))
    files = market.shelf(connection, instrument_id, edition).files
    first, last = min((file.start for file in files), default=0), max((file.end for file in files), default=0)
    start, end = to_millis(draft.start) // 1000, None if draft.end is None else to_millis(draft.end) // 1000
    try:
        bars, _ = market.columns(
            connection, instrument_id, draft.timeframe, start - LONGEST_GAP, end, edition=edition
        )
    except NoDataError as error:
        raise TradingInvalidError.of(Fault("timeframe", error.message)) from None
    if end is not None and first <= start <= last and not len(bars.between(start, end)):
        raise TradingInvalidError.of(Fault("end_ts", "leaves no candle after start_ts."))
    # A day's first candle comes when its market opens: its midnight is no moment outside the data.
    begin = draft.start if start < first // DAY * DAY else max(draft.start, _at(first))
    return bars[playback.span_of(bars.ts, begin, draft.end)]


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def get(connection: Connection, session_id: int, *, actor: Actor, now: datetime) -> TradingSession:
    """As it is at ``now``. Raises SessionNotFoundError, NotOwnerError."""
    return found(connection, session_id, actor=actor).seen_at(now)


def list_sessions(
    connection: Connection, listing: Listing, *, actor: Actor, now: datetime
) -> Page[TradingSession]:
    return store.list_sessions(connection, seen_by(listing, actor), now=now)


def seen_by(listing: Listing, actor: Actor) -> Listing:
    """Administrators see everybody's rows."""
    return listing if actor.is_admin else replace(listing, user_id=actor.number)


def found(connection: Connection, session_id: int, *, actor: Actor) -> TradingSession:
    session = store.get_session(connection, session_id)
    if session is None:
        raise SessionNotFoundError
    check_owner(session.user_id, actor)
    return session


def check_owner(user_id: int, actor: Actor) -> None:
    if not actor.is_admin and actor.number != user_id:
        raise NotOwnerError("Only its owner and administrators may do this.")


def changeable(session: TradingSession) -> TradingSession:
    """Raises TransitionRefusedError where it is archived."""
    if session.anchor.status is Status.ARCHIVED:
        raise TransitionRefusedError("The session is archived: nothing in it changes.")
    return session


def held(connection: Connection, market: Market, session_id: int, *, actor: Actor, clock: Clock) -> Play:
    """The session brought to now, held until the transaction ends. The clock is read once it is held."""
    hold(connection, session_id)
    session = found(connection, session_id, actor=actor)
    return open_play(connection, market, session, clock.now())


def act(
    connection: Connection, market: Market, session_id: int, action: Action, *, actor: Actor, clock: Clock,
    quota: Quota = NO_QUOTA,
) -> TradingSession:  # fmt: skip
    """start, pause, resume, stop or archive. Raises TransitionRefusedError, TooManyActiveError."""
    play = held(connection, market, session_id, actor=actor, clock=clock)
    _perform(play, action, actor=actor, quota=quota)
    play.save(actor_id=actor.id)
    return play.session


def _perform(play: Play, action: Action, *, actor: Actor, quota: Quota) -> None:
    anchor = playback.act(play.session.anchor, action, play.now)
    check_quota(play, anchor, actor=actor, quota=quota)
    play.step(playback.position_at(anchor, play.now))
    if action is Action.STOP:
        play.finish(anchor, note=STOPPED)
        return
    play.note(_NOTES[action], anchor=anchor_to(anchor))
    play.place(anchor)
    _finish_if_over(play, playback.settle(anchor, play.now))  # where it starts or goes on at its last bar


def _finish_if_over(play: Play, anchor: Anchor) -> None:
    """Where a change of the session has completed it."""
    if anchor.status is Status.COMPLETED and play.status is not Status.COMPLETED:
        play.finish(anchor, note=COMPLETED)


def check_quota(play: Play, anchor: Anchor, *, actor: Actor, quota: Quota) -> None:
    """Where ``anchor`` is under way and the session was not. Raises TooManyActiveError."""
    if anchor.status in ACTIVE and play.status not in ACTIVE:
        quota.check(play.connection, actor, now=play.now)


def change(
    connection: Connection, market: Market, session_id: int, changes: SessionChanges, *, actor: Actor, clock: Clock,
    quota: Quota = NO_QUOTA,
) -> TradingSession:  # fmt: skip
    """Raises TransitionRefusedError, TradingInvalidError, TooManyActiveError; then nothing of it is done."""
    play = held(connection, market, session_id, actor=actor, clock=clock)
    before = play.session
    rules.check_transition(play.status, Action.CHANGE)
    if changes.speed is not UNSET and changes.speed is not before.anchor.speed:
        play.place(playback.change_speed(before.anchor, changes.speed, play.now))
    ended = None
    if not isinstance(changes.end, UnsetType) and changes.end != before.end:
        ended = _end_at(play, market, changes.end)
    if not isinstance(changes.name, UnsetType) and changes.name != before.name:
        play.place(play.session.anchor, name=changes.name)
    if play.session is not before:
        play.note(CHANGED, anchor=anchor_to(play.session.anchor))
    if ended is not None:
        _finish_if_over(play, ended)
    action = None if changes.status is UNSET else rules.action_for(play.status, changes.status)
    if action is not None:
        _perform(play, action, actor=actor, quota=quota)
    if play.session is not before:
        play.save(actor_id=actor.id)
    return play.session


def _end_at(play: Play, market: Market, end: datetime | None) -> Anchor:
    """Gives the session another end; where it stands then. What that completes is for the caller to finish."""
    session = play.session
    first = to_millis(session.first_ts) // 1000
    bars, finer = market.columns(
        play.connection, session.instrument.id, session.timeframe, first,
        None if end is None else to_millis(end) // 1000, edition=session.edition,
    )  # fmt: skip
    if not len(bars):
        raise TradingInvalidError.of(Fault("end_ts", "leaves no candle after start_ts."))
    if play.bar >= 0 and _timeframe_of(finer) is not _timeframe_of(play.span.finer):
        # What has been filled was decided by others: played again it would not be the same account.
        raise TradingInvalidError.of(
            Fault("end_ts", "would have other finer candles decide inside its bars.")
        )
    anchor = playback.change_end(session.anchor, len(bars) - 1, play.now)
    play.place(
        replace(anchor, status=play.status),
        end=end,
        last_ts=_at(int(bars.ts[-1]) + session.timeframe.seconds),
    )
    play.span = span_of(play.connection, market, play.session)
    return anchor


def _timeframe_of(bars: Bars | None) -> Timeframe | None:
    return None if bars is None else bars.timeframe


def delete(connection: Connection, session_id: int, *, actor: Actor, clock: Clock) -> None:
    """In any state, with all that belongs to it."""
    hold(connection, session_id)
    session = found(connection, session_id, actor=actor)
    gone = Event(DELETED, {"bar": session.stream_bar, "stream": session.stream_base})
    journal.append(connection, stream_of(session_id), gone, actor_id=actor.id, at=clock.now())
    store.delete_session(connection, session_id)
    journal.delete(connection, stream_of(session_id))
    timers.cancel(connection, DUE, str(session_id))
