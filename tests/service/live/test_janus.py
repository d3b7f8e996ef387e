"""What only Janus does: several servers, several nodes, servers that die, recordings that it writes."""

import asyncio
import json
import secrets

import av
import pytest
from bench import januses
from tests.support import providers
from tests.support.callers import eventually
from tests.support.processes import command

from stoa.live.janus import _places, convert
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


@pytest.fixture
def two(network, tmp_path):
    servers = [januses.JanusServer(network, tmp_path, port=port).start() for port in (8191, 8192)]
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
async def storage(tmp_path, anyio_backend):
    storage = open_storage(f"sqlite:///{tmp_path}/stoa.db")
    rooms.create(storage.engine)
    yield storage
    await storage.close()


@pytest.fixture
async def node(two, storage, tmp_path):
    """``await node()`` is another node of Stoa over the same servers."""
    scenes = []

    async def node():
        scenes.append(await providers.Scene(providers.janus(two, tmp_path / "recordings", storage)).start())
        return scenes[-1]

    yield node
    for scene in scenes:
        await scene.close()


def server_of(scene, servers, room):
    person = scene.provider._crowd.people(room)[0]
    return next(server for server in servers if server.url == person.server.address)


async def test_a_janus_that_is_killed_loses_nothing_but_two_seconds(node, two, storage, tmp_path):
    scene = await node()
    for room in ("a", "b"):
        await scene.provider.open_room(room, max_participants=None)
        await scene.caller(room, "ada")
        bob = await scene.caller(room, "bob")
        await eventually(lambda: bob.seen and bob.heard)  # noqa: B023
    dead, other = server_of(scene, two, "a"), server_of(scene, two, "b")
    assert dead is not other, "rooms are spread"
    recording = secrets.token_hex(8)
    await scene.provider.start_recording("a", recording)
    await asyncio.sleep(3)
    killed = scene.provider._teller.now()
    dead.kill()
    await eventually(lambda: scene.of(m.RoomLost))
    assert scene.provider._teller.now() - killed < 15_000, "2 s, and more for a busy machine"
    assert [event.room for event in scene.of(m.RoomLost)] == ["a"]
    assert not scene.of(m.Left, room="b")
    for name in ("ada", "bob"):
        await scene.callers["a", name].close()
        caller = await scene.caller("a", name)
    await eventually(lambda: caller.seen and caller.heard)
    assert server_of(scene, two, "a") is other
    await asyncio.sleep(2.5)
    await scene.provider.stop_recording("a")
    folder = await scene.provider.tracks(recording)
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    tracks = {line["track"]: line for line in lines if line["event"] == "track"}
    assert len(tracks) == 8, "two people's two tracks, in two parts"
    before = [line for line in lines if line["event"] == "segment" and line["at"] < killed]
    for name in {line["track"] for line in before}:
        end = max(line["at"] + line["millis"] for line in before if line["track"] == name)
        assert killed - end < 2000, (name, killed - end)
        with av.open(str(folder / tracks[name]["file"])) as file:
            assert sum(1 for packet in file.demux() for _ in packet.decode()) > 20

    # A server that comes back is used again.
    two[two.index(dead)].start()
    await eventually(lambda: len(scene.provider._fleet.up) == 2)
    await scene.provider.open_room("c", max_participants=None)
    assert (await storage.read(_places.place_of, "c")).server == dead.url


@pytest.mark.long
@pytest.mark.parametrize("how", ["kill", "freeze"])
async def test_rooms_of_the_only_janus_are_open_again_when_it_is_back(node, two, how):
    two[1].kill()
    scene = await node()
    await scene.provider.open_room("a", max_participants=None)
    await scene.caller("a", "ada")
    await eventually(lambda: scene.of(m.Joined))
    getattr(two[0], how)()
    await eventually(lambda: not scene.provider._crowd.people("a"))
    assert not scene.of(m.RoomLost)
    two[0].stop()
    two[0].start()
    await eventually(lambda: scene.of(m.RoomLost))
    await scene.callers["a", "ada"].close()
    await scene.caller("a", "ada")
    await eventually(lambda: len(scene.of(m.Joined)) == 2)


