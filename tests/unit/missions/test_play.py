"""Executions, chance, effects, outputs: what happens on the board, to the millisecond."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.missions.world import MISSION, NOW, OWNER, Play, cast, document, effect, metas

from stoa.kernel.clock import to_millis
from stoa.kernel.ids import SeededIds
from stoa.missions import commands as c
from stoa.missions.engine import advance, apply, decide, due, fold, restore, snapshot, state_hash
from stoa.missions.engine import events as names
from stoa.missions.engine._chance import draw, succeeds
from stoa.missions.errors import NotExecutableError
from stoa.missions.missionfile import copy_mission, mission_from
from stoa.missions.model import Cheats, OutputKind, SessionState, Status


def only(play):
    (execution,) = play.exercise.executions.values()
    return execution


def kinds(events):
    return [one.type.removeprefix("missions.") for one in events]


def outputs(play, force_id, kind=None):
    return [one for one in play.exercise.outputs if one.force_id == force_id and kind in (None, one.kind)]


def with_effects(*effects, force_index=0, **fields):
    """A session in which red's gate has one action, with these effects."""
    made = document()
    action = made["forces"][force_index]["nodes"][8]["actions"][0]
    action.update(effects=list(effects), **fields)
    mission = mission_from(made)
    play = Play(mission=mission, auto_assign=False)
    play.joins(OWNER)
    for name in ("red", "blue", "white"):
        play.joins(name)
        play.does(OWNER, c.AssignForce(play.member(name).id, name))
    play.does(OWNER, c.Start())
    return play


def run_gate(play):
    play.executes("red", "red-gate-a1")
    return play.waits(seconds=1)


class TestCourse:
    def test_initiated_then_told(self):
        play = cast("started")
        assert kinds(play.executes("red", "red-gate-a1")) == ["execution_initiated", "output_sent"]
        assert play.exercise.resources["red"] == 90

    @pytest.mark.parametrize(("early", "done"), [(999, False), (1000, True), (5000, True)])
    def test_complete_at_its_due_time(self, early, done):
        play = cast("started")
        play.executes("red", "red-gate-a1")
        play.waits(milliseconds=early)
        assert (only(play).status is Status.SUCCESS) is done

    def test_due_tells_when(self):
        play = cast("started")
        play.executes("red", "red-gate-a1")
        play.passes(milliseconds=10)
        play.executes("red", "red-lab-a1")
        assert [at - NOW for at, _ in due(play.exercise)] == [timedelta(seconds=1), timedelta(seconds=1.01)]

    def test_completing_twice_is_nothing(self):
        play = cast("started")
        play.executes("red", "red-gate-a1")
        assert play.waits(seconds=1)
        assert play.does(None, c.Complete()) == []

    def test_late_timers_tell_the_same_story(self):
        one, other = cast("started"), cast("started")
        for play, waits in ((one, [1000, 4000]), (other, [5000])):
            play.executes("red", "red-gate-a1")
            play.executes("blue", "blue-gate-a1")
            for wait in waits:
                play.waits(milliseconds=wait)
        assert state_hash(one.exercise) == state_hash(other.exercise)

    def test_a_command_meets_what_is_due(self):
        play = cast("started")
        play.executes("red", "red-root-a1")
        play.passes(seconds=1)
        events = play.does("red", c.SendOutput("red-hall"))
        assert kinds(events)[:2] == ["output_sent", "execution_completed"]
        assert kinds(events)[-1] == "pre_execution_asked"

    def test_costs_are_never_refunded(self):
        play = cast("started")
        play.executes("red", "red-root-a1")
        play.opens("red", "red-root")
        assert only(play).status is Status.ABORTED
        assert only(play).aborted_ms == to_millis(NOW)
        assert play.exercise.resources["red"] == 90

    def test_aborted_ones_say_nothing_and_do_nothing(self):
        play = cast("started")
        play.executes("red", "red-root-a1")
        play.opens("red", "red-root")
        before = state_hash(play.exercise)
        assert play.waits(seconds=5) == []
        assert state_hash(play.exercise) == before

    def test_success_opens_the_node(self):
        play = cast("started")
        play.executes("red", "red-root-a1")
        play.waits(seconds=1)
        assert "red-root" in play.exercise.opened
        assert play.exercise.revealed(play.exercise.atlas.nodes["red-hall"])

    def test_instantaneous_is_complete_at_once(self):
        play = cast("started")
        play.executes(OWNER, "red-gate-a1", instantaneous=True)
        assert only(play).status is Status.SUCCESS
        assert only(play).end_ms == only(play).start_ms

    def test_guaranteed_never_fails(self):
        play = cast("started")
        play.executes(OWNER, "red-lab-a2", guaranteed_success=True)
        play.waits(seconds=1)
        assert only(play).status is Status.SUCCESS
        assert play.exercise.draws == {}

    def test_nothing_never_succeeds(self):
        play = cast("started", infinite_resources=True)
        for _ in range(30):
            play.executes("red", "red-lab-a2")
            play.waits(seconds=1)
        assert {one.status for one in play.exercise.executions.values()} == {Status.FAILURE}

    @pytest.mark.parametrize("command", [c.End(), c.Reset()])
    def test_end_and_reset_abort_what_runs(self, command):
        play = cast("started")
        play.executes("red", "red-gate-a1")
        events = play.does(OWNER, command)
        assert kinds(events)[0] == "execution_aborted"
        assert due(play.exercise) == []

    def test_reset_is_the_start_again(self):
        play = cast("started")
        fresh = snapshot(play.exercise)
        play.opens("red", "red-root")
        play.executes("red", "red-lab-a1")
        play.waits(seconds=1)
        play.does(OWNER, c.Reset())
        again = snapshot(play.exercise)
        assert play.exercise.state is SessionState.STARTED
        moved = {"version", "outputs"}
        assert {k: v for k, v in again.items() if k not in moved} == {
            k: v for k, v in fresh.items() if k not in moved
        }
        assert [one["message"] for one in again["outputs"]] == [one["message"] for one in fresh["outputs"]]


