"""A replay half way, with a few trades behind it and one open."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock
from stoa.trading import service, store
from stoa.trading.market import Market
from stoa.trading.model import CommandKind, Instrument, OrderType, Side, Speed, Timeframe
from stoa.trading.service import Advance, Draft, NewOrder
from stoa.trading.store import Listing, PositionRow

NAME = "Half way through a quarter"
_TRADES = ((Side.BUY, "0.20", 30), (Side.SELL, "0.10", 55), (Side.BUY, "0.30", 80), (Side.SELL, "0.20", 41))
"""Side, lots, and for how many bars it is held."""


def seed_replay(
    connection: Connection, market: Market, instrument: Instrument, *, actor: Actor, clock: Clock
) -> None:
    """Hourly, of the last quarter. Whoever has a session already gets none."""
    if store.list_sessions(connection, Listing(user_id=actor.number), now=clock.now()).total:
        return
    end = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    start = end - timedelta(days=91)
    draft = Draft(
        instrument.id, Timeframe.H1, Speed.TEN, start, end, Decimal(10_000), Decimal(100), spread_pts=8,
        slippage_pts=2, commission_per_fill=Decimal(2), name=NAME,
    )  # fmt: skip
    session = service.create(connection, market, draft, actor=actor, clock=clock)

    def step(to: int | datetime) -> None:
        how = Advance(bars=to) if isinstance(to, int) else Advance(to=to)
        service.advance(connection, market, session.id, how, actor=actor, clock=clock)

    def open_(side: Side, lots: str) -> PositionRow:
        order = NewOrder(OrderType.MARKET, side, Decimal(lots))
        placed = service.place(connection, market, session.id, order, actor=actor, clock=clock)
        assert isinstance(placed, PositionRow)
        return placed

    step(24)
    for side, lots, bars in _TRADES:
        position = open_(side, lots)
        step(bars)
        service.close(connection, market, position.id, CommandKind.CLOSE, actor=actor, clock=clock)
        step(60)
    open_(Side.BUY, "0.10")
    step(start + (end - start) / 2)
