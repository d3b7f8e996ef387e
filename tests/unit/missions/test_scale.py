"""A thousand nodes, eight forces, ten thousand events: it plays like a small one."""

from datetime import timedelta

import pytest
from tests.unit.missions.world import OWNER, Play

from stoa.kernel.ids import SeededIds
from stoa.missions import commands as c
from stoa.missions.engine import fold, restore, snapshot, state_hash
from stoa.missions.missionfile import mission_from
from stoa.missions.model import DEFAULT_FORCE_NAMES
from stoa.missions.views import Viewer, session_view

PLACES = 1_000


def big_mission():
    structure = {}
    levels = [structure]
    for index in range(PLACES):
        at = levels[index // 4]
        at[f"k{index}"] = {}
        levels.append(at[f"k{index}"])
    prototypes = [{"_id": f"p{index}", "structureKey": f"k{index}"} for index in range(PLACES)]
    forces = [
        {
            "_id": f"f{number}",
            "name": name,
            "nodes": [
                {
                    "_id": f"n{number}-{index}",
                    "prototypeId": f"p{index}",
                    "name": f"Node {index}",
                    "executable": True,
                    "actions": [
                        {"_id": f"a{number}-{index}", "name": "Act", "processTime": 1000, "resourceCost": 0}
                    ],
                }
                for index in range(PLACES)
            ],
        }
        for number, name in enumerate(DEFAULT_FORCE_NAMES)
    ]
    return mission_from(
        {"_id": "big", "name": "Big", "structure": structure, "prototypes": prototypes, "forces": forces},
        ids=SeededIds(),
    )


@pytest.fixture(scope="module")
def play():
    play = Play(mission=big_mission())
    play.joins(OWNER)
    for number in range(16):
        play.joins(f"p{number}")
    play.does(OWNER, c.Start())
    return play


def test_everybody_has_a_force_and_sees_its_roots(play):
    for number in range(16):
        (force,) = play.view(f"p{number}")["mission"]["forces"]
        assert force["_id"] == f"f{number % 8}"
        assert len(force["nodes"]) == 4
    assert sum(len(one["nodes"]) for one in play.view(OWNER)["mission"]["forces"]) == 8 * PLACES


def test_ten_thousand_events_fold_to_the_live_state(play):
    began, start = len(play.journal), play.exercise
    turn = 0
    while len(play.journal) < began + 10_000:
        play.now += timedelta(milliseconds=1001)
        force = turn % 8
        play.executes(f"p{force}", f"a{force}-{turn // 8 % 4}")
        turn += 1
    live = state_hash(play.exercise)
    assert state_hash(fold(play.journal[began:], start)) == live
    assert state_hash(restore(snapshot(play.exercise))) == live
    assert len(session_view(play.exercise, Viewer.reviewer("x"))["mission"]["forces"]) == 8
