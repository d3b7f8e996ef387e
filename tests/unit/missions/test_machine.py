"""Anybody does anything in any order: what must hold, holds after each step."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.unit.missions.world import (
    BOSS,
    EVERYBODY,
    INSTRUCTOR,
    OWNER,
    PLACES,
    STUDENT,
    Client,
    Play,
    actor,
    person,
    tidy,
)

from stoa.kernel.errors import StoaError
from stoa.missions import commands as c
from stoa.missions.engine import apply, due, fold, restore, snapshot, state_hash
from stoa.missions.engine import events as names
from stoa.missions.errors import number_of
from stoa.missions.model import Cheats, Role, Status
from stoa.missions.views import audience

PEOPLE = dict.fromkeys(EVERYBODY, STUDENT) | {"watcher": INSTRUCTOR, "chief": BOSS}
FORCES = ("red", "blue", "white")
ADMINISTRATION = (
    "quit",
    "kick",
    "ban",
    "unban",
    "force",
    "force",
    "role",
    "name",
    "start",
    "start",
    "reset",
    "end",
)
who = st.sampled_from(EVERYBODY)
managing = st.sampled_from((OWNER, OWNER, "chief", "red"))
players = st.sampled_from(("red", "blue", "white", OWNER))
force_ids = st.sampled_from(FORCES)
node_ids = st.builds("{}-{}".format, force_ids, st.sampled_from(PLACES))
action_ids = st.builds("{}-a{}".format, node_ids, st.sampled_from((1, 1, 2)))


class Anything(RuleBasedStateMachine):
    @initialize(
        begun=st.sampled_from((True, True, True, False)),
        assign=st.booleans(),
        infinite=st.booleans(),
        effects=st.sampled_from((True, True, False)),
    )
    def launch(self, begun, assign, infinite, effects):
        self.play = Play(auto_assign=assign, infinite_resources=infinite, effects_enabled=effects)
        self.chain = self.play.exercise
        self.clients = {name: Client(name) for name in EVERYBODY}
        self.completions = []
        for name, permissions in PEOPLE.items():
            if name != OWNER:
                self.play.actors[name] = actor(name, permissions)
        for name in EVERYBODY[:5]:
            self.join(name)
        for name in FORCES if begun else ():
            self.attempt(OWNER, c.AssignForce(self.play.member(name).id, name))
        if begun:
            self.attempt(OWNER, c.Start())

    def attempt(self, name, command):
        before, fingerprint = self.play.exercise, state_hash(self.play.exercise)
        try:
            events, number = self.play.does(name, command), None
        except StoaError as error:
            events, number = [], number_of(error)
        assert number is None or (10001 <= number <= 20500 and self.play.exercise is before)
        assert state_hash(before) == fingerprint, "deciding changed the state that it decided on"
        self.completions += [
            e.data["execution_id"]
            for e in events
            if e.type in (names.EXECUTION_COMPLETED, names.EXECUTION_ABORTED)
        ]
        for event in events:
            self.chain = apply(self.chain, event)
            for delivery in audience(event, self.chain):
                for user in delivery.users:
                    self.clients[user].hear(delivery.message)

    @rule(name=who)
    def join(self, name):
        self.attempt(name, c.Join(person(self.play.actors[name])))

    @rule(
        name=managing,
        whom=who,
        what=st.sampled_from(ADMINISTRATION),
        force_id=st.none() | force_ids,
        role=st.sampled_from(Role),
    )
    def administer(self, name, whom, what, force_id, role):
        member = self.play.member(whom)
        member_id = member.id if member else "nobody"
        match what:
            case "quit":
                self.attempt(whom, c.Quit())
            case "kick":
                self.attempt(name, c.Kick(member_id))
            case "ban":
                self.attempt(name, c.Ban(member_id))
            case "unban":
                self.attempt(name, c.Unban(whom))
            case "force":
                self.attempt(name, c.AssignForce(member_id, force_id))
            case "role":
                self.attempt(name, c.AssignRole(member_id, role))
            case "name":
                self.attempt(name, c.UpdateConfig(name=f"The {whom} session"))
            case "start":
                self.attempt(name, c.Start())
            case "reset":
                self.attempt(name, c.Reset())
            case "end":
                self.attempt(name, c.End())

    @rule(name=players, node_id=node_ids)
    def open_anything(self, name, node_id):
        self.attempt(name, c.OpenNode(node_id))

    @rule(force_id=force_ids, by_manager=st.booleans(), place=st.sampled_from(PLACES))
    def open_own(self, force_id, by_manager, place):
        self.attempt(OWNER if by_manager else force_id, c.OpenNode(f"{force_id}-{place}"))

    @rule(name=players, action_id=action_ids, zero=st.booleans(), now=st.booleans(), sure=st.booleans())
    def execute_anything(self, name, action_id, zero, now, sure):
        self.attempt(name, c.ExecuteAction(action_id, Cheats(zero, now, sure)))

    @rule(force_id=force_ids, place=st.sampled_from(("root", "hall", "gate", "bench", "cellar", "vault")))
    def execute_own(self, force_id, place):
        self.attempt(force_id, c.ExecuteAction(f"{force_id}-{place}-a1"))

    @rule(
        name=st.sampled_from(("force", "force", OWNER)),
        force_id=force_ids,
        number=st.sampled_from((1, 1, 2)),
        now=st.booleans(),
    )
    def use_the_lab(self, name, force_id, number, now):
        who = force_id if name == "force" else name
        self.attempt(who, c.ExecuteAction(f"{force_id}-lab-a{number}", Cheats(instantaneous=now)))

    @rule(force_id=force_ids, status=st.sampled_from(("block", "unblock")), place=st.sampled_from(PLACES))
    def siren_answers(self, force_id, status, place):
        for key in list(self.play.exercise.pending):
            execution_id, effect_id = key.split("/")
            args = {"nodeMetadata": {"nodeId": f"{force_id}-{place}"}, "blockStatus": status}
            command = c.EffectResult(effect_id, execution_id, (c.Change("block-status", args),))
            self.attempt(None, command)
            assert key not in self.play.exercise.pending or self.play.exercise.state != "started"

    @rule(name=who, node_id=node_ids)
    def look(self, name, node_id):
        self.attempt(name, c.SendOutput(node_id))

    @rule(name=who, channel=st.sampled_from(("all", *FORCES, "nowhere")))
    def talk(self, name, channel):
        self.attempt(name, c.SendChat(channel, "hello"))

    @rule(span=st.integers(0, 3000))
    def wait(self, span):
        self.play.now += timedelta(milliseconds=span)

    @rule()
    def timers_fire(self):
        self.attempt(None, c.Complete())
        assert (
            all(at > self.play.now for at, _ in due(self.play.exercise))
            or self.play.exercise.state != "started"
        )

    @invariant()
    def resources_are_never_negative_unless_allowed(self):
        for force_id in ("red", "white"):
            assert self.play.exercise.resources[force_id] >= 0

    @invariant()
    def nothing_completes_twice_and_one_runs_on_a_node(self):
        assert len(self.completions) == len(set(self.completions))
        executions = self.play.exercise.executions.values()
        running = [one.node_id for one in executions if one.status is Status.EXECUTING]
        assert sorted(running) == sorted(self.play.exercise.running)

    @invariant()
    def everyones_picture_is_the_fresh_one(self):
        for name, client in self.clients.items():
            fresh = self.play.view(name) if self.play.member(name) else None
            assert tidy(client.view) == tidy(fresh), name

    @invariant()
    def nobody_sees_what_they_may_not(self):
        for name in EVERYBODY:
            member = self.play.member(name)
            text = json.dumps([self.clients[name].view, self.play.view(name) if member else None])
            for secret in (
                "the-seed-nobody-sees",
                "siren",
                "secret-map.pdf" if not (member and member.sees_all) else "the-seed",
            ):
                assert secret not in text
            if member is None or member.sees_all:
                continue
            for node in self.play.exercise.atlas.nodes.values():
                mine = member.force_id == self.play.exercise.atlas.force_of[node.id]
                if (
                    self.play.exercise.state == "unstarted"
                    or not mine
                    or not self.play.exercise.revealed(node)
                ):
                    assert f'"{node.id}"' not in text
                    assert node.name not in text

    def teardown(self):
        if not hasattr(self, "play"):
            return
        live = state_hash(self.play.exercise)
        assert state_hash(self.chain) == live
        journal = json.loads(json.dumps([[e.type, e.data] for e in self.play.journal]))
        replayed = [type(self.play.journal[0])(kind, data) for kind, data in journal]
        assert state_hash(fold(replayed)) == live
        middle = len(replayed) // 2 + 1
        half = restore(json.loads(json.dumps(snapshot(fold(replayed[:middle])))))
        assert state_hash(fold(replayed[middle:], half)) == live


def played(examples, steps):
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def test_anything_in_any_order():
    run_state_machine_as_test(Anything, settings=played(25, 40))


@pytest.mark.long
def test_anything_in_any_order_for_long():
    run_state_machine_as_test(Anything, settings=played(400, 60))
