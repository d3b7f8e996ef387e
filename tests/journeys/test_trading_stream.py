"""A replay watched over real sockets: every event once, in order, with the same numbers whoever asks again."""

import asyncio
import time

import pytest
from tests.support.places import on_one
from tests.support.trading import Watcher, import_market, session_body, walk

pytestmark = [pytest.mark.anyio, on_one]
OFF = {"STOA_MESSAGE_RATE_LIMIT": "0"}


async def until(claim, *, within=60.0):
    deadline = time.monotonic() + within
    while not claim():
        assert time.monotonic() < deadline, f"not within {within} s"
        await asyncio.sleep(0.01)


@pytest.fixture
async def watchers():
    made = []

    async def watch(server, token):
        made.append(Watcher(token))
        return await made[-1].connect(server.address)

    yield watch
    await asyncio.gather(*(one.leave() for one in made), return_exceptions=True)


async def made(client, market, **more):
    answer = await client.post("/trading/sessions", json=session_body(market, speed="15x", **more))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def act(client, session, action, body=None):
    answer = await client.post(f"/trading/sessions/{session}/{action}", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def buy(client, session, **more):
    body = {"session_id": session, "side": "BUY", "quantity_lots": 0.1} | more
    answer = await client.post("/trading/positions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def is_in_order(heard):
    seqs = [data["seq"] for _, data in heard]
    return seqs == sorted(set(seqs))


def of(heard, event):
    return [data for name, data in heard if name == event]


async def test_a_replay_is_told_bar_by_bar_and_resumes_whole(start, place, watchers):
    one, other = start(*place, **OFF), start(*place, **OFF)
    token = one.sign_in()["access_token"]
    async with one.client(token) as client:
        market = await import_market(client)
        session = await made(client, market)
        first = await watchers(one, token)
        begun = await first.ask("subscribe", session_id=session)
        assert (begun["session_status"], begun["bar"], begun["positions"]) == ("DRAFT", -1, [])
        await act(client, session, "start")
        await until(lambda: len(of(first.heard, "candle")) > 5)
        price = of(first.heard, "candle")[-1]["candle"]["close"]
        position = await buy(
            client, session, tp_price=round(price + 0.003, 5), sl_price=round(price - 0.003, 5)
        )
        await until(lambda: len(of(first.heard, "fill")) == 2)
        await first.io.disconnect()
        await buy(client, session)
        await asyncio.sleep(1)
        second = await watchers(other, token)
        assert (await second.ask("resume", session_id=session, after=first.seqs()[-1]))["resumed"]
        await asyncio.sleep(0.5)
        await second.io.disconnect()
        third = await watchers(one, token)
        assert (await third.ask("resume", session_id=session, after=second.seqs()[-1]))["resumed"]
        await asyncio.sleep(0.5)
        await act(client, session, "stop")
        await until(lambda: of(third.heard, "status"))
        fresh = await watchers(other, token)
        assert (await fresh.ask("resume", session_id=session, after=begun["seq"]))["resumed"]
    whole = fresh.heard
    assert is_in_order(whole)
    # Who broke off twice, and came back on another node, heard all of it once.
    assert first.heard + second.heard + third.heard == whole
    candles = [each["candle"] for each in of(whole, "candle")]
    bars = walk()
    assert [each["close"] for each in candles] == [
        close / 1e5 for close in bars.close[: len(candles)].tolist()
    ]
    fills = of(whole, "fill")
    assert fills[0]["fill"]["position_id"] == position["id"]
    assert fills[1]["fill"]["reason"] in ("TAKE_PROFIT", "STOP_LOSS")
    assert of(whole, "status")[-1]["session_status"] == "COMPLETED"
    assert of(whole, "account")[-1]["account"]["open_positions"] == 0


async def test_steps_and_going_back_are_told(start, place, watchers):
    server = start(*place, **OFF)
    token = server.sign_in()["access_token"]
    async with server.client(token) as client:
        session = await made(client, await import_market(client))
        watcher = await watchers(server, token)
        await watcher.ask("subscribe", session_id=session)
        await act(client, session, "advance", {"bars": 20})
        await until(lambda: len(of(watcher.heard, "candle")) == 20)
        await buy(client, session)
        there = await act(client, session, "advance", {"bars": 20})
        await until(lambda: len(of(watcher.heard, "candle")) == 40)
        picture = await watcher.ask("subscribe", session_id=session)
        assert {name: picture["account"][name] for name in ("balance", "equity", "used_margin")} == {
            name: there["account"][name] for name in ("balance", "equity", "used_margin")
        }
        assert len(picture["positions"]) == 1
        before = picture["seq"]
        await act(client, session, "seek", {"to": "2017-01-02T10:00:00Z", "confirm": True})
        await until(lambda: of(watcher.heard, "status")[-1]["bar"] == 9)
        assert watcher.seqs()[-1] > before
        assert not (await watcher.ask("resume", session_id=session, after=before))["resumed"]
        again = await watcher.ask("subscribe", session_id=session)
        assert (again["bar"], again["positions"]) == (9, [])
        await act(client, session, "advance", {"bars": 3})
        await until(lambda: len(of(watcher.heard, "candle")) == 43)
        assert is_in_order(watcher.heard)
        assert (await client.delete(f"/trading/sessions/{session}")).status_code == 204
        await until(lambda: of(watcher.heard, "status")[-1]["session_status"] == "DELETED")


async def test_who_may_not_see_a_session_may_not_watch_it(start, place, watchers):
    server = start(*place, **OFF)
    token = server.sign_in()["access_token"]
    async with server.client(token) as client:
        session = await made(client, await import_market(client))
        body = {"username": "lea.student", "password": "a student's password", "accessId": "student", "firstName": "Lea",
                "lastName": "Student"}  # fmt: skip
        made_ = await client.post("/api/v1/users", json=body)
        assert made_.status_code == 200, made_.text
        lea = await watchers(server, server.sign_in("lea.student", "a student's password")["access_token"])
        assert "error" in await lea.ask("subscribe", session_id=session)
        assert "error" in await lea.ask("resume", session_id=session, after=0)
        for nonsense in ({}, {"session_id": "1"}, {"session_id": 10**30}, {"session_id": 99}):
            assert "error" in await lea.ask("subscribe", **nonsense)
        assert "error" in await lea.ask("dance", session_id=session)
        await act(client, session, "start")
        await asyncio.sleep(0.5)
        assert lea.heard == []
        stranger = Watcher()
        await stranger.connect(server.address)
        await until(lambda: stranger.heard or not stranger.io.connected)
        await until(lambda: not stranger.io.connected)
        assert [event for event, _ in stranger.heard] in (["error"], [])