class TestChance:
    def test_the_same_draws_on_every_machine(self):
        assert [round(draw("seed", "1/2/3", n), 9) for n in range(3)] == [
            0.315002104,
            0.422174523,
            0.382601071,
        ]

    def test_draws_are_even(self):
        values = [draw("seed", "a", n) for n in range(20_000)]
        assert all(0 <= one < 1 for one in values)
        assert all(1900 < count < 2100 for count in Counter(int(one * 10) for one in values).values())

    @pytest.mark.parametrize(
        ("value", "chance", "won"),
        [
            (0.5, 0.5, False),
            (0.500001, 0.5, True),
            (0.999999, 0, False),
            (0.0001, 1, True),
            (0, 1, False),
        ],
    )
    def test_success_is_strictly_above(self, value, chance, won):
        assert succeeds(value, chance) is won

    def results(self, mission, order):
        play = Play(mission=mission, infinite_resources=True, effects_enabled=False)
        play.joins(OWNER)
        play.does(OWNER, c.Start())
        found = []
        for action_id in order:
            play.executes(OWNER, action_id)
            play.waits(seconds=10)
            found.append(list(play.exercise.executions.values())[-1].status)
        return found

    def test_the_same_order_gives_the_same_outcomes(self):
        made = document()
        for force in made["forces"]:
            for node in force["nodes"]:
                for action in node["actions"]:
                    action["successChance"] = 0.5
        mission = mission_from(made)
        order = [
            f"{force}-{node}-a1"
            for _ in range(6)
            for force in ("red", "blue")
            for node in ("gate", "lab", "root")
        ]
        first = self.results(mission, order)
        assert first == self.results(mission, order)
        assert first == self.results(copy_mission(mission, name="Copy", ids=SeededIds("c")), order)
        assert first != self.results(replace(mission, seed="another"), order)
        assert set(first) == {Status.SUCCESS, Status.FAILURE}

    def test_the_draw_is_recorded(self):
        play = cast("started")
        play.executes("red", "red-gate-a1")
        event = next(one for one in play.waits(seconds=1) if one.type == names.EXECUTION_COMPLETED)
        assert event.data["value"] == draw(MISSION.seed, "red/gate/1", 0)
        assert event.data["chance"] == 1

    def test_the_chance_of_the_moment_counts(self):
        play = cast("started")
        play.opens("red", "red-root")
        play.does(None, c.Complete())
        play.executes("red", "red-hall-a1")
        play.executes(OWNER, "red-lab-a1", instantaneous=True)
        event = next(one for one in play.waits(seconds=1) if one.type == names.EXECUTION_COMPLETED)
        assert event.data["chance"] == pytest.approx(0.3)


