"""Every message of the protocol, right and wrong."""

import pytest
from tests.unit.missions.world import BOSS, INSTRUCTOR, OWNER, STUDENT, actor, cast, person

from stoa.kernel.errors import ForbiddenError
from stoa.missions import commands as c
from stoa.missions.errors import MissionInvalidError, number_of
from stoa.missions.model import Accessibility, Cheats, Role
from stoa.missions.rules import (
    check_delete,
    check_launch,
    check_list,
    is_listed,
    launch_from,
    may_download,
    may_review,
)

ME = person(actor("me"))
GOOD = {
    "request-join-session": {"sessionId": "abc"},
    "request-quit-session": {},
    "request-start-session": {},
    "request-end-session": {},
    "request-reset-session": {},
    "request-config-update": {"config": {"name": "x"}},
    "request-kick": {"memberId": "m"},
    "request-ban": {"memberId": "m"},
    "request-unban": {"userId": "u"},
    "request-assign-force": {"memberId": "m", "forceId": "f"},
    "request-assign-role": {"memberId": "m", "roleId": "observer"},
    "request-open-node": {"nodeId": "n"},
    "request-execute-action": {"actionId": "a"},
    "request-send-output": {"key": "pre-execution", "nodeId": "n"},
    "request-send-chat-message": {"channelId": "all", "message": "hi"},
}
MADE = {
    "request-join-session": c.Join(ME),
    "request-config-update": c.UpdateConfig(name="x"),
    "request-assign-force": c.AssignForce("m", "f"),
    "request-assign-role": c.AssignRole("m", Role.OBSERVER),
    "request-execute-action": c.ExecuteAction("a"),
    "request-send-chat-message": c.SendChat("all", "hi"),
}


def faults(method, data):
    with pytest.raises(MissionInvalidError) as caught:
        c.command_from(method, data, person=ME)
    assert number_of(caught.value) == 10001
    return {one.field for one in caught.value.faults}


def test_every_request_is_tried_here():
    assert set(GOOD) == set(c.methods())


@pytest.mark.parametrize("method", GOOD)
def test_a_good_message_is_a_command(method):
    made = c.command_from(method, GOOD[method], person=ME)
    assert made == MADE.get(method, made)


@pytest.mark.parametrize(("method", "key"), [(m, k) for m, data in GOOD.items() for k in data])
def test_a_missing_field_is_named(method, key):
    data = {k: v for k, v in GOOD[method].items() if k != key}
    assert key in faults(method, data)


@pytest.mark.parametrize("value", [5, True, [], {}, 1.5, "\ud800", "x" * 70_000, "a\0"])
@pytest.mark.parametrize(("method", "key"), [(m, k) for m, data in GOOD.items() for k in data])
def test_a_wrong_value_is_named(method, key, value):
    if key == "config" and value == {}:
        assert c.command_from(method, {"config": {}}, person=ME) == c.UpdateConfig()
        return
    assert any(one.startswith(key) for one in faults(method, {**GOOD[method], key: value}))


@pytest.mark.parametrize("method", GOOD)
def test_an_unknown_field_is_refused(method):
    assert faults(method, {**GOOD[method], "extra": 1}) == {"extra"}


@pytest.mark.parametrize("data", [None, [], "x", 5])
@pytest.mark.parametrize("method", GOOD)
def test_data_is_an_object(method, data):
    assert "" in faults(method, data)


@pytest.mark.parametrize("method", ["", "request-explode", "error", "session-started"])
def test_an_unknown_method_is_refused(method):
    assert faults(method, {}) == {"method"}


def test_a_force_may_be_taken_away():
    assert c.command_from(
        "request-assign-force", {"memberId": "m", "forceId": None}, person=ME
    ) == c.AssignForce("m", None)


@pytest.mark.parametrize(
    ("config", "made"),
    [
        ({"accessibility": "invite-only"}, c.UpdateConfig(accessibility=Accessibility.INVITE_ONLY)),
        (
            {"autoAssign": False, "effectsEnabled": True},
            c.UpdateConfig(auto_assign=False, effects_enabled=True),
        ),
        ({"infiniteResources": True}, c.UpdateConfig(infinite_resources=True)),
        ({"name": "  "}, c.UpdateConfig()),
    ],
)
def test_configuration(config, made):
    assert c.command_from("request-config-update", {"config": config}, person=ME) == made


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"accessibility": "testing"}, "config.accessibility"),
        ({"accessibility": "secret"}, "config.accessibility"),
        ({"accessibility": 5}, "config.accessibility"),
        ({"autoAssign": "yes"}, "config.autoAssign"),
        ({"name": "x" * 176}, "config.name"),
        ({"name": None}, "config.name"),
        ({"autoAssign": None}, "config.autoAssign"),
        ({"accessibility": None}, "config.accessibility"),
        ({"capacity": 5}, "config.capacity"),
        (None, "config"),
    ],
)
def test_bad_configuration(config, field):
    assert field in faults("request-config-update", {"config": config})


def test_cheats():
    data = {"actionId": "a", "cheats": {"zeroCost": True, "guaranteedSuccess": True}}
    made = c.command_from("request-execute-action", data, person=ME)
    assert made.cheats == Cheats(zero_cost=True, guaranteed_success=True)


