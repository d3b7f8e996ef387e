"""What the stream's namespace does with those who are slow, gone, or somebody else."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import msgspec
import pytest
from tests.api.test_trading import act, buy, create, ok
from tests.api.test_trading_overflow import exposed, rising
from tests.support.trading import put_market

from stoa.kernel.actor import AccessLevel, Actor
from stoa.trading.realtime import _loading, _shows
from stoa.trading.realtime._sockets import TradingSockets

pytestmark = pytest.mark.anyio
SERVED = ("trading",)


class Live:
    """Realtime without a network: what is committed here is heard at once, in order."""

    def __init__(self, engine):
        from stoa.platform import journal

        self.watches, self.feed = {}, self
        self.stop = journal.subscribe(engine, self._committed)

    def follow(self, prefix, follower):
        pass

    def watch(self, stream, *, after, listener):
        async def catch_up():
            pass

        self.watches[stream] = listener
        return SimpleNamespace(close=lambda: self.watches.pop(stream, None), catch_up=catch_up)

    def _committed(self, entries):
        for entry in entries:
            if entry.stream in self.watches:
                self.watches[entry.stream]([entry])

    async def admits(self, _user):
        return True


class Reader:
    """A client that reads, or does not."""

    def __init__(self, number, access=AccessLevel.STUDENT):
        at = SimpleNamespace()
        self.actor = Actor(number, "x", "x", "x", access, frozenset(), "login", at)
        self.refusal, self.state, self.closed, self.reads = None, None, False, True
        self.heard = []

    def send(self, frame, **_):
        if self.reads:
            _, _, text = frame.text.partition(b",")
            self.heard.append(msgspec.json.decode(text))
        return self.reads

    def close(self):
        self.closed = True

    def events(self):
        return [event for event, _ in self.heard]


@pytest.fixture
async def stage(sqlite_house):
    house = sqlite_house
    market = put_market(house)
    live = Live(house.storage.engine)
    sockets = TradingSockets(house.inside, live)
    ticking = asyncio.create_task(sockets.run())
    async with house.client("lea.student") as lea:
        session = await act(lea, await create(lea, market), "advance", {"bars": 20})
        yield SimpleNamespace(house=house, sockets=sockets, lea=lea, session=session, market=market)
    ticking.cancel()
    live.stop()


async def until(claim):
    for _ in range(6_000):
        if claim():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def test_a_slow_client_is_told_to_look_again_and_holds_up_nobody(stage):
    slow, quick = Reader(stage.session["user_id"]), Reader(stage.session["user_id"])
    for one in (slow, quick):
        await stage.sockets.connected(one)
        assert (await stage.sockets.received(one, "subscribe", {"session_id": 1}))["bar"] == 19
    slow.reads = False
    await act(stage.lea, stage.session, "advance", {"bars": 5})
    await until(lambda: quick.events().count("candle") == 5)
    assert slow.heard == []
    slow.reads = True
    stage.sockets.has_room(slow)
    assert slow.events() == ["snapshot"]
    fresh = await stage.sockets.received(slow, "subscribe", {"session_id": 1})
    assert fresh["bar"] == 24
    assert fresh["seq"] == slow.heard[-1][1]["seq"]


@pytest.mark.parametrize(("most", "told"), [(1_000, "candle"), (50, "snapshot")])
async def test_a_long_step_is_told_or_asks_for_another_look(stage, monkeypatch, most, told):
    monkeypatch.setattr(_shows, "MOST_AT_ONCE", 10)
    monkeypatch.setattr(_loading, "MOST_MISSED", most)
    one = Reader(stage.session["user_id"])
    await stage.sockets.connected(one)
    await stage.sockets.received(one, "subscribe", {"session_id": 1})
    await act(stage.lea, stage.session, "advance", {"bars": 100})
    count = 100 if told == "candle" else 0
    await until(lambda: told in one.events() and one.events().count("candle") == count)
    picture = await stage.sockets.received(one, "subscribe", {"session_id": 1})
    assert picture["bar"] == 119


async def test_who_is_no_administrator_any_more_is_told_no_more(stage):
    chief = Reader(99, AccessLevel.ADMIN)
    await stage.sockets.connected(chief)
    assert "error" not in await stage.sockets.received(chief, "subscribe", {"session_id": 1})
    chief.actor = Reader(99).actor
    stage.sockets.changed(chief)
    await act(stage.lea, stage.session, "advance", {"bars": 5})
    assert chief.heard == []
    assert "error" in await stage.sockets.received(chief, "subscribe", {"session_id": 1})


async def test_fills_of_a_running_session_are_told_with_their_rows_names(stage):
    one = Reader(stage.session["user_id"])
    await stage.sockets.connected(one)
    await stage.sockets.received(one, "subscribe", {"session_id": 1})
    price = ok(await stage.lea.get("/trading/sessions/1/account"))["price"]
    position = await buy(
        stage.lea, stage.session, sl_price=round(price - 0.002, 5), tp_price=round(price + 0.002, 5)
    )
    await act(stage.lea, stage.session, "resume")
    for _ in range(100):
        stage.house.clock.advance(timedelta(seconds=1))
        await asyncio.sleep(0.02)
        if one.events().count("fill") == 2:
            break
    await until(lambda: one.events().count("fill") == 2)
    opened, closed = [data["fill"] for event, data in one.heard if event == "fill"]
    assert (opened["position_id"], closed["position_id"]) == (position["id"], position["id"])
    assert opened["reason"] == "MARKET"
    assert closed["reason"] in ("STOP_LOSS", "TAKE_PROFIT")
    seqs = [data["seq"] for _, data in one.heard]
    assert seqs == sorted(set(seqs))
    account = ok(await stage.lea.get("/trading/sessions/1/account"))
    told = [data["account"]["balance"] for event, data in one.heard if event == "account"]
    assert account["balance"] in told


@pytest.mark.parametrize("how", ["advance", "end_ts"])
async def test_the_end_is_told_after_what_it_closes(stage, how):
    one = Reader(stage.session["user_id"])
    await stage.sockets.connected(one)
    await stage.sockets.received(one, "subscribe", {"session_id": 1})
    await buy(stage.lea, stage.session)
    now = ok(await stage.lea.get("/trading/sessions/1/account"))["now"]
    if how == "advance":
        await act(stage.lea, stage.session, "advance", {"bars": 1_000})
    else:
        ok(await stage.lea.put("/trading/sessions/1", json={"end_ts": now}))
    await until(lambda: one.heard[-1][0] == "status" and one.heard[-1][1]["session_status"] == "COMPLETED")
    statuses = [data["session_status"] for event, data in one.heard if event == "status"]
    assert statuses == ["PAUSED", "COMPLETED"]
    assert one.events()[-4:] == ["fill", "position", "account", "status"]


async def test_an_end_that_no_bar_foretells_is_told(sqlite_house):
    """Prices carry the account beyond what is exact: its session is over before that bar."""
    live = Live(sqlite_house.storage.engine)
    sockets = TradingSockets(sqlite_house.inside, live)
    ticking = asyncio.create_task(sockets.run())
    async with sqlite_house.client("lea.student") as lea:
        session, _ = await exposed(lea, put_market(sqlite_house, rising(100)))
        one = Reader(session["user_id"])
        await sockets.connected(one)
        await sockets.received(one, "subscribe", {"session_id": 1})
        await act(lea, session, "resume")
        sqlite_house.clock.advance(timedelta(hours=1))
        await until(
            lambda: one.heard[-1][0] == "status" and one.heard[-1][1]["session_status"] == "COMPLETED"
        )
        shown = [data["candle"]["ts"] for event, data in one.heard if event == "candle"]
        stored = ok(await lea.get("/trading/sessions/1/candles"))["candles"]
        assert shown[-1] == stored[0]["ts"]
        assert one.events().count("fill") == 7
    ticking.cancel()
    live.stop()
