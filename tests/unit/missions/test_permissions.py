"""Every role, every command, every state: allowed, or refused with the protocol's number."""

import pytest
from tests.unit.missions.world import BOSS, OWNER, STUDENT, actor, cast, person

from stoa.kernel.errors import StoaError
from stoa.missions import commands as c
from stoa.missions.errors import number_of
from stoa.missions.model import Cheats, Role, SessionState

ROLES = {
    "manager": OWNER,
    "participant": "red",
    "observer": "watcher",
    "observer_limited": "shadow",
    "nobody": "stranger",
}
COMMANDS = {
    "start": lambda _: c.Start(),
    "end": lambda _: c.End(),
    "reset": lambda _: c.Reset(),
    "config": lambda _: c.UpdateConfig(name="Other"),
    "kick": lambda play: c.Kick(play.member("blue").id),
    "ban": lambda play: c.Ban(play.member("blue").id),
    "unban": lambda _: c.Unban("villain"),
    "assign-force": lambda play: c.AssignForce(play.member("blue").id, "red"),
    "assign-role": lambda play: c.AssignRole(play.member("blue").id, Role.OBSERVER),
    "open": lambda _: c.OpenNode("red-root"),
    "execute": lambda _: c.ExecuteAction("red-gate-a1"),
    "look": lambda _: c.SendOutput("red-root"),
    "chat": lambda _: c.SendChat("all", "hello"),
    "quit": lambda _: c.Quit(),
    "invite": lambda _: c.Invite(("friend",)),
    "destroy": lambda _: c.Destroy(),
    "complete": lambda _: c.Complete(),
}
OK = None
# (unstarted, started, ended) for each role
MANAGED = {
    "manager": (OK, OK, 20004),
    "participant": (20005,) * 3,
    "observer": (20005,) * 3,
    "observer_limited": (20005,) * 3,
    "nobody": (20004,) * 3,
}
PLAYED = {
    "manager": (20004, OK, 20004),
    "participant": (20004, OK, 20004),
    "observer": (20005,) * 3,
    "observer_limited": (20005,) * 3,
    "nobody": (20004,) * 3,
}
ALWAYS = dict.fromkeys(ROLES, (OK, OK, OK))
TABLE = {
    "start": MANAGED | {"manager": (OK, 20004, 20004)},
    "end": MANAGED | {"manager": (20004, OK, 20004)},
    "reset": MANAGED | {"manager": (20004, OK, 20004)},
    "config": MANAGED | {"manager": (OK, 20004, 20004)},
    "kick": MANAGED,
    "ban": MANAGED,
    "unban": MANAGED,
    "assign-force": MANAGED,
    "assign-role": MANAGED,
    "open": PLAYED,
    "execute": PLAYED,
    "look": dict.fromkeys(ROLES, (20004, OK, 20004)) | {"nobody": (20004,) * 3},
    "chat": PLAYED | {"observer": (20004, OK, 20004)},
    "quit": dict.fromkeys(ROLES, (OK, OK, 20004)) | {"nobody": (20004,) * 3},
    "invite": MANAGED | {"nobody": (20005,) * 3},
    "destroy": ALWAYS,
    "complete": ALWAYS,
}
CASES = [
    (command, role, state, TABLE[command][role][index])
    for command in COMMANDS
    for role in ROLES
    for index, state in enumerate(SessionState)
]


def outcome(play, name, command):
    try:
        play.does(name, command)
    except StoaError as error:
        return number_of(error)
    return OK


def stage(state):
    play = cast()
    play.joins("villain")
    play.does(OWNER, c.Ban(play.member("villain").id))
    play.actors["stranger"] = actor("stranger", STUDENT)
    if state != "unstarted":
        play.does(OWNER, c.Start())
    if state == "ended":
        play.does(OWNER, c.End())
    return play


@pytest.mark.parametrize(("command", "role", "state", "expected"), CASES)
def test_who_may_do_what_when(command, role, state, expected):
    play = stage(state)
    before = play.exercise
    assert outcome(play, ROLES[role], COMMANDS[command](play)) == expected
    if expected is not OK:
        assert play.exercise is before


@pytest.mark.parametrize("name", ["red", "blue", "watcher", "chief", OWNER])
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (c.Join, 20000),
        (c.Quit, 20000),
        (c.Start, 20000),
        (c.Reset, 20000),
        (c.Destroy, 20000),
        (c.Complete, 20000),
    ],
)
def test_a_destroyed_session_is_not_there(name, command, expected):
    play = cast("started")
    play.does(None, c.Destroy())
    made = command(person(play.actors[name])) if command is c.Join else command()
    assert outcome(play, name, made) == expected


@pytest.mark.parametrize("what", [c.Kick, c.Ban])
@pytest.mark.parametrize("target", [OWNER, "chief"])
def test_managers_are_not_managed(what, target):
    play = cast()
    assert outcome(play, OWNER, what(play.member(target).id)) == 20005


