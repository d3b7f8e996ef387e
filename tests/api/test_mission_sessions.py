"""The sessions' document and rules, over HTTP, on SQLite and PostgreSQL."""

import csv
import io
import json
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import event
from tests.support.house import NOW
from tests.support.missions import MISSION_ID, add_person, put_mission

from stoa.kernel.clock import from_millis
from stoa.missions import due, service
from stoa.platform.timers import Sweeper

pytestmark = pytest.mark.anyio
SERVED = ("missions",)
ROOT = "/api/v1/sessions"
STUDENTS = ("rod.student", "bea.student", "una.student")
DOCUMENTED = {
    "_id", "missionId", "state", "name", "ownerId", "ownerUsername", "ownerFirstName", "ownerLastName", "launchedAt",
    "config", "participantIds", "banList", "observerIds", "managerIds",
}  # fmt: skip


@pytest.fixture
async def house(house):
    put_mission(house.storage.engine)
    for name in STUDENTS:
        house.ids[name], house.keys[name] = add_person(house.storage.engine, name)
    return house


@pytest.fixture
async def call(house):
    """``call(username, "kick", session_id, …)``: the answer of a command; ``call.get`` and ``call.raw`` for others."""

    class Call:
        def __init__(self):
            self.clients = {}

        def of(self, name):
            if name not in self.clients:
                self.clients[name] = house.client(name)
            return self.clients[name]

        async def __call__(self, name, request, session_id, status=200, **body):
            answer = await self.of(name).post(f"{ROOT}/{session_id}/{request}", json=body or None)
            assert answer.status_code == status, answer.text
            return answer.json() if status == 200 else answer.json()["error"]

        async def launch(self, by="ines.teacher", status=200, **body):
            body = {"missionId": MISSION_ID} | body
            answer = await self.of(by).post(f"{ROOT}/launch/", json=body)
            assert answer.status_code == status, answer.text
            return answer.json()["sessionId"] if status == 200 else answer.json()["error"]

        async def list(self, name="ines.teacher"):
            answer = await self.of(name).get(f"{ROOT}/")
            assert answer.status_code == 200, answer.text
            return answer.json()

        async def state(self, name, session_id, **query):
            answer = await self.of(name).get(f"{ROOT}/{session_id}/state", params={"hash": "true", **query})
            assert answer.status_code == 200, answer.text
            return answer.json()

    caller = Call()
    yield caller
    for client in caller.clients.values():
        await client.aclose()


async def begun(call, start=True, **config):
    """A session of the teacher's with ``rod`` in red and ``bea`` in blue; (id, member ids by username)."""
    session_id = await call.launch(**config)
    who = {}
    for name in ("ines.teacher", *STUDENTS[:2]):
        who[name] = (await call(name, "join-session", session_id))["memberId"]
    if start:
        await call("ines.teacher", "start-session", session_id)
    return session_id, who


async def sweep(house):
    return await Sweeper(house.storage, house.clock, due.handlers(house)).sweep()


# --- the document ------------------------------------------------------------------------------------------------


async def test_a_launched_session_is_listed_as_documented(house, call):
    answer = await call.of("ines.teacher").post(f"{ROOT}/launch/", json={"missionId": MISSION_ID})
    assert set(answer.json()) == {"sessionId"}
    (session,) = await call.list()
    assert set(session) == DOCUMENTED
    assert session == session | {
        "_id": answer.json()["sessionId"], "missionId": MISSION_ID, "state": "unstarted", "name": "Break-in",
        "ownerId": house.ids["ines.teacher"], "ownerUsername": "ines.teacher", "ownerFirstName": "Ines",
        "ownerLastName": "Instructor", "launchedAt": "2026-03-02T12:00:00.000Z",
        "participantIds": [], "banList": [], "observerIds": [], "managerIds": [],
        "config": {"accessibility": "public", "autoAssign": True, "infiniteResources": False, "effectsEnabled": True},
    }  # fmt: skip
    assert len(session["_id"]) == 24


async def test_a_launch_takes_its_configuration_in_many_spellings(call):
    await call.launch(
        name="Custom Session Name", accessibility="id-required", autoAssign="no", infiniteResources=1,
        effectsEnabled="F", unknown="dropped",
    )  # fmt: skip
    (session,) = await call.list()
    assert session["name"] == "Custom Session Name"
    assert session["config"] == {
        "accessibility": "id-required", "autoAssign": False, "infiniteResources": True, "effectsEnabled": False,
        "name": "Custom Session Name",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"missionId": 7}, "missionId"),
        ({"accessibility": "secret"}, "accessibility"),
        ({"autoAssign": "maybe"}, "autoAssign"),
        ({"name": "x" * 176}, "name"),
    ],
)
async def test_a_bad_launch_is_400_and_names_the_field(call, body, field):
    error = await call.launch(status=400, **body)
    assert error["code"] == 10001
    assert [one["field"] for one in error["errors"]] == [field]
    assert await call.list() == []


