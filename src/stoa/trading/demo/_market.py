"""Three instruments with two years of candles that are said to be synthetic."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from stoa.kernel.clock import to_millis
from stoa.kernel.ids import Ids
from stoa.platform.files import Files
from stoa.trading import market, store
from stoa.trading.candles import synthetic
from stoa.trading.model import Instrument, Timeframe

TIMEFRAME = Timeframe.M15
_DAY = 86400
_MARKETS = (
    (5, "1.08500", 0.0045, Instrument(0, "EURUSD", "Euro / US dollar (synthetic)", Decimal("0.0001"))),
    (11, "148.500", 0.0055, Instrument(0, "USDJPY", "US dollar / yen (synthetic)", Decimal("0.01"))),
    (3, "2035.00", 0.0085, Instrument(
        0, "XAUUSD", "Gold / US dollar (synthetic)", Decimal("0.1"), contract_size=Decimal(100)
    )),
)  # fmt: skip
"""(seed, first price, a day's volatility, instrument)"""


def seed_market(connection: Connection, *, files: Files, ids: Ids, now: datetime) -> list[Instrument]:
    """The demo's instruments, with M15 candles of the two years before ``now``. Those that are there stay as they are."""
    end = to_millis(now) // 1000 // _DAY * _DAY
    found = []
    for seed, price, volatility, instrument in _MARKETS:
        known = store.instrument_named(connection, instrument.symbol)
        if known is None:
            known = market.add_instrument(connection, instrument)
            bars = synthetic(
                seed, TIMEFRAME, end - 2 * 365 * _DAY, end, price=int(Decimal(price) / known.step),
                volatility=volatility,
            )  # fmt: skip
            market.add_bars(connection, files, known.id, bars, ids=ids, now=now)
        found.append(known)
    return found