@pytest.mark.parametrize(
    ("cheats", "field"),
    [
        ([], "cheats"),
        (None, "cheats"),
        ({"zeroCost": "yes"}, "cheats.zeroCost"),
        ({"immortal": True}, "cheats.immortal"),
    ],
)
def test_bad_cheats(cheats, field):
    assert faults("request-execute-action", {"actionId": "a", "cheats": cheats}) == {field}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<b>hi</b><script>x</script>", "<b>hi</b>"),
        ("plain", "plain"),
        ("a < b", "a &lt; b"),
    ],
)
def test_chat_is_sanitised(text, clean):
    assert (
        c.command_from("request-send-chat-message", {"channelId": "all", "message": text}, person=ME).message
        == clean
    )


@pytest.mark.parametrize("text", ["", "   ", "<script>x</script>", "x" * 2001])
def test_chat_says_something_short(text):
    assert faults("request-send-chat-message", {"channelId": "all", "message": text}) == {"message"}


def test_invitations():
    assert c.invites_from({"userIds": ["a", "b", "a"]}) == c.Invite(("a", "b"))
    for body in (
        None,
        {},
        {"userIds": "a"},
        {"userIds": [5]},
        {"userIds": [""]},
        {"userIds": ["x"] * 10_001},
    ):
        with pytest.raises(MissionInvalidError):
            c.invites_from(body)


A_MISSION = "6622" + "0" * 20
TRUE = [1, True, "1", "true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y"]
FALSE = [0, False, "0", "false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N"]


@pytest.mark.parametrize(("literal", "value"), [(x, True) for x in TRUE] + [(x, False) for x in FALSE])
@pytest.mark.parametrize("key", ["autoAssign", "infiniteResources", "effectsEnabled"])
def test_a_launch_takes_many_spellings(literal, value, key):
    mission_id, config = launch_from({"missionId": A_MISSION, key: literal, "unknown": 1})
    name = {
        "autoAssign": "auto_assign",
        "infiniteResources": "infinite_resources",
        "effectsEnabled": "effects_enabled",
    }
    assert (mission_id, getattr(config, name[key])) == (A_MISSION, value)


def test_a_launch_has_defaults():
    _, config = launch_from({"missionId": A_MISSION})
    assert (config.accessibility, config.auto_assign, config.infinite_resources, config.effects_enabled) == (
        "public",
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "missionId"),
        (None, ""),
        ([], ""),
        ({"missionId": 5}, "missionId"),
        ({"missionId": ""}, "missionId"),
        ({"missionId": "no id"}, "missionId"),
        ({"missionId": "0" * 23}, "missionId"),
        ({"missionId": A_MISSION, "autoAssign": "maybe"}, "autoAssign"),
        ({"missionId": A_MISSION, "autoAssign": None}, "autoAssign"),
        ({"missionId": A_MISSION, "autoAssign": 2}, "autoAssign"),
        ({"missionId": A_MISSION, "autoAssign": []}, "autoAssign"),
        ({"missionId": A_MISSION, "accessibility": "secret"}, "accessibility"),
        ({"missionId": A_MISSION, "accessibility": 5}, "accessibility"),
        ({"missionId": A_MISSION, "name": "x" * 176}, "name"),
        ({"missionId": A_MISSION, "capacity": 0}, "capacity"),
    ],
)
def test_a_bad_launch_is_refused(body, field):
    with pytest.raises(MissionInvalidError) as caught:
        launch_from(body)
    assert field in {one.field for one in caught.value.faults}


def allowed(check, *args, **kwargs):
    try:
        check(*args, **kwargs)
    except ForbiddenError:
        return False
    return True


@pytest.mark.parametrize(
    ("permissions", "may"),
    [
        ({"sessions_write_native", "missions_read"}, True),
        ({"sessions_write_foreign", "missions_read"}, True),
        ({"sessions_write", "missions_read"}, True),
        ({"sessions_write"}, False),
        ({"missions_read"}, False),
        (set(), False),
    ],
)
def test_launching(permissions, may):
    assert allowed(check_launch, actor("a", permissions)) is may


@pytest.mark.parametrize(("permissions", "may"), [(STUDENT, True), (set(), False)])
def test_listing(permissions, may):
    assert allowed(check_list, actor("a", permissions)) is may


@pytest.mark.parametrize(
    ("permissions", "own", "foreign"),
    [
        ({"sessions_write_native"}, True, False),
        ({"sessions_write_foreign"}, False, True),
        (BOSS, True, True),
        (STUDENT, False, False),
    ],
)
def test_deleting_and_reviewing(permissions, own, foreign):
    one = actor("a", permissions)
    assert (allowed(check_delete, one, owner_id="a"), allowed(check_delete, one, owner_id="b")) == (
        own,
        foreign,
    )
    assert may_review(one, owner_id="b") is foreign


@pytest.mark.parametrize("accessibility", Accessibility)
@pytest.mark.parametrize(
    ("name", "permissions", "always"),
    [
        ("boss", BOSS, True),
        (OWNER, INSTRUCTOR, True),
        ("other", INSTRUCTOR, False),
        ("student", STUDENT, False),
    ],
)
def test_who_finds_it_in_the_list(accessibility, name, permissions, always):
    listed = is_listed(actor(name, permissions), accessibility=accessibility, owner_id=OWNER)
    assert listed is (always or accessibility is Accessibility.PUBLIC)


@pytest.mark.parametrize(
    ("name", "permissions", "may"),
    [
        ("red", STUDENT, True),
        ("blue", STUDENT, False),
        ("watcher", STUDENT, True),
        (OWNER, STUDENT, True),
        ("stranger", STUDENT, False),
        ("stranger", {"files_read"}, True),
    ],
)
def test_downloading(name, permissions, may):
    play = cast("started")
    member = play.member(name)
    assert may_download(play.exercise, file_id="map", member=member, actor=actor(name, permissions)) is may