async def test_who_may_not_launch_is_403_and_a_mission_that_is_not_there_404(house, call):
    assert (await call.launch("lea.student", status=403))["code"] == 20005
    await call.launch(status=404, missionId="f" * 24)
    async with house.client() as nobody:
        answer = await nobody.post(f"{ROOT}/launch/", json={"missionId": MISSION_ID})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == 10004


@pytest.mark.parametrize(
    ("accessibility", "seen_by"),
    [
        ("public", {"ines.teacher", "tom.teacher", "lea.student", "ada.admin"}),
        ("id-required", {"ines.teacher", "ada.admin"}),
        ("invite-only", {"ines.teacher", "ada.admin"}),
        ("testing", {"ines.teacher", "ada.admin"}),
    ],
)
async def test_who_sees_a_session_listed(call, accessibility, seen_by):
    await call.launch(accessibility=accessibility)
    listed = {
        name for name in ("ines.teacher", "tom.teacher", "lea.student", "ada.admin") if await call.list(name)
    }
    assert listed == seen_by


async def test_the_list_tells_roles_and_never_bans(house, call):
    session_id, who = await begun(call)
    await call("tom.teacher", "join-session", session_id)
    await call("ines.teacher", "ban", session_id, memberId=who["bea.student"])
    (session,) = await call.list("lea.student")
    assert session["participantIds"] == [house.ids["rod.student"]]
    assert session["observerIds"] == [house.ids["tom.teacher"]]
    assert session["managerIds"] == [house.ids["ines.teacher"]]
    assert session["banList"] == []
    assert session["state"] == "started"


async def test_a_deletion_is_401_without_permission_and_final_with_it(call):
    session_id = await call.launch()
    for name in ("lea.student", "tom.teacher"):
        answer = await call.of(name).delete(f"{ROOT}/{session_id}")
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == 20005
    answer = await call.of("ines.teacher").delete(f"{ROOT}/{session_id}/")
    assert (answer.status_code, answer.text) == (200, "OK")
    for name in ("ines.teacher", "ada.admin"):
        assert (await call.of(name).delete(f"{ROOT}/{session_id}")).status_code == 404
    assert await call.list() == []
    assert (await call("ines.teacher", "join-session", session_id, status=404))["code"] == 20000


async def test_what_is_left_of_a_deleted_session_is_forgotten_a_day_later(house, call):
    session_id, _ = await begun(call)
    await call.of("ines.teacher").delete(f"{ROOT}/{session_id}")
    assert session_id in str(house.dump()["journal"])
    assert await call.list() == []
    house.clock.advance(timedelta(days=1))
    assert await sweep(house) == 1
    assert session_id not in str(house.dump())


@pytest.mark.parametrize("order", [("ines.teacher", "rod.student"), ("rod.student", "ines.teacher")])
async def test_a_command_is_answered_with_what_its_sender_may_see(call, order):
    """Not with what whoever came first is told of it."""
    session_id = await call.launch()
    for name in order:
        await call(name, "join-session", session_id)
    started = await call("ines.teacher", "start-session", session_id)
    assert [force["_id"] for force in started["forces"]] == ["red", "blue", "white"]
    opened = await call("rod.student", "open-node", session_id, nodeId="red-root")
    seen = (await call.state("rod.student", session_id))["session"]["mission"]["structure"]
    assert opened["structure"] == seen
    assert "vault" not in str(opened)
    reset = await call("ines.teacher", "reset-session", session_id)
    assert len(reset["forces"]) == 3