class TestEffects:
    def test_all_built_in_targets_do_their_work(self):
        play = cast("started")
        play.executes("red", "red-lab-a1")
        play.waits(seconds=1)
        state = play.exercise
        assert [one.message for one in outputs(play, "blue", OutputKind.CUSTOM)] == ["<b>hear</b>"]
        assert state.resources["red"] == 97
        assert "blue-root" in state.blocked
        assert "red-bench" in state.opened
        assert state.access["plan"] == {"red"}
        assert state.numbers_of("red-hall-a1").chance == pytest.approx(0.3)
        assert state.numbers_of("red-hall-a2").chance == 0
        assert (state.numbers_of("red-hall-a1").process_ms, state.numbers_of("red-hall-a2").process_ms) == (
            3000,
            1000,
        )
        assert state.numbers_of("red-hall-a1").cost == 5.5
        assert len(state.pending) == 1

    def test_modifiers_accumulate(self):
        play = cast("started", infinite_resources=True)
        for _ in range(3):
            play.executes("red", "red-lab-a1")
            play.waits(seconds=1)
        assert play.exercise.numbers_of("red-hall-a1").chance == 0
        assert play.exercise.numbers_of("red-hall-a1").process_ms == 7000
        assert play.exercise.numbers_of("red-hall-a1").cost == 10.5

    def test_switched_off_nothing_happens(self):
        play = cast("started", effects_enabled=False)
        play.executes("red", "red-lab-a1")
        assert kinds(play.waits(seconds=1)) == ["output_sent", "execution_completed"]

    def test_failure_has_its_own(self):
        play = cast("started", infinite_resources=True)
        play.executes("red", "red-lab-a1")
        play.waits(seconds=1)
        play.executes("red", "red-lab-a2")
        play.waits(seconds=1)
        assert play.exercise.access["plan"] == frozenset()
        assert "blue-root" not in play.exercise.blocked

    def test_immediate_ones_come_at_once(self):
        play = cast("started")
        play.executes("red", "red-lab-a2")
        assert outputs(play, "red", OutputKind.CUSTOM)[0].message == "begun"

    @pytest.mark.parametrize(
        ("target", "args", "field", "expected"),
        [
            ("success-chance-mod", {"successChance": 100}, "chance", 1),
            ("success-chance-mod", {"successChance": -100}, "chance", 0),
            ("process-time-mod", {"hours": 1, "minutes": 59, "seconds": 59}, "process_ms", 7_199_000),
            ("process-time-mod", {"seconds": -59}, "process_ms", 0),
            ("process-time-mod", {"minutes": 1}, "process_ms", 61_000),
            ("resource-cost-mod", {"resourceCost": -50}, "cost", 0),
            ("resource-cost-mod", {"resourceCost": 0.5}, "cost", 10.5),
        ],
    )
    def test_modified_numbers_stay_in_their_bounds(self, target, args, field, expected):
        play = with_effects(effect("x", target, actionMetadata=metas("red", "gate", 1), **args))
        run_gate(play)
        assert getattr(play.exercise.numbers_of("red-gate-a1"), field) == expected

    @pytest.mark.parametrize(
        ("target", "args"),
        [
            ("block-status", {"nodeMetadata": metas("blue", "root"), "blockStatus": "no-change"}),
            ("open-node", {"nodeMetadata": metas("blue", "root"), "openNode": "no-change"}),
            ("open-node", {"nodeMetadata": metas("blue", "root")}),
            ("open-node", {"nodeMetadata": metas("white", "root"), "openNode": "open"}),
            ("open-node", {"nodeMetadata": metas("red", "ghost"), "openNode": "open"}),
            ("award", {"forceMetadata": metas("blue"), "modifier": 0}),
            ("award", {"forceMetadata": metas("blue")}),
            (
                "file-access",
                {"forceMetadata": metas("red"), "fileMetadata": {"fileId": "map"}, "access": "granted"},
            ),
            (
                "file-access",
                {"forceMetadata": metas("blue"), "fileMetadata": {"fileId": "map"}, "access": "revoked"},
            ),
            ("output", {"forceMetadata": metas("blue"), "message": ""}),
        ],
    )
    def test_what_changes_nothing_says_nothing(self, target, args):
        play = with_effects(effect("x", target, **args))
        assert kinds(run_gate(play)) == ["output_sent", "execution_completed"]

    def test_blocking_reaches_the_revealed_and_aborts(self):
        play = with_effects(
            effect("x", "block-status", nodeMetadata=metas("blue", "root"), blockStatus="block")
        )
        play.opens("blue", "blue-root")
        play.passes(milliseconds=500)
        play.executes("red", "red-gate-a1")
        play.passes(milliseconds=500)
        play.executes("blue", "blue-hall-a1")
        play.waits(milliseconds=500)
        state = play.exercise
        assert state.blocked == {"blue-root", "blue-hall", "blue-ghost"}
        assert {one.status for one in state.executions.values()} == {Status.SUCCESS, Status.ABORTED}
        assert state.is_blocked(state.atlas.nodes["blue-vault"])

    def test_who_plays_opens_nothing_that_is_blocked(self):
        block = effect("x", "block-status", nodeMetadata=metas("blue", "root"), blockStatus="block")
        play = with_effects(block)
        play.opens("blue", "blue-root")
        run_gate(play)
        with pytest.raises(NotExecutableError):
            play.opens("blue", "blue-hall")
        play.opens(OWNER, "blue-hall")
        with pytest.raises(NotExecutableError):
            play.executes(OWNER, "blue-hall-a1")

    def test_unblocking_aborts_too(self):
        play = with_effects(
            effect("x", "block-status", nodeMetadata=metas("blue", "root"), blockStatus="unblock")
        )
        play.executes("red", "red-gate-a1")
        play.passes(milliseconds=500)
        play.executes("blue", "blue-root-a1")
        play.waits(milliseconds=500)
        assert Status.ABORTED in {one.status for one in play.exercise.executions.values()}

    def test_opening_by_effect_shows_and_aborts(self):
        play = with_effects(effect("x", "open-node", nodeMetadata=metas("blue", "root"), openNode="open"))
        play.executes("red", "red-gate-a1")
        play.executes("blue", "blue-root-a1")
        play.passes(milliseconds=900)
        events = play.waits(milliseconds=100)
        assert "blue-root" in play.exercise.opened
        assert names.NODE_OPENED in [one.type for one in events] or names.EXECUTION_COMPLETED in [
            one.type for one in events
        ]

    def test_another_environment_is_asked_and_answers_once(self):
        play = cast("started")
        play.executes("red", "red-lab-a1")
        asked = next(one for one in play.waits(seconds=1) if one.type == names.EFFECT_REQUESTED)
        assert (asked.data["environment_id"], asked.data["args"]) == ("siren", {"volume": 11})
        change = c.Change("award", {"forceMetadata": metas("blue"), "modifier": 5})
        result = c.EffectResult(asked.data["effect_id"], asked.data["execution_id"], (change,))
        assert kinds(play.does(None, result)) == ["resources_awarded", "effect_enacted"]
        assert play.does(None, result) == []
        assert play.exercise.resources["blue"] == 105

    @pytest.mark.parametrize(
        "change",
        [
            c.Change("explode", {}),
            c.Change("award", {"forceMetadata": metas("blue"), "modifier": -5}),
            c.Change("award", {"forceMetadata": metas("purple"), "modifier": 5}),
            c.Change("award", {"forceMetadata": metas("blue"), "modifier": float("nan")}),
            c.Change("open-node", {"nodeMetadata": {"nodeId": ["x"]}, "openNode": "open"}),
            c.Change("block-status", {"nodeMetadata": metas("red", "root"), "blockStatus": "explode"}),
            c.Change("file-access", {"forceMetadata": metas("red"), "fileMetadata": {}, "access": "granted"}),
            c.Change("output", {"forceMetadata": metas("red"), "message": 5}),
            c.Change("resource-cost-mod", {"actionMetadata": None, "resourceCost": 1}),
        ],
    )
    def test_a_wrong_answer_is_a_failure_told(self, change):
        play = cast("started")
        play.executes("red", "red-lab-a1")
        play.waits(seconds=1)
        (key,) = play.exercise.pending
        execution_id, effect_id = key.split("/")
        assert kinds(play.does(None, c.EffectResult(effect_id, execution_id, (change,)))) == ["effect_failed"]
        assert not play.exercise.pending

    def test_a_reset_forgets_what_was_asked(self):
        play = cast("started")
        play.executes("red", "red-lab-a1")
        play.waits(seconds=1)
        (key,) = play.exercise.pending
        play.does(OWNER, c.Reset())
        execution_id, effect_id = key.split("/")
        assert play.does(None, c.EffectResult(effect_id, execution_id, failure="late")) == []


