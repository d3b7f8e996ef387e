"""Every message of the protocol as it should not be: the documented error, the connection kept, the exercise untouched."""

import asyncio
import json

import pytest
from tests.support.processes import Running
from tests.support.sockets import eventually, leaving, peopled

from stoa.missions.realtime import _messages as wire

pytestmark = pytest.mark.anyio
TEACHER, ROD, BEA, OUTSIDER = "ines.teacher", "rod.student", "bea.student", "olga.student"
SOME_ID = "5e5510000000000000000000"

MESSAGES = {
    "request-current-session": {},
    "request-join-session": {"sessionId": SOME_ID},
    "request-quit-session": {},
    "request-start-session": {},
    "request-end-session": {},
    "request-reset-session": {},
    "request-config-update": {"config": {"name": "Other", "accessibility": "public", "autoAssign": True}},
    "request-kick": {"memberId": SOME_ID},
    "request-ban": {"memberId": SOME_ID},
    "request-unban": {"userId": SOME_ID},
    "request-assign-force": {"memberId": SOME_ID, "forceId": "red"},
    "request-assign-role": {"memberId": SOME_ID, "roleId": "participant"},
    "request-open-node": {"nodeId": "red-root"},
    "request-execute-action": {"actionId": "red-root-a1", "cheats": {"zeroCost": True}},
    "request-send-output": {"key": "pre-execution", "nodeId": "red-root"},
    "request-send-chat-message": {"channelId": "all", "message": "hello"},
    "request-resume": {"seq": 1, "part": 0, "sessionId": SOME_ID},
    "close": {},
    "error": {"code": 10000, "message": "oh", "data": {}},
}
OPTIONAL = {
    ("request-config-update", "name"), ("request-config-update", "accessibility"),
    ("request-config-update", "autoAssign"), ("request-execute-action", "cheats"),
    ("request-execute-action", "zeroCost"), ("request-resume", "part"), ("request-resume", "sessionId"),
}  # fmt: skip
FREE = {"close", "error"}
"""What is in these is nobody's business."""


def places(data, path=()):
    """Where the values of a message stand."""
    for key, value in data.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from places(value, (*path, key))


def changed(data, path, value=None, *, without=False):
    data = json.loads(json.dumps(data))
    at = data
    for key in path[:-1]:
        at = at[key]
    if without:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return data


def value_at(data, path):
    for key in path:
        data = data[key]
    return data


def broken(method, data):
    """(what is wrong, data) of every way to get one message wrong."""
    yield "unknown", {**data, "more": 1}
    for path in places(data):
        name = ".".join(path)
        if (method, path[-1]) not in OPTIONAL:
            yield f"{name} missing", changed(data, path, without=True)
        for value in (7, True, [], {}, "", None, 1.5):
            right = type(value) is type(value_at(data, path)) and value != ""
            nothing = value is None and (path[-1] == "forceId" or (method, path[-1]) in OPTIONAL)
            empty = value == "" and (method, path[-1]) == ("request-config-update", "name")
            if not (right or nothing or empty):
                yield f"{name} {value!r}", changed(data, path, value)
        if isinstance(value_at(data, path), str):
            yield f"{name} too long", changed(data, path, "x" * 5000)
            yield f"{name} NUL", changed(data, path, "a\0b")
        if isinstance(value_at(data, path), dict):
            yield f"{name} unknown", changed(data, path, {**value_at(data, path), "more": 1})


