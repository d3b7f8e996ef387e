"""What somebody does in the first minutes with Stoa: start it with demo data, sign in, use both kinds."""

import re
import time
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from tests.support.processes import STOPPED

pytestmark = pytest.mark.anyio


def sign_ins(page):
    """The demo's usernames and passwords, as the start page shows them."""
    return dict(re.findall(r"<td><code>([^<]*)</code></td><td><code>([^<]*)</code></td></tr>", page))


async def counts(client):
    return {
        path: (await client.get(path)).json()["meta"]["meta"]["count"]
        for path in ("/schedule/sessions", "/schedule/timelines")
    } | {path: len((await client.get(path)).json()) for path in ("/api/v2/sessions", "/api/v1/users")}


async def test_the_tour(start):
    stoa = start("--demo")
    assert f"http://127.0.0.1:{stoa.port}" in stoa.output()
    async with stoa.client() as nobody:
        people = sign_ins((await nobody.get("/")).text)
        assert "stoa_" in (await nobody.get("/metrics")).text
        assert (await nobody.get("/health/live")).json() == {"status": "ok"}
    for username, password in people.items():
        assert username in stoa.output()
        assert stoa.sign_in(username, password)["user"]["username"] == username
    teacher = next(
        token["access_token"]
        for name, password in people.items()
        if (token := stoa.sign_in(name, password))["user"]["accessId"] == "instructor"
    )
    admin = stoa.sign_in()["access_token"]
    async with stoa.client(teacher) as client:
        await use_the_schedule(client)
        await use_activity(client)
        await look_at_live(client)
    async with stoa.client(admin) as client:
        before = await counts(client)
        assert min(before.values()) >= 3, before
        month = datetime.now(UTC)
        window = f"from={month.date()}T00:00:00Z&to={(month + timedelta(days=31)).date()}T00:00:00Z"
        assert len((await client.get(f"/schedule/occurrences?{window}")).json()["data"]) > 10
        assert (await client.get("/api/v2/stats?group_by=day")).json()["stats"]
    assert stoa.stop() in STOPPED

    again = start("--demo")
    async with again.client(teacher) as client:
        await look_at_live(client)
    async with again.client() as nobody:
        assert set(people) - {"admin"} <= set(sign_ins((await nobody.get("/")).text))
    async with again.client(admin) as client:
        assert await counts(client) == before


async def look_at_live(client):
    """The class that is on now, one tomorrow, and one of yesterday whose recording the server made into a file."""
    (room,) = re.findall(r'href="/live/join/([^"]+)"', (await client.get("/")).text)
    assert (await client.get(f"/live/join/{room}")).status_code == 200
    me = (await client.get("/auth/me")).json()["_id"]
    recorded, on, tomorrow = (await client.get(f"/live/sessions/instructor/{me}")).json()
    assert (on["roomName"], on["status"], tomorrow["status"]) == (room, "live", "scheduled")
    assert (await client.post(f"/live/sessions/{room}/token")).json()["token"]
    people = (await client.get(f"/live/sessions/{recorded['roomName']}/participants")).json()
    assert {each["totalSeconds"] for each in people} == {16}
    deadline = time.monotonic() + 180
    while (recording := (await client.get(f"/live/sessions/{recorded['roomName']}/recording")).json())[
        "status"
    ] != "finished":
        assert recording["status"] in {"in-progress", "processing"}, recording
        assert time.monotonic() < deadline
        await anyio.sleep(0.2)
    assert len((await client.get(recording["downloadLink"])).content) > 50_000
    assert recording["duration"] == 16


async def use_the_schedule(client):
    timeline = (await client.post("/schedule/timelines", json={"name": "Studio"})).json()["data"]
    yoga = {
        "type": "RECURRING", "timelineId": timeline["id"], "name": "Weekly Yoga Class",
        "startDateTime": "2023-12-01T09:00:00Z", "endDateTime": "2023-12-01T10:00:00Z",
        "repeatCycleType": "WEEKLY", "recurringDayOfWeek": "FRIDAY",
    }  # fmt: skip
    session = (await client.post("/schedule/sessions", json=yoga)).json()["data"]
    assert (await client.post("/schedule/sessions", json=yoga)).status_code == 409
    feed = await client.get(timeline["feedUrl"], headers={"authorization": ""})
    assert "SUMMARY:Weekly Yoga Class" in feed.text
    assert (await client.delete(f"/schedule/sessions/{session['id']}")).json()["data"]["removedAt"]


async def use_activity(client):
    path = "[/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8,view-tab_edd5855b-54f1-4c51-9550-d88c2da60768]"
    assert (await client.post("/api/v2/keepalive", json={"visible": True, "path": path})).status_code == 400
    assert (await client.post("/api/v2/sessionstart")).json() == {"description": "Session Start"}
    answer = (await client.post("/api/v2/keepalive", json={"visible": True, "path": path})).json()
    assert answer == {
        "description": "Session keepalive",
        "time": answer["time"],
        "visible": True,
        "paths": path,
    }
    active = (await client.get("/api/v2/sessions?active=true")).json()
    assert [session["last_visible_path"] for session in active] == [path.strip("[]").split(",")]
