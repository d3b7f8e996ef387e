"""What every provider does that signals through Stoa: the same tests over each, with real media."""

import asyncio
import json
import secrets

import av
import pytest
from aiortc.mediastreams import AudioStreamTrack
from bench import januses
from tests.support import providers
from tests.support.callers import Picture, eventually, still

from stoa.kernel.errors import ConflictError, InvalidError, NotFoundError
from stoa.live.janus._places import rooms
from stoa.live.media import messages as m
from stoa.platform.storage import open_storage

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def network(service_or_skip):
    service_or_skip("Janus", januses.check)
    network = januses.Network()
    yield network
    network.close()


@pytest.fixture(scope="module")
def janus(network, tmp_path_factory):
    server = januses.JanusServer(network, tmp_path_factory.mktemp("janus")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module", params=["embedded", "janus"])
async def scene(request, tmp_path_factory, anyio_backend):
    """A provider that runs, for all tests."""
    folder = tmp_path_factory.mktemp("live")
    storage = None
    if request.param == "embedded":
        provider = providers.embedded(folder)
    else:
        server = request.getfixturevalue("janus")
        storage = open_storage(f"sqlite:///{folder}/stoa.db")
        rooms.create(storage.engine)
        provider = providers.janus([server], folder / "recordings", storage)
    scene = await providers.Scene(provider).start()
    yield scene
    await scene.close()
    if storage is not None:
        await storage.close()


@pytest.fixture
async def room(scene):
    room = f"room-{secrets.token_hex(4)}"
    await scene.provider.open_room(room, max_participants=None)
    yield room
    mine = [key for key in scene.callers if key[0] == room]
    await asyncio.gather(*(scene.callers.pop(key).close() for key in mine))
    await scene.provider.close_room(room)


def grows(counts):
    """Whether these counts have grown by five since now."""
    before = dict(counts)
    return lambda: all(counts[key] >= count + 5 for key, count in before.items())


def shown(scene, room, name):
    """Whose tracks the offer shows that stands for somebody."""
    offered = scene.of(m.Offered, room=room, participant=name)
    return sorted((each.participant, each.source) for each in offered[-1].tracks) if offered else []


def of(*names):
    return sorted((name, source) for name in names for source in ("mic", "camera"))


async def test_two_see_and_hear_each_other(scene, room):
    people = [await scene.caller(room, name) for name in ("ada", "bob")]
    for one in people:
        await eventually(lambda: len(one.seen) == len(one.heard) == 1, about=lambda: (one.seen, one.heard))  # noqa: B023
        await eventually(grows(one.seen))
        await eventually(grows(one.heard))
    assert sorted(each.participant for each in scene.of(m.Joined, room=room)) == ["ada", "bob"]
    assert shown(scene, room, "ada") == of("bob")
    on = [(each.participant, each.source) for each in scene.of(m.TrackChanged, room=room, state="on")]
    assert sorted(on) == of("ada", "bob")


async def test_six_are_offered_each_others_tracks(scene, room):
    """That they flow is seen in the browser tests: aiortc loses some when an offer follows an offer."""
    names = [f"p{index}" for index in range(6)]
    await asyncio.gather(*(scene.caller(room, name) for name in names))
    for name in names:
        others = of(*(each for each in names if each != name))
        await eventually(lambda: shown(scene, room, name) == others)  # noqa: B023


async def test_the_offer_names_whose_track_it_is(scene, room):
    await scene.caller(room, "ada")
    await scene.caller(room, "bob", publish=False)
    await eventually(lambda: shown(scene, room, "bob"))
    offered = scene.of(m.Offered, room=room, participant="bob")[-1]
    sections = offered.sdp.split("\r\nm=")[1:]
    active = [section for section in sections if "a=sendonly" in section]
    assert len(active) == len(offered.tracks) == 2
    assert all("a=msid:ada " in section for section in active)
    standing = await scene.provider.signalling.offer(room, "bob")
    assert (standing.version, standing.sdp) == (offered.version, offered.sdp)


async def test_who_only_watches_is_in_and_sees_who_comes(scene, room):
    bob = await scene.caller(room, "bob", publish=False)
    await eventually(lambda: scene.of(m.Joined, room=room, participant="bob"))
    await scene.caller(room, "ada")
    await eventually(lambda: bob.seen and bob.heard)


async def test_rooms_hear_nothing_of_each_other(scene, room):
    other = f"{room}-other"
    await scene.provider.open_room(other, max_participants=None)
    await scene.caller(room, "ada")
    await scene.caller(other, "bob", publish=False)
    await eventually(lambda: scene.of(m.TrackChanged, room=room, source="camera", state="on"))
    await eventually(lambda: scene.of(m.Joined, room=other))
    assert scene.of(m.Offered, room=other)[-1].tracks == []
    await scene.callers.pop((other, "bob")).close()
    await scene.provider.close_room(other)


async def test_a_second_join_replaces_the_first(scene, room):
    bob = await scene.caller(room, "bob")
    await scene.caller(room, "ada")
    await eventually(lambda: bob.seen)
    first = scene.callers[room, "ada"]
    await scene.caller(room, "ada")
    await eventually(lambda: scene.of(m.Left, room=room, participant="ada", reason="replaced"))
    await eventually(lambda: len(scene.of(m.Joined, room=room, participant="ada")) == 2)
    await eventually(lambda: shown(scene, room, "bob") == of("ada"))
    assert len(scene.of(m.Left, room=room)) == 1
    await first.close()


async def test_mute_and_permission_stop_what_is_passed_on(scene, room):
    signalling = scene.provider.signalling
    await scene.caller(room, "ada")
    bob = await scene.caller(room, "bob", publish=False)
    await eventually(lambda: bob.seen and bob.heard)

    def last(source):
        told = scene.of(m.TrackChanged, room=room, source=source)
        return told[-1].state if told else None

    for stop, go, source, counts in (
        (lambda: signalling.mute(room, "ada", "mic", muted=True),
         lambda: signalling.mute(room, "ada", "mic", muted=False), "mic", bob.heard),
        (lambda: scene.provider.permit(room, "ada", mic=True, camera=False),
         lambda: scene.provider.permit(room, "ada", mic=True, camera=True), "camera", bob.seen),
    ):  # fmt: skip
        await stop()
        await eventually(lambda: last(source) == "off")  # noqa: B023
        if source == "camera":  # of sound the receiver makes up more for a while
            await still(counts)
        await go()
        await eventually(lambda: last(source) == "on")  # noqa: B023
        await eventually(grows(counts))


async def test_who_may_not_is_not_seen_from_the_start(scene, room):
    await scene.caller(room, "ada", camera=False)
    bob = await scene.caller(room, "bob", publish=False)
    await eventually(lambda: bob.heard)
    await asyncio.sleep(0.5)
    assert not bob.seen
    await scene.provider.permit(room, "ada", mic=True, camera=True)
    await eventually(lambda: bob.seen)


async def test_a_kicked_participant_is_out_within_a_second(scene, room):
    ada = await scene.caller(room, "ada")
    bob = await scene.caller(room, "bob", publish=False)
    await eventually(lambda: ada.sending.connectionState == "connected" and bob.seen)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await scene.provider.eject(room, "ada")
    await eventually(lambda: scene.of(m.Left, room=room, participant="ada", reason="kicked"))
    await eventually(lambda: ada.sending.connectionState in ("closed", "failed"))
    assert loop.time() - began < 10, "1 s, and more for a busy machine"
    await eventually(lambda: shown(scene, room, "bob") == [])
    gone = scene.of(m.TrackChanged, room=room, participant="ada", state="gone")
    assert sorted(each.source for each in gone) == ["camera", "mic"]


async def test_who_leaves_is_out_and_another_takes_their_sections(scene, room):
    await scene.caller(room, "bob", publish=False)
    for name in ("ada", "eve"):
        await scene.caller(room, name)
        await eventually(lambda: shown(scene, room, "bob") == of(name))  # noqa: B023
        await scene.provider.signalling.leave(room, name)
        await eventually(lambda: scene.of(m.Left, room=room, participant=name, reason="left"))  # noqa: B023
        await eventually(lambda: shown(scene, room, "bob") == [])
    with pytest.raises(NotFoundError):
        await scene.provider.signalling.leave(room, "ada")


async def test_a_client_that_vanishes_is_out_within_five_seconds(scene, room):
    ada = await scene.caller(room, "ada")
    await eventually(
        lambda: scene.of(m.TrackChanged, room=room, participant="ada", source="camera", state="on")
    )
    await eventually(lambda: ada.receiving.connectionState == "connected")
    loop = asyncio.get_running_loop()
    await ada.vanish()
    gone = loop.time()
    await eventually(lambda: scene.of(m.Left, room=room, participant="ada"))
    assert scene.of(m.Left, room=room, participant="ada")[0].reason == "dead"
    assert loop.time() - gone < 15, "5 s, and more for a busy machine"


async def test_a_client_that_closes_is_out_at_once(scene, room):
    ada = await scene.caller(room, "ada", publish=False)
    await eventually(lambda: ada.receiving.connectionState == "connected")
    await eventually(lambda: scene.of(m.Joined, room=room, participant="ada"))
    await ada.receiving.close()
    await eventually(lambda: scene.of(m.Left, room=room, participant="ada"))
    assert scene.of(m.Left, room=room, participant="ada")[0].reason == "closed"


async def test_a_closed_room_has_nobody_in_it(scene, room):
    ada = await scene.caller(room, "ada")
    await eventually(lambda: ada.sending.connectionState == "connected")
    await scene.provider.close_room(room)
    await eventually(lambda: scene.of(m.Left, room=room, participant="ada", reason="room-closed"))
    await eventually(lambda: ada.sending.connectionState in ("closed", "failed"))
    with pytest.raises(NotFoundError):
        await scene.provider.signalling.join(room, "bob")


async def test_no_more_come_in_than_there_is_room_for(scene, room):
    signalling = scene.provider.signalling
    await scene.provider.open_room(room, max_participants=2)
    answers = await asyncio.gather(
        *(signalling.join(room, f"p{index}") for index in range(5)), return_exceptions=True
    )
    assert len([each for each in answers if isinstance(each, ConflictError)]) == 3
    inside = f"p{next(index for index, each in enumerate(answers) if each is None)}"
    await signalling.join(room, inside)  # once more is no more
    await scene.provider.open_room(room, max_participants=3)
    await signalling.join(room, "another")


async def test_what_is_not_there_is_no_error(scene):
    for _ in range(2):
        await scene.provider.close_room("nowhere")
        await scene.provider.stop_recording("nowhere")
        await scene.provider.eject("nowhere", "nobody")
        await scene.provider.permit("nowhere", "nobody", mic=False, camera=False)
    with pytest.raises(NotFoundError):
        await scene.provider.signalling.offer("nowhere", "nobody")


async def test_open_again_is_no_error(scene, room):
    await scene.provider.open_room(room, max_participants=None)
    await scene.provider.eject(room, "nobody")
    await scene.provider.stop_recording(room)


@pytest.mark.parametrize(
    "text", ["", "v=0", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", "x" * 300_000], ids=len
)
async def test_what_is_no_description_is_refused(scene, room, text):
    await scene.provider.signalling.join(room, "ada")
    with pytest.raises(InvalidError):
        await scene.provider.signalling.publish(room, "ada", text)
    with pytest.raises(InvalidError):
        await scene.provider.signalling.candidate(room, "ada", "candidate:nonsense")


async def test_what_a_browser_names_itself_is_no_name(scene, room):
    for name in ("", "a b", "a\r\nb", "x" * 200):
        with pytest.raises(InvalidError):
            await scene.provider.signalling.join(room, name)


async def test_a_recording_has_everybodys_tracks(scene, room):
    recording = secrets.token_hex(8)
    await scene.caller(room, "ada", AudioStreamTrack(), Picture())
    await eventually(
        lambda: scene.of(m.TrackChanged, room=room, participant="ada", source="camera", state="on")
    )
    await scene.provider.start_recording(room, recording)
    await scene.caller(room, "bob", AudioStreamTrack(), Picture())
    await eventually(
        lambda: scene.of(m.TrackChanged, room=room, participant="bob", source="camera", state="on")
    )
    came = scene.of(m.TrackChanged, room=room, participant="bob", source="camera", state="on")[0].at
    await asyncio.sleep(4)
    await scene.provider.stop_recording(room)
    await asyncio.sleep(0.3)
    folder = await scene.provider.tracks(recording)
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert {"started", "stopped"} <= {line["event"] for line in lines}
    (started,) = (line["at"] for line in lines if line["event"] == "started")
    (stopped,) = (line["at"] for line in lines if line["event"] == "stopped")
    tracks = {(line["participant"], line["source"]): line for line in lines if line["event"] == "track"}
    assert set(tracks) == {(name, source) for name in ("ada", "bob") for source in ("mic", "camera")}
    for (name, source), line in tracks.items():
        assert (line["kind"], line["codec"]) == (("audio", "opus") if source == "mic" else ("video", "VP8"))
        with av.open(str(folder / line["file"])) as file:
            times = [frame.time for packet in file.demux() for frame in packet.decode()]
        wanted = (stopped - (started if name == "ada" else came)) / 1000
        assert abs(times[-1] - times[0] - wanted) < 1.5, (name, source, times[0], times[-1], wanted)
        assert times == sorted(times)
        segments = [each for each in lines if each["event"] == "segment" and each["track"] == line["track"]]
        assert len(segments) >= 3
        assert sum(each["bytes"] for each in segments) < (folder / line["file"]).stat().st_size
        assert all(started - 1000 <= each["at"] <= stopped + 1000 for each in segments)
