"""Effects that call target environments, which are installed, slow, broken or hostile."""

import asyncio
import os
import subprocess
from datetime import timedelta

import pytest
from tests.support.environments import install, noted
from tests.support.outside import SECONDS, Outside
from tests.unit.missions.world import document, effect

from stoa.missions.outside import Caller, Limits
from stoa.platform.timers import Sweeper

pytestmark = pytest.mark.anyio
SERVED = ("missions",)
ROOT = "/api/v1/sessions"
ENVIRONMENTS = "/api/v1/target-environments/"


@pytest.fixture
def trial(request, tmp_path, monkeypatch):
    place, notes = install(tmp_path, broken=hasattr(request, "param"))
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("TRIAL_NOTES", str(notes))
    monkeypatch.setenv("STOA_DATABASE", "a secret of the server's")
    return notes


@pytest.fixture
async def outside(house, trial):
    made = Outside(house)
    await made.installed.find()
    yield made
    await made.close()


@pytest.fixture
async def bare(house):
    """Nothing is installed but what comes with Stoa."""
    made = Outside(house)
    yield made
    await made.close()


# --- what is installed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", ["broken"], indirect=True)
async def test_what_is_installed_is_listed_and_what_is_broken_is_left_out(house, trial):
    outside = Outside(house, seconds=5)  # what hangs while it is loaded is given up then
    await outside.installed.find()
    async with house.client("ines.teacher") as teacher:
        listed = {one["_id"]: one for one in (await teacher.get(ENVIRONMENTS)).json()}
    await outside.close()
    assert list(listed) == ["METIS", "webhook", "trial"]
    trial = listed["trial"]
    assert (trial["version"], trial["name"], trial["description"]) == ("2.0.0", "Trial", "For tests.")
    (ring,) = (target for target in trial["targets"] if target["_id"] == "ring")
    assert ring["args"] == [
        {"_id": "seconds", "name": "Seconds", "type": "number", "required": False, "default": 0, "min": 0, "max": 60},
        {"_id": "tone", "name": "Tone", "type": "dropdown", "required": False, "options": [
            {"_id": "low", "name": "Low", "value": "low"}, {"_id": "high", "name": "High", "value": "high"},
        ]},
        {"_id": "where", "name": "Where", "type": "node", "required": True, "groupingId": "place",
         "dependencies": [{"argId": "tone", "condition": "equals", "values": ["high"]}], "tooltipDescription": "Whose."},
        {"_id": "loud", "name": "Loud", "type": "boolean", "required": False},
    ]  # fmt: skip


async def test_old_arguments_are_migrated_by_their_environment(house, outside):
    old = {
        "targetId": "ring", "environmentId": "trial", "effectEnvVersion": "1.0.0", "effectArgs": {"pause": 3},
    }  # fmt: skip
    async with house.client("ines.teacher") as teacher:
        url = f"{ENVIRONMENTS}migrate/effect-args"
        answer = await teacher.post(url, json=old)
        assert answer.json() == {"resultingVersion": "2.0.0", "resultingArgs": {"seconds": 3, "loud": True}}
        answer = await teacher.post(
            url, json=old | {"effectEnvVersion": "1.5.0", "effectArgs": {"loud": False}}
        )
        assert answer.json()["resultingArgs"] == {"loud": False}
        broken = await teacher.post(url, json=old | {"effectArgs": {}})
        assert (broken.status_code, "KeyError" in broken.text) == (503, True)
        assert (await teacher.post(url, json=old | {"effectEnvVersion": "3.0.0"})).status_code == 400


@pytest.mark.parametrize(
    ("target", "args", "version", "wrong"),
    [
        ("ring", {"seconds": 61}, "", "args.seconds"),
        ("ring", {"tone": "shrill"}, "2.0.0", "args.tone"),
        ("ring", {"loud": "very"}, "", "args.loud"),
        ("ring", {"volume": 11}, "", "args.volume"),
        ("ring", {"tone": "high"}, "", "args.where"),
        ("ring", {"tone": "high", "where": {"nodeId": "nowhere"}}, "", "args.where"),
        ("whisper", {}, "", "targetId"),
        ("ring", {"tone": "low", "seconds": 60, "loud": True}, "", None),
        ("ring", {"pause": 3}, "1.0.0", None),
    ],
)
async def test_effects_are_checked_against_what_their_target_declares(
    house, outside, target, args, version, wrong
):
    made = {key: value for key, value in document().items() if key != "_id"}
    asked = effect("t1", target, environment="trial", **args) | {"targetEnvironmentVersion": version}
    made["forces"][0]["nodes"][8]["actions"][0]["effects"] = [asked]
    async with house.client("ada.admin") as admin:
        answer = await admin.post("/api/v1/missions/", json=made)
    if wrong is None:
        assert answer.status_code == 200, answer.text
    else:
        path = f"forces[0].nodes[8].actions[0].effects[0].{wrong}"
        assert [one["field"] for one in answer.json()["error"]["errors"]] == [path]