async def test_csv_says_once_what_it_is(call):
    session_id = await call.launch()
    answer = await call.of("ines.teacher").get(f"{ROOT}/{session_id}/journal", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


# --- joining -----------------------------------------------------------------------------------------------------


async def test_a_member_is_in_one_session_and_the_login_says_which(call):
    first, _ = await begun(call)
    other = await call.launch("ada.admin")
    login = (await call.of("rod.student").get("/api/v1/logins/")).json()
    assert login["sessionId"] == first
    assert (await call("rod.student", "join-session", other, status=409))["code"] == 20001
    await call("rod.student", "quit-session", first)
    assert (await call.of("rod.student").get("/api/v1/logins/")).json()["sessionId"] is None
    joined = await call("rod.student", "join-session", other)
    assert joined["session"]["_id"] == other


async def test_the_end_of_a_session_sets_its_members_free(call):
    first, _ = await begun(call)
    other = await call.launch("ada.admin")
    await call("ines.teacher", "end-session", first)
    states = {session["_id"]: session["state"] for session in await call.list()}
    assert states == {first: "ended", other: "unstarted"}
    await call("rod.student", "join-session", other)
    assert (await call("lea.student", "join-session", first, status=409))["code"] == 20004


async def test_who_comes_again_is_who_they_were(call):
    session_id, _ = await begun(call)
    await call("rod.student", "quit-session", session_id)
    again = await call("rod.student", "join-session", session_id)
    assert [force["_id"] for force in again["session"]["mission"]["forces"]] == ["red"]


async def test_only_the_invited_join_where_it_is_by_invitation(house, call):
    session_id = await call.launch(accessibility="invite-only")
    url = f"{ROOT}/{session_id}/invitations"
    assert (await call("rod.student", "join-session", session_id, status=403))["code"] == 20002
    body = {"userIds": [house.ids["rod.student"]]}
    assert (await call.of("rod.student").put(url, json=body)).status_code == 403
    answer = await call.of("ines.teacher").put(url, json=body)
    assert (answer.status_code, answer.json()) == (200, body)
    await call("rod.student", "join-session", session_id)
    assert (await call("bea.student", "join-session", session_id, status=403))["code"] == 20002


async def test_a_testing_session_is_gone_when_somebody_quits(call):
    session_id = await call.launch(accessibility="testing")
    await call("ines.teacher", "join-session", session_id)
    await call("ines.teacher", "start-session", session_id)
    await call("ines.teacher", "quit-session", session_id)
    assert await call.list() == []


# --- every command, by every role --------------------------------------------------------------------------------

COMMANDS = {
    "quit-session": ({}, set()),
    "start-session": ({}, {}),
    "end-session": ({}, set()),
    "reset-session": ({}, {"structure", "forces", "prototypes", "files"}),
    "config-update": ({"config": {"name": "Other"}}, {"config"}),
    "kick": ({"memberId": "MEMBER"}, {"sessionId", "memberId", "userId"}),
    "ban": ({"memberId": "MEMBER"}, {"sessionId", "memberId", "userId"}),
    "unban": ({"userId": "USER"}, {}),
    "assign-force": ({"memberId": "MEMBER", "forceId": "white"}, {"sessionId", "memberId", "forceId"}),
    "assign-role": ({"memberId": "MEMBER", "roleId": "observer_limited"}, {"sessionId", "memberId", "roleId"}),
    "open-node": ({"nodeId": "red-root"}, {"nodeId", "structure", "revealedDescendants", "revealedDescendantPrototypes"}),
    "execute-action": ({"actionId": "red-root-a1"}, {"execution", "resourcesRemaining"}),
    "send-output": ({"key": "pre-execution", "nodeId": "red-root"}, {"key", "nodeId"}),
    "send-chat-message": ({"channelId": "all", "message": "Hello"}, {"message"}),
    "current-session": ({}, {"session", "memberId"}),
}  # fmt: skip
MANAGERS_ONLY = {
    "start-session", "end-session", "reset-session", "config-update", "kick", "ban", "unban", "assign-force",
    "assign-role",
}  # fmt: skip
IN_THE_LOBBY = {"start-session", "config-update"}
PLAYING = {"open-node", "execute-action"}
BY_ROLE = {
    "ines.teacher": set(),
    "rod.student": MANAGERS_ONLY,
    "tom.teacher": MANAGERS_ONLY | PLAYING,
    "lea.student": set(COMMANDS),
}


@pytest.mark.parametrize("name", BY_ROLE, ids=["manager", "participant", "observer", "nobody"])
async def test_each_role_does_what_it_may_and_no_more(house, call, name):
    for request_name in COMMANDS:
        session_id, body = await ready_for(house, call, request_name)
        before = await call.state("ines.teacher", session_id)
        if request_name in BY_ROLE[name]:
            code, status = (20004, 409) if name == "lea.student" else (20005, 403)
            error = await call(name, request_name, session_id, status=status, **body)
            assert error["code"] == code, request_name
            assert await call.state("ines.teacher", session_id) == before
        else:
            data = await call(name, request_name, session_id, **body)
            assert set(COMMANDS[request_name][1]) <= set(data), request_name
            after = await call.state("ada.admin", session_id)
            assert (after["hash"] == before["hash"]) == (request_name == "current-session")
        await call.of("ada.admin").delete(f"{ROOT}/{session_id}")


async def ready_for(house, call, request_name):
    """A session in which the command is possible, and its body."""
    session_id, who = await begun(call, start=False)
    await call("tom.teacher", "join-session", session_id)
    if request_name == "unban":
        await call("ines.teacher", "ban", session_id, memberId=who["bea.student"])
    if request_name not in IN_THE_LOBBY:
        await call("ines.teacher", "start-session", session_id)
    known = {"MEMBER": who["bea.student"], "USER": house.ids["bea.student"]}
    body = COMMANDS[request_name][0]
    return session_id, {
        key: known.get(value, value) if isinstance(value, str) else value for key, value in body.items()
    }


async def test_a_command_for_a_session_that_is_not_there_is_20000(call):
    for request_name in (*COMMANDS, "join-session"):
        body, _ = COMMANDS.get(request_name, ({}, {}))
        for nowhere in ("f" * 24, "nowhere", "x" * 3000):
            assert (await call("ines.teacher", request_name, nowhere, status=404, **body))["code"] == 20000


async def test_a_command_of_the_wrong_shape_is_10001(call):
    session_id, _ = await begun(call)
    for request_name, (body, _) in COMMANDS.items():
        others = [{**body, key: wrong} for key in body for wrong in ([1], "\0", 7)]
        for wrong in [{}, body | {"unknown": 1}, *others] if body else []:
            answer = await call.of("ines.teacher").post(f"{ROOT}/{session_id}/{request_name}", json=wrong)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, 10001), (request_name, wrong)