async def test_a_connection_to_janus_that_breaks_drops_no_call(node):
    scene = await node()
    await scene.provider.open_room("a", max_participants=None)
    ada, bob = await scene.caller("a", "ada"), await scene.caller("a", "bob")
    await eventually(lambda: ada.seen and bob.seen)
    server = scene.provider._crowd.people("a")[0].server
    session = server._session
    await server._socket.close()
    await eventually(lambda: not server.is_up)
    await eventually(lambda: server.is_up)
    assert server._session == session
    seen = sum(ada.seen.values())
    await eventually(lambda: sum(ada.seen.values()) > seen + 10)
    assert not scene.of(m.Left)
    assert not scene.of(m.RoomLost)
    await scene.provider.eject("a", "bob")
    await eventually(lambda: scene.of(m.Left, participant="bob", reason="kicked"))


async def test_nodes_share_their_rooms(node):
    here, there = await node(), await node()
    for scene in (here, there):
        await scene.provider.open_room("a", max_participants=3)
    ada, bob = await here.caller("a", "ada"), await there.caller("a", "bob")
    await eventually(lambda: ada.seen and bob.seen)
    await here.provider.signalling.mute("a", "bob", "camera", muted=True)
    await eventually(
        lambda: (
            [each.state for each in there.of(m.TrackChanged, participant="bob", source="camera")][-1:]
            == ["off"]
        )
    )

    # Who joins anew at another node is replaced, not kicked.
    await there.caller("a", "ada")
    await eventually(lambda: here.of(m.Left, participant="ada"))
    assert here.of(m.Left, participant="ada")[0].reason == "replaced"
    await eventually(lambda: there.of(m.Joined, participant="ada"))

    await here.provider.eject("a", "bob")
    await eventually(lambda: there.of(m.Left, participant="bob"))
    assert there.of(m.Left, participant="bob")[0].reason == "kicked"
    await here.provider.close_room("a")
    await eventually(lambda: there.of(m.Left, participant="ada", reason="room-closed"))


@pytest.mark.long
async def test_a_restart_leaves_media_on_until_all_join_anew(node):
    first = await node()
    await first.provider.open_room("a", max_participants=None)
    ada, bob = await first.caller("a", "ada"), await first.caller("a", "bob")
    await eventually(lambda: ada.seen and bob.seen)
    await first.provider.stop()
    seen = sum(ada.seen.values())
    second = await node()
    assert [(each.room, each.participants) for each in second.standing] == [("a", ["ada", "bob"])]
    await eventually(lambda: sum(ada.seen.values()) > seen + 10)
    again = await second.caller("a", "ada")
    await eventually(lambda: again.seen)
    assert not second.of(m.Left)
    # Janus lets go of bob, who does not come back.
    await eventually(lambda: second.of(m.Left))
    assert [(each.participant, each.reason) for each in second.of(m.Left)] == [("bob", "lost")]


def mjr(head, packets):
    text = json.dumps(head).encode()
    data = b"MJR00002" + len(text).to_bytes(2, "big") + text
    for millis, packet in packets:
        data += b"MEET" + millis.to_bytes(4, "big") + len(packet).to_bytes(2, "big") + packet
    return data


def sound(number, stamp):
    return (
        bytes((0x80, 111)) + number.to_bytes(2, "big") + stamp.to_bytes(4, "big") + bytes(4) + b"\xfc\xff\xfe"
    )


def converted(folder, files):
    for name, data in files.items():
        (folder / name).write_bytes(data)
    convert.convert(folder, folder / "tracks")
    lines = [json.loads(line) for line in (folder / "tracks/manifest.jsonl").read_text().splitlines()]
    return lines, [line for line in lines if line["event"] == "segment"]


NAME = "videoroom-r-user-ada.1f-1-audio-0.mjr"
HEAD = {"t": "a", "c": "opus", "d": "mic", "s": 1_000_000_000, "u": 1_000_020_000}