ENVELOPES = {
    "no method": {"data": {}},
    "method 5": {"method": 5, "data": {}},
    "method empty": {"method": "", "data": {}},
    "method long": {"method": "x" * 70_000, "data": {}},
    "method unknown": {"method": "request-the-moon", "data": {}},
    "method of the server": {"method": "session-started", "data": {}},
    "no data": {"method": "request-quit-session"},
    **{
        f"data {value!r}": {"method": "request-quit-session", "data": value}
        for value in (None, 1, "x", [], True)
    },
    "more": {"method": "request-quit-session", "data": {}, "more": 1},
    **{
        f"requestId {value!r}": {"method": "request-quit-session", "data": {}, "requestId": value}
        for value in (5, [], {}, True)
    },
    "requestId long": {"method": "request-quit-session", "data": {}, "requestId": "x" * 129},
    "requestId NUL": {"method": "request-quit-session", "data": {}, "requestId": "a\0"},
}
PAYLOADS = {
    "nothing": "", "no JSON": "{", "words": "hello there", "number": "5", "null": "null", "list": "[]", "text": '"x"',
    "deep": "[" * 60_000, "deeper": '{"a":' * 20_000, "surrogate": '{"method": "\\ud800", "data": {}}', "NaN": "NaN",
    "an object": {"method": "request-quit-session", "data": {}}, "a number": 5, "none": None, "bytes": b"\x00\xff",
    "many": ("{}", "{}"), "16 MB": "x" * 16_000_000, "16 MB of JSON": json.dumps({"method": "x" * 16_000_000}),
    "16 MiB": "x" * 16 * 2**20,
}  # fmt: skip


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("messages")
    place = ["--data", folder / "data"]
    server = Running(folder, *place, STOA_MESSAGE_RATE_LIMIT="0").wait_ready()
    made = peopled(place, TEACHER, ROD, BEA, OUTSIDER)
    yield server, made
    server.kill()


class Scene:
    """The teacher manages; rod plays red and bea blue; olga is not in it."""

    def __init__(self, server, made, player):
        self.server = server
        self.made = made
        self.people = {name: player(made.keys[name], name) for name in (TEACHER, ROD, BEA, OUTSIDER)}
        self.members = {}
        self.session_id = None

    async def launch(self, *, start):
        async with self.server.client(self.made.keys[TEACHER]) as client:
            answer = await client.post("/api/v1/sessions/launch", json={"missionId": self.made.mission_id})
            self.session_id = answer.json()["sessionId"]
        for one in self.people.values():
            await one.connect(self.server, disconnect_existing="true")
            await one.ask("quit-session")
        for name in (TEACHER, ROD, BEA):
            answer = await self.people[name].ask("join-session", sessionId=self.session_id)
            self.members[name] = answer["data"]["memberId"]
        if start:
            await self.people[TEACHER].ask("start-session")
        return self

    async def hash(self):
        async with self.server.client(self.made.keys[TEACHER]) as client:
            answer = (await client.get(f"/api/v1/sessions/{self.session_id}/state?hash=true")).json()
        return answer["hash"], answer["seq"]


@pytest.fixture
async def scene(standing):
    async with leaving() as player:
        yield await Scene(*standing, player).launch(start=True)


@pytest.fixture
async def lobby(standing):
    async with leaving() as player:
        yield await Scene(*standing, player).launch(start=False)


async def answers(one, messages):
    """The answers to messages that are sent all at once; each is answered, in their order."""
    begin = len(one.heard)
    for message in messages:
        await one.raw(message)
    await eventually(lambda: len(one.heard) >= begin + len(messages), within=60)
    assert one.io.connected
    return one.heard[begin:]


def framed(method, data):
    return json.dumps({"method": method, "data": data, "requestId": "r"})


def test_every_message_is_here():
    assert set(MESSAGES) == set(wire.methods())


async def test_what_is_wrong_in_a_message_is_10001(scene):
    before = await scene.hash()
    wrong = [
        (method, what, data)
        for method, valid in MESSAGES.items()
        if method not in FREE
        for what, data in broken(method, valid)
    ]
    assert len(wrong) > 200
    for name in (TEACHER, ROD, OUTSIDER):
        one = scene.people[name]
        got = await answers(one, [framed(method, data) for method, _, data in wrong])
        refused = {(m, w): a.get("code") for (m, w, _), a in zip(wrong, got, strict=True)}
        assert {key: code for key, code in refused.items() if code != 10001} == {}
        assert all(answer["request"]["event"]["requestId"] == "r" for answer in got)
        assert all(answer["request"]["fulfilled"] is False for answer in got)
    assert await scene.hash() == before