async def test_a_get_of_a_command_is_405(call):
    session_id = await call.launch()
    answer = await call.of("ines.teacher").get(f"{ROOT}/{session_id}/kick")
    assert answer.status_code == 405


# --- playing -----------------------------------------------------------------------------------------------------


async def test_an_execution_completes_at_its_time_once(house, call):
    session_id, _ = await begun(call)
    data = await call("rod.student", "execute-action", session_id, actionId="red-root-a1")
    assert data["execution"]["outcome"] is None
    assert data["resourcesRemaining"] == 90
    house.clock.advance(timedelta(milliseconds=999))
    assert await sweep(house) == 0
    house.clock.advance(timedelta(milliseconds=1))
    assert await sweep(house) == 1
    assert await sweep(house) == 0
    lines = await journal(call, "ines.teacher", session_id)
    (completed,) = [line for line in lines if line["type"] == "missions.execution_completed"]
    assert from_millis(completed["data"]["at"]) == NOW + timedelta(seconds=1)
    (force,) = (await call.state("rod.student", session_id))["session"]["mission"]["forces"]
    root = next(node for node in force["nodes"] if node["_id"] == "red-root")
    assert root["opened"] and root["executions"][0]["outcome"]["state"]["status"] == "success"


async def test_what_is_due_is_complete_before_the_next_command_however_late_the_timer(house, call):
    session_id, _ = await begun(call)
    await call("rod.student", "execute-action", session_id, actionId="red-root-a1")
    house.clock.advance(timedelta(seconds=30))
    data = await call("rod.student", "execute-action", session_id, actionId="red-hall-a1")
    assert data["execution"]["nodeId"] == "red-hall"
    assert await sweep(house) == 1  # the timer of the first finds nothing to do
    lines = await journal(call, "ines.teacher", session_id)
    completed = [line for line in lines if line["type"] == "missions.execution_completed"]
    assert [from_millis(line["data"]["at"]) for line in completed] == [NOW + timedelta(seconds=1)]


async def test_a_refused_command_changes_nothing(house, call):
    session_id, _ = await begun(call)
    await call("rod.student", "execute-action", session_id, actionId="red-root-a1")
    before = house.dump()
    for request, body, code in (
        ("execute-action", {"actionId": "red-root-a1"}, 20202),
        ("execute-action", {"actionId": "red-hall-a1"}, 20103),
        ("execute-action", {"actionId": "blue-root-a1"}, 20005),
        ("execute-action", {"actionId": "nothing"}, 20200),
        ("open-node", {"nodeId": "nothing"}, 20100),
        ("send-chat-message", {"channelId": "blue", "message": "spy"}, 20500),
        ("start-session", {}, 20005),
    ):
        answer = await call.of("rod.student").post(f"{ROOT}/{session_id}/{request}", json=body or None)
        assert answer.json()["error"]["code"] == code, request
    assert house.dump() == before


