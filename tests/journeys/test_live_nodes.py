"""Two servers with media workers of their own on one PostgreSQL: a room is at one of them, and both act on it."""

import asyncio

import pytest
from tests.support.classes import SETTINGS, Browser, end_workers_of, new_class, token_of
from tests.support.sockets import eventually, peopled

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


@pytest.fixture
async def school(start, tmp_path, postgres_url):
    """(``node(name)``: a server with a folder of its own, people, ``browser(server, room)``)"""
    browsers = []
    made = peopled(["--database", postgres_url], "ines.teacher", "lea.student", "rod.student")

    async def node(name, **settings):
        place = ("--database", postgres_url, "--data", tmp_path / name)
        return await asyncio.to_thread(start, *place, **SETTINGS, **settings)

    async def browser(server, room):
        browsers.append(Browser(server, room))
        return await browsers[-1].connect()

    yield node, made, browser
    await asyncio.gather(*(each.close() for each in browsers), return_exceptions=True)
    end_workers_of(tmp_path)


async def there(client, room):
    ledger = (await client.get(f"/live/sessions/{room}/participants")).json()
    return {one["userId"]: one["leftAt"] for one in ledger}


async def until(claim, *, within=60.0):
    deadline = asyncio.get_running_loop().time() + within
    while not await claim():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.long
async def test_a_room_is_at_one_node_and_the_other_acts_on_it(school, tmp_path):
    node, made, browser = school
    first = await node("first", STOA_LIVE_LINGER_SECONDS="1", STOA_LIVE_NODE_URL="https://first.stoa.test")
    keys, ids = made.keys, made.ids
    async with first.client(keys["ines.teacher"]) as teacher:
        room = await new_class(teacher)
        path = f"/live/sessions/{room}"
        ines, lea, rod = await browser(first, room), await browser(first, room), await browser(first, room)
        for one, name in ((ines, "ines.teacher"), (lea, "lea.student"), (rod, "rod.student")):
            assert (await one.join(await token_of(first, keys[name], room)))["ok"]
        await asyncio.gather(ines.caller.publish(), lea.caller.publish())
        await eventually(lambda: ines.caller.seen and lea.caller.seen)
        await eventually(lambda: len(ines.entries("joined")) == 3)

    second = await node("second", STOA_LIVE_LINGER_SECONDS="1", STOA_LIVE_NODE_URL="https://second.stoa.test")
    async with second.client(keys["ines.teacher"]) as teacher:
        assert await there(teacher, room) == dict.fromkeys(ids.values()), "the other's start ends nothing"

        # Who comes to the other node is told where, and their token is good there.
        token = await token_of(second, keys["lea.student"], room)
        astray = await browser(second, room)
        refused = await astray.ask("join", token=token)
        assert (refused["code"], refused["url"]) == ("live.elsewhere", "https://first.stoa.test")

        # What is asked at the other node is done where the room is, before it is acknowledged.
        assert (await teacher.post(f"{path}/participants/{ids['rod.student']}/kick")).status_code == 200
        await eventually(lambda: rod.told("out") == [{"reason": "kicked"}])
        await eventually(lambda: rod.caller.receiving.connectionState in ("closed", "failed"))
        muted = await teacher.post(
            f"{path}/participants/{ids['lea.student']}/permissions", json={"cameraAllowed": False}
        )
        assert muted.status_code == 200
        seen = sum(ines.caller.seen.values())
        await asyncio.sleep(1)
        assert sum(ines.caller.seen.values()) <= seen + 5, "lea's camera is not passed on any more"
        assert (await teacher.post(f"{path}/start-recording")).status_code == 200
        await eventually(lambda: ines.entries("recording_started"))
        assert (await teacher.post(f"{path}/start-recording")).status_code == 409
        assert [each.name for each in tmp_path.glob("*/live/recordings/*/manifest.jsonl")] == [
            "manifest.jsonl"
        ]
        assert list(tmp_path.glob("first/live/recordings/*/manifest.jsonl"))
        assert (await teacher.post(f"{path}/stop-recording")).status_code == 200
        await eventually(lambda: ines.told("out") and lea.told("out"))
        await eventually(lambda: ines.caller.receiving.connectionState in ("closed", "failed"))
        assert all((await there(teacher, room)).values())

        # A room in which nobody is opens wherever somebody comes; and a node that dies gives its rooms up.
        room = await new_class(teacher)
        again = await browser(first, room)
        await again.join(await token_of(second, keys["lea.student"], room))
        await eventually(lambda: again.entries("joined"))
        assert (await again.ask("leave"))["ok"]
        moved = await browser(second, room)
        assert (await moved.join(await token_of(first, keys["lea.student"], room)))["ok"]
        await eventually(lambda: moved.entries("joined"))
        assert (await moved.ask("leave"))["ok"]
        back = await browser(first, room)
        assert (await back.join(await token_of(second, keys["lea.student"], room)))["ok"]
        await eventually(lambda: back.entries("joined"))
        assert (await teacher.post(f"/live/sessions/{room}/start-recording")).status_code == 200
        first.kill()
        late = await browser(second, room)
        assert (await late.ask("join", token=await token_of(second, keys["rod.student"], room)))["code"] == (
            "live.elsewhere"
        )
        await until(lambda: gone(teacher, room, ids["lea.student"]))
        assert (await late.join(await token_of(second, keys["rod.student"], room)))["ok"]
        await eventually(lambda: late.entries("joined"))
        assert (await teacher.post(f"/live/sessions/{room}/stop-recording")).status_code == 200


async def gone(client, room, user_id):
    ledger = (await client.get(f"/live/sessions/{room}/participants")).json()
    return all(one["leftAt"] for one in ledger if one["userId"] == user_id)
