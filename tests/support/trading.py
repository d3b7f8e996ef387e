"""Markets to trade on, and sessions that play them, over HTTP."""

from decimal import Decimal

import numpy as np
import socketio
from tests.support.house import NOW

from stoa.kernel.ids import SystemIds
from stoa.trading import market
from stoa.trading.candles import Bars
from stoa.trading.model import Instrument, Timeframe

MONDAY = 1_483_315_200
"""2017-01-02T00:00:00Z"""
HOURS = 400
EURUSD = Instrument(0, "EURUSD", "Euro / US Dollar", Decimal("0.0001"))


def walk(count=HOURS, *, timeframe=Timeframe.H1, start=MONDAY, seed=1, price=110_000, move=60):
    """Candles that wander."""
    chance = np.random.default_rng(seed)
    close = price + np.cumsum(chance.integers(-move, move + 1, count))
    opened = np.concatenate([[price], close[:-1]])
    high = np.maximum(opened, close) + chance.integers(0, move, count)
    low = np.minimum(opened, close) - chance.integers(0, move, count)
    ts = start + np.arange(count, dtype=np.int64) * timeframe.seconds
    columns = [np.ascontiguousarray(each, np.int64) for each in (ts, opened, high, low, close)]
    return Bars(timeframe, *columns, np.ones(count))


def put_market(built, *bars, instrument=EURUSD):
    """The instrument's number, with these candles stored."""
    files = built.inside.part(market.Market).files
    with built.storage.engine.begin() as connection:
        made = market.add_instrument(connection, instrument)
        for each in bars or (walk(),):
            market.add_bars(connection, files, made.id, each, ids=SystemIds(), now=NOW)
    return made.id


def session_body(instrument_id, **more):
    """The document's, over the whole of ``walk``."""
    return {
        "instrument_id": instrument_id, "timeframe": "H1", "speed": "1x", "start_ts": "2017-01-02T00:00:00Z",
        "initial_balance": 10_000.0, "leverage": 100, "spread_pts": 20, "slippage_pts": 5,
        "commission_per_fill": 7.0,
    } | more  # fmt: skip


def csv_of(bars, *, decimals=5):
    """A file of the house's own columns."""

    def price(steps):
        return f"{steps / 10**decimals:.{decimals}f}"

    lines = ["ts,open,high,low,close,volume"]
    lines += [
        f"{ts},{price(opened)},{price(high)},{price(low)},{price(close)},{volume:g}"
        for ts, opened, high, low, close, volume in zip(
            bars.ts.tolist(), bars.open.tolist(), bars.high.tolist(), bars.low.tolist(), bars.close.tolist(),
            bars.volume.tolist(), strict=True,
        )
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


async def import_market(admin, bars=None, *, symbol="EURUSD"):
    """The instrument's number, its candles imported over HTTP by an administrator."""
    bars = walk() if bars is None else bars
    made = await admin.post(
        "/trading/instruments", json={"symbol": symbol, "display_name": symbol, "pip_size": 0.0001}
    )
    assert made.status_code == 201, made.text
    path = f"/trading/instruments/{made.json()['id']}/candles?timeframe={bars.timeframe}"
    answer = await admin.post(path, content=csv_of(bars), headers={"content-type": "text/csv"})
    assert answer.status_code == 201, answer.text
    return made.json()["id"]


class Watcher:
    """One connection to the stream. ``heard`` are (event, data) in their order."""

    EVENTS = ("candle", "fill", "position", "account", "status", "snapshot", "error")

    def __init__(self, token=None):
        self.token = token
        self.heard = []
        self.io = socketio.AsyncClient(reconnection=False)
        for event in self.EVENTS:
            self.io.on(event, self._hear(event), namespace="/trading")

    def _hear(self, event):
        def hear(data):
            self.heard.append((event, data))

        return hear

    async def connect(self, address):
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        await self.io.connect(
            address, headers=headers, namespaces=["/trading"], transports=["websocket"], wait_timeout=20
        )
        return self

    async def ask(self, event, **data):
        return await self.io.call(event, data, namespace="/trading", timeout=30)

    def seqs(self):
        return [data["seq"] for _, data in self.heard]

    async def leave(self):
        await self.io.disconnect()
