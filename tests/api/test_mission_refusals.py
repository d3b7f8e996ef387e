"""Every command over HTTP, wrong in every way: the documented status and number, and no row is another."""

import copy

import pytest
from tests.support.missions import MISSION_ID, add_person, put_mission

pytestmark = pytest.mark.anyio
SERVED = ("missions",)
ROOT = "/api/v1/sessions"
PEOPLE = ("rod.student", "bea.student", "una.student")
MANAGER, OBSERVER, RED, BLUE, STRANGER = (
    "ines.teacher",
    "tom.teacher",
    "rod.student",
    "bea.student",
    "lea.student",
)
BODIES = {
    "quit-session": {},
    "start-session": {},
    "end-session": {},
    "reset-session": {},
    "current-session": {},
    "config-update": {
        "config": {
            "name": "Other", "accessibility": "id-required", "autoAssign": False, "infiniteResources": True,
            "effectsEnabled": False,
        }
    },
    "kick": {"memberId": "BLUE"},
    "ban": {"memberId": "BLUE"},
    "unban": {"userId": "BANNED"},
    "assign-force": {"memberId": "BLUE", "forceId": "white"},
    "assign-role": {"memberId": "BLUE", "roleId": "observer_limited"},
    "open-node": {"nodeId": "red-root"},
    "execute-action": {
        "actionId": "red-root-a1",
        "cheats": {"zeroCost": True, "instantaneous": True, "guaranteedSuccess": True},
    },
    "send-output": {"key": "pre-execution", "nodeId": "red-root"},
    "send-chat-message": {"channelId": "red", "message": "Hello"},
}  # fmt: skip
OPTIONAL = {
    "config": set(BODIES["config-update"]["config"]),
    "cheats": set(BODIES["execute-action"]["cheats"]),
}
OF_MANAGERS = {
    "start-session", "end-session", "reset-session", "config-update", "kick", "ban", "unban", "assign-force", "assign-role",
}  # fmt: skip
IN_THE_LOBBY = {"start-session", "config-update"}
ANY_TIME = {"quit-session", "kick", "ban", "unban", "assign-force", "assign-role", "current-session"}
TEXTS = [7, True, [], ["x"], {}, "", "\0", "x\0y", "x" * 70_000]
FLAGS = ["true", 1, 0, [], {}, "", 2**70]


@pytest.fixture(scope="module")
async def stand(shared_house):
    """A session that has started, one in the lobby, one that has ended, and one of others; ``stand.ids`` by name."""
    house = shared_house
    put_mission(house.storage.engine)
    for name in PEOPLE:
        house.ids[name], house.keys[name] = add_person(house.storage.engine, name)
    house.clients = {name: house.client(name) for name in house.keys}
    house.sessions, house.members = {}, {}
    for place in ("ended", "lobby", "others", "started"):
        owner = "ada.admin" if place == "others" else MANAGER
        answer = await house.clients[owner].post(f"{ROOT}/launch", json={"missionId": MISSION_ID})
        session_id = house.sessions[place] = answer.json()["sessionId"]
        joining = ("ada.admin", "una.student") if place == "others" else (MANAGER, OBSERVER, RED, BLUE)
        if place == "lobby":
            continue
        for name in joining:
            answer = await house.clients[name].post(f"{ROOT}/{session_id}/join-session")
            house.members[place, name] = answer.json()["memberId"]
        for what in ("start-session", "end-session") if place == "ended" else ("start-session",):
            answer = await house.clients[owner].post(f"{ROOT}/{session_id}/{what}")
            assert answer.status_code == 200, answer.text
    yield house
    for client in house.clients.values():
        await client.aclose()


def body_of(stand, command, *, place="started"):
    known = {"BLUE": stand.members.get((place, BLUE), "nobody"), "BANNED": stand.ids["una.student"]}
    return {
        key: known.get(value, value) if isinstance(value, str) else copy.deepcopy(value)
        for key, value in BODIES[command].items()
    }


