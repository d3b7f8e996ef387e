"""A mission played over real sockets: everybody's picture is right, whatever is cut, killed, doubled or slow."""

import asyncio
import json

import httpx
import pytest
from sqlalchemy import text
from tests.support.places import ON_ONE, on_many, on_one, standing
from tests.support.sockets import engine_of, eventually, leaving, peopled
from tests.unit.missions.world import Client, tidy

pytestmark = pytest.mark.anyio
PLAYERS = ("rod.student", "bea.student", "una.student", "sam.student")
TEACHER, CHIEF, WATCHER = "ines.teacher", "carl.admin", "wanda.teacher"
EVERYBODY = (TEACHER, CHIEF, WATCHER, *PLAYERS)
OFF = {"STOA_MESSAGE_RATE_LIMIT": "0"}
SESSIONS = "/api/v1/sessions"


@pytest.fixture
async def player():
    async with leaving() as make:
        yield make


class Cast:
    """A session with everybody in it: rod and sam (who only looks) in red, bea in blue, una in white."""

    def __init__(self, made, player):
        self.made = made
        self.player = player
        self.people = {}
        self.session_id = None

    def __getattr__(self, name):
        return next(one for full, one in self.people.items() if full.partition(".")[0] == name)

    async def connect(self, name, server, **more):
        one = self.people[name] = self.player(self.made.keys[name], name)
        return await one.connect(server, **more)

    async def launch(self, server, **config):
        async with server.client(self.made.keys[TEACHER]) as client:
            body = {"missionId": self.made.mission_id, "autoAssign": False, **config}
            answer = await client.post(f"{SESSIONS}/launch/", json=body)
            self.session_id = answer.json()["sessionId"]

    async def begin(self, *servers, start=True):
        """Everybody comes, to one server after another, and is given a role."""
        await self.launch(servers[0])
        for number, name in enumerate(EVERYBODY):
            one = await self.connect(name, servers[number % len(servers)])
            answer = await one.ask("join-session", sessionId=self.session_id)
            assert answer["method"] == "session-joined", answer
            one.member_id = answer["data"]["memberId"]
        for name, force in zip(PLAYERS, ("red", "blue", "white", "red"), strict=True):
            answer = await self.ines.ask("assign-force", memberId=self.people[name].member_id, forceId=force)
            assert answer["method"] == "force-assigned"
        await self.ines.ask("assign-role", memberId=self.sam.member_id, roleId="observer_limited")
        if start:
            assert (await self.ines.ask("start-session"))["method"] == "session-started"
        await self.settled()

    async def settled(self):
        await asyncio.gather(*(one.settled() for one in self.people.values()))

    async def pictures(self):
        """A picture for each, taken now; and from where on it has to be told."""
        taken = {}
        for name, one in self.people.items():
            picture = Client(self.made.ids[name])
            picture.view = (await one.ask("current-session"))["data"]["session"]
            taken[name] = (picture, len(one.heard))
        return taken

    async def compare(self, pictures):
        """Every old picture and what was heard since make the fresh one."""
        await self.settled()
        for name, (picture, begin) in pictures.items():
            one = self.people[name]
            fresh = one.last("current-session")["data"]["session"]
            for message in one.heard[begin:]:
                if message["method"] == "current-session" and message.get("request"):
                    continue
                picture.hear(message)
            assert tidy(picture.view) == tidy(fresh), name


@pytest.fixture(scope="module", params=ON_ONE, name="standing")
def _standing(request, tmp_path_factory, service_or_skip):
    """A server that the tests of this module share, and where its database is; each test makes people of its own."""
    folder = tmp_path_factory.mktemp("sockets")
    with standing(request.param, folder, service_or_skip, "--only", "missions", **OFF) as ((server,), place):
        yield server, place


@pytest.fixture
async def cast(standing, player):
    server, place = standing
    troupe = Cast(peopled(place, *EVERYBODY), player)
    troupe.server = server
    await troupe.begin(server)
    return troupe