@pytest.mark.parametrize("cut", [1, 5, 17, 200])
async def test_a_recording_that_breaks_off_is_read_to_its_last_whole_packet(tmp_path, cut):
    whole = mjr(HEAD, [(20 * n, sound(n, 960 * n)) for n in range(500)])
    lines, segments = converted(tmp_path, {NAME: whole[:-cut]})
    (track,) = (line for line in lines if line["event"] == "track")
    assert (track["participant"], track["source"], track["at"]) == ("ada", "mic", 1_000_020)
    end = segments[-1]["media"] + segments[-1]["millis"]
    lost = -(-cut // 25)
    assert end == 20 * (499 - lost)


async def test_numbers_that_begin_anew_after_a_pause_stay_in_time(tmp_path):
    """Whoever is muted for long sends on, and Janus writes nothing: the numbers may have gone round."""
    packets = [(20 * n, sound(n, 960 * n)) for n in range(50)]
    packets += [(900_000 + 20 * n, sound((40_000 + n) % 65536, 960 * (45_000 + n))) for n in range(50)]
    _, segments = converted(tmp_path, {NAME: mjr(HEAD, packets)})
    assert [each["media"] for each in segments] == [0, 900_000]
    assert segments[1]["at"] == 1_000_020 + 900_000


@pytest.mark.parametrize(
    "data",
    [b"", b"MJR00002", b"MJR00002\x00\x05nope!", b"RIFF" * 100, mjr(HEAD | {"c": "g722"}, [(0, b"x")])],
    ids=len,
)
async def test_files_that_are_none_are_passed_over(tmp_path, data):
    lines, _ = converted(tmp_path, {NAME: data})
    assert lines == []


async def test_who_only_watches_and_dies_is_out_when_their_signalling_breaks_off(node):
    scene = await node()
    await scene.provider.open_room("a", max_participants=3)
    signalling = scene.provider.signalling
    ada = await scene.caller("a", "ada")
    watching = [await scene.caller("a", name, publish=False) for name in ("bob", "cleo")]
    await eventually(lambda: all(one.seen for one in watching))
    for name in ("ada", "bob", "cleo"):
        await signalling.cut_off("a", name)
    await signalling.offer("a", "cleo")  # she is back
    loop = asyncio.get_running_loop()
    began, seen = loop.time(), sum(watching[1].seen.values())
    await eventually(lambda: scene.of(m.Left, participant="bob", reason="dead"))
    assert 3 < loop.time() - began < 15, "5 s, and more for a busy machine"
    await asyncio.sleep(1)
    assert [event.participant for event in scene.of(m.Left)] == ["bob"]
    await eventually(lambda: sum(watching[1].seen.values()) > seen + 10)
    assert ada.sending.connectionState == "connected"


async def test_check_live_says_what_is_wrong_with_a_janus(two, tmp_path):
    def checked(secret=januses.SECRET, **more):
        urls = ",".join(server.url for server in two)
        more |= {"STOA_LIVE_PROVIDER": "janus", "STOA_LIVE_JANUS": urls, "STOA_LIVE_JANUS_SECRET": secret}
        return command("check", "live", **more)

    good = await asyncio.to_thread(checked)
    assert (good.returncode, good.stdout.count("Janus at ws://")) == (0, 2), good.stdout
    refused = await asyncio.to_thread(checked, "another")
    assert refused.returncode == 1
    assert refused.stdout.replace("\n", " ").count("lets nobody in with this secret") == 2
    two[1].stop()
    gone = await asyncio.to_thread(checked)
    assert gone.returncode == 1
    assert gone.stdout.count("does not answer") == 1
    two[1].configure("janus.plugin.videoroom.jcfg", 'general: { string_ids = true admin_key = "sesame" }')
    two[1].start()
    shut = await asyncio.to_thread(checked, STOA_LIVE_JANUS_RECORDINGS=str(tmp_path / "nowhere"))
    assert shut.stdout.count("STOA_LIVE_JANUS_ADMIN_KEY") == 1, shut.stdout
    assert shut.stdout.count("can be written to") == 1
    wrong = await asyncio.to_thread(checked, STOA_LIVE_JANUS_ADMIN_KEY="guessed")
    assert wrong.stdout.count("STOA_LIVE_JANUS_ADMIN_KEY") == 1, wrong.stdout
    keyed = await asyncio.to_thread(
        checked, STOA_LIVE_JANUS_ADMIN_KEY="sesame", STOA_LIVE_JANUS_RECORDINGS=str(tmp_path)
    )
    assert keyed.returncode == 0, keyed.stdout
    two[1].stop()
    two[1].configure("janus.plugin.videoroom.jcfg", "general: { string_ids = false }")
    text = (
        two[1]
        .configuration("janus.jcfg")
        .replace("reclaim_session_timeout = 10", "reclaim_session_timeout = 0")
    )
    two[1].configure("janus.jcfg", text)
    two[1].start()
    assert "string_ids = true" in (await asyncio.to_thread(checked)).stdout
    two[1].stop()
    two[1].configure("janus.plugin.videoroom.jcfg", "general: { string_ids = true }")
    two[1].start()
    assert "reclaim_session_timeout = 10" in (await asyncio.to_thread(checked)).stdout
