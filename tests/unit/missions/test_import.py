"""Old files come in whole, or stay out with the reason."""

import copy
import json
from pathlib import Path

import pytest
from tests.unit.missions.world import OWNER, Play

from stoa.kernel.ids import SeededIds
from stoa.missions import commands as c
from stoa.missions.engine import fold, state_hash
from stoa.missions.errors import MissionInvalidError
from stoa.missions.missionfile import CURRENT_BUILD, export_mission, import_mission, mission_from, mission_to
from stoa.missions.model import Status

DATA = Path(__file__).parents[2] / "data" / "missions"
BUILD_10 = json.loads((DATA / "build-10.metis").read_bytes())
BUILD_4 = json.loads((DATA / "build-4.metis").read_bytes())


def imported(old):
    return import_mission(old, ids=SeededIds())


def refused(old):
    with pytest.raises(MissionInvalidError) as caught:
        imported(old)
    return {fault.field: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize(("name", "nodes", "build"), [("build-10.metis", 36, 10), ("build-4.metis", 1, 4)])
def test_the_real_files_import(name, nodes, build):
    result = import_mission((DATA / name).read_bytes(), ids=SeededIds())
    assert len(result.mission.forces[0].nodes) == nodes
    assert result.build == build
    assert mission_from(mission_to(result.mission)) == result.mission


def test_everything_is_kept():
    mission = imported(BUILD_10).mission
    (force,) = mission.forces
    assert (mission.name, mission.seed, force.name) == (
        "Attack Mission",
        "63d1b3a61df731ad224bebc0",
        "Friendly",
    )
    assert force.initial_resources == 50
    keys = {one.id: one.structure_key for one in mission.prototypes}
    for old, node in zip(BUILD_10["nodeData"], force.nodes, strict=True):
        assert keys[node.prototype_id] == old["nodeID"]
        assert (node.name, node.color, node.executable, node.device) == (
            old["name"],
            old["color"],
            old["executable"],
            old["device"],
        )
        for was, action in zip(old["actions"], node.actions, strict=True):
            assert (action.name, action.process_ms, action.chance, action.cost) == (
                was["name"],
                was["processTime"],
                was["successChance"],
                was["resourceCost"],
            )
            assert action.success_text == was["postExecutionSuccessText"]
    assert mission.structure == BUILD_10["nodeStructure"]


def test_ids_are_fresh():
    one, other = imported(BUILD_10).mission, import_mission(BUILD_10, ids=SeededIds("else")).mission
    assert one.forces[0].nodes[0].id != other.forces[0].nodes[0].id
    assert one.forces[0].nodes[0].actions[0].id != BUILD_10["nodeData"][0]["actions"][0]["actionID"]


def test_scripts_become_notes():
    old = copy.deepcopy(BUILD_10)
    old["nodeData"][2]["actions"][1]["scripts"] = [{"scriptName": "BlinkLights", "args": ["x"]}]
    result = imported(old)
    (note,) = result.notes
    assert note["path"] == "nodeData[2].actions[1]"
    assert note["scripts"][0]["scriptName"] == "BlinkLights"
    assert note["actionId"] == result.mission.forces[0].nodes[2].actions[1].id


def test_what_has_no_place_is_noted():
    old = {**copy.deepcopy(BUILD_4), "liveAjax": True}
    assert imported(old).notes == ({"path": "liveAjax", "dropped": True},)


def test_an_intro_message_is_the_forces():
    old = {**copy.deepcopy(BUILD_4), "introMessage": "<p>Hello</p>"}
    assert imported(old).mission.forces[0].intro == "<p>Hello</p>"


@pytest.mark.parametrize("build", range(1, 14))
def test_every_single_force_build_imports(build):
    assert len(imported({**BUILD_10, "schemaBuildNumber": build}).mission.forces[0].nodes) == 36


@pytest.mark.parametrize("build", [14, 30, CURRENT_BUILD, CURRENT_BUILD + 3, 60])
def test_what_has_forces_and_prototypes_is_read_as_it_is(build):
    mission = import_mission(BUILD_10, ids=SeededIds("first")).mission
    again = imported({**export_mission(mission), "schemaBuildNumber": build}).mission
    assert again.forces == mission.forces


def file_of(build):
    """One mission as METIS wrote it in ``build``: two nodes, and from 23 on two forces."""
    target = {
        "name": "Tell",
        "targetId": "output",
        "environmentId": "METIS",
        "targetEnvironmentVersion": "0.1",
    }
    effect = target | {
        "description": "<p><br></p>",
        "args": {"forceMetadata": {"forceKey": "self"}, "message": "Hi"},
    }
    action = {"name": "Scan", "processTime": 5000, "successChance": 0.5, "resourceCost": 1}
    action |= {"postExecutionSuccessText": "Yes", "postExecutionFailureText": "No"}
    if build < 20:
        action["actionID"] = "migration-generated-action"
    if build < 17:
        action["scripts"] = []
    elif build == 24:
        action |= {"internalEffects": [], "externalEffects": [effect]}
    else:
        action["effects"] = [effect | {"trigger": "success"} if build >= 36 else effect]
    keys = ("nodeID",) if build < 20 else ("structureKey",)
    color = {"color": "green" if build < 10 else "#65eb59"}
    nodes = [
        {**dict.fromkeys(keys, key), **color, "name": key, "preExecutionText": "<p><br></p>", "depthPadding": padding,
         "executable": True, "device": False, "actions": [action]}
        for key, padding in (("top", 0), ("below", 3))
    ]  # fmt: skip
    mission = {"name": "Old", "versionNumber": 2, "seed": "s", "schemaBuildNumber": build}
    mission |= {"nodeStructure": {"top": {"below": {}}}, "initialResources": 7, "introMessage": "<p>Go</p>"}
    if build < 23:
        return mission | {"nodeData": nodes}
    force = {"color": "#52b1ff", "nodes": nodes}
    forces = [copy.deepcopy(force) | {"name": name} for name in ("Friendly", "Enemy")]
    if build >= 27:
        forces = [one | {"initialResources": mission["initialResources"]} for one in forces]
        del mission["initialResources"]
    if build >= 28:
        forces = [one | {"introMessage": mission["introMessage"]} for one in forces]
        del mission["introMessage"]
    return mission | {"forces": forces}


@pytest.mark.parametrize("build", [4, 9, 10, 13, 14, 16, 17, 19, 20, 22, 23, 24, 25, 26, 27, 28])
def test_every_way_a_mission_was_written_is_read(build):
    mission = imported(file_of(build)).mission
    assert [force.name for force in mission.forces] == ["Friendly", "Enemy"][: 1 if build < 23 else 2]
    assert [(one.structure_key, one.depth_padding) for one in mission.prototypes] == [
        ("top", 0),
        ("below", 3),
    ]
    for force in mission.forces:
        assert (force.initial_resources, force.intro) == (7, "<p>Go</p>")
        assert [node.prototype_id for node in force.nodes] == [one.id for one in mission.prototypes]
        for node in force.nodes:
            assert node.color == "#65eb59"
            assert node.pre_text == ("" if build < 25 else "<p><br></p>")
            (action,) = node.actions
            assert (action.success_text, action.failure_text, action.opens_node) == ("Yes", "No", True)
            for effect in action.effects:
                assert (effect.trigger, effect.environment_version) == ("success", "0.1.0")
            assert len(action.effects) == (build >= 17)


@pytest.mark.parametrize(
    ("build", "spoil", "path"),
    [
        (16, lambda d: d["nodeData"][1].pop("nodeID"), "nodeData[1].nodeID"),
        (22, lambda d: d["nodeData"][1].pop("structureKey"), "nodeData[1].structureKey"),
        (22, lambda d: d["nodeData"][1].update(depthPadding=-1), "nodeData[1].depthPadding"),
        (22, lambda d: d["nodeStructure"]["top"].update(other={}), "nodeStructure"),
        (26, lambda d: d.update(initialResources=-1), "initialResources"),
        (27, lambda d: d["forces"][1].update(initialResources=-1), "forces[1].initialResources"),
        (
            28,
            lambda d: d["forces"][1]["nodes"][0].update(structureKey="x"),
            "forces[1].nodes[0].structureKey",
        ),
        (28, lambda d: d["forces"][1]["nodes"].pop(), "forces[1].nodes"),
        (28, lambda d: d.pop("nodeStructure"), "nodeStructure"),
        (28, lambda d: d["forces"][0].update(speed=3), "forces[0].speed"),
    ],
)
def test_a_fault_is_told_by_the_path_of_its_own_build(build, spoil, path):
    old = copy.deepcopy(file_of(build))
    spoil(old)
    assert any(one.startswith(path) for one in refused(old)), refused(old)


def newer(build, *, effect=None, action=None, node=None, **mission):
    """A mission as it is exported here, with what ``build`` wrote besides."""
    first = import_mission(file_of(28), ids=SeededIds("first")).mission
    whole = export_mission(first) | mission | {"schemaBuildNumber": build}
    whole = copy.deepcopy(whole)
    for force in whole["forces"]:
        for one in force["nodes"]:
            one.update(node or {})
            for each in one["actions"]:
                each.update(action or {})
                each["effects"] = [each["effects"][0] | (effect or {})]
    return whole


def effect_of(mission):
    return mission.forces[0].nodes[0].actions[0].effects[0]


def test_what_later_builds_only_call_otherwise_is_read():
    effect = {
        "environmentId": "metis",
        "targetEnvironmentVersion": "0.2.2",
        "targetId": "resource-pool",
        "order": 1,
    }
    effect |= {"trigger": "execution-failure"}
    effect["args"] = {"forceMetadata": {"forceKey": "self"}, "operation": "award", "amount": 5}
    more = {"action": {"type": "repeatable"}, "node": {"initiallyBlocked": False}}
    found = effect_of(imported(newer(54, effect=effect, effects=[], **more)).mission)
    assert (found.environment_id, found.target_id, found.environment_version) == ("METIS", "award", "0.2.0")
    assert (found.trigger, found.args) == ("failure", {"forceMetadata": {"forceKey": "self"}, "modifier": 5})
    opening = {"targetId": "open-state", "args": {"nodeMetadata": {"nodeKey": "self"}, "openState": "open"}}
    found = effect_of(imported(newer(52, effect=opening)).mission)
    assert (found.target_id, found.args) == (
        "open-node",
        {"nodeMetadata": {"nodeKey": "self"}, "openNode": "open"},
    )


def test_effects_that_are_numbered_come_in_their_order():
    whole = newer(51)
    actions = whole["forces"][0]["nodes"][0]["actions"]
    one = actions[0]["effects"][0]
    actions[0]["effects"] = [one | {"_id": f"e{n}", "localKey": str(n), "order": n} for n in (3, 1, 2)]
    found = imported(whole).mission.forces[0].nodes[0].actions[0].effects
    assert [effect.id for effect in found] == ["e1", "e2", "e3"]


IN_ACTION = "forces[0].nodes[0].actions[0]"


@pytest.mark.parametrize(
    ("whole", "path"),
    [
        (newer(46, action={"type": "single-use"}), f"{IN_ACTION}.type"),
        (newer(47, node={"initiallyBlocked": True}), "forces[0].nodes[0].initiallyBlocked"),
        (newer(51, effect={"trigger": "session-setup"}), f"{IN_ACTION}.effects[0].trigger"),
        (newer(51, effects=[{"name": "x"}]), "effects"),
        (newer(52, effect={"targetId": "open-state", "args": {"openState": "close"}}), f"{IN_ACTION}.effects[0].args.openState"),
        (newer(53, effect={"environmentId": "metis", "targetId": "resource-pool", "args": {"operation": "set"}}),
         f"{IN_ACTION}.effects[0].args.operation"),
        (newer(55, resources=[]), "resources"),
    ],
)  # fmt: skip
def test_what_later_builds_can_do_and_this_one_not_is_refused(whole, path):
    assert path in refused(whole)


@pytest.mark.parametrize("build", [None, "10", 0, -1, 1.5, True, 10**9])
def test_without_a_build_number_it_stays_out(build):
    old = {**BUILD_4, "schemaBuildNumber": build}
    assert set(refused(old)) == {"schemaBuildNumber"}


def broken(*way, value):
    old = copy.deepcopy(BUILD_10)
    at = old
    for step in way[:-1]:
        at = at[step]
    if value is None:
        del at[way[-1]]
    else:
        at[way[-1]] = value
    return old


@pytest.mark.parametrize(
    ("old", "path"),
    [
        (broken("name", value=None), "name"),
        (broken("nodeData", value=None), "nodeData"),
        (broken("nodeData", value={}), "nodeData"),
        (broken("nodeData", value=[]), "nodeData"),
        (broken("nodeStructure", value=None), "nodeStructure"),
        (broken("nodeStructure", "1", value=5), "nodeStructure.1"),
        (broken("nodeStructure", "zzz", value={}), "nodeStructure"),
        (broken("initialResources", value=-5), "initialResources"),
        (broken("nodeData", 3, value=7), "nodeData[3]"),
        (broken("nodeData", 3, "nodeID", value=None), "nodeData[3].nodeID"),
        (broken("nodeData", 3, "nodeID", value="1"), "nodeData[3].nodeID"),
        (broken("nodeData", 3, "nodeID", value="zzz"), "nodeData[3].nodeID"),
        (broken("nodeData", 3, "name", value=""), "nodeData[3].name"),
        (broken("nodeData", 3, "color", value="red"), "nodeData[3].color"),
        (broken("nodeData", 3, "depthPadding", value=-1), "nodeData[3].depthPadding"),
        (broken("nodeData", 3, "actions", value=5), "nodeData[3].actions"),
        (broken("nodeData", 3, "actions", value=["x"]), "nodeData[3].actions[0]"),
        (
            broken("nodeData", 3, "actions", 2, "successChance", value=3),
            "nodeData[3].actions[2].successChance",
        ),
        (
            broken("nodeData", 3, "actions", 2, "processTime", value="soon"),
            "nodeData[3].actions[2].processTime",
        ),
        (broken("seed", value=5), "seed"),
    ],
)
def test_a_faulty_file_is_refused_with_the_path_that_it_has_itself(old, path):
    assert path in refused(old)


def test_the_file_of_36_nodes_plays():
    play = Play(mission=imported(BUILD_10).mission)
    play.joins(OWNER)
    play.joins("player")
    play.does(OWNER, c.Start())
    (force,) = play.exercise.mission.forces
    seen = {n["name"] for f in play.view("player")["mission"]["forces"] for n in f["nodes"]}
    assert "Cellular Network" not in seen
    for node in force.nodes:
        if play.exercise.openable(node) and not node.executable:
            play.opens(OWNER, node.id)
    for node in force.nodes:
        for action in node.actions if node.executable and play.exercise.revealed(node) else ():
            if action.cost <= play.exercise.resources[force.id]:
                play.executes("player", action.id)
                play.waits(minutes=2)
    outcomes = {one.status for one in play.exercise.executions.values()}
    assert outcomes == {Status.SUCCESS, Status.FAILURE}
    assert play.exercise.resources[force.id] < 5
    assert len(play.view("player")["mission"]["forces"][0]["nodes"]) == 36
    assert state_hash(fold(play.journal)) == state_hash(play.exercise)