class TestOutputs:
    def test_the_introduction_is_there_from_the_launch_and_again_after_a_reset(self):
        play = cast()
        assert len(play.exercise.outputs) == 3
        play.does(OWNER, c.Start())
        assert len(play.exercise.outputs) == 3
        play.does(OWNER, c.Reset())
        assert [one.kind for one in play.exercise.outputs] == [OutputKind.INTRO] * 3

    def test_what_is_hidden_is_hidden_in_the_text(self):
        play = cast("started")
        play.opens("red", "red-root")
        play.executes("red", "red-hall-a1")
        (told,) = outputs(play, "red", OutputKind.EXECUTION_STARTED)
        assert "Success chance: hidden" in told.message
        assert "60%" not in told.message
        assert "1000" not in told.message
        assert "Resource cost: 3" in told.message

    @pytest.mark.parametrize(
        ("action_id", "kind", "text"),
        [
            ("red-lab-a1", OutputKind.EXECUTION_SUCCEEDED, "secret-success"),
            ("red-lab-a2", OutputKind.EXECUTION_FAILED, "secret-failure"),
        ],
    )
    def test_the_outcome_is_told_in_the_actions_words(self, action_id, kind, text):
        play = cast("started", effects_enabled=False)
        play.executes("red", action_id)
        play.waits(seconds=1)
        (told,) = outputs(play, "red", kind)
        assert text in told.message
        assert told.time_ms == to_millis(NOW) + 1000

    def test_a_look_is_for_the_asker_alone(self):
        play = cast("started")
        play.does("red", c.SendOutput("red-root"))
        (told,) = outputs(play, "red", OutputKind.PRE_EXECUTION)
        assert (told.user_id, told.node_id) == ("red", "red-root")

    def test_an_empty_text_is_no_output(self):
        play = cast("started")
        assert kinds(play.does("red", c.SendOutput("red-gate"))) == ["pre_execution_asked"]

    def test_names_are_escaped(self):
        made = document()
        made["forces"][0]["nodes"][8]["name"] = "<img src=x>"
        play = Play(mission=mission_from(made), auto_assign=True)
        play.joins(OWNER)
        play.joins("red")
        play.does(OWNER, c.Start())
        play.executes("red", "red-gate-a1")
        assert "<img" not in outputs(play, "red", OutputKind.EXECUTION_STARTED)[0].message