async def refused(stand, name, place, command, body, status, code):
    before = stand.dump()
    session_id = stand.sessions.get(place, place)
    answer = await stand.clients[name].post(f"{ROOT}/{session_id}/{command}", json=body)
    told = answer.json().get("error", {})
    said = f"{command} {str(body)[:200]}: {answer.status_code} {answer.text[:300]}"
    assert (answer.status_code, told.get("code")) == (status, code), said
    assert told["message"] and told["status"] == status, said
    assert stand.dump() == before, said
    return [error["field"] for error in told.get("errors", [])]


def places_of(body, at=()):
    """Every path in a body that leads to a value."""
    for key, value in body.items():
        yield (*at, key)
        if isinstance(value, dict):
            yield from places_of(value, (*at, key))


def changed(body, way, value):
    body = copy.deepcopy(body)
    at = body
    for key in way[:-1]:
        at = at[key]
    if value is KeyError:
        del at[way[-1]]
    else:
        at[way[-1]] = value
    return body


def wrong_values(body, way):
    at = body
    for key in way:
        at = at[key]
    if isinstance(at, dict):
        return [7, "text", [], True, [{}]]
    if isinstance(at, bool):
        return FLAGS
    # An empty name is no name: the session keeps the one that it has.
    return [value for value in TEXTS if not (way == ("config", "name") and value == "")]


WITH_BODY = [command for command, body in BODIES.items() if body]


@pytest.mark.parametrize("command", WITH_BODY)
async def test_a_value_of_the_wrong_kind_or_length_is_10001(stand, command):
    body = body_of(stand, command)
    for way in places_of(body):
        for value in wrong_values(body, way):
            fields = await refused(stand, MANAGER, "started", command, changed(body, way, value), 400, 10001)
            assert fields and all(field.startswith(way[0]) for field in fields), (way, value, fields)


@pytest.mark.parametrize("command", WITH_BODY)
async def test_a_field_that_is_missing_is_10001_and_named(stand, command):
    body = body_of(stand, command)
    for way in places_of(body):
        if way[-1] in OPTIONAL.get(way[0], ()) or way == ("cheats",):
            continue
        fields = await refused(stand, MANAGER, "started", command, changed(body, way, KeyError), 400, 10001)
        assert fields == [".".join(way)]


@pytest.mark.parametrize("command", WITH_BODY)
async def test_a_field_that_is_unknown_is_10001(stand, command):
    body = body_of(stand, command)
    inside = [way for way in places_of(body) if way[0] in OPTIONAL and len(way) == 1]
    for way in [(), *inside]:
        await refused(stand, MANAGER, "started", command, changed(body, (*way, "unknown"), 1), 400, 10001)


@pytest.mark.parametrize("command", sorted(OF_MANAGERS))
@pytest.mark.parametrize("name", [RED, OBSERVER], ids=["participant", "observer"])
async def test_a_role_that_may_not_is_20005(stand, command, name):
    await refused(stand, name, "started", command, body_of(stand, command) or None, 403, 20005)


@pytest.mark.parametrize("command", ["open-node", "execute-action"])
async def test_who_only_observes_plays_nothing(stand, command):
    await refused(stand, OBSERVER, "started", command, body_of(stand, command), 403, 20005)


@pytest.mark.parametrize("command", BODIES)
@pytest.mark.parametrize("name", [STRANGER, "una.student"], ids=["nobody", "another session's"])
async def test_who_is_not_in_the_session_is_20004(stand, command, name):
    await refused(stand, name, "started", command, body_of(stand, command) or None, 409, 20004)


@pytest.mark.parametrize("command", BODIES)
@pytest.mark.parametrize(
    "place", ["0" * 24, "nowhere", "x" * 3_000, "%00", "..%2f.."], ids=lambda text: text[:8]
)
async def test_a_session_that_is_not_there_is_20000(stand, command, place):
    if place == "..%2f..":
        answer = await stand.clients[MANAGER].post(f"{ROOT}/{place}/{command}", json=body_of(stand, command))
        assert answer.status_code in (400, 404, 405)
        return
    status, code = (400, 10001) if place == "%00" else (404, 20000)
    await refused(stand, MANAGER, place, command, body_of(stand, command) or None, status, code)