async def test_what_is_wrong_in_the_frame_is_10001(scene):
    before = await scene.hash()
    one = scene.people[ROD]
    got = await answers(one, [json.dumps(each) for each in ENVELOPES.values()])
    codes = dict(zip(ENVELOPES, [each.get("code") for each in got], strict=True))
    assert set(codes.values()) == {10001}, codes
    assert await scene.hash() == before


@pytest.mark.parametrize("what", PAYLOADS)
async def test_what_is_no_message_is_10001_and_the_connection_kept(scene, what):
    before = await scene.hash()
    one = scene.people[ROD]
    (answer,) = await answers(one, [PAYLOADS[what]])
    assert (answer["method"], answer["code"], answer["data"]) == ("error", 10001, {})
    assert answer["message"].partition(":")[0] in ("message", "method", "data"), answer
    assert (await one.ask("current-session"))["data"]["session"]["_id"] == scene.session_id
    assert await scene.hash() == before


async def test_other_events_than_message_are_10001(scene):
    one = scene.people[ROD]
    begin = len(one.heard)
    for event in ("chat", "messages", "$oversized", "disconnect", "connect"):
        await one.io.emit(event, "{}")
    await one.settled()
    assert [each.get("code") for each in one.heard[begin:-1]] == [10001] * 5


ROLES = {
    "request-start-session": 20005, "request-end-session": 20005, "request-reset-session": 20005,
    "request-config-update": 20005, "request-kick": 20005, "request-ban": 20005, "request-unban": 20005,
    "request-assign-force": 20005, "request-assign-role": 20005,
}  # fmt: skip


async def test_who_may_not_is_20005(scene):
    before = await scene.hash()
    got = await answers(scene.people[ROD], [framed(method, MESSAGES[method]) for method in ROLES])
    assert [each["code"] for each in got] == list(ROLES.values())
    other = await answers(
        scene.people[BEA],
        [
            framed("request-open-node", {"nodeId": "red-root"}),
            framed("request-execute-action", {"actionId": "red-root-a1"}),
        ],
    )
    assert [each["code"] for each in other] == [20005, 20005]
    assert await scene.hash() == before


async def test_who_is_in_no_session_is_20004(scene):
    outside = [
        method for method in MESSAGES if method not in {*FREE, "request-join-session", "request-resume"}
    ]
    got = await answers(scene.people[OUTSIDER], [framed(method, MESSAGES[method]) for method in outside])
    assert {each["code"] for each in got} == {20004}


async def test_in_the_wrong_state_is_20004(lobby):
    before = await lobby.hash()
    early = {
        "request-end-session": {}, "request-reset-session": {}, "request-open-node": {"nodeId": "red-root"},
        "request-execute-action": {"actionId": "red-root-a1"},
        "request-send-output": {"key": "pre-execution", "nodeId": "red-root"},
        "request-send-chat-message": {"channelId": "all", "message": "early"},
    }  # fmt: skip
    got = await answers(lobby.people[TEACHER], [framed(*each) for each in early.items()])
    assert dict(zip(early, [each["code"] for each in got], strict=True)) == dict.fromkeys(early, 20004)
    assert await lobby.hash() == before
    await lobby.people[TEACHER].ask("start-session")
    late = {"request-start-session": {}, "request-config-update": {"config": {"name": "x"}}}
    got = await answers(lobby.people[TEACHER], [framed(*each) for each in late.items()])
    assert [each["code"] for each in got] == [20004, 20004]
    await lobby.people[TEACHER].ask("end-session")
    await eventually(lambda: "session-ended" in lobby.people[ROD].methods())
    ended = await lobby.hash()
    everything = {**early, **late, "request-quit-session": {}}
    got = await answers(lobby.people[TEACHER], [framed(*each) for each in everything.items()])
    assert {each.get("code") for each in got[:-1]} == {20004}
    assert (await lobby.hash())[0] == ended[0] or got[-1]["method"] == "session-quit"


