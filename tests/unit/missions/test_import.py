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


@pytest.mark.parametrize("build", [14, 30, CURRENT_BUILD, CURRENT_BUILD + 3])
def test_later_builds_are_read_as_they_are(build):
    mission = import_mission(BUILD_10, ids=SeededIds("first")).mission
    again = imported({**export_mission(mission), "schemaBuildNumber": build}).mission
    assert again.forces == mission.forces


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
