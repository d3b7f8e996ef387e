"""Two media nodes on one database, each with a provider that carries nothing: whose room it is, and who ends what."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.studio import FakeProvider

from stoa.kernel.clock import to_millis
from stoa.live import service, store
from stoa.live.errors import ElsewhereError
from stoa.live.media import messages as m
from stoa.live.nodes import Nodes
from stoa.live.studio import Studio

pytestmark = pytest.mark.anyio
CLASS = {"courseId": "course", "startsAt": "2026-12-26T15:00:00.000Z", "recordingEnabled": True}


class BoundProvider(FakeProvider):
    """``inside`` are those whose media is here."""

    linger = 10.0

    def __init__(self, clock, node):
        super().__init__(clock)
        self.node, self.rooms = node, []

    async def open_room(self, room, *, max_participants):
        self.rooms = [*dict.fromkeys([*self.rooms, room])]
        await super().open_room(room, max_participants=max_participants)

    async def close_room(self, room):
        self.rooms = [each for each in self.rooms if each != room]
        await super().close_room(room)

    async def inside_of(self, room):
        people = [
            m.ParticipantStats(user, None, "good", 0, 0, 0, 0, [], [])
            for of, user in self.inside
            if of == room
        ]
        return m.RoomStats(room, None, False, people) if room in self.rooms else None


class Bound:
    """What ``Nodes`` wants of a provider: ``FakeProvider.inside`` has another meaning."""

    def __init__(self, provider):
        self.provider, self.inside = provider, provider.inside_of
        self.node, self.linger = provider.node, provider.linger

    @property
    def rooms(self):
        return self.provider.rooms


@pytest.fixture
async def two(house):
    """Two studios over one storage."""
    studio, made = house.inside.part(Studio), []
    for name in ("first", "second"):
        provider = BoundProvider(house.clock, name)
        nodes = Nodes(
            house.storage, house.clock, studio.ids, Bound(provider), url=f"https://{name}.stoa.test"
        )
        made.append(replace(studio, provider=provider, nodes=nodes, listeners=[]))
        await provider.start(made[-1].told)
        await nodes.begin([])
    return made


@pytest.fixture
async def room(house):
    async with house.client("ines.teacher") as client:
        return (await client.post("/live/sessions", json=CLASS)).json()["roomName"]


async def come(house, studio, name, room):
    async with house.client(name) as client:
        token = (await client.post(f"/live/sessions/{room}/token")).json()["token"]
    await studio.admit(await studio.read_token(token))
    await studio.provider.answer(room, house.ids[name], 1, "")


async def ledger(house, room):
    async with house.client("ada.admin") as client:
        rows = (await client.get(f"/live/sessions/{room}/participants")).json()
    return sorted((one["userId"], one["leftAt"] is None) for one in rows)


async def test_who_comes_to_another_node_is_told_where_and_their_token_stays_good(house, two, room):
    first, second = two
    await come(house, first, "ines.teacher", room)
    async with house.client("lea.student") as client:
        token = (await client.post(f"/live/sessions/{room}/token")).json()["token"]
    shown = await second.read_token(token)
    with pytest.raises(ElsewhereError) as refused:
        await second.admit(shown)
    assert refused.value.url == "https://first.stoa.test"
    admitted, _ = await first.admit(shown)
    assert admitted.session.node == "first"


async def test_a_start_ends_only_its_own_intervals(house, two, room):
    first, second = two
    await come(house, first, "ines.teacher", room)
    await second.resume([])
    assert await ledger(house, room) == [(house.ids["ines.teacher"], True)]
    await first.resume([])
    assert await ledger(house, room) == [(house.ids["ines.teacher"], False)]


async def test_what_another_node_tells_of_a_room_that_moved_counts_for_nothing(house, two, room):
    first, second = two
    lea = house.ids["lea.student"]
    await come(house, first, "lea.student", room)
    await first.provider.leave(room, lea)
    await come(house, second, "lea.student", room)
    await first.told(m.Left(room, to_millis(house.clock.now()), lea, "dead"))
    await first.told(m.RoomLost(room, to_millis(house.clock.now())))
    assert await ledger(house, room) == [(lea, False), (lea, True)]
    await first.told(m.Joined(room, to_millis(house.clock.now()), lea))
    assert ("eject", room, lea) in first.provider.asked
    ((_, left),) = await house.storage.read(store.errands_for, "first")
    assert left == room
    await first.straighten(room)
    assert first.provider.rooms == []
    assert second.provider.rooms == [room]


async def test_a_room_is_made_what_the_database_says(house, two, room):
    """Kicked, allowed less, recorded: all of it while its node was away."""
    first, _ = two
    for name in ("ines.teacher", "lea.student", "tom.teacher"):
        await come(house, first, name, room)
    teacher = await actor_of(house, "ines.teacher")
    now, ids = house.clock.now(), house.ids
    await house.storage.write(service.kick, room, ids["lea.student"], actor=teacher, now=now)
    await house.storage.write(
        service.permit, room, ids["tom.teacher"], mic=False, camera=None, banned=None, actor=teacher, now=now
    )
    await house.storage.write(
        service.begin_recording, room, actor=teacher, now=now, ids=first.ids, node="second"
    )
    first.provider.asked.clear()
    await first.straighten(room)
    asked = first.provider.asked
    assert ("eject", room, ids["lea.student"]) in asked
    assert ("permit", room, ids["tom.teacher"], False, True) in asked
    assert ("start_recording", room) in asked
    await house.storage.write(service.remove, room, actor=teacher, now=now)
    await first.straighten(room)
    assert first.provider.rooms == []


async def test_a_dead_node_is_buried_once_and_learns_of_it(house, two, room):
    first, second = two
    await come(house, first, "lea.student", room)
    await house.storage.write(service.beat, "first", "")
    beats = (await house.storage.read(store.beats_of_others, "second"))["first"]
    assert await house.storage.read(store.nodes_with_people) == {"first"}
    bury = {"heir": "second", "seen_at": house.clock.now() + timedelta(seconds=5)}
    assert await house.storage.write(service.bury, "first", beats=beats - 1, **bury) is None, "it lives"
    assert await house.storage.write(service.bury, "first", beats=beats, **bury) == []
    assert await house.storage.write(service.bury, "first", beats=beats, **bury) is None
    assert await ledger(house, room) == [(house.ids["lea.student"], False)]
    await come(house, second, "tom.teacher", room)
    await first.nodes._beat(first.straighten)
    assert first.provider.rooms == []
    assert await ledger(house, room) == sorted(
        [(house.ids["lea.student"], False), (house.ids["tom.teacher"], True)]
    )
    assert await house.storage.write(service.beat, "first", "")


async def test_what_a_dead_node_recorded_is_its_heirs_to_go_on_with(house, two, room):
    first, second = two
    await come(house, first, "lea.student", room)
    await first.start_recording(room, await actor_of(house, "ines.teacher"))
    ((recording, session),) = await house.storage.write(
        service.bury, "first", beats=0, heir="second", seen_at=house.clock.now()
    )
    await second._record(session, recording)
    assert second.provider.asked == [("open_room", room, None), ("start_recording", room)]
    await come(house, second, "lea.student", room)


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