async def play(troupe):
    """A bit of everything, with what it causes."""
    assert (await troupe.rod.ask("open-node", nodeId="red-root"))["method"] == "node-opened"
    asked = [
        (troupe.rod, "execute-action", {"actionId": "red-lab-a1"}),
        (troupe.bea, "execute-action", {"actionId": "blue-lab-a2"}),
        (troupe.una, "execute-action", {"actionId": "white-gate-a1"}),
        (troupe.carl, "execute-action", {"actionId": "blue-gate-a1", "cheats": {"instantaneous": True}}),
        (troupe.rod, "send-output", {"key": "pre-execution", "nodeId": "red-lab"}),
        (troupe.rod, "send-chat-message", {"channelId": "red", "message": "psst"}),
        (troupe.ines, "send-chat-message", {"channelId": "all", "message": "<b>Hello</b><script>x</script>"}),
    ]
    answers = await asyncio.gather(*(one.ask(method, **data) for one, method, data in asked))
    assert [one["method"] for one in answers] == [
        *["action-execution-initiated"] * 4, "output-sent", *["chat-message-sent"] * 2,
    ]  # fmt: skip
    completed = {"red", "blue", "white"}
    await eventually(lambda: troupe.wanda.methods().count("action-execution-completed") >= len(completed) + 1)
    await eventually(lambda: "node-open" in json.dumps(troupe.rod.heard))


async def test_an_old_picture_and_what_was_heard_make_the_new_one(cast):
    pictures = await cast.pictures()
    await play(cast)
    await cast.compare(pictures)


@pytest.mark.parametrize("step", ["reset-session", "assign-role", "assign-force", "end-session"])
async def test_so_they_do_after_what_changes_everything(cast, step):
    await play(cast)
    pictures = await cast.pictures()
    data = {
        "assign-role": {"memberId": cast.rod.member_id, "roleId": "observer"},
        "assign-force": {"memberId": cast.rod.member_id, "forceId": "white"},
    }.get(step, {})
    answer = await cast.ines.ask(step, **data)
    assert answer["method"] != "error", answer
    if step == "end-session":
        await eventually(lambda: all("session-ended" in one.methods() for one in cast.people.values()))
        assert (await cast.rod.ask("current-session"))["code"] == 20004
        return
    await cast.compare(pictures)


async def test_nobody_hears_what_is_not_theirs(cast):
    await play(cast)
    await cast.settled()
    for name, secrets in {
        "bea": ("psst", "red-lab", "red-root"), "una": ("psst", "red-root", "blue-gate"), "sam": ("blue-gate",),
    }.items():  # fmt: skip
        heard = json.dumps(getattr(cast, name).heard)
        assert not [secret for secret in secrets if secret in heard], name
    assert "psst" in json.dumps(cast.sam.heard)
    # The sender alone is told the request in the words that were sent.
    others = json.dumps([one.heard for name, one in cast.people.items() if name != TEACHER])
    assert "<script>" not in others
    assert "the-seed" not in others + json.dumps(cast.ines.heard)


async def test_kick_ban_unban_quit(cast):
    rod = cast.made.ids[PLAYERS[0]]
    answer = await cast.ines.ask("kick", memberId=cast.rod.member_id)
    assert answer["method"] == "kicked"
    await eventually(lambda: "kicked" in cast.rod.methods())
    assert (await cast.rod.ask("open-node", nodeId="red-root"))["code"] == 20004
    again = await cast.rod.ask("join-session", sessionId=cast.session_id)
    assert again["method"] == "session-joined"
    assert again["data"]["session"]["mission"]["forces"][0]["_id"] == "red"
    await cast.ines.ask("ban", memberId=again["data"]["memberId"])
    assert (await cast.rod.ask("join-session", sessionId=cast.session_id))["code"] == 20003
    unbanned = await cast.ines.ask("unban", userId=rod)
    assert unbanned["data"] == {"sessionId": cast.session_id, "userId": rod}
    assert (await cast.rod.ask("join-session", sessionId=cast.session_id))["method"] == "session-joined"
    assert (await cast.rod.ask("join-session", sessionId=cast.session_id))["code"] == 20001
    assert (await cast.rod.ask("quit-session"))["method"] == "session-quit"
    begin = len(cast.rod.heard)
    await cast.ines.ask("send-chat-message", channelId="all", message="without rod")
    assert (await cast.rod.ask("current-session"))["code"] == 20004
    assert len(cast.rod.heard) == begin + 1


