"""A server that is killed loses nothing that it has answered."""

import asyncio
import random

import httpx
import pytest
from tests.support.places import on_one
from tests.support.processes import STOPPED, command

pytestmark = pytest.mark.anyio
WORKERS = 4


class Acknowledged:
    """What the server has answered with success, as far as the clients know."""

    def __init__(self):
        self.sessions = {}
        self.views = set()


async def create_sessions(client, timeline, round_, acknowledged):
    number = 0
    while True:
        body = {"type": "ONE_TIME", "timelineId": timeline, "name": f"Session {round_}/{number}"}
        answer = await client.post("/schedule/sessions", json=body)
        assert answer.status_code == 200, answer.text
        session = answer.json()["data"]
        acknowledged.sessions[session["id"]] = session
        number += 1


async def keep_alive(client, worker, round_, acknowledged):
    number = 0
    while True:
        view = f"/{round_}/{worker}/{number}"
        answer = await client.post("/api/v2/keepalive", json={"visible": True, "path": [view]})
        assert answer.status_code == 200, answer.text
        acknowledged.views.add(view)
        number += 1


async def until_it_dies(work):
    try:
        await work
    except httpx.TransportError:
        return


async def load_and_kill(stoa, token, timeline, round_, after):
    acknowledged = Acknowledged()
    async with stoa.client(token) as client:
        assert (await client.post("/api/v2/sessionstart")).status_code == 200
        work = [
            create_sessions(client, timeline, round_, acknowledged),
            *(keep_alive(client, worker, round_, acknowledged) for worker in range(WORKERS)),
        ]
        tasks = [asyncio.create_task(until_it_dies(each)) for each in work]
        while not (acknowledged.sessions and acknowledged.views):
            await asyncio.sleep(0.005)
        await asyncio.sleep(after)
        stoa.kill()
        await asyncio.gather(*tasks)
    return acknowledged


async def nothing_is_lost(stoa, token, acknowledged):
    async with stoa.client(token) as client:
        assert (await client.get("/auth/me")).status_code == 200  # the signing key survived
        for session_id, session in acknowledged.sessions.items():
            answer = await client.get(f"/schedule/sessions/{session_id}")
            assert answer.json()["data"] == session
        counted = set()
        for session in (await client.get("/api/v2/sessions")).json():
            assert session["visible_duration"] == sum(session["tab_duration"].values())
            counted |= set(session["tab_duration"])
        assert acknowledged.views <= counted


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.long)])
@on_one
async def test_nothing_acknowledged_is_lost_by_a_kill(start, place, kills):
    chance = random.Random(20260302)
    stoa = start(*place)
    token = stoa.sign_in()["access_token"]
    async with stoa.client(token) as client:
        timeline = (await client.post("/schedule/timelines", json={"name": "Crash"})).json()["data"]["id"]
    stored = 0
    for round_ in range(kills):
        acknowledged = await load_and_kill(stoa, token, timeline, round_, chance.uniform(0.05, 0.6))
        stoa = start(*place)
        await nothing_is_lost(stoa, token, acknowledged)
        stored += len(acknowledged.sessions) + len(acknowledged.views)
        token = stoa.sign_in()["access_token"]
    print(f"{kills} kills, {stored} acknowledged changes, none lost")
    stoa.stop()
    checked = command("check", *place)
    assert checked.returncode == 0, checked.stdout


@on_one
async def test_a_stop_answers_what_is_under_way(start, place):
    """SIGTERM while requests are open: each gets its whole answer, and what was answered is stored."""
    stoa = start(*place)
    token = stoa.sign_in()["access_token"]
    async with stoa.client(token) as client:
        timeline = (await client.post("/schedule/timelines", json={"name": "Stop"})).json()["data"]["id"]
        body = {"type": "ONE_TIME", "timelineId": timeline, "name": "Under way"}
        slow = asyncio.create_task(
            client.post("/auth/login", json={"username": "admin", "password": "wrong"})
        )
        begun = asyncio.Event()

        async def dripping():
            text = f'{{"type": "ONE_TIME", "timelineId": "{timeline}", "name": "Dripping"}}'.encode()
            yield text[:10]
            begun.set()
            await stopping.wait()
            await asyncio.sleep(0.3)  # the server has closed its door by now, and waits for the rest
            yield text[10:]

        stopping = asyncio.Event()
        drip = asyncio.create_task(client.post("/schedule/sessions", content=dripping()))
        many = [asyncio.create_task(client.post("/schedule/sessions", json=body)) for _ in range(20)]
        await begun.wait()
        await asyncio.wait(many, return_when=asyncio.FIRST_COMPLETED)
        stoa.process.terminate()
        stopping.set()
        answers = await asyncio.gather(drip, slow, *many, return_exceptions=True)
    assert stoa.stop() in STOPPED
    assert answers[0].status_code == 200, answers[0]
    assert answers[1].status_code == 401, answers[1]
    answered = [answer for answer in answers if isinstance(answer, httpx.Response)]
    assert {answer.status_code for answer in answered} == {200, 401}
    # A request that the server had not begun to read may find the door closed; none gets half an answer.
    assert all(isinstance(answer, (httpx.Response, httpx.TransportError)) for answer in answers)

    again = start(*place)
    async with again.client(token) as client:
        for answer in answered:
            if answer.status_code == 200:
                session = answer.json()["data"]
                assert (await client.get(f"/schedule/sessions/{session['id']}")).json()["data"] == session
