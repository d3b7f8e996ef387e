"""A replay survives whatever kills its server: nothing acknowledged is lost, and the ledger has one hash.

One driver trades while a session runs, and servers are killed with -9 at seeded moments. What the journal says then is
folded by the pure engine, and given again, step by step, to a paused session on a fresh server: all three agree.
"""

import asyncio
import os
import random

import httpx
import pytest
from tests.support.places import on_one
from tests.support.sockets import engine_of
from tests.support.trading import import_market, session_body, walk

from stoa.trading import engine, service, store
from stoa.trading.model import CommandKind, Side

pytestmark = pytest.mark.anyio
LONG = os.environ.get("STOA_TEST_LONG") == "1"
KILLS = 12 if LONG else 2
BARS = walk(2_000, seed=7)
LOST = (httpx.TransportError,)


async def ask(client, method, path, body=None):
    """The answer; None where the server died before it came."""
    try:
        return await client.request(method, path, json=body, timeout=60)
    except LOST:
        return None


async def trade(client, session, chance, known):
    """One thing at random; what was acknowledged is known."""
    open_ = [position for position in known if known[position] == "OPEN"]
    if open_ and chance.random() < 0.4:
        position = chance.choice(open_)
        answer = await ask(client, "POST", f"/trading/positions/{position}/close")
        if answer is not None and answer.status_code == 200:
            known[position] = "CLOSED"
        elif answer is not None:
            assert answer.status_code == 400, answer.text  # its level was there first
            known[position] = "GONE"
        return
    at = await ask(client, "GET", f"/trading/sessions/{session}/account")
    if at is None:
        return
    price, side = at.json()["price"], chance.choice(["BUY", "SELL"])
    away = chance.choice([0.001, 0.002, 0.004]) * (1 if side == "BUY" else -1)
    body = {"session_id": session, "side": side, "quantity_lots": chance.choice([0.1, 0.25]),
            "sl_price": round(price - away, 5), "tp_price": round(price + away, 5)}  # fmt: skip
    answer = await ask(client, "POST", "/trading/positions", body)
    if answer is not None and answer.status_code == 201:
        known[answer.json()["id"]] = "OPEN"


async def again(client, market, commands, bar):
    """The same commands at the same bars, in a session that is stepped."""
    made = await client.post("/trading/sessions", json=session_body(market, speed="1x"))
    session, at, ids = made.json()["id"], -1, {}
    for number, command in enumerate(commands):
        if command.bar > at:
            stepped = await client.post(
                f"/trading/sessions/{session}/advance", json={"bars": command.bar - at}
            )
            assert stepped.json()["account"]["bar"] == command.bar, stepped.text
            at = command.bar
        if command.kind is CommandKind.CLOSE:
            answer = await client.post(f"/trading/positions/{ids[command.number]}/close")
            assert answer.status_code == 200, answer.text
            continue
        body = {"session_id": session, "side": command.side, "quantity_lots": command.lots / 100,
                "sl_price": command.sl / 1e5, "tp_price": command.tp / 1e5}  # fmt: skip
        answer = await client.post("/trading/positions", json=body)
        assert answer.status_code == 201, (number, answer.text)
        ids[len(ids) + 1] = answer.json()["id"]
    if bar > at:
        await client.post(f"/trading/sessions/{session}/advance", json={"bars": bar - at})
    return (await client.get(f"/trading/sessions/{session}/account")).json()


def told(place, session):
    """The session's terms, and the commands that its journal has."""
    opened = engine_of(place)
    with opened.connect() as connection:
        terms = store.get_session(connection, session).terms
        commands = service.commands_of(service.entries(connection, session))
    opened.dispose()
    return terms, commands


@on_one
async def test_killed_servers_lose_nothing_and_the_ledger_has_one_hash(start, place):
    chance = random.Random(11)
    server = start(*place, PYTHONHASHSEED="1")
    token = server.sign_in()["access_token"]
    known = {}
    async with server.client(token) as admin:
        key = (await admin.post("/auth/keys", json={"name": "play"})).json()["secret"]
        market = await import_market(admin, BARS)
        made = await admin.post("/trading/sessions", json=session_body(market, speed="15x"))
        session = made.json()["id"]
        await admin.post(f"/trading/sessions/{session}/start")
    for kill in range(KILLS):
        async with server.client(key) as client:
            before = len(known)
            driving = asyncio.create_task(_drive(client, session, chance, known))
            async with asyncio.timeout(120):
                while len(known) == before:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(chance.uniform(0.5, 2.0))
            await asyncio.to_thread(server.kill)
            await driving
        server = await asyncio.to_thread(start, *place, PYTHONHASHSEED=str(kill + 2))
        async with server.client(key) as client:
            for action in chance.choice(([], ["pause", "resume"])):
                assert (await client.post(f"/trading/sessions/{session}/{action}")).status_code == 200
            if kill % 2:
                await client.put(f"/trading/sessions/{session}", json={"speed": "10x"})
    other = await asyncio.to_thread(start, *place, PYTHONHASHSEED="77")
    async with server.client(key) as client, other.client(key) as elsewhere:
        assert (await client.post(f"/trading/sessions/{session}/pause")).status_code == 200
        account = (await client.get(f"/trading/sessions/{session}/account")).json()
        assert (await elsewhere.get(f"/trading/sessions/{session}/account")).json() == account
        listed = (await client.get(f"/trading/sessions/{session}/positions?limit=100")).json()["positions"]
        by_id = {each["id"]: each["position_status"] for each in listed}
        for position, status in known.items():
            assert by_id[position] == "CLOSED" if status != "OPEN" else position in by_id
        terms, commands = told(place, session)
        assert len(known) <= sum(command.kind is CommandKind.OPEN for command in commands)
        ledger = engine.run(terms, BARS[: account["bar"] + 1], commands)
        assert engine.ledger_hash(ledger) == account["ledger_hash"]
        assert (await again(elsewhere, market, commands, account["bar"]))["ledger_hash"] == account[
            "ledger_hash"
        ]
    assert {command.side for command in commands} - {None} <= set(Side)
    assert len(known) >= KILLS


async def _drive(client, session, chance, known):
    while True:
        try:
            await trade(client, session, chance, known)
            await client.get("/health/live", timeout=60)
        except LOST:
            return
        await asyncio.sleep(chance.uniform(0.02, 0.2))