def placed(messages):
    return [(one["seq"], one["part"]) for one in messages if "part" in one]


async def test_who_was_away_hears_what_was_missed_once_and_in_order(cast):
    """At every place where a connection can break off: after each message that was heard."""
    begin = len(cast.rod.heard)
    await play(cast)
    await cast.rod.settled()
    heard = [one for one in cast.rod.heard[begin:] if "part" in one]
    await cast.rod.leave()
    await cast.ines.ask("send-chat-message", channelId="all", message="while away")
    for number, last in enumerate(heard):
        position = {"sessionId": cast.session_id, "seq": last["seq"], "part": last["part"]}
        rod = await cast.connect(PLAYERS[0], cast.server, auth={"resume": position})
        await eventually(lambda rod=rod: "session-resumed" in rod.methods())
        missed = [one for one in rod.heard if "part" in one]
        assert missed[:-1] == heard[number + 1 :]
        assert missed[-1]["data"]["message"]["message"] == "while away"
        assert rod.methods()[0] == "connection-success"
        assert rod.methods()[-1] == "session-resumed"
        await rod.leave()
    rod = await cast.connect(PLAYERS[0], cast.server, auth={"resume": {"seq": heard[0]["seq"]}})
    await cast.ines.ask("send-chat-message", channelId="all", message="and on")
    await eventually(lambda: "and on" in json.dumps(rod.heard))
    await rod.settled()
    places = placed(rod.heard)
    assert places == sorted(set(places))
    again = await rod.ask("resume", seq=places[-2][0])
    assert again["method"] == "session-resumed"
    assert placed(rod.heard)[len(places) :] == places[-1:]


@pytest.mark.parametrize("position", [{"seq": 10_000}, {"seq": 1_000_000, "part": 0}])
async def test_who_names_what_never_was_takes_a_snapshot(cast, position):
    rod = await cast.connect(WATCHER, cast.server, auth={"resume": position}, disconnect_existing="true")
    await eventually(lambda: "snapshot-required" in rod.methods())
    assert rod.last("snapshot-required")["data"]["sessionId"] == cast.session_id
    asked = await rod.ask("resume", **position)
    assert (asked["method"], asked["request"]["fulfilled"]) == ("snapshot-required", True)
    fresh = await rod.ask("current-session")
    assert fresh["data"]["session"]["_id"] == cast.session_id
    await cast.ines.ask("send-chat-message", channelId="all", message="told again")
    await eventually(lambda: "told again" in json.dumps(rod.heard))


@pytest.mark.parametrize("resume", [{"seq": 0}, {"seq": "1"}, {}, [], "x", {"seq": 1, "more": 1}])
async def test_a_resume_that_is_none_is_refused_and_the_connection_kept(cast, resume):
    rod = await cast.connect(WATCHER, cast.server, auth={"resume": resume}, disconnect_existing="1")
    await eventually(lambda: "error" in rod.methods())
    assert rod.last("error")["code"] == 10001
    assert (await rod.ask("current-session"))["method"] == "current-session"


async def test_who_was_kicked_meanwhile_hears_of_it(cast):
    position = {**cast.rod.position, "sessionId": cast.session_id}
    await cast.rod.leave()
    await cast.ines.ask("kick", memberId=cast.rod.member_id)
    await cast.ines.ask("send-chat-message", channelId="all", message="not for him")
    rod = await cast.connect(PLAYERS[0], cast.server, auth={"resume": position})
    await eventually(lambda: "session-resumed" in rod.methods())
    assert rod.methods() == ["connection-success", "kicked", "session-resumed"]