NAMED = [
    ("request-join-session", {"sessionId": SOME_ID}, 20000),
    ("request-join-session", {"sessionId": "short"}, 20000),
    ("request-resume", {"seq": 1, "sessionId": SOME_ID}, 20000),
    ("request-kick", {"memberId": SOME_ID}, 20400),
    ("request-ban", {"memberId": SOME_ID}, 20400),
    ("request-assign-force", {"memberId": SOME_ID, "forceId": "red"}, 20400),
    ("request-assign-role", {"memberId": SOME_ID, "roleId": "participant"}, 20400),
    ("request-open-node", {"nodeId": "nowhere"}, 20100),
    ("request-execute-action", {"actionId": "nothing"}, 20200),
    ("request-send-output", {"key": "pre-execution", "nodeId": "nowhere"}, 20100),
    ("request-send-chat-message", {"channelId": "nobody", "message": "x"}, 20500),
]


async def test_what_is_not_there_has_its_code(scene):
    before = await scene.hash()
    teacher = scene.people[TEACHER]
    got = await answers(teacher, [framed(method, data) for method, data, _ in NAMED])
    assert [each.get("code") for each in got] == [code for *_, code in NAMED]
    force = framed("request-assign-force", {"memberId": scene.members[ROD], "forceId": "green"})
    (answer,) = await answers(teacher, [force])
    assert answer["code"] == 10001
    assert "green" in answer["message"]
    for method in ("request-kick", "request-ban"):
        (answer,) = await answers(teacher, [framed(method, {"memberId": scene.members[TEACHER]})])
        assert answer["code"] == 20005
    assert await scene.hash() == before


async def test_another_sessions_member_is_not_found_here(scene, standing):
    async with leaving() as player:
        other = Scene(*standing, player)
        async with other.server.client(other.made.keys[TEACHER]) as client:
            answer = await client.post("/api/v1/sessions/launch", json={"missionId": other.made.mission_id})
            other_id = answer.json()["sessionId"]
        outsider = await scene.people[OUTSIDER].ask("join-session", sessionId=other_id)
        member = outsider["data"]["memberId"]
        (answer,) = await answers(scene.people[TEACHER], [framed("request-kick", {"memberId": member})])
        assert answer["code"] == 20400
        (answer,) = await answers(
            scene.people[OUTSIDER], [framed("request-join-session", {"sessionId": scene.session_id})]
        )
        assert answer["code"] == 20001


async def test_codes_of_the_nodes(scene):
    rod = scene.people[ROD]
    steps = [
        ("request-open-node", {"nodeId": "red-vault"}, 20103),
        ("request-execute-action", {"actionId": "red-vault-a1"}, 20103),
        ("request-open-node", {"nodeId": "red-root"}, None),
        ("request-open-node", {"nodeId": "red-root"}, 20101),
        ("request-execute-action", {"actionId": "red-lab-a1"}, None),
        ("request-execute-action", {"actionId": "red-lab-a2"}, 20202),
    ]
    for method, data, code in steps:
        answer = await rod.ask(method.removeprefix("request-"), **data)
        assert answer.get("code") == code, (method, data, answer)


async def test_close_closes(scene):
    one = scene.people[BEA]
    await one.send("error", {"code": 10000, "message": "whatever", "data": {}})
    await one.settled()
    assert one.io.connected
    await one.send("close")
    await eventually(lambda: not one.io.connected)
    assert "bea" in json.dumps(
        (await scene.people[TEACHER].ask("current-session"))["data"]["session"]["members"]
    )


async def test_a_flood_of_bad_messages_leaves_others_alone(scene):
    """Thousands at once from one: another is answered meanwhile."""
    flood = asyncio.create_task(answers(scene.people[ROD], ["{"] * 3_000))
    for _ in range(5):
        assert (await scene.people[BEA].ask("current-session"))["method"] == "current-session"
    await flood