# --- calls -------------------------------------------------------------------------------------------------------


async def test_an_environment_does_what_the_context_offers(outside, trial):
    await outside.play("ring")
    assert outside.count("effect_requested") == 1
    await outside.settle()
    assert outside.failures() == []
    assert outside.count("effect_enacted") == 1
    assert outside.timers() == []
    kinds = [entry.type.partition(".")[2] for entry in outside.entries()]
    assert kinds[kinds.index("effect_requested") + 1 :] == [
        "output_sent", "block_changed", "node_opened", "action_modified", "action_modified", "action_modified",
        "resources_awarded", "file_access_changed", "file_access_changed", "effect_enacted",
    ]  # fmt: skip
    modified = [entry.data for entry in outside.entries() if entry.type == "missions.action_modified"]
    assert [(one["field"], one["operand"]) for one in modified] == [
        ("successChance", -0.25), ("processTime", 61_500), ("resourceCost", 2),
    ]  # fmt: skip
    (told,) = [one for one in outside.outputs() if "ring" in one["message"]]
    assert told["message"] == "<b>ring</b> Action 1 of red gate"
    (begun, over) = noted(trial)
    assert begun[:4] == ["begun", f"{outside.session_id}/{execution(outside)}/t0", 1, {}]
    assert over[0] == "over"


def execution(outside):
    return next(e for e in outside.entries() if e.type == "missions.effect_requested").data["execution_id"]


BROKEN = {
    "raise": "Trial: It raised ValueError.",
    "unsayable": "Trial: It raised TypeError.",
    "nonsense": "Trial: Its answer makes no sense: calls[0].call: must be one of",
    "lost": "The node is not in this mission.",
    "flood": "Trial: It answered more than 1048576 bytes.",
    "kill": "Trial: Its process ended.",
    "fail": "Trial: The siren is out of order.",
}


@pytest.mark.parametrize("target", sorted(BROKEN))
async def test_one_that_breaks_is_journalled_and_told_to_managers_alone(house, outside, target):
    await outside.play(target, "babble")
    await outside.settle()
    (reason,) = outside.failures()
    assert reason.startswith(BROKEN[target])
    assert "secret" not in str(outside.house.dump()["journal"])
    # the one beside it is heard all the same, and nothing of the broken one has happened
    assert outside.count("effect_enacted") == 1
    assert outside.count("resources_awarded") == 0
    assert outside.timers() == []
    async with house.client("ines.teacher") as teacher, house.client("rod.student") as student:
        url = f"{ROOT}/{outside.session_id}/journal"
        assert BROKEN[target] in (await teacher.get(url)).text
        assert "effect_failed" not in (await student.get(url)).text
        assert "20300" not in (await student.get(url)).text


@pytest.mark.parametrize("target", ["sleep", "spin"])
async def test_one_that_never_ends_is_killed_with_all_it_started(outside, trial, target):
    await outside.play(target)
    outside.installed.limits = Limits(seconds=1)
    await outside.settle()
    assert outside.failures() == ["Trial: It did not answer within 1 seconds."]
    while str(trial) in processes():  # a process that was killed is gone a moment later
        await asyncio.sleep(0.01)
    children = [line for line in processes().splitlines() if line.split()[0] == str(os.getpid())]
    assert [line for line in children if "trial_environment" in line] == []


def processes():
    return subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout


async def test_a_stuck_one_holds_up_nobody(house, outside):
    await outside.play(
        "sleep",
        "sleep",
        "sleep",
        ("METIS", "output", {"forceMetadata": {"forceKey": "self"}, "message": "now"}, {}),
    )
    outside.installed.limits = Limits(seconds=SECONDS, workers=2)
    await outside.sweeper.sweep()  # two are called, one waits for a place; nothing of it is waited for
    assert any(one["message"] == "now" for one in outside.outputs())
    await outside.command("rod.student", "send-output", {"key": "pre-execution", "nodeId": "red-root"})
    house.clock.advance(timedelta(seconds=1))
    await Sweeper(house.storage, house.clock, {}).sweep()
    assert (await outside.view())["state"] == "started"
    assert len(outside.timers()) == 3


async def test_calls_wait_for_a_place_and_then_go_at_once(outside, trial):
    outside.installed.limits = Limits(seconds=SECONDS, workers=1)
    await outside.play(*[("trial", "ring", {"seconds": 0.2}, {})] * 4)
    await outside.settle()
    assert outside.count("effect_enacted") == 4
    whats = [what for what, *_ in noted(trial)]
    assert whats == ["begun", "over"] * 4


