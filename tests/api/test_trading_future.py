"""Nothing of the future leaves the server: two that differ only in it answer the same to the last byte.

The prices after the session's now are absurd in one of them. Everything that can be asked is asked of both, and every
event of the stream is compared, at several moments and after everything that a trader can do.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.api.conftest import _open
from tests.support.trading import put_market, session_body, walk

from stoa.trading.candles import Bars
from stoa.trading.market import Market
from stoa.trading.model import Timeframe
from stoa.trading.realtime._loading import load_missed
from stoa.trading.realtime._messages import framed

pytestmark = pytest.mark.anyio
SERVED = ("trading",)
KNOWN = 120
"""Hours that both have in common. A session never goes beyond them."""
COUNT = 240


def absurd(bars, known):
    """The same until ``known``, and a wild future of the same times."""
    columns = {}
    chance = np.random.default_rng(99)
    level = chance.integers(1, 900_000, len(bars))
    for name, value in (
        ("open", level),
        ("high", level + 90_000),
        ("low", np.maximum(level - 90_000, 1)),
        ("close", level),
    ):
        column = getattr(bars, name).copy()
        column[known:] = value[known:]
        columns[name] = column
    return Bars(bars.timeframe, bars.ts, **columns, volume=bars.volume)


@pytest.fixture
async def worlds(tmp_path, settings, kinds, anyio_backend):
    hours, minutes = walk(COUNT), walk(COUNT * 4, timeframe=Timeframe.M15, seed=4, price=90_000, move=20)
    made, opened = [], []
    for number, (one, finer) in enumerate(
        ((hours, minutes), (absurd(hours, KNOWN), absurd(minutes, KNOWN * 4)))
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        own = replace(settings, server=replace(settings.server, data=str(folder)))
        opening = _open(f"sqlite:///{folder}/stoa.db", own, kinds)
        house = await anext(opening)
        opened.append(opening)
        other = replace_symbol("FINE")
        house.markets = (put_market(house, one), put_market(house, finer, instrument=other))
        made.append(house)
    yield made
    for opening in opened:
        await anext(opening, None)


def replace_symbol(symbol):
    from tests.support.trading import EURUSD

    return replace(EURUSD, symbol=symbol)


class Both:
    """The same request to both servers; what comes back has to be the same."""

    def __init__(self, worlds, clients):
        self.worlds, self.clients = worlds, clients
        self.asked = 0
        self.instrument = 0

    async def ask(self, method, path, body=None):
        answers = [await client.request(method, path, json=body) for client in self.clients]
        seen = [(answer.status_code, sorted(answer.headers.items()), answer.content) for answer in answers]
        for each in seen:
            each[1][:] = [(name, value) for name, value in each[1] if name not in ("x-request-id", "date")]
        assert seen[0] == seen[1], f"{method} {path}"
        assert answers[0].status_code < 500
        self.asked += 1
        return answers[0]

    def wait(self, seconds):
        for world in self.worlds:
            world.clock.advance(timedelta(seconds=seconds))

    async def look(self, session):
        """At everything."""
        for path in ("/trading/sessions", "/trading/positions", "/trading/orders", "/trading/transactions", "/trading/reports",
                     "/trading/instruments"):  # fmt: skip
            listed = (await self.ask("GET", path)).json()
            for row in listed[path.rsplit("/", 1)[1]]:
                await self.ask("GET", f"{path}/{row['id']}")
                if path == "/trading/reports":
                    await self.ask("GET", f"{path}/{row['id']}/page")
                    await self.ask("GET", f"{path}/{row['id']}/trades.csv")
        for what in ("account", "candles?limit=10000", "positions", "orders", "transactions", "reports"):
            await self.ask("GET", f"/trading/sessions/{session}/{what}")
        for timeframe in ("H1", "D1", "M15", "W1"):
            await self.ask(
                "GET", f"/trading/instruments/{self.instrument}/candles?timeframe={timeframe}&limit=10000"
            )
        await self.ask("POST", f"/trading/sessions/{session}/generate-report")
        told = [await self._told(world, session) for world in self.worlds]
        assert told[0] == told[1]

    async def _told(self, world, session):
        """Every event of the stream, from the beginning."""
        loaded = await world.storage.read(
            load_missed, world.inside.part(Market), session, after=0, now=world.clock.now(), here=True
        )
        assert loaded.missed is not None
        return [framed(event).text for event in loaded.missed]


@pytest.fixture
async def both(worlds):
    clients = [world.client("lea.student") for world in worlds]
    yield Both(worlds, clients)
    await asyncio.gather(*(client.aclose() for client in clients))


@pytest.mark.parametrize("timeframe", ["H1", "H4", "D1"])
async def test_the_future_is_seen_nowhere(both, timeframe):
    hours = Timeframe(timeframe).seconds // 3600
    instrument = 1 if timeframe == "H1" else 2
    both.instrument = instrument
    body = session_body(instrument, timeframe=timeframe)
    session = (await both.ask("POST", "/trading/sessions", body)).json()["id"]
    path = f"/trading/sessions/{session}"
    await both.look(session)
    last = KNOWN // hours - 1
    await both.ask("POST", path + "/advance", {"bars": last // 2})
    await both.look(session)
    price = (await both.ask("GET", path + "/account")).json()["price"]
    order = {"session_id": session, "side": "BUY", "quantity_lots": 0.1}
    await both.ask("POST", "/trading/positions", order | {"sl_price": round(price - 0.3, 5)})
    await both.ask(
        "POST", "/trading/positions", order | {"side": "SELL", "tp_price": round(price - 0.001, 5)}
    )
    await both.ask("POST", "/trading/positions", order | {"quantity_lots": 10_000})
    await both.ask(
        "POST", "/trading/orders", order | {"order_type": "LIMIT", "price": round(price - 0.0005, 5)}
    )
    await both.ask("POST", "/trading/orders", order | {"order_type": "STOP", "price": round(price + 0.3, 5)})
    await both.look(session)
    await both.ask("POST", path + "/resume")
    for _ in range(3):
        both.wait(max(last // 8, 1))
        await both.look(session)
    await both.ask("POST", path + "/pause")
    bar = (await both.ask("GET", path + "/account")).json()["bar"]
    assert bar < KNOWN // hours
    await both.ask("POST", path + "/advance", {"bars": KNOWN // hours - 1 - bar})
    await both.look(session)
    # At the very last bar that both know: the next one is absurd.
    await both.ask("POST", "/trading/positions", order | {"fill": "next_open"})
    await both.ask("POST", "/trading/positions", order)
    await both.ask("PUT", path, {"speed": "15x"})
    await both.ask("POST", path + "/seek", {"to": "2017-01-02T00:00:00Z"})
    await both.look(session)
    now = (await both.ask("GET", path + "/account")).json()["now"]
    await both.ask("POST", path + "/fork", {"at": now})
    await both.ask("POST", path + "/resume")
    both.wait(0.05)
    await both.look(session)
    await both.ask("POST", path + "/stop")
    await both.look(session)
    assert both.asked > 200


async def test_the_worlds_do_differ(both):
    """A step into the future shows it: else the test above would show nothing."""
    session = (await both.ask("POST", "/trading/sessions", session_body(1))).json()["id"]
    await both.ask("POST", f"/trading/sessions/{session}/advance", {"bars": KNOWN})
    with pytest.raises(AssertionError, match="advance"):
        await both.ask("POST", f"/trading/sessions/{session}/advance", {"bars": 1})
