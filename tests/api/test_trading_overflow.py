"""Accounts that outgrow what is exact: nobody is told beforehand, and their sessions end before it."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.api.test_trading import account, act, balanced, create, ok, refused, rows
from tests.support.trading import EURUSD, put_market, walk

from stoa.platform.timers import Sweeper
from stoa.trading import due
from stoa.trading.candles import Bars

pytestmark = pytest.mark.anyio
SERVED = ("trading",)
TERMS = {
    "leverage": 1_000_000,
    "initial_balance": 1e6,
    "spread_pts": 0,
    "slippage_pts": 0,
    "commission_per_fill": 0,
}
BARS, KNOWN = 300, 20


def rising(tenfold_after):
    """A price that stands for KNOWN bars, and then rises tenfold in so many."""
    bars = walk(BARS)
    price = 10_000 + np.maximum(0, np.arange(BARS + 1) - KNOWN) * 90_000 // tenfold_after
    return Bars(bars.timeframe, bars.ts, price[:-1], price[1:] + 1, price[:-1] - 1, price[1:], bars.volume)


async def exposed(client, market, orders=7):
    """A session with as much open as its terms allow."""
    session = await act(client, await create(client, market, **TERMS), "advance", {"bars": 10})
    body = {"session_id": session["id"], "side": "BUY", "quantity_lots": 10_000}
    return session, [await client.post("/trading/positions", json=body) for _ in range(orders)]


async def test_what_prices_will_be_refuses_no_order(sqlite_house):
    house = sqlite_house
    calm = put_market(house, rising(10**9))
    wild = put_market(house, rising(100), instrument=replace(EURUSD, symbol="WILD"))
    async with house.client("lea.student") as lea:
        said = []
        for market in (calm, wild):
            session, answers = await exposed(lea, market, orders=8)
            limit = {"order_type": "LIMIT", "side": "BUY", "price": 0.09, "quantity_lots": 0.1}
            answers.append(await lea.post("/trading/orders", json=limit | {"session_id": session["id"]}))
            said.append([(answer.status_code, answer.json().get("error")) for answer in answers])
            await account(lea, session)
    assert said[0] == said[1]
    assert [status for status, _ in said[0]] == [201] * 7 + [400, 201]


@pytest.mark.parametrize("how", ["run", "advance"])
async def test_a_session_ends_before_what_it_can_not_book(house, how):
    market = put_market(house, rising(100))
    async with house.client("lea.student") as lea:
        session, _ = await exposed(lea, market)
        path = f"/trading/sessions/{session['id']}"
        if how == "run":
            ok(await lea.put(path, json={"speed": "15x", "session_status": "RUNNING"}))
            house.clock.advance(timedelta(hours=1))
            assert await Sweeper(house.storage, house.clock, due.handlers(house.inside)).sweep() == 1
        else:
            moved = await act(lea, session, "advance", {"bars": BARS})
            assert moved["session_status"] == "COMPLETED"
        over, now = ok(await lea.get(path)), await account(lea, session)
        assert over["session_status"] == "COMPLETED"
        assert over["end_ts"] == now["now"] < "2017-01-10"
        assert {row["position_status"] for row in await rows(lea, session, "positions")} == {"CLOSED"}
        await balanced(lea, session)
        ok(await lea.post(f"{path}/generate-report"))
        back = await act(lea, session, "seek", {"to": now["now"], "confirm": True})
        assert (back["session_status"], back["account"]["open_positions"]) == ("PAUSED", 7)
        again = await act(lea, session, "advance", {"bars": 1})
        assert (again["session_status"], again["account"]["ledger_hash"]) == ("COMPLETED", now["ledger_hash"])
        refused(await lea.post(f"{path}/advance", json={"bars": 1}), 400)