async def test_what_is_asked_to_be_called_again_is_later_and_later(house, outside, trial):
    outside.installed.limits = Limits(seconds=SECONDS, tries=3)
    await outside.play("again")
    for wait in (0, 1, 2):
        house.clock.advance(timedelta(seconds=wait) - timedelta(milliseconds=bool(wait)))
        if wait:
            assert await outside.sweeper.sweep() == 0
            house.clock.advance(timedelta(milliseconds=1))
        assert outside.failures() == []
        await outside.settle()
    assert outside.failures() == ["Trial: Nobody at home."]
    assert outside.timers() == []
    calls = noted(trial)
    assert [attempt for _, _, attempt, *_ in calls] == [1, 2, 3]
    assert len({call_id for _, call_id, *_ in calls}) == 1


async def test_an_environment_knows_no_settings_of_the_server(outside, monkeypatch):
    for name in ("STOA_DATABASE", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"):
        monkeypatch.setenv(name, "the server's alone")
    outside.installed.settings = {"webhook": {"secrets": ["whsec_x"]}, "trial": {"tone": "low"}}
    await outside.play("settings")
    await outside.settle()
    assert [one["message"] for one in outside.outputs()][-1] == '[[], {"tone": "low"}]'


DEFECTIVE = {
    ("siren", "alarm", ""): "The target environment 'siren' is not installed.",
    ("trial", "whisper", ""): "Trial has no target 'whisper'.",
    ("trial", "ring", "9.0.0"): "It was written for Trial 9.0.0; here is 2.0.0.",
}


@pytest.mark.parametrize("asked", sorted(DEFECTIVE))
async def test_a_defective_effect_fails_and_stops_no_other(outside, asked):
    environment, target, version = asked
    await outside.play((environment, target, {}, {"targetEnvironmentVersion": version}), "babble")
    await outside.settle()
    assert outside.failures() == [DEFECTIVE[asked]]
    assert outside.count("effect_enacted") == 1


async def test_nobody_is_called_for_an_exercise_that_went_back_to_its_start(outside, trial):
    await outside.play("ring")
    await outside.command("ines.teacher", "reset-session")
    await outside.settle()
    assert noted(trial) == []
    assert outside.timers() == []


async def test_an_answer_that_comes_after_a_reset_is_nothing(outside, trial):
    await outside.play(("trial", "ring", {"seconds": 0.5}, {}))
    await outside.sweeper.sweep()
    while not noted(trial):
        await asyncio.sleep(0.01)
    await outside.command("ines.teacher", "reset-session")
    await outside.caller.settle()
    assert [what for what, *_ in noted(trial)] == ["begun", "over"]
    assert outside.count("effect_enacted") == outside.count("effect_failed") == 0
    assert outside.timers() == []


async def test_of_two_nodes_one_calls_and_the_other_takes_over_when_it_is_lost(house, outside, trial):
    await outside.play("sleep")
    other = Caller(house.inside, outside.installed)
    others = Sweeper(house.storage, house.clock, other.handlers())
    await asyncio.gather(outside.sweeper.sweep(), others.sweep())
    while not noted(trial):
        await asyncio.sleep(0.01)
    await asyncio.gather(outside.sweeper.sweep(), others.sweep())
    assert len(noted(trial)) == 1
    lost = outside.caller if outside.caller._running else other
    heir = others if lost is outside.caller else outside.sweeper
    await lost.close()  # it dies without a word
    assert await heir.sweep() == 0
    house.clock.advance(timedelta(seconds=SECONDS + 5))
    assert await heir.sweep() == 1
    while len(noted(trial)) < 2:
        await asyncio.sleep(0.01)
    assert len({call_id for _, call_id, *_ in noted(trial)}) == 1
    assert [attempt for _, _, attempt, *_ in noted(trial)] == [1, 2]
    await other.close()


async def test_one_whose_server_always_dies_is_given_up(house, outside):
    outside.installed.limits = Limits(seconds=SECONDS, tries=2)
    await outside.play("sleep")
    for _ in range(3):
        caller = Caller(house.inside, outside.installed)
        await Sweeper(house.storage, house.clock, caller.handlers()).sweep()
        await caller.close()
        house.clock.advance(timedelta(seconds=SECONDS + 5))
    assert outside.failures() == ["Trial was called 2 times and never answered."]
    assert outside.timers() == []


async def test_a_webhook_without_a_secret_fails(bare):
    await bare.play(("webhook", "send", {"url": "https://example.com/"}, {}))
    await bare.settle()
    assert bare.failures() == ["Webhook: No webhook secret is set on this server."]