class TestReveal:
    def test_a_ghost_stands_open(self):
        play = cast("started")
        play.opens("red", "red-root")
        nodes = play.exercise.atlas.nodes
        assert play.exercise.revealed(nodes["red-cellar"])
        assert not play.exercise.revealed(nodes["red-ghost"])
        assert not play.exercise.revealed(nodes["blue-cellar"])

    def test_revealing_all_reveals_all_but_ghosts(self):
        play = cast("started")
        assert all(play.exercise.revealed(one) for one in MISSION.forces[2].nodes)


class TestPurity:
    def test_decide_changes_nothing(self):
        play = cast("started")
        before = state_hash(play.exercise)
        events = decide(play.exercise, c.ExecuteAction("red-gate-a1"), by=play.actors["red"], now=NOW)
        assert state_hash(play.exercise) == before
        assert events

    def test_apply_gives_another_exercise(self):
        play = cast("started")
        before = state_hash(play.exercise)
        after, events = advance(play.exercise, c.OpenNode("red-root"), by=play.actors["red"], now=NOW)
        once = play.exercise
        for event in events:
            once = apply(once, event)
        assert state_hash(once) == state_hash(after) != before == state_hash(play.exercise)

    def test_a_snapshot_restores(self):
        play = cast("started")
        play.executes("red", "red-lab-a1")
        play.waits(seconds=1)
        assert state_hash(restore(snapshot(play.exercise))) == state_hash(play.exercise)
        small = snapshot(play.exercise, with_mission=False)
        assert state_hash(restore(small, mission=MISSION)) == state_hash(play.exercise)

    def test_a_snapshot_of_another_format_is_refused(self):
        with pytest.raises(ValueError, match="format"):
            restore({"format": 99})

    def test_nothing_to_fold_is_said(self):
        with pytest.raises(ValueError, match="launch"):
            fold([])

    def test_strangers_in_the_journal_change_nothing_but_the_count(self):
        play = cast("started")
        stranger = type(play.journal[0])("missions.somebody_noted", {"x": 1})
        after = apply(play.exercise, stranger)
        assert snapshot(after) == {**snapshot(play.exercise), "version": play.exercise.version + 1}

    def test_cheats_are_of_managers(self):
        assert Cheats() == Cheats(False, False, False)
