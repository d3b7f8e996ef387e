"""What environments may ask, in the engine's words; and all of it or nothing."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.missions.test_play import cast
from tests.unit.missions.world import document, effect

from stoa.kernel.errors import InvalidError
from stoa.missions import commands as c
from stoa.missions.calls import MOST_CALLS, changes_from
from stoa.missions.environments import Context, EffectFailedError
from stoa.missions.errors import MissionInvalidError
from stoa.missions.missionfile import mission_from
from stoa.missions.targets import METIS, declared_from, declared_to, version_of

SELF = {"forceKey": "self", "nodeKey": "self", "actionKey": "self"}


def change(call, **given):
    (made,) = changes_from([{"call": call, **given}])
    return made


@pytest.mark.parametrize(
    ("call", "given", "target", "args"),
    [
        ("sendOutput", {"message": "x"}, "output", {"forceMetadata": SELF, "message": "x"}),
        ("sendOutput", {"message": "x", "force": "f"}, "output", {"forceMetadata": {"forceId": "f"}, "message": "x"}),
        ("blockNode", {}, "block-status", {"nodeMetadata": SELF, "blockStatus": "block"}),
        ("unblockNode", {"node": {"nodeKey": "n"}}, "block-status",
         {"nodeMetadata": {"nodeKey": "n"}, "blockStatus": "unblock"}),
        ("openNode", {"node": "n"}, "open-node", {"nodeMetadata": {"nodeId": "n"}, "openNode": "open"}),
        ("modifySuccessChance", {"operand": -0.29}, "success-chance-mod",
         {"actionMetadata": SELF, "successChance": -29}),
        ("modifyResourceCost", {"operand": -2.5, "action": "a"}, "resource-cost-mod",
         {"actionMetadata": {"actionId": "a"}, "resourceCost": -2.5}),
        ("modifyResourcePool", {"operand": 3}, "award", {"forceMetadata": SELF, "modifier": 3}),
        ("grantFileAccess", {"file": "f"}, "file-access",
         {"forceMetadata": SELF, "fileMetadata": {"fileId": "f"}, "access": "granted"}),
        ("revokeFileAccess", {"file": "f"}, "file-access",
         {"forceMetadata": SELF, "fileMetadata": {"fileId": "f"}, "access": "revoked"}),
    ],
)  # fmt: skip
def test_a_call_is_a_built_in_targets_work(call, given, target, args):
    assert change(call, **given) == c.Change(target, args)


@pytest.mark.parametrize("millis", [0, 1, -1, 999, 1_000, -61_500, 59_999, 3_599_999, 7_199_000, -7_199_000])
def test_milliseconds_come_through_to_the_last(millis):
    play = cast("started", effects_enabled=True)
    play.executes("red", "red-lab-a1")
    play.waits(seconds=1)
    execution_id, effect_id = next(iter(play.exercise.pending)).split("/")
    changes = changes_from([{"call": "modifyProcessTime", "action": "red-hall-a1", "operand": millis}])
    happened = play.does(None, c.EffectResult(effect_id, execution_id, changes))
    operands = [event.data["operand"] for event in happened if event.type == "missions.action_modified"]
    assert operands == ([millis] if millis else [])


@pytest.mark.parametrize(
    ("calls", "field"),
    [
        (None, "calls"),
        ("openNode", "calls"),
        ({"call": "openNode"}, "calls"),
        ([{"call": "openNode"}] * (MOST_CALLS + 1), "calls"),
        (["openNode"], "calls[0].call"),
        ([{}], "calls[0].call"),
        ([{"call": ["openNode"]}], "calls[0].call"),
        ([{"call": "openNode"}, {"call": "launchMissiles"}], "calls[1].call"),
        ([{"call": "sendOutput"}], "calls[0].message"),
        ([{"call": "sendOutput", "message": 7}], "calls[0].message"),
        ([{"call": "sendOutput", "message": "x" * 65_537}], "calls[0].message"),
        ([{"call": "sendOutput", "message": "\0"}], "calls[0].message"),
        ([{"call": "openNode", "message": "x"}], "calls[0].message"),
        ([{"call": "modifySuccessChance", "operand": 1.1}], "calls[0].operand"),
        ([{"call": "modifySuccessChance", "operand": float("nan")}], "calls[0].operand"),
        ([{"call": "modifyProcessTime", "operand": 7_199_001}], "calls[0].operand"),
        ([{"call": "modifyResourcePool", "operand": -1}], "calls[0].operand"),
        ([{"call": "modifyResourcePool", "operand": "7"}], "calls[0].operand"),
    ],
)
def test_calls_that_make_no_sense_are_named(calls, field):
    with pytest.raises(MissionInvalidError) as caught:
        changes_from(calls)
    assert field in [fault.field for fault in caught.value.faults]


def test_what_is_half_right_is_not_half_done():
    play = cast("started", effects_enabled=True)
    play.executes("red", "red-lab-a1")
    play.waits(seconds=1)
    execution_id, effect_id = next(iter(play.exercise.pending)).split("/")
    calls = [
        {"call": "modifyResourcePool", "operand": 7},
        {"call": "blockNode", "node": "blue-root"},
        {"call": "openNode", "node": "nowhere"},
    ]
    before = play.exercise.resources
    happened = play.does(None, c.EffectResult(effect_id, execution_id, changes_from(calls)))
    assert [event.type for event in happened] == ["missions.effect_failed"]
    assert play.exercise.resources == before


# --- declarations ------------------------------------------------------------------------------------------------


def test_a_declaration_comes_back_as_it_went():
    assert declared_from(declared_to(METIS)) == METIS


def damaged(*path, value):
    plain = declared_to(METIS)
    place = plain
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return plain


@pytest.mark.parametrize(
    "plain",
    [
        None,
        [],
        {},
        damaged("_id", value="no id!"),
        damaged("version", value="1.0"),
        damaged("targets", value=[]),
        damaged("targets", value=declared_to(METIS)["targets"][:1] * 2),
        damaged("targets", 0, "args", value=declared_to(METIS)["targets"][0]["args"][:1] * 2),
        damaged("targets", 0, "args", 0, "type", value="colour"),
        damaged("targets", 1, "args", 1, "options", value=[]),
        damaged("targets", 0, "args", 0, "min", value="low"),
        damaged("targets", 0, "args", 0, "script", value="x"),
        damaged("targets", 0, "args", 0, "dependencies", value=[{"argId": "other", "condition": "truthy"}]),
        damaged("targets", 0, "args", 0, "dependencies", value=[{"argId": "message", "condition": "green"}]),
    ],
)
def test_a_damaged_declaration_is_refused(plain):
    with pytest.raises(InvalidError):
        declared_from(plain)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.0.0", (1, 0, 0)),
        ("0.12.3", (0, 12, 3)),
        ("", None),
        ("1.0", None),
        ("1.-1.0", None),
        ("a.b.c", None),
    ],
)
def test_versions(text, numbers):
    assert version_of(text) == numbers


def test_an_environment_that_is_not_there_is_no_fault_of_the_mission():
    made = document()
    made["forces"][0]["nodes"][8]["actions"][0]["effects"] = [effect("t1", "x", environment="elsewhere", y=1)]
    assert mission_from(made)


# --- the page's example ------------------------------------------------------------------------------------------


def test_the_example_in_the_docs_works():
    page = (Path(__file__).parents[3] / "docs/missions.md").read_text()
    space = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], space)
    siren = space["SIREN"]
    assert declared_from(declared_to(siren)).by_id["sound"].args[0].required
    facts = ("session", "mission", "force", "node", "action", "effect")
    given = {key: {"_id": "x", "name": "Gate"} for key in facts}
    args = {"where": {"nodeId": "n"}}
    context = Context(target_id="sound", args=args, call_id="c", attempt=1, seconds=9, **given)
    siren.scripts["sound"](context)
    assert [one.target_id for one in changes_from(context.calls)] == ["output", "block-status"]
    with pytest.raises(EffectFailedError, match="loud"):
        siren.scripts["sound"](replace(context, args={**args, "volume": 11}))
