"""Attendance per student over HTTP: what is in it, and who may see whose."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.studio import FakeProvider

from stoa.live.studio import Studio

pytestmark = pytest.mark.anyio


@pytest.fixture
async def school(house):
    """Two classes of Ines in a course in which Lea is enrolled, and one of Tom's. Of the first 60 minutes Lea was there 30."""
    provider = FakeProvider(house.clock)
    studio = replace(house.inside.part(Studio), provider=provider, nodes=None)
    object.__setattr__(house.inside.part(Studio), "provider", provider)
    await provider.start(studio.told)
    rooms = []

    async def call(name, method, path, **how):
        async with house.client(name) as client:
            answer = await client.request(method, f"/live{path}", **how)
            assert answer.is_success, answer.text
            return answer.json()

    async def come(name, room):
        token = (await call(name, "POST", f"/sessions/{room}/token"))["token"]
        await studio.admit(await studio.read_token(token))
        await provider.answer(room, house.ids[name], 1, "")

    async def new(name, course):
        body = {"courseId": course, "startsAt": house.clock.now().isoformat()}
        rooms.append((await call(name, "POST", "/sessions", json=body))["roomName"])
        return rooms[-1]

    await call("ines.teacher", "POST", "/courses", json={"_id": "algebra", "title": "Algebra"})
    await call(
        "ines.teacher", "PUT", "/courses/algebra/enrolments", json={"userIds": [house.ids["lea.student"]]}
    )
    first = await new("ines.teacher", "algebra")
    await come("ines.teacher", first)
    house.clock.advance(timedelta(minutes=10))
    await come("lea.student", first)
    house.clock.advance(timedelta(minutes=20))
    await provider.leave(first, house.ids["lea.student"])
    house.clock.advance(timedelta(minutes=20))
    await come("lea.student", first)
    house.clock.advance(timedelta(minutes=10))
    session = await call("ines.teacher", "GET", f"/sessions/{first}")
    await studio.kick(first, house.ids["lea.student"], await actor_of(house, "ines.teacher"))
    await call("ines.teacher", "GET", f"/sessions/{first}/participants")
    async with house.client("ines.teacher") as client:
        answer = await client.put(f"/live/sessions/{session['_id']}/status", json={"status": "ended"})
        assert answer.is_success, answer.text
    second = await new("ines.teacher", "algebra")
    await come("ines.teacher", second)
    house.clock.advance(timedelta(minutes=30))
    third = await new("tom.teacher", "logic")
    await come("lea.student", third)
    house.clock.advance(timedelta(minutes=30))
    await new("ines.teacher", "algebra")
    house.rooms = rooms
    return house


async def actor_of(house, name):
    from stoa.accounts import service as people
    from stoa.kernel.actor import Actor

    user = await house.storage.read(people.user_named, name)
    return Actor(
        user.number,
        user.id,
        user.username,
        user.name,
        user.access,
        user.permissions,
        "test",
        house.clock.now(),
    )


async def report(house, name, whose="lea.student", query="", suffix=""):
    async with house.client(name) as client:
        return await client.get(f"/live/students/{house.ids[whose]}/attendance{suffix}{query}")


async def test_ones_own(school):
    found = (await report(school, "lea.student")).json()
    assert (found["userId"], found["name"]) == (school.ids["lea.student"], "Lea Student")
    classes = {one["sessionName"]: one for one in found["classes"]}
    assert list(classes) == school.rooms
    first, second, third, unheld = (classes[room] for room in school.rooms)
    assert (first["lengthSeconds"], first["presentSeconds"], first["share"]) == (3600, 1800, 0.5)
    assert (first["lateBySeconds"], first["wasKicked"], len(first["intervals"])) == (600, True, 2)
    assert [one["wasKicked"] for one in first["intervals"]] == [False, True]
    assert (second["lengthSeconds"], second["presentSeconds"], second["lateBySeconds"]) == (3600, 0, None)
    assert (third["lengthSeconds"], third["share"], third["intervals"][0]["leftAt"]) == (1800, 1.0, None)
    assert (unheld["lengthSeconds"], unheld["share"]) == (None, None)
    assert (found["held"], found["attended"]) == (3, 2)
    assert (found["lengthSeconds"], found["presentSeconds"]) == (9000, 3600)
    assert found["share"] == 0.4
    algebra = (await report(school, "lea.student", query="?courseId=algebra")).json()
    assert [one["sessionName"] for one in algebra["classes"]] == [school.rooms[each] for each in (0, 1, 3)]


async def test_who_teaches_sees_their_own_classes_and_admins_all(school):
    async def seen(name):
        return [one["sessionName"] for one in (await report(school, name)).json()["classes"]]

    assert await seen("ines.teacher") == [school.rooms[each] for each in (0, 1, 3)]
    assert await seen("tom.teacher") == [school.rooms[2]]
    assert await seen("ada.admin") == school.rooms
    refused = await report(school, "lea.student", whose="tom.teacher")
    assert (refused.status_code, refused.json()) == (
        403,
        {"message": "Not authorized to see this attendance"},
    )
    refused = await report(school, "lea.student", whose="tom.teacher", suffix=".csv")
    assert refused.status_code == 403
    nobody = await report(school, None)
    assert (nobody.status_code, nobody.json()) == (401, {"error": "Authentication required"})
    stranger = await report(school, "tom.teacher", whose="ines.teacher")
    assert (stranger.status_code, stranger.json()) == (404, {"message": "Participant not found"})
    own = (await report(school, "tom.teacher", whose="tom.teacher")).json()
    assert (own["classes"], own["share"]) == ([], None)


async def test_as_a_spreadsheet(school):
    answer = await report(school, "lea.student", suffix=".csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["sessionName"] for row in rows] == school.rooms
    assert (rows[0]["presentSeconds"], rows[0]["share"], rows[0]["times"]) == ("1800", "0.5", "2")
    assert (rows[3]["lengthSeconds"], rows[3]["firstJoinedAt"], rows[3]["times"]) == ("", "", "0")
