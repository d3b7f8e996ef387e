"""Where sessions get their candles from, and the part of them that one plays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from stoa.kernel.clock import to_millis
from stoa.trading.candles import Bars, candle_ids
from stoa.trading.market import Market
from stoa.trading.store import TradingSession


@dataclass(frozen=True, slots=True)
class Span:
    """The candles that a session plays, from its first to its last, future and all: nothing of it leaves as it is."""

    instrument_id: int
    start: datetime
    bars: Bars
    finer: Bars | None

    def time_of(self, bar: int) -> datetime:
        """The session's time when ``bar`` is its last completed one: that bar's close, or its start before the first."""
        if bar < 0:
            return self.start
        return datetime.fromtimestamp(int(self.bars.ts[bar]) + self.bars.timeframe.seconds, UTC)

    def candle_id(self, bar: int) -> int:
        return int(candle_ids(self.bars[bar : bar + 1], self.instrument_id)[0])


def span_of(connection: Connection, market: Market, session: TradingSession) -> Span:
    bars, finer = market.columns(
        connection, session.instrument.id, session.timeframe, to_millis(session.first_ts) // 1000,
        to_millis(session.last_ts) // 1000, edition=session.edition,
    )  # fmt: skip
    return Span(session.instrument.id, session.start, bars, finer)
