"""The journal as xAPI statements: valid, the same each time, and no more than the caller may know."""

import copy
from datetime import timedelta

import pytest
from tests.support.missions import MISSION_ID, add_person, put_mission
from tests.support.xapi import check_statement

from stoa.missions import due
from stoa.platform.timers import Sweeper

pytestmark = pytest.mark.anyio
SERVED = ("missions",)
ROOT = "/api/v1/sessions"


@pytest.fixture
async def played(house):
    """A session in which everything that makes a statement has happened; ``export(name)`` are the statements."""
    put_mission(house.storage.engine)
    for name in ("rod.student", "bea.student", "una.student"):
        house.ids[name], house.keys[name] = add_person(house.storage.engine, name)

    async def call(name, request, body=None):
        async with house.client(name) as client:
            answer = await client.post(f"{ROOT}/{played.id}/{request}", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

    async def export(name, **query):
        async with house.client(name) as client:
            answer = await client.get(f"{ROOT}/{played.id}/journal", params={"format": "xapi", **query})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    class played:  # noqa: N801 - a namespace
        pass

    played.house, played.call, played.export = house, call, export
    async with house.client("ines.teacher") as teacher:
        launched = await teacher.post(
            f"{ROOT}/launch/", json={"missionId": MISSION_ID, "name": "Night <watch>"}
        )
    played.id = launched.json()["sessionId"]
    members = {}
    for name in ("ines.teacher", "rod.student", "bea.student", "una.student"):
        members[name] = (await call(name, "join-session"))["memberId"]
    await call("ines.teacher", "start-session")
    await call("ines.teacher", "kick", {"memberId": members["una.student"]})
    await call("rod.student", "open-node", {"nodeId": "red-root"})
    await call("bea.student", "execute-action", {"actionId": "blue-gate-a1"})
    house.clock.advance(timedelta(milliseconds=1))
    await call("rod.student", "execute-action", {"actionId": "red-lab-a2"})
    house.clock.advance(timedelta(seconds=2))
    await Sweeper(house.storage, house.clock, due.handlers(house.inside)).sweep()
    await call("rod.student", "send-chat-message", {"channelId": "all", "message": "<b>a &lt; b</b>"})
    await call("rod.student", "send-chat-message", {"channelId": "red", "message": "ours"})
    await call("rod.student", "execute-action", {"actionId": "red-gate-a1"})
    await call("bea.student", "send-chat-message", {"channelId": "all", "message": "hers"})
    await call("bea.student", "quit-session")
    await call("ines.teacher", "end-session")
    return played


def told(statements):
    return [
        (one["actor"]["name"], one["verb"]["display"]["en"], one["object"].get("definition", {}).get("name", {}).get("en"))
        for one in statements
    ]  # fmt: skip


async def test_who_sees_all_is_told_all_and_every_statement_is_valid(played):
    statements = await played.export("ines.teacher")
    for one in statements:
        check_statement(one)
    watch = "Night <watch>"
    assert told(statements) == [
        ("ines.teacher", "launched", watch), ("ines.teacher", "joined", watch), ("rod.student", "joined", watch),
        ("bea.student", "joined", watch), ("una.student", "joined", watch), ("ines.teacher", "started", watch),
        ("ines.teacher", "kicked", None), ("rod.student", "opened", "red root name"),
        ("bea.student", "attempted", "Action 1 of blue gate"), ("rod.student", "attempted", "Action 2 of red lab"),
        ("bea.student", "passed", "Action 1 of blue gate"), ("rod.student", "failed", "Action 2 of red lab"),
        ("rod.student", "commented", "All"), ("rod.student", "commented", "red force"),
        ("rod.student", "attempted", "Action 1 of red gate"), ("bea.student", "commented", "All"),
        ("bea.student", "left", watch),
        ("rod.student", "abandoned", "Action 1 of red gate"), ("ines.teacher", "ended", watch),
    ]  # fmt: skip
    by_verb = {one["verb"]["display"]["en"]: one for one in statements}
    assert by_verb["passed"]["result"] == {"success": True, "completion": True}
    assert by_verb["failed"]["result"] == {"success": False, "completion": True}
    assert by_verb["abandoned"]["result"] == {"success": False, "completion": False}
    assert [one["result"]["response"] for one in statements if "response" in one.get("result", ())] == [
        "a < b",
        "ours",
        "hers",
    ]
    assert by_verb["passed"]["timestamp"] == "2026-03-02T12:00:01.000Z"
    assert by_verb["passed"]["context"]["team"]["name"] == "blue force"
    assert by_verb["kicked"]["object"]["account"]["name"] == played.house.ids["una.student"]
    assert {one["actor"]["account"]["homePage"] for one in statements} == {"http://127.0.0.1:8000"}
    assert len({one["context"]["registration"] for one in statements}) == 1
    assert len({one["id"] for one in statements}) == len(statements)


async def test_a_second_export_is_the_first(played):
    first = await played.export("ines.teacher")
    assert await played.export("ada.admin") == first
    later = await played.export("ines.teacher", after=20)
    assert 0 < len(later) < len(first)
    assert later == first[-len(later) :]
    assert await played.export("ines.teacher", after=10_000) == []


async def test_a_player_is_told_what_they_were_told_and_in_no_more_words(played):
    everything = await played.export("ines.teacher")
    async with played.house.client("rod.student") as client:
        lines = (await client.get(f"{ROOT}/{played.id}/journal")).text
    own = await played.export("rod.student")
    assert all(one in everything for one in own)
    assert "hers" in str(own)
    assert "blue" not in str(own)
    verbs = [verb for _, verb, _ in told(own)]
    assert verbs == [
        "joined", "joined", "joined", "started", "opened", "attempted", "failed", "commented", "commented", "attempted",
        "commented", "left", "abandoned", "ended",
    ]  # fmt: skip
    assert lines.count("\n") >= len(own)


async def test_who_may_not_review_may_not_export(played):
    async with played.house.client("lea.student") as client:
        answer = await client.get(f"{ROOT}/{played.id}/journal", params={"format": "xapi"})
    assert answer.status_code == 403


def test_the_checker_is_strict():
    good = {
        "id": "5a1d6f7e-52f1-5d4e-9d5e-7a1c3f0b8e42",
        "actor": {"objectType": "Agent", "account": {"homePage": "http://x", "name": "a"}},
        "verb": {"id": "http://x/v", "display": {"en": "did"}},
        "object": {"objectType": "Activity", "id": "http://x/o"},
        "context": {"platform": "Stoa"},
        "timestamp": "2026-03-02T12:00:01.000Z",
    }
    check_statement(good)
    for path, value in [
        (("id",), "x"), (("actor", "mbox"), "mailto:a@b.c"), (("actor", "account", "homePage"), "x"), (("verb", "id"), "did"),
        (("verb", "display"), {"not a tag": "did"}), (("object", "id"), "no iri"), (("object",), good["actor"]),
        (("timestamp",), "2026-03-02T12:00:01"), (("result",), {}), (("result",), {"success": "yes"}),
        (("context", "registration"), "x"), (("extra",), 1), (("context", "team"), good["actor"]), (("result",), None),
    ]:  # fmt: skip
        bad = copy.deepcopy(good)
        place = bad
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        with pytest.raises((AssertionError, KeyError, AttributeError)):
            check_statement(bad)