@on_one
async def test_a_killed_server_is_the_same_for_who_comes_again(start, place, player):
    server = start("--only", "missions", *place, **OFF)
    troupe = Cast(peopled(place, *EVERYBODY), player)
    await troupe.begin(server)
    before = {name: one.member_id for name, one in troupe.people.items()}
    assert (await troupe.rod.ask("execute-action", actionId="red-gate-a1"))[
        "method"
    ] == "action-execution-initiated"
    server.kill()
    old = dict(troupe.people)
    await eventually(lambda: not any(one.io.connected for one in old.values()))
    positions = {name: one.position for name, one in old.items()}
    again = start("--only", "missions", *place, port=server.port, **OFF)
    for name in EVERYBODY:
        one = await troupe.connect(name, again, auth={"resume": positions[name]})
        await eventually(lambda one=one: "session-resumed" in one.methods())
    await eventually(lambda: "action-execution-completed" in troupe.wanda.methods())
    await asyncio.sleep(0.2)
    for name, one in troupe.people.items():
        fresh = await one.ask("current-session")
        assert fresh["data"]["memberId"] == before[name]
        places = placed(one.heard)
        assert places == sorted(set(places))
        assert not places or min(places) > max(placed(old[name].heard))
    completed = [one for one in troupe.rod.heard if one["method"] == "action-execution-completed"]
    assert len(completed) == 1


@on_many
async def test_two_servers_tell_as_one(start, place, player):
    one, other = start("--only", "missions", *place, **OFF), start("--only", "missions", *place, **OFF)
    troupe = Cast(peopled(place, *EVERYBODY), player)
    await troupe.begin(one, other)
    pictures = await troupe.pictures()
    await play(troupe)
    await eventually(lambda: all("psst" in json.dumps(each.heard) for each in (troupe.sam, troupe.carl)))
    everywhere = [troupe.wanda.heard, troupe.carl.heard, troupe.ines.heard]

    def same():
        # Only managers are told of the effect that nobody answers.
        told = [
            {(m["seq"], m["part"]) for m in heard if "part" in m and m["method"] != "error"}
            for heard in everywhere
        ]
        last = max(max(places) for places in told)
        return all(last in places for places in told)

    await eventually(same)
    await troupe.compare(pictures)
    other.kill()
    await troupe.ines.ask("send-chat-message", channelId="all", message="one is left")
    names = [name for number, name in enumerate(EVERYBODY) if number % 2]
    for name in names:
        again = await troupe.connect(name, one, auth={"resume": troupe.people[name].position})
        await eventually(lambda again=again: "one is left" in json.dumps(again.heard))


@on_many
async def test_what_is_done_by_http_is_told_to_sockets(start, place, player):
    """Joining, too: whichever server was asked."""
    one, other = start("--only", "missions", *place, **OFF), start("--only", "missions", *place, **OFF)
    troupe = Cast(peopled(place, *EVERYBODY), player)
    await troupe.launch(one)
    for name, server in (("rod.student", one), ("bea.student", other)):
        socket = await troupe.connect(name, server)
        async with one.client(troupe.made.keys[name]) as client:
            answer = await client.post(f"{SESSIONS}/{troupe.session_id}/join-session")
            assert answer.status_code == 200
        await eventually(lambda socket=socket: "session-joined" in socket.methods())
        assert socket.last("session-joined")["data"] == answer.json()
    async with other.client(troupe.made.keys[TEACHER]) as client:
        await client.post(f"{SESSIONS}/{troupe.session_id}/join-session")
        await eventually(
            lambda: all(each.methods()[-1] == "session-members-updated" for each in troupe.people.values())
        )
        await client.delete(f"{SESSIONS}/{troupe.session_id}")
    await eventually(lambda: all("session-destroyed" in each.methods() for each in troupe.people.values()))
    assert (await troupe.rod.ask("current-session"))["code"] == 20004


async def test_who_was_in_a_session_that_ended_is_told_of_the_next(standing, player):
    """Which was joined by HTTP; what is asked by the socket is then asked of it."""
    server, place = standing
    troupe = Cast(peopled(place, *EVERYBODY), player)
    for name in (TEACHER, "rod.student"):
        await troupe.connect(name, server)
    await troupe.launch(server, autoAssign=True)
    for one in (troupe.ines, troupe.rod):
        await one.ask("join-session", sessionId=troupe.session_id)
    for request in ("start-session", "end-session"):
        await troupe.ines.ask(request)
    await eventually(lambda: "session-ended" in troupe.rod.methods())
    assert (await troupe.rod.ask("quit-session"))["code"] == 20004
    await troupe.launch(server)
    begun = len(troupe.rod.heard)
    async with server.client(troupe.made.keys["rod.student"]) as client:
        await client.post(f"{SESSIONS}/{troupe.session_id}/join-session")
    await eventually(lambda: len(troupe.rod.heard) > begun)
    told = troupe.rod.heard[begun]
    assert (told["method"], told["data"]["session"]["_id"]) == ("session-joined", troupe.session_id)
    assert (await troupe.rod.ask("quit-session"))["method"] == "session-quit"