@pytest.mark.parametrize("command", sorted(set(BODIES) - ANY_TIME - {"current-session"}))
async def test_what_the_state_does_not_allow_is_20004(stand, command):
    if command in IN_THE_LOBBY:
        await refused(stand, MANAGER, "started", command, body_of(stand, command) or None, 409, 20004)
    await refused(
        stand, MANAGER, "ended", command, body_of(stand, command, place="ended") or None, 409, 20004
    )


async def test_the_lobby_plays_nothing(stand):
    """Its manager comes and goes again, so that nothing is left of it."""
    session_id, client = stand.sessions["lobby"], stand.clients[MANAGER]
    await client.post(f"{ROOT}/{stand.sessions['started']}/quit-session")
    await client.post(f"{ROOT}/{session_id}/join-session")
    for command in sorted(set(BODIES) - ANY_TIME - IN_THE_LOBBY):
        await refused(stand, MANAGER, "lobby", command, body_of(stand, command) or None, 409, 20004)
    await client.post(f"{ROOT}/{session_id}/quit-session")
    back = await client.post(f"{ROOT}/{stand.sessions['started']}/join-session")
    assert back.status_code == 200


async def test_what_belongs_to_another_session_or_force_is_not_there(stand):
    theirs = stand.members["others", "una.student"]
    for name, command, body, status, code in [
        (MANAGER, "kick", {"memberId": theirs}, 404, 20400),
        (MANAGER, "ban", {"memberId": theirs}, 404, 20400),
        (MANAGER, "assign-force", {"memberId": theirs, "forceId": "red"}, 404, 20400),
        (MANAGER, "assign-role", {"memberId": theirs, "roleId": "observer"}, 404, 20400),
        (MANAGER, "assign-force", {"memberId": stand.members["started", BLUE], "forceId": "elsewhere"}, 400, 10001),
        (MANAGER, "assign-role", {"memberId": stand.members["started", BLUE], "roleId": "general"}, 400, 10001),
        (MANAGER, "config-update", {"config": {"accessibility": "testing"}}, 400, 10001),
        (MANAGER, "send-output", {"key": "custom", "nodeId": "red-root"}, 400, 10001),
        (RED, "open-node", {"nodeId": "elsewhere"}, 404, 20100),
        (RED, "open-node", {"nodeId": "blue-root"}, 403, 20005),
        (RED, "execute-action", {"actionId": "elsewhere"}, 404, 20200),
        (RED, "execute-action", {"actionId": "blue-root-a1"}, 403, 20005),
        (RED, "send-output", {"key": "pre-execution", "nodeId": "elsewhere"}, 404, 20100),
        (RED, "send-output", {"key": "pre-execution", "nodeId": "blue-root"}, 403, 20005),
        (RED, "send-chat-message", {"channelId": "blue", "message": "spy"}, 404, 20500),
        (RED, "send-chat-message", {"channelId": "all", "message": "x" * 2_001}, 400, 10001),
        (RED, "send-chat-message", {"channelId": "all", "message": "<script>x()</script>"}, 400, 10001),
        (RED, "join-session", None, 409, 20001),
        ("una.student", "join-session", None, 409, 20001),
    ]:  # fmt: skip
        await refused(stand, name, "started", command, body, status, code)


@pytest.mark.parametrize("body", [{}, {"userIds": "x"}, {"userIds": [7]}, {"userIds": [""]}, {"userIds": ["x" * 65]},
                                  {"userIds": ["x"] * 10_001}, {"userIds": [], "more": 1}])  # fmt: skip
async def test_invitations_of_the_wrong_shape_are_10001(stand, body):
    before = stand.dump()
    answer = await stand.clients[MANAGER].put(f"{ROOT}/{stand.sessions['started']}/invitations", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 10001), answer.text
    assert stand.dump() == before