async def test_the_answer_says_how_far_the_journal_goes(call):
    session_id, _ = await begun(call)
    numbers = []
    for text in ("one", "two"):
        answer = await call.of("rod.student").post(
            f"{ROOT}/{session_id}/send-chat-message", json={"channelId": "all", "message": text}
        )
        numbers.append(int(answer.headers["stoa-sequence"]))
    assert numbers[1] == numbers[0] + 1
    assert (await journal(call, "ines.teacher", session_id))[-1]["seq"] == numbers[1]


async def test_the_state_is_the_journal_whatever_the_process_remembers(house, call):
    session_id, _ = await begun(call)
    for place in ("root", "lab"):
        await call("rod.student", "execute-action", session_id, actionId=f"red-{place}-a1")
        house.clock.advance(timedelta(seconds=2))
        await sweep(house)
        remembered = await call.state("ines.teacher", session_id)
        service.MEMO.clear()
        assert await call.state("ines.teacher", session_id) == remembered


# --- after-action ------------------------------------------------------------------------------------------------


async def journal(call, name, session_id, **query):
    answer = await call.of(name).get(f"{ROOT}/{session_id}/journal", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_the_journal_is_whole_to_reviewers_and_to_others_what_they_were_told(call):
    session_id, _ = await begun(call)
    await call("rod.student", "execute-action", session_id, actionId="red-root-a1")
    await call("rod.student", "send-chat-message", session_id, channelId="red", message="ours")
    for name in ("ines.teacher", "ada.admin"):
        lines = await journal(call, name, session_id)
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
        assert lines[0]["type"] == "missions.launched"
        assert "the-seed-nobody-sees" not in json.dumps(lines)
    assert len(await journal(call, "ada.admin", session_id, after=lines[-2]["seq"])) == 1
    blue = json.dumps(await journal(call, "bea.student", session_id))
    assert "ours" not in blue and "red-root-a1" not in blue and "session-started" in blue
    answer = await call.of("lea.student").get(f"{ROOT}/{session_id}/journal")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, 20005)


async def test_the_journal_is_a_table_too(call):
    session_id, _ = await begun(call)
    answer = await call.of("ines.teacher").get(f"{ROOT}/{session_id}/journal", params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    lines = await journal(call, "ines.teacher", session_id)
    assert [(int(row["seq"]), row["type"], json.loads(row["data"])) for row in rows] == [
        (line["seq"], line["type"], line["data"]) for line in lines
    ]


async def test_the_state_of_any_moment_is_what_it_was(house, call):
    session_id, _ = await begun(call)
    seen = []
    for number in range(30):
        await call("rod.student", "send-chat-message", session_id, channelId="all", message=str(number))
        if number == 7:
            await call("rod.student", "execute-action", session_id, actionId="red-root-a1")
        seen.append(await call.state("ines.teacher", session_id))
        house.clock.advance(timedelta(milliseconds=400))
        await sweep(house)
    service.MEMO.clear()
    for before in seen:
        assert await call.state("ines.teacher", session_id, at=before["at"]) == before
    for one, next_one in pairwise(seen):
        assert one["hash"] != next_one["hash"]
    with_nothing = await call.of("ines.teacher").get(
        f"{ROOT}/{session_id}/state", params={"at": "2026-03-01T00:00:00Z"}
    )
    assert with_nothing.status_code == 400
    ahead = await call.state("ines.teacher", session_id, at="2027-01-01T00:00:00Z")
    assert ahead == await call.state("ines.teacher", session_id)


async def test_a_past_state_shows_a_player_their_own_part(house, call):
    session_id, _ = await begun(call, start=False)
    lobby = await call.state("rod.student", session_id)
    house.clock.advance(timedelta(seconds=1))
    await call("ines.teacher", "start-session", session_id)
    assert (await call.state("rod.student", session_id, at=lobby["at"]))["session"]["mission"]["forces"] == []
    now = await call.state("rod.student", session_id)
    assert [force["_id"] for force in now["session"]["mission"]["forces"]] == ["red"]
    assert "hash" not in now


# --- how much it costs -------------------------------------------------------------------------------------------


async def test_a_list_is_one_statement_however_long(house, call):
    for _ in range(5):
        await call.launch()
    await call.list()
    seen = []
    engine = getattr(house.storage, "_read_engine", house.storage.engine)

    def remember(_connection, _cursor, statement, *_):
        if "missions_" in statement:
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", remember)
    assert len(await call.list()) == 5
    event.remove(engine, "before_cursor_execute", remember)
    assert len(seen) == 1
