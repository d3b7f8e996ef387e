"""What sessions mean for market data: how far somebody may see it, and whether it is in use."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.clock import to_millis
from stoa.trading import playback, store
from stoa.trading.market import Market
from stoa.trading.model import Status
from stoa.trading.service._market import span_of


def visible_until(
    connection: Connection, market: Market, actor: Actor, instrument_id: int, *, now: datetime
) -> int | None:
    """Candles that close later than this (epoch seconds) are not for ``actor``; None where nothing is held back.

    That is the time of whichever of the actor's sessions on the instrument that are not over is furthest behind.
    Administrators see everything.
    """
    if actor.is_admin:
        return None
    times = [
        span_of(connection, market, session).time_of(playback.position_at(session.anchor, now))
        for session in store.unfinished(connection, actor.number, instrument_id)
        if playback.status_at(session.anchor, now) is not Status.COMPLETED
    ]
    return to_millis(min(times)) // 1000 if times else None


def in_use(connection: Connection, instrument_id: int) -> bool:
    """Whether any session plays the instrument, archived ones too."""
    return store.is_played(connection, instrument_id)