@pytest.mark.parametrize(
    "command",
    [
        c.Kick("x"),
        c.Ban("x"),
        c.AssignForce("x", "red"),
        c.AssignRole("x", Role.OBSERVER),
        c.Unban("x"),
    ],
)
def test_an_unknown_member_is_20400_and_only_after_the_permission(command):
    play = cast()
    assert outcome(play, OWNER, command) == 20400
    assert outcome(play, "red", command) == 20005


def test_a_role_of_a_manager_can_not_be_taken():
    play = cast()
    assert outcome(play, OWNER, c.AssignRole(play.member("chief").id, Role.PARTICIPANT)) == 20005


@pytest.mark.parametrize("target", ["watcher", "chief", OWNER])
def test_only_the_assignable_take_a_force(target):
    play = cast()
    assert outcome(play, OWNER, c.AssignForce(play.member(target).id, "red")) == 20005


def test_an_unknown_force_is_refused_by_its_name():
    play = cast()
    with pytest.raises(StoaError, match="purple") as caught:
        play.does(OWNER, c.AssignForce(play.member("red").id, "purple"))
    assert number_of(caught.value) == 10001
    assert caught.value.faults[0].field == "forceId"


PLAY_CHECKS = [
    # who, command, number: in the protocol's order
    ("watcher", c.OpenNode("nowhere"), 20005),
    ("red", c.OpenNode("nowhere"), 20100),
    ("red", c.OpenNode("blue-root"), 20005),
    ("red", c.OpenNode("red-ghost"), 20101),
    ("white", c.OpenNode("white-root"), 20101),
    ("red", c.OpenNode("red-vault"), 20103),
    ("red", c.ExecuteAction("nothing"), 20200),
    ("red", c.ExecuteAction("blue-root-a1"), 20005),
    ("red", c.ExecuteAction("red-safe-a1"), 20102),
    ("red", c.ExecuteAction("red-ghost-a1"), 20102),
    ("red", c.ExecuteAction("red-vault-a1"), 20103),
    (OWNER, c.ExecuteAction("red-vault-a1"), 20103),
    ("red", c.SendOutput("nowhere"), 20100),
    ("red", c.SendOutput("blue-root"), 20005),
    ("red", c.SendOutput("red-vault"), 20103),
    ("red", c.SendOutput("red-ghost"), 20103),
    ("red", c.SendChat("nowhere", "x"), 20500),
    ("red", c.SendChat("blue", "x"), 20500),
    ("shadow", c.SendChat("red", "x"), 20005),
    (OWNER, c.SendChat("blue", "x"), None),
    (OWNER, c.OpenNode("red-vault"), None),
    ("white", c.ExecuteAction("white-cellar-a1"), None),
    ("red", c.SendOutput("red-gate"), None),
]


@pytest.mark.parametrize(("name", "command", "expected"), PLAY_CHECKS)
def test_what_the_board_allows(name, command, expected):
    assert outcome(cast("started"), name, command) == expected


def test_an_opened_node_does_not_open_again():
    play = cast("started")
    play.opens("red", "red-root")
    assert outcome(play, "red", c.OpenNode("red-root")) == 20101


def test_one_action_runs_on_a_node():
    play = cast("started")
    play.executes("red", "red-lab-a1")
    assert outcome(play, "red", c.ExecuteAction("red-lab-a2")) == 20202
    play.passes(milliseconds=1000)
    assert outcome(play, "red", c.ExecuteAction("red-lab-a2")) is OK


def test_a_force_pays_what_it_has():
    play = cast("started")
    for _ in range(10):
        play.executes("red", "red-gate-a1")
        play.waits(seconds=1)
    assert play.exercise.resources["red"] == 0
    assert outcome(play, "red", c.ExecuteAction("red-gate-a1")) == 20201
    assert outcome(play, OWNER, c.ExecuteAction("red-gate-a1", Cheats(zero_cost=True))) is OK


def test_a_force_that_may_owe_owes():
    play = cast("started")
    for _ in range(12):
        play.executes("blue", "blue-gate-a1")
        play.waits(seconds=1)
    assert play.exercise.resources["blue"] == -20


def test_infinite_resources_cost_nothing():
    play = cast("started", infinite_resources=True)
    play.executes("red", "red-gate-a1")
    assert play.exercise.resources["red"] == 100


def test_cheats_without_the_permission_are_dropped():
    play = cast("started")
    play.executes("red", "red-gate-a1", zero_cost=True, instantaneous=True, guaranteed_success=True)
    (execution,) = play.exercise.executions.values()
    assert play.exercise.resources["red"] == 90
    assert execution.end_ms - execution.start_ms == 1000
    assert not execution.guaranteed


def test_a_boss_is_manager_of_anybodys_session():
    play = cast()
    assert play.member("chief").role is Role.MANAGER
    assert BOSS
