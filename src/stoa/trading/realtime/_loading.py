"""A session's tape from the database: as it stands, or with everything that somebody has missed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.journal import Entry
from stoa.platform import journal
from stoa.trading import playback, store
from stoa.trading.engine import Trader
from stoa.trading.errors import SessionNotFoundError
from stoa.trading.market import Market
from stoa.trading.realtime._messages import Placed
from stoa.trading.realtime._tape import Tape
from stoa.trading.service import (
    CREATED,
    FORKED,
    SOUGHT,
    Span,
    anchor_from,
    commands_of,
    entries,
    forward,
    replayed,
    span_of,
    stream_of,
)
from stoa.trading.store import TradingSession

MOST_MISSED = 2_000
"""Events. Who has missed more takes a fresh picture."""
_ROOTS = (CREATED, FORKED, SOUGHT)


@dataclass(frozen=True, slots=True)
class Loaded:
    """``seq`` is the journal's; ``missed`` is None where it can't be told again."""

    tape: Tape
    seq: int
    missed: list[Placed] | None


def load(connection: Connection, market: Market, session_id: int, *, now: datetime) -> Loaded:
    """The session as it stands. Raises SessionNotFoundError."""
    session, span, bar = _standing(connection, market, session_id, now)
    trader = Trader.restore(session.snapshot)
    forward(trader, span.bars, span.finer, bar=bar)
    ids = store.position_ids(connection, session_id)
    seq = journal.last_seq(connection, stream_of(session_id))
    return Loaded(Tape(session, span, trader, bar=bar, ids=ids), seq, [])


def load_missed(
    connection: Connection, market: Market, session_id: int, *, after: int, now: datetime, here: bool
) -> Loaded:
    """The same with what has happened since number ``after``. Who was ``here`` may be told that time went back."""
    session, span, bar = _standing(connection, market, session_id, now)
    happened = list(entries(connection, session_id))
    at = max(place for place, entry in enumerate(happened) if entry.type in _ROOTS)
    root = happened[at]
    if after < root.data["stream"] and not here:
        return replace(load(connection, market, session_id, now=now), missed=None)
    tape = _begun(connection, session, span, happened[: at + 1])
    missed: list[Placed] = [tape.status(root.data["stream"])] if after < root.data["stream"] else []
    for entry in happened[at + 1 :]:
        if tape.end_at(entry.data["bar"]) <= after < entry.data["stream"]:
            break  # what was told up to there did not happen so
        missed += [event for event in tape.enter(entry, after=after) if event.seq > after]
        if len(missed) > MOST_MISSED:
            break
    else:
        for event in tape.through(bar, after=after):
            missed += [event] if event.seq > after else []
            if len(missed) > MOST_MISSED:
                break
        else:
            if after <= tape.seq:
                return Loaded(tape, happened[-1].seq, missed)
    return replace(load(connection, market, session_id, now=now), missed=None)


def _standing(
    connection: Connection, market: Market, session_id: int, now: datetime
) -> tuple[TradingSession, Span, int]:
    """The session, its candles, and the bar up to which its rows are written: what fills next is told when it is."""
    session = store.get_session(connection, session_id)
    if session is None:
        raise SessionNotFoundError
    bar = max(playback.position_at(session.anchor, now), session.synced)
    if session.fills_bar is not None:
        bar = min(bar, session.fills_bar - 1)
    return session, span_of(connection, market, session), bar


def _begun(connection: Connection, session: TradingSession, span: Span, happened: list[Entry]) -> Tape:
    root = happened[-1]
    bar = root.data["bar"]
    trader = replayed(session.terms, span.bars, span.finer, commands_of(happened), bar=bar)
    anchor = anchor_from(root.data["anchor"])
    begun = replace(session, anchor=anchor, stream_base=root.data["stream"], stream_bar=bar)
    return Tape(begun, span, trader, bar=bar, ids=store.position_ids(connection, session.id))