@on_many
async def test_one_connection_a_user(start, place, player):
    """On two servers; on one, the contract suite has it."""
    nodes = [start("--only", "missions", *place, **OFF) for _ in range(2)]
    troupe = Cast(peopled(place, *EVERYBODY), player)
    await troupe.begin(nodes[0])
    key = troupe.made.keys["rod.student"]
    second = await player(key).connect(nodes[-1])
    await eventually(lambda: not second.io.connected)
    assert [(one["method"], one["code"]) for one in second.heard] == [("error", 10002)]
    assert (await troupe.rod.ask("current-session"))["method"] == "current-session"
    third = await player(key).connect(nodes[-1], disconnect_existing="true")
    await eventually(lambda: not troupe.rod.io.connected)
    assert troupe.rod.last("error")["code"] == 10005
    assert third.methods()[0] == "connection-success"
    await troupe.ines.ask("send-chat-message", channelId="all", message="to the third")
    await eventually(lambda: "to the third" in json.dumps(third.heard))
    fourth = await player(key).connect(nodes[0], auth={"disconnectExisting": True})
    await eventually(lambda: not third.io.connected)
    await fourth.leave()
    await eventually(lambda: not seated(place, troupe.made.ids["rod.student"]))
    fifth = await player(key).connect(nodes[-1])
    await eventually(lambda: "connection-success" in fifth.methods())


def seated(place, user_id):
    engine = engine_of(place)
    with engine.connect() as connection:
        held = text("SELECT connection_id FROM realtime_seats WHERE user_id = :user_id")
        found = connection.execute(held, {"user_id": user_id}).all()
    engine.dispose()
    return found


async def test_who_takes_over_alone_in_a_session_is_told_on(standing, player):
    server, place = standing
    troupe = Cast(peopled(place, *EVERYBODY), player)
    await troupe.launch(server)
    first = await troupe.connect(TEACHER, server)
    await first.ask("join-session", sessionId=troupe.session_id)
    second = await troupe.connect(TEACHER, server, disconnect_existing="true")
    await eventually(lambda: not first.io.connected)
    async with server.client(troupe.made.keys[TEACHER]) as client:
        await client.post(f"{SESSIONS}/{troupe.session_id}/start-session")
    await eventually(lambda: "session-started" in second.methods())


async def test_a_snapshot_in_the_midst_of_things_repeats_nothing(cast):
    talk = [cast.ines.ask("send-chat-message", channelId="all", message=f"{n}") for n in range(60)]
    looks = [cast.rod.ask("current-session") for _ in range(20)]
    await asyncio.gather(*talk, *looks)
    await cast.rod.settled()
    places = placed(cast.rod.heard)
    assert places == sorted(set(places))
    picture = None
    for message in cast.rod.heard:
        if message["method"] == "current-session":
            seen = [one["_id"] for one in message["data"]["session"]["chatMessages"]]
            assert picture is None or seen == picture
            picture = seen
        elif message["method"] == "chat-message-received" and picture is not None:
            picture = [*picture, message["data"]["message"]["_id"]]


async def test_a_hundred_sockets_of_one_user_are_one(cast):
    key = cast.made.keys["rod.student"]
    many = [cast.player(key) for _ in range(100)]
    await asyncio.gather(*(one.connect(cast.server) for one in many))
    await eventually(lambda: not any(one.io.connected for one in many))
    assert {json.dumps([one["code"] for one in each.heard]) for each in many} == {"[10002]"}
    assert (await cast.rod.ask("open-node", nodeId="red-root"))["method"] == "node-opened"


