"""The realtime part over real sockets, with a small namespace: on SQLite and on PostgreSQL."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import socketio
import uvicorn
from tests.support.processes import free_port
from tests.support.sockets import eventually

from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.clock import SystemClock
from stoa.kernel.errors import UnauthenticatedError
from stoa.kernel.journal import Event
from stoa.platform import journal, realtime
from stoa.platform.limits import MemoryLimiter
from stoa.platform.realtime import UVICORN, Client, Namespace, Realtime, Seats, frame
from stoa.platform.realtime import _frames as frames
from stoa.platform.realtime._bus import SilentBus
from stoa.platform.realtime._outbox import Outbox
from stoa.platform.storage import open_storage

pytestmark = pytest.mark.anyio
NOW = SystemClock().now()
SEATS = realtime.metadata.tables["realtime_seats"]


def actor(name):
    return Actor(1, name, name, name, AccessLevel.STUDENT, frozenset(), f"login-{name}", NOW)


class Echo(Namespace):
    """Answers what it is told; ``all`` is told to all; ``seat`` is kept to one connection a user."""

    name = "/echo"

    def __init__(self, live):
        self.live = live
        self.clients = {}
        self.gone = []
        self.roomy = []
        self.runs = 0

    async def run(self):
        self.runs += 1
        if self.runs == 1:
            raise RuntimeError("once")

    async def connected(self, client):
        if client.actor is None:
            client.send(frame("refused", str(client.refusal or "nobody"), namespace=self.name))
            client.close()
            return
        if client.auth.get("seat") and not await self.live.seats.take(
            client, client.actor.id, over=client.auth["seat"] == "over"
        ):
            client.send(frame("taken", {}, namespace=self.name))
            client.close()
            return
        self.clients[client.id] = client
        client.send(frame("hello", client.actor.id, namespace=self.name))

    async def received(self, client, event, *args):
        if event == "all":
            self.tell(args[0])
        elif event == "fail":
            raise RuntimeError("as asked")
        return [event, *args]

    def tell(self, what):
        told = frame("told", what, namespace=self.name)
        return [each.send(told) for each in self.clients.values()]

    async def oversized(self, client, length):
        client.send(frame("too long", length, namespace=self.name))

    async def disconnected(self, client):
        self.clients.pop(client.id, None)
        self.gone.append(client.actor and client.actor.id)
        if client.actor is not None:
            await self.live.seats.leave(client, client.actor.id)

    def has_room(self, client):
        self.roomy.append(client.actor.id)

    def taken_over(self, client):
        client.send(frame("taken over", {}, namespace=self.name))
        client.close()

    def logged_out(self, client):
        client.send(frame("logged out", {}, namespace=self.name))


class Node:
    def __init__(self, storage, port, outbox_bytes=4 * 2**20):
        self.good = {"ada", "bob", "slow"}
        self.live = Realtime(
            storage,
            SystemClock(),
            identify=self.identify,
            still_in=lambda _, actors: {one.login_id: one for one in actors if one.id in self.good},
            limiter=MemoryLimiter(),
            message_rate=3,
            outbox_bytes=outbox_bytes,
            port=port,
        )
        self.echo = Echo(self.live)
        self.live.add([self.echo])
        self.port = port
        self.address = f"http://127.0.0.1:{port}"

    async def identify(self, _headers, auth):
        name = (auth or {}).get("name")
        if name == "mallory":
            raise UnauthenticatedError("no good")
        return None if name is None else actor(name)

    async def other(self, scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"other"})

    @asynccontextmanager
    async def running(self, **options):
        config = uvicorn.Config(
            self.live.mounted(self.other),
            port=self.port,
            lifespan="off",
            log_config=None,
            **UVICORN | options,
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None
        async with self.live.running():
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            yield self
            server.should_exit = True
            await serving


@pytest.fixture
async def opened(storage, storage_url):
    realtime.metadata.drop_all(storage.engine)
    realtime.metadata.create_all(storage.engine)
    another = open_storage(storage_url)
    yield storage, another
    await another.close()


@pytest.fixture
async def node(opened):
    async with Node(opened[0], free_port()).running() as one:
        yield one


class Person:
    """A client: what it heard is in ``heard``."""

    def __init__(self):
        self.io = socketio.AsyncClient(reconnection=False)
        self.heard = []
        self.io.on("*", lambda event, *args: self.heard.append((event, *args)), namespace="/echo")

    async def come(self, node, transport="websocket", **auth):
        """Once it has been said whether it may stay."""
        await self.io.connect(
            node.address, namespaces=["/echo"], auth=auth, transports=[transport], wait_timeout=60
        )
        await eventually(lambda: self.heard or not self.io.connected)
        return self

    def events(self):
        return [one[0] for one in self.heard]


@pytest.fixture
async def people():
    made = []

    def another():
        made.append(Person())
        return made[-1]

    yield another
    for one in made:
        await one.io.disconnect()


TRANSPORTS = ["websocket", "polling"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_who_is_signed_in_is_heard_and_told(node, people, eventually, transport):
    ada, bob = [await people().come(node, transport, name=name) for name in ("ada", "bob")]
    assert await ada.io.call("say", {"x": 1}, namespace="/echo") == ["say", {"x": 1}]
    await ada.io.emit("all", {"who": "ada"}, namespace="/echo")
    await eventually(lambda: ("told", {"who": "ada"}) in bob.heard and ("told", {"who": "ada"}) in ada.heard)
    assert ada.heard[0] == ("hello", "ada")


async def test_an_upgraded_connection_keeps_the_order(node, people, eventually):
    one = people()
    joined = asyncio.create_task(
        one.io.connect(node.address, namespaces=["/echo"], auth={"name": "ada"}, wait_timeout=60)
    )
    number = 0
    while not joined.done() or number < 200:
        if node.echo.clients:
            node.echo.tell(number)
            number += 1
        await asyncio.sleep(0.001)
    await joined
    await eventually(lambda: len(one.heard) > number)
    assert one.heard == [("hello", "ada"), *(("told", each) for each in range(number))]
    assert one.io.transport() == "websocket"


@pytest.mark.parametrize("auth", [{"nobody": 1}, {"name": "mallory"}])
async def test_who_is_not_is_told_so_and_closed(node, people, eventually, auth):
    one = await people().come(node, **auth)
    await eventually(lambda: not one.io.connected)
    assert one.events() == ["refused"]


async def test_a_failing_handler_ends_nothing(node, people):
    ada = await people().come(node, name="ada")
    assert await ada.io.call("fail", namespace="/echo") is None
    assert await ada.io.call("say", namespace="/echo") == ["say"]


async def test_what_fails_in_the_background_is_begun_again(node, eventually):
    await eventually(lambda: node.echo.runs == 2)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_is_too_long_is_not_read(node, people, eventually, transport):
    ada = await people().come(node, transport, name="ada")
    length = 16_000_000 if transport == "websocket" else 500_000
    await ada.io.emit("say", "x" * length, namespace="/echo")
    await eventually(lambda: "too long" in ada.events())
    assert ada.heard[-1][1] > length
    assert await ada.io.call("say", namespace="/echo") == ["say"]


GARBAGE = [
    "",
    "x",
    "4",
    "42",
    "42[",
    "42/echo,{",
    "42/echo,[" + "[" * 100_000,
    "49",
    "451-/echo,[",
    "4💥",
    "b!!",
    "0",
    "2",
]


@pytest.mark.parametrize("name", ["connect", "disconnect"])
async def test_names_of_the_library_are_no_events(node, people, name):
    ada = await people().come(node, name="ada")
    assert await ada.io.call(name, 1, namespace="/echo") == ["$reserved", 1]
    assert ada.events() == ["hello"]


async def test_garbage_ends_nothing(node, people):
    ada = await people().come(node, name="ada")
    for packet in GARBAGE:
        await ada.io.eio.ws.send_str(packet)
    await ada.io.eio.ws.send_bytes(b"\x00\xff")
    assert await ada.io.call("say", namespace="/echo") == ["say"]


async def test_others_are_served_beside_it(node):
    import httpx

    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{node.address}/anything")).text == "other"
        long = await client.post(
            f"{node.address}/socket.io/?EIO=4&transport=polling&sid=x", content=b"x" * 2**21
        )
        assert long.status_code == 413


async def test_a_login_that_ends_ends_its_sockets(node, people, eventually):
    ada, bob = people(), people()
    await ada.come(node, name="ada")
    await bob.come(node, name="bob")
    node.good.remove("ada")
    node.live.access_changed()
    await eventually(lambda: not ada.io.connected)
    assert ada.events() == ["hello", "logged out"]
    assert bob.io.connected
    await eventually(lambda: node.echo.gone == ["ada"])


async def test_so_many_messages_a_second(node):
    admitted = [await node.live.admits("ada") for _ in range(5)]
    assert admitted == [True, True, True, False, False]
    assert await node.live.admits("bob")


async def test_a_slow_client_is_told_and_holds_up_nobody(opened, people, eventually):
    async with Node(opened[0], free_port(), outbox_bytes=100_000).running() as node:
        ada = await people().come(node, name="ada")
        slow = await people().come(node, name="slow")
        transport = slow.io.eio.ws._response.connection.transport
        transport.pause_reading()
        sent, told = 0, "x" * 20_000
        while all(node.echo.tell(told)):
            sent += 1
            assert sent < 5_000
            await asyncio.sleep(0)
        for _ in range(20):
            node.echo.tell(told)
        await eventually(lambda: len(ada.heard) == 1 + sent + 21)
        assert node.echo.roomy == []
        transport.resume_reading()
        await eventually(lambda: node.echo.roomy == ["slow"])
        node.echo.tell("again")
        await eventually(lambda: slow.heard[-1] == ("told", "again"))
        assert len(slow.heard) < len(ada.heard)


async def test_who_does_not_answer_is_told_from_who_is_quiet(node, people, eventually):
    """A socket stays open for long when a network is gone without a word."""
    quiet, gone = [await people().come(node, name=name) for name in ("ada", "bob")]
    clients = {each.actor.id: each for each in node.echo.clients.values()}
    gone.io.eio.ws._response.connection.transport.pause_reading()
    for number in range(5):
        assert clients["bob"].ping() == number
        await eventually(lambda: clients["ada"].ping() == 0)
    gone.io.eio.ws._response.connection.transport.resume_reading()
    await eventually(lambda: clients["bob"].ping() == 0)
    assert quiet.io.connected
    assert gone.io.connected


async def test_who_can_not_be_asked_is_not_taken_for_dead(node, people):
    await people().come(node, "polling", name="ada")
    (client,) = node.echo.clients.values()
    assert [client.ping() for _ in range(9)] == [0] * 9


async def test_a_whole_picture_may_be_larger_than_the_bound(opened, people, eventually):
    async with Node(opened[0], free_port(), outbox_bytes=1_000).running() as node:
        ada = await people().come(node, name="ada")
        (client,) = node.echo.clients.values()
        assert client.send(frame("told", "x" * 3_900_000, namespace="/echo"), whole=True)
        assert client.send(frame("told", "after", namespace="/echo"))
        await eventually(lambda: len(ada.heard) == 3)


async def test_under_another_server_it_works_too(opened, people, eventually):
    async with Node(opened[0], free_port()).running(ws="websockets-sansio") as node:
        ada = await people().come(node, name="ada")
        await ada.io.emit("all", 1, namespace="/echo")
        await eventually(lambda: ("told", 1) in ada.heard)


async def test_a_seat_is_for_one(node, people, eventually):
    first = await people().come(node, name="ada", seat="take")
    second = await people().come(node, name="ada", seat="take")
    await eventually(lambda: second.events() == ["taken"] and not second.io.connected)
    third = await people().come(node, name="ada", seat="over")
    await eventually(lambda: not first.io.connected)
    assert first.events() == ["hello", "taken over"]
    await third.io.disconnect()
    await eventually(lambda: not node.echo.clients)
    assert (await people().come(node, name="ada", seat="take")).io.connected


@pytest.fixture
async def two(opened):
    async with Node(opened[0], free_port()).running() as one, Node(opened[1], free_port()).running() as other:
        yield one, other


def seats(node, user_id):
    with node.live.seats._storage.engine.connect() as connection:
        return connection.execute(SEATS.select().where(SEATS.c.user_id == user_id)).all()


async def test_a_seat_is_for_one_on_all_nodes(two, people, eventually):
    first = await people().come(two[0], name="ada", seat="take")
    second = await people().come(two[1], name="ada", seat="take")
    await eventually(lambda: second.events() == ["taken"])
    third = await people().come(two[1], name="ada", seat="over")
    await eventually(lambda: not first.io.connected)
    assert first.events() == ["hello", "taken over"]
    assert third.events() == ["hello"]
    await third.io.disconnect()
    await eventually(lambda: seats(two[0], "ada") == [])
    fourth = await people().come(two[0], name="ada", seat="take")
    assert fourth.events() == ["hello"]


async def test_a_dead_nodes_seat_is_free(two, people, eventually):
    with two[0].live.seats._storage.engine.begin() as connection:
        row = {"namespace": "/echo", "user_id": "ada", "connection_id": "old", "node": "one that is gone"}
        connection.execute(SEATS.insert(), row)
    one = await people().come(two[1], name="ada", seat="take")
    await eventually(lambda: one.events() == ["hello"])


async def test_a_seat_that_nobody_could_give_back_is_freed(two, people, eventually):
    row = {"namespace": "/echo", "user_id": "bob", "connection_id": "old", "node": two[0].live.seats._node}
    with two[0].live.seats._storage.engine.begin() as connection:
        connection.execute(SEATS.insert(), row)
    await people().come(two[0], name="ada", seat="take")
    await eventually(lambda: seats(two[0], "bob") == [])
    assert len(seats(two[0], "ada")) == 1


class Seated:
    """Clients that ask for the same seat, without the sockets."""

    def __init__(self, storage):
        self.storage = storage
        self.seats = Seats(storage, SilentBus(), node="one:1", taken=Client.close)

    def client(self, number):
        return Client(
            f"c{number}", Namespace(), Outbox(1000), headers={}, auth=None, close=lambda _client: None
        )

    async def held(self):
        return [
            row.connection_id
            for row in await self.storage.read(lambda one: one.execute(SEATS.select()).all())
        ]


async def test_the_newest_who_takes_over_has_the_seat(opened):
    """However their transactions overtake each other."""
    place = Seated(opened[0])
    for _ in range(5):
        many = [place.client(number) for number in range(8)]
        took = await asyncio.gather(*(place.seats.take(one, "ada", over=True) for one in many))
        assert took == [False] * 7 + [True]
        assert [one.closed for one in many] == [True] * 7 + [False]
        assert await place.held() == ["c7"]
        await place.seats.leave(many[-1], "ada")
        assert await place.held() == []


@pytest.mark.parametrize("over", [True, False])
async def test_who_leaves_before_the_seat_was_given_holds_none(opened, over):
    place = Seated(opened[0])
    for one, leaves in ((place.client(1), place.seats.leave), (place.client(2), None)):
        taking = asyncio.create_task(place.seats.take(one, "ada", over=over))
        await asyncio.sleep(0)
        if leaves is None:
            one.close()
        else:
            await leaves(one, "ada")
        assert not await taking
        assert await place.held() == []


async def test_nothing_goes_to_a_client_that_was_closed(opened):
    one = Seated(opened[0]).client(1)
    assert one.send(frame("told", 1))
    one.close()
    assert one.send(frame("told", 2))
    assert one._outbox.qsize() == 1


def add(storage, *texts, stream="room:1"):
    def append(connection):
        return journal.append(
            connection, stream, *(Event("said", {"text": text}) for text in texts), actor_id=None, at=NOW
        )

    return storage.write(append)


@pytest.mark.parametrize("whose", [0, 1], ids=["own", "another's"])
async def test_a_watched_stream_comes_once_and_in_order(two, opened, eventually, whose):
    heard, followed = [], []
    feed = two[0].live.feed
    feed.follow("room:", lambda stream, entries: followed.append((stream, entries is None)))
    two[1].live.feed.follow("room:", lambda *_: None)
    await add(opened[0], "before")
    watch = feed.watch("room:1", after=0, listener=heard.extend)
    await watch.catch_up()
    for number in range(20):
        await add(opened[whose], f"{number}", f"{number}'")
        await add(opened[1 - whose], f"-{number}")
    await eventually(lambda: len(heard) == 61)
    assert [entry.seq for entry in heard] == list(range(1, 62))
    assert ("room:1", False) in followed
    watch.close()
    await add(opened[whose], "after")
    await asyncio.sleep(0.3)
    assert len(heard) == 61


async def test_entries_out_of_order_are_put_in_order(two, opened, eventually):
    heard = []
    watch = two[0].live.feed.watch("room:1", after=0, listener=heard.extend)
    one, other = await add(opened[1], "one"), await add(opened[1], "other")
    watch.offer(other)
    watch.offer(one)
    watch.offer(other)
    await eventually(lambda: [entry.seq for entry in heard] == [1, 2])


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_frames_are_as_the_rfc_says(length):
    from websockets.frames import Frame, Opcode

    text = "x" * length
    assert frames.text_frame(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_a_frame_is_one_packet_on_every_way():
    made = frame("told", {"é": 1}, namespace="/echo")
    assert json.loads(made.text.partition(b",")[2]) == ["told", {"é": 1}]
    assert made.packet.encode() == "4" + made.text.decode()
    assert made.wire == frames.text_frame(made.packet.encode())
    assert made.wire is made.wire


def test_the_bus_takes_long_lists():
    from stoa.platform.realtime._bus import _pages

    words = [f"journal {number} {'x' * 100}" for number in range(500)]
    pages = [page["page"].split("\n") for page in _pages("me", words)]
    assert all(page[0] == "me" for page in pages)
    assert [word for page in pages for word in page[1:]] == words
    assert all(sum(map(len, page)) < 8_000 for page in pages)
