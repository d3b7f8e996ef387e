"""Two server processes over one database decide as one."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.support.places import standing
from tests.support.sockets import peopled

pytestmark = pytest.mark.anyio
ROUNDS = [12, pytest.param(1_000, marks=pytest.mark.long)]
RACERS = 10
FIRST = datetime(2026, 1, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def two(request, tmp_path_factory, service_or_skip):
    with standing(request.param, tmp_path_factory.mktemp("two"), service_or_skip, servers=2) as stands:
        yield stands


@pytest.fixture
async def clients(two):
    """Somebody new, at both servers."""
    (first, second), place = two
    (key,) = peopled(place, "rosa.teacher").keys.values()
    async with first.client(key) as one, second.client(key) as other:
        yield one, other


async def own(client, what):
    """Activity of the caller alone."""
    name = (await client.get("/auth/me")).json()["username"]
    return (await client.get(f"/api/v2/{what}usernames[]={name}")).json()


async def new_timeline(client):
    return (await client.post("/schedule/timelines", json={"name": "Race"})).json()["data"]["id"]


def slot(number):
    begin = FIRST + timedelta(days=number)
    return {"startDateTime": begin.isoformat(), "endDateTime": (begin + timedelta(hours=1)).isoformat()}


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_of_ten_racing_creations_one_wins(clients, rounds):
    timeline = await new_timeline(clients[0])
    for number in range(rounds):
        body = {"type": "ONE_TIME", "timelineId": timeline, "name": f"Race {number}", **slot(number)}
        if number % 5 == 4:
            body |= {"type": "RECURRING", "repeatCycleType": "DAILY", "count": 1}
        answers = await asyncio.gather(
            *(clients[racer % 2].post("/schedule/sessions", json=body) for racer in range(RACERS))
        )
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: RACERS - 1}, number
    listed = (await clients[1].get(f"/schedule/sessions?timelineId={timeline}")).json()
    assert listed["meta"]["meta"]["count"] == rounds


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_of_ten_racing_edits_one_wins(clients, rounds):
    timeline = await new_timeline(clients[0])
    racers = []
    for number in range(RACERS):
        body = {"type": "ONE_TIME", "timelineId": timeline, "name": f"Racer {number}"}
        racers.append((await clients[0].post("/schedule/sessions", json=body)).json()["data"]["id"])
    for number in range(rounds):
        answers = await asyncio.gather(
            *(
                clients[place % 2].patch(f"/schedule/sessions/{racer}", json=slot(number))
                for place, racer in enumerate(racers)
            )
        )
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: RACERS - 1}, number


def test_a_login_that_ends_on_one_server_ends_on_the_other_within_a_second(two):
    (one, other), _ = two
    for _ in range(3):
        headers = {"authorization": f"Bearer {one.sign_in()['access_token']}"}

        def status(server, headers=headers):
            return httpx.get(f"{server.address}/auth/me", headers=headers).status_code

        assert (status(one), status(other)) == (200, 200)
        assert httpx.post(f"{one.address}/auth/logout", headers=headers).status_code == 204
        assert status(one) == 401
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            status(other)  # asking does not keep it alive
        assert status(other) == 401


async def test_what_one_server_stores_the_other_shows(clients):
    timeline = await new_timeline(clients[0])
    assert (await clients[1].get(f"/schedule/timelines/{timeline}")).status_code == 200
    await clients[1].post("/api/v2/sessionstart")
    for number in range(10):
        answer = await clients[number % 2].post(
            "/api/v2/keepalive", json={"visible": True, "path": [f"/{number}"]}
        )
        assert answer.status_code == 200
    (session,) = await own(clients[0], "sessions?")
    assert set(session["tab_duration"]) == {f"/{number}" for number in range(10)}


async def test_ten_racing_starts_begin_one_session(clients):
    answers = await asyncio.gather(
        *(clients[racer % 2].post("/api/v2/sessionstart") for racer in range(RACERS))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(await own(clients[0], "sessions?")) == 1
    days = (await own(clients[0], "stats?group_by=day&"))["stats"]
    assert [row["sessions"] for row in days] == [1]


async def test_racing_keepalives_lose_no_time(clients):
    await clients[0].post("/api/v2/sessionstart")
    await asyncio.gather(
        *(
            clients[number % 2].post("/api/v2/keepalive", json={"visible": True, "path": [f"/{number}"]})
            for number in range(60)
        )
    )
    (session,) = await own(clients[0], "sessions?")
    assert len(session["tab_duration"]) == 60
    assert session["visible_duration"] == sum(session["tab_duration"].values())
    assert session["visible_duration"] <= session["last_ping"] - session["start"] + 1