@on_many
async def test_a_login_that_ends_closes_its_socket(start, place, player):
    one, other = start("--only", "missions", *place, **OFF), start("--only", "missions", *place, **OFF)
    for server in (one, other):
        token = one.sign_in()["access_token"]
        admin = await player(token).connect(server)
        by_cookie = await player().connect(
            server, cookie=f"stoa_login={cookie_of(one)}", disconnect_existing="true"
        )
        await eventually(lambda admin=admin: not admin.io.connected)
        assert by_cookie.methods() == ["connection-success"]
        again = await player(one.sign_in()["access_token"]).connect(server, disconnect_existing="true")
        headers = {"authorization": f"Bearer {again.key}"}
        assert httpx.post(f"{one.address}/auth/logout", headers=headers).status_code == 204
        await eventually(lambda again=again: not again.io.connected)
        assert again.methods() == ["connection-success", "logout-user-update"]


def cookie_of(server):
    body = {"username": "admin", "password": "the admin's password"}
    return httpx.post(f"{server.address}/auth/login", json=body).cookies["stoa_login"]


@pytest.mark.parametrize("proof", [{}, {"authorization": "Bearer no.good.token"}, {"cookie": "stoa_login=x"}])
async def test_who_is_not_logged_in_is_told_and_closed(cast, proof):
    stranger = await cast.player().connect(cast.server, **proof)
    await eventually(lambda: not stranger.io.connected)
    assert [(one["method"], one["code"]) for one in stranger.heard] == [("error", 10004)]


async def test_a_token_may_come_after_the_handshake(cast):
    browser = await cast.player().connect(
        cast.server, auth={"token": cast.made.keys["rod.student"], "disconnectExisting": True}
    )
    await eventually(lambda: "connection-success" in browser.methods())


async def test_another_sites_page_gets_no_socket_by_the_cookie(cast):
    import socketio

    stranger = cast.player()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stranger.connect(
            cast.server, cookie=f"stoa_login={cookie_of(cast.server)}", origin="https://elsewhere.example"
        )


@on_one
async def test_a_slow_client_takes_a_fresh_snapshot_and_holds_up_nobody(start, place, player):
    """What it does not read fills the kernel's buffers first: some megabytes."""
    server = start("--only", "missions", *place, STOA_SOCKET_BUFFER_KB="64", **OFF)
    troupe = Cast(peopled(place, *EVERYBODY), player)
    await troupe.begin(server)
    transport = troupe.rod.io.eio.ws._response.connection.transport
    transport.pause_reading()
    before = troupe.ines.methods().count("chat-message-received")
    text = "x" * 2000
    for _ in range(10):
        many = [troupe.ines.ask("send-chat-message", channelId="all", message=text) for _ in range(200)]
        await asyncio.gather(*many)
    sent = before + 2000
    for one in (troupe.ines, troupe.bea, troupe.wanda):
        await eventually(lambda one=one: one.methods().count("chat-message-received") == sent, within=60)
    transport.resume_reading()
    await eventually(lambda: "snapshot-required" in troupe.rod.methods(), within=60)
    assert troupe.rod.methods().count("chat-message-received") < sent
    fresh = await troupe.rod.ask("current-session")
    assert len(fresh["data"]["session"]["chatMessages"]) == 2000
    await troupe.ines.ask("send-chat-message", channelId="all", message="now")
    await eventually(lambda: "now" in json.dumps(troupe.rod.heard[-9:]))


@on_one
async def test_ten_messages_a_second(start, place, player):
    server = start("--only", "missions", *place)
    troupe = Cast(peopled(place, *EVERYBODY), player)
    await troupe.launch(server)
    rod = await troupe.connect("rod.student", server)
    for _ in range(60):
        await rod.send("request-current-session")
    await eventually(lambda: len(rod.heard) == 61)
    codes = [one["code"] for one in rod.heard[1:]]
    assert codes[:10] == [20004] * 10
    assert set(codes) == {20004, 10003}
    assert rod.io.connected
    bea = await troupe.connect("bea.student", server)
    assert (await bea.ask("current-session"))["code"] == 20004
    await asyncio.sleep(1.05)
    assert (await rod.ask("current-session"))["code"] == 20004


@on_one
def test_nothing_is_left_of_connections(start, place):
    server = start("--only", "missions", *place, **OFF)
    made = peopled(place, "rod.student")

    async def come():
        async with leaving() as player:
            await player(made.keys["rod.student"]).connect(server)

    asyncio.run(come())
    assert server.stop() is not None
    engine = engine_of(place)
    with engine.connect() as connection:
        for table in ("realtime_seats", "realtime_nodes"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
    engine.dispose()
