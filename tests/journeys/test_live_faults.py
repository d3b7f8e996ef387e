"""Faults through the whole service, with media that costs next to nothing: kicked, dead, killed. ``bench`` has the figures."""

import asyncio

import pytest
from bench.live import deaths, kicks, recoveries, school
from bench.live_people import Person, Refused, until
from tests.support.classes import SETTINGS, end_workers_of, new_class
from tests.support.sockets import peopled

from stoa.live.media._aiortc import Identity

pytestmark = pytest.mark.anyio
ROUNDS = [2, pytest.param(20, marks=pytest.mark.long)]


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_out_when_kicked_or_dead_and_back_when_the_worker_dies(tmp_path, rounds):
    async with school(tmp_path, 4) as at:
        assert max(await kicks(at, rounds)) < 5
        assert max(await deaths(at, rounds // 2)) < 10
        assert max(await recoveries(at, rounds)) < 20


async def test_a_killed_server_drops_no_call_and_loses_nothing_that_it_acknowledged(start, tmp_path):
    place = ["--data", tmp_path / "data"]
    server = await asyncio.to_thread(start, *place, **SETTINGS)
    made = peopled(place, "ines.teacher", "lea.student", "rod.student")
    async with server.client(made.keys["ines.teacher"]) as teacher:
        room = await new_class(teacher)
    identity = Identity()
    people = [await Person(server.address, key, room, identity).come() for key in made.keys.values()]
    ines, lea, rod = people
    await until(lambda: all(one.received > 5 for one in people))
    before = await ledger(server, made, room)
    assert len(before) == 3
    said, acknowledged = 0, []

    async def chat():
        nonlocal said
        while True:
            said += 1
            await lea.ask("chat", text=f"{said}")
            acknowledged.append(f"{said}")

    chatting = asyncio.ensure_future(chat())
    await until(lambda: len(acknowledged) > 20)
    await asyncio.to_thread(server.kill)
    chatting.cancel()
    rod.vanish()
    counts = [one.received for one in (ines, lea)]
    await until(lambda: all(one.received > then + 20 for one, then in zip((ines, lea), counts, strict=True)))
    second = await asyncio.to_thread(start, *place, port=server.port, **SETTINGS)
    counts = [one.received for one in (ines, lea)]
    await until(lambda: all(one.received > then + 20 for one, then in zip((ines, lea), counts, strict=True)))

    async def rod_is_out():
        return {one["userId"] for one in await ledger(second, made, room) if one["leftAt"] is None} == {
            made.ids["ines.teacher"], made.ids["lea.student"],
        }  # fmt: skip

    deadline = asyncio.get_running_loop().time() + 60
    while not await rod_is_out():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.1)
    after = await ledger(second, made, room)
    assert [one["joinedAt"] for one in after] == [one["joinedAt"] for one in before], (
        "no interval was begun anew"
    )

    lea.told.clear()
    await lea.io.connect(second.address, namespaces=["/live"], transports=["websocket"], wait_timeout=60)
    welcome = await lea.ask("join", token=await lea.token(), resume=True, after=0)
    assert welcome["resumed"] is True
    texts = [data["text"] for _, event, data in lea.told if event == "entry" and data["type"] == "chat"]
    assert texts[: len(acknowledged)] == acknowledged
    assert texts[len(acknowledged) :] in ([], [f"{len(acknowledged) + 1}"]), "one more was under way"
    with pytest.raises(Refused):
        await lea.ask("mute", source="camera", muted=True, userId=made.ids["ines.teacher"])
    await lea.ask("chat", text="still here")
    await asyncio.gather(*(one.close() for one in people))
    end_workers_of(tmp_path)


async def ledger(server, made, room):
    async with server.client(made.keys["ines.teacher"]) as teacher:
        return (await teacher.get(f"/live/sessions/{room}/participants")).json()
