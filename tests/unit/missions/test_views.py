"""Everybody sees what is theirs: in the whole, in the list, in every message, in the journal."""

import json
from typing import get_args

import pytest
from tests.unit.missions.world import (
    BOSS,
    EVERYBODY,
    MISSION,
    NOW,
    OWNER,
    Client,
    Play,
    cast,
    document,
    metas,
    person,
    tidy,
    told,
)

from stoa.kernel.actor import AccessLevel
from stoa.kernel.journal import Entry
from stoa.missions import commands as c
from stoa.missions.engine import apply, fold, state_hash
from stoa.missions.engine import events as names
from stoa.missions.missionfile import mission_from
from stoa.missions.model import Accessibility, Request, Role
from stoa.missions.views import (
    Exposure,
    Viewer,
    audience,
    basic_view,
    exposure_of,
    journal_line,
    session_view,
    tell,
)

BASIC = [
    "_id",
    "missionId",
    "state",
    "name",
    "ownerId",
    "ownerUsername",
    "ownerFirstName",
    "ownerLastName",
    "launchedAt",
    "config",
    "participantIds",
    "banList",
    "observerIds",
    "managerIds",
]
STATES = ("unstarted", "started", "ended")


def nodes_of(view):
    return {node["_id"] for force in view["mission"]["forces"] for node in force["nodes"]}


class TestBasic:
    def test_fields_are_the_documents(self):
        view = basic_view(cast().exercise)
        assert list(view) == BASIC
        assert list(view["config"]) == ["accessibility", "autoAssign", "infiniteResources", "effectsEnabled"]
        assert view["launchedAt"] == "2026-03-01T09:00:00.000Z"
        assert view["missionId"] == "mission"

    def test_roles_are_listed_and_limited_observers_are_not(self):
        view = basic_view(cast().exercise)
        assert view["participantIds"] == ["red", "blue", "white"]
        assert view["observerIds"] == ["watcher"]
        assert view["managerIds"] == [OWNER, "chief"]

    def test_the_ban_list_is_for_managers_in_the_session(self):
        play = cast()
        play.does(OWNER, c.Ban(play.member("white").id))
        assert basic_view(play.exercise)["banList"] == []
        assert {name: play.view(name)["banList"] for name in (OWNER, "chief", "red", "watcher")} == {
            OWNER: ["white"],
            "chief": ["white"],
            "red": [],
            "watcher": [],
        }


EXPOSURES = {
    OWNER: (Exposure.ALL,) * 3,
    "chief": (Exposure.ALL,) * 3,
    "watcher": (Exposure.ALL,) * 3,
    "red": (Exposure.NONE, Exposure.FORCE_WITH_REVEALED_NODES, Exposure.FORCE_WITH_REVEALED_NODES),
    "blue": (Exposure.NONE, Exposure.FORCE_WITH_REVEALED_NODES, Exposure.FORCE_WITH_REVEALED_NODES),
    "shadow": (Exposure.NONE, Exposure.FORCE_WITH_REVEALED_NODES, Exposure.FORCE_WITH_REVEALED_NODES),
    "white": (Exposure.NONE, Exposure.FORCE_WITH_ALL_NODES, Exposure.FORCE_WITH_ALL_NODES),
}


@pytest.mark.parametrize("name", EVERYBODY)
@pytest.mark.parametrize("state", STATES)
def test_how_much_is_shown(name, state):
    play = cast(state)
    viewer = Viewer.of(play.member(name))
    assert exposure_of(play.exercise, viewer) is EXPOSURES[name][STATES.index(state)]


class TestMission:
    @pytest.mark.parametrize("name", ["red", "blue", "white", "shadow"])
    def test_before_the_start_players_see_nothing(self, name):
        mission = cast().view(name)["mission"]
        assert (mission["structure"], mission["forces"], mission["prototypes"], mission["files"]) == (
            {},
            [],
            [],
            [],
        )

    def test_a_force_sees_its_roots(self):
        view = cast("started").view("red")
        assert nodes_of(view) == {"red-root", "red-lab", "red-gate"}
        assert view["mission"]["structure"] == {"root": {}, "lab": {}, "gate": {}}
        assert {one["_id"] for one in view["mission"]["prototypes"]} == {"p-root", "p-lab", "p-gate"}

    def test_opening_shows_the_next_and_what_is_under_ghosts(self):
        play = cast("started")
        play.opens("red", "red-root")
        view = play.view("red")
        assert nodes_of(view) == {"red-root", "red-lab", "red-gate", "red-hall", "red-cellar"}
        assert view["mission"]["structure"]["root"] == {"hall": {}, "ghost": {"cellar": {}}}

    def test_reveal_all_shows_all(self):
        assert len(nodes_of(cast("started").view("white"))) == 9

    def test_who_sees_all_sees_all_from_the_first(self):
        view = cast().view("watcher")
        assert len(nodes_of(view)) == 27
        assert view["mission"]["structure"] == MISSION.structure

    @pytest.mark.parametrize("name", EVERYBODY)
    def test_hidden_numbers_are_minus_one_for_all(self, name):
        play = cast("started")
        play.opens("red", "red-root")
        play.opens("blue", "blue-root")
        for force in play.view(name)["mission"]["forces"]:
            for node in force["nodes"]:
                if node["localKey"] == "hall":
                    one, two = node["actions"]
                    assert (one["processTime"], one["successChance"], one["resourceCost"]) == (-1, -1, 3)
                    assert (two["processTime"], two["successChance"], two["resourceCost"]) == (1000, 0, -1)
                    assert (one["opensNode"], two["opensNode"]) == (True, False)

    @pytest.mark.parametrize("name", EVERYBODY)
    @pytest.mark.parametrize("state", STATES)
    def test_no_seed_no_effects_no_words_of_afterwards(self, name, state):
        text = json.dumps(cast(state).view(name))
        assert "the-seed" not in text
        assert "siren" not in text
        assert "secret-success" not in text

    def test_an_end_is_hidden_with_its_process_time(self):
        play = cast("started")
        play.opens("red", "red-root")
        play.executes("red", "red-hall-a1")
        node = next(n for n in play.view("red")["mission"]["forces"][0]["nodes"] if n["_id"] == "red-hall")
        assert node["executions"][0]["end"] == -1
        assert node["executions"][0]["outcome"] is None

    def test_files_go_by_their_mission_name(self):
        play = cast("started")
        (file,) = play.view("red")["mission"]["files"]
        assert (file["name"], file["initialAccess"], "reference" in file) == ("Map", ["red"], False)
        assert play.view("blue")["mission"]["files"] == []
        assert [one["access"] for one in play.view(OWNER)["mission"]["files"]] == [["red"], []]

    def test_a_look_is_not_in_others_pictures(self):
        play = cast("started")
        play.does("red", c.SendOutput("red-root"))
        for name in EVERYBODY:
            assert (
                "Before red root" in json.dumps([f["outputs"] for f in play.view(name)["mission"]["forces"]])
            ) is (name == "red")

    def test_a_reviewer_sees_all(self):
        view = session_view(cast("ended").exercise, Viewer.reviewer("somebody"))
        assert len(nodes_of(view)) == 27


STEPS = {
    "start": ("unstarted", lambda _: (OWNER, c.Start())),
    "end": ("started", lambda _: (OWNER, c.End())),
    "reset": ("started", lambda _: (OWNER, c.Reset())),
    "config": (
        "unstarted",
        lambda _: (OWNER, c.UpdateConfig(name="Other", accessibility=Accessibility.ID_REQUIRED)),
    ),
    "destroy": ("started", lambda _: (None, c.Destroy())),
    "kick": ("started", lambda play: (OWNER, c.Kick(play.member("red").id))),
    "ban": ("started", lambda play: (OWNER, c.Ban(play.member("shadow").id))),
    "quit": ("started", lambda _: ("blue", c.Quit())),
    "assign-force": ("started", lambda play: (OWNER, c.AssignForce(play.member("red").id, "blue"))),
    "assign-none": ("started", lambda play: (OWNER, c.AssignForce(play.member("red").id, None))),
    "assign-early": ("unstarted", lambda play: (OWNER, c.AssignForce(play.member("red").id, "white"))),
    "promote": ("started", lambda play: (OWNER, c.AssignRole(play.member("red").id, Role.OBSERVER))),
    "degrade": ("started", lambda play: (OWNER, c.AssignRole(play.member("watcher").id, Role.PARTICIPANT))),
    "open": ("started", lambda _: ("red", c.OpenNode("red-root"))),
    "open-by-manager": ("started", lambda _: (OWNER, c.OpenNode("red-root"))),
    "open-unseen": ("started", lambda _: (OWNER, c.OpenNode("red-vault"))),
    "execute": ("started", lambda _: ("red", c.ExecuteAction("red-root-a1"))),
    "execute-lab": ("started", lambda _: ("blue", c.ExecuteAction("blue-lab-a1"))),
    "execute-lab-red": ("started", lambda _: ("red", c.ExecuteAction("red-lab-a1"))),
    "execute-white": ("started", lambda _: ("white", c.ExecuteAction("white-hall-a1"))),
    "look": ("started", lambda _: ("red", c.SendOutput("red-root"))),
    "look-by-manager": ("started", lambda _: (OWNER, c.SendOutput("blue-root"))),
    "chat": ("started", lambda _: ("red", c.SendChat("all", "hello"))),
    "chat-force": ("started", lambda _: ("red", c.SendChat("red", "psst"))),
    "invite": ("unstarted", lambda _: (OWNER, c.Invite(("friend",)))),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("deep", [False, True], ids=["fresh", "played"])
def test_an_old_picture_and_the_messages_make_the_new_one(step, deep):
    state, make = STEPS[step]
    play = cast(state)
    if deep and state == "started":
        play.opens("blue", "blue-root")
        play.executes("red", "red-lab-a1")
        play.waits(seconds=1)
        play.executes("white", "white-gate-a1")
        play.does("red", c.SendChat("red", "before"))
    clients = {name: Client(name) for name in EVERYBODY}
    for client in clients.values():
        client.load(play)
    before = play.exercise
    name, command = make(play)
    if step == "execute-lab" and deep:
        play.does(OWNER, c.OpenNode("blue-hall"))
    events = []
    if deep and step == "execute-lab":
        before, clients_before = play.exercise, clients
        for client in clients_before.values():
            client.load(play)
    events += play.does(name, command)
    if not play.exercise.destroyed:
        events += play.waits(seconds=3)
    for delivery in told(before, events):
        for user in delivery.users:
            clients[user].hear(delivery.message)
    for name, client in clients.items():
        gone = play.exercise.destroyed or play.member(name) is None
        assert tidy(client.view) == tidy(None if gone else play.view(name)), name


COMINGS_AND_GOINGS = [
    lambda play: (OWNER, c.Ban(play.member("white").id)),
    lambda _: (OWNER, c.Unban("white")),
    lambda play: ("white", c.Join(person(play.actors["white"]))),
    lambda _: ("watcher", c.Quit()),
    lambda play: ("watcher", c.Join(person(play.actors["watcher"]))),
]


@pytest.mark.parametrize("state", ["unstarted", "started"])
def test_who_comes_and_goes_has_the_whole_picture_and_the_others_keep_theirs(state):
    play = cast(state)
    clients = {name: Client(name) for name in EVERYBODY}
    for client in clients.values():
        client.load(play)
    for make in COMINGS_AND_GOINGS:
        before = play.exercise
        for delivery in told(before, play.does(*make(play))):
            for user in delivery.users:
                clients[user].hear(delivery.message)
        for name, client in clients.items():
            assert tidy(client.view) == tidy(play.view(name) if play.member(name) else None), name


def test_no_command_is_left_out_of_the_pictures():
    tried = {type(make(cast(state))[1]) for state, make in STEPS.values()} | {c.Join, c.Unban}
    # Each step waits, which completes; answers of target environments are the state machine's.
    assert tried | {c.Complete, c.EffectResult} == set(get_args(c.Command))


def _banned(play):
    play.does(OWNER, c.Ban(play.member("white").id))


def _joining(play):
    play.joins("late", BOSS, AccessLevel.ADMIN)


def _asked_outside(play):
    play.executes("red", "red-lab-a1")
    play.waits(seconds=1)


OTHERS = {
    "join": (lambda _: None, _joining),
    "unban": (_banned, lambda play: play.does(OWNER, c.Unban("white"))),
    "come-again": (
        lambda play: play.does("blue", c.Quit()),
        lambda play: play.joins("blue"),
    ),
    "effect-done": (
        _asked_outside,
        lambda play: play.does(
            None,
            c.EffectResult(
                *reversed(next(iter(play.exercise.pending)).split("/")),
                changes=(c.Change("award", {"forceMetadata": metas("red"), "modifier": 5}),),
            ),
        ),
    ),
    "effect-failed": (
        _asked_outside,
        lambda play: play.does(
            None, c.EffectResult(*reversed(next(iter(play.exercise.pending)).split("/")), failure="no answer")
        ),
    ),
    "chat-by-each": (
        lambda _: None,
        lambda play: [
            play.does(name, c.SendChat(channel, f"{name} to {channel}"))
            for name, channel in ((OWNER, "white"), ("chief", "all"), ("white", "white"), ("blue", "all"))
        ],
    ),
}


@pytest.mark.parametrize("step", OTHERS)
def test_so_they_do_after_what_needs_something_before(step):
    """The same for what the list above has no room for."""
    prepare, act = OTHERS[step]
    play = cast("started")
    prepare(play)
    clients = {name: Client(name) for name in (*EVERYBODY, "late")}
    for client in clients.values():
        client.load(play)
    before, length = play.exercise, len(play.journal)
    act(play)
    assert len(play.journal) > length
    for delivery in told(before, play.journal[length:]):
        for user in delivery.users:
            clients[user].hear(delivery.message)
    for name, client in clients.items():
        expected = None if play.member(name) is None else play.view(name)
        assert tidy(client.view) == tidy(expected), name


class Heard:
    """What each person hears of one command."""

    def __init__(self, state="started"):
        self.play = cast(state)

    def of(self, name, command, request=None, **span):
        before = self.play.exercise
        events = self.play.does(name, command, request)
        if span:
            events += self.play.waits(**span)
        heard = {who: [] for who in (*EVERYBODY, "late")}
        for delivery in told(before, events):
            for user in delivery.users:
                heard[user].append(delivery.message)
        return heard


def methods(heard):
    return [one["method"] for one in heard]


class TestMessages:
    def test_start(self):
        play = Play(auto_assign=False)
        play.joins(OWNER)
        play.joins("p")
        before = play.exercise
        deliveries = told(before, play.does(OWNER, c.Start(), Request("request-start-session", {}, "r7")))
        assert [(one.users, one.message["method"]) for one in deliveries] == [
            (("p",), "dismissed"),
            ((OWNER,), "session-members-updated"),
            ((OWNER,), "session-started"),
        ]
        last = deliveries[-1].message
        assert set(last["data"]) == {"structure", "forces", "prototypes", "files"}
        assert last["request"] == {
            "event": {"method": "request-start-session", "data": {}, "requestId": "r7"},
            "requesterId": OWNER,
            "fulfilled": True,
        }

    def test_those_who_see_the_same_share_one_message(self):
        play = cast()
        before = play.exercise
        started = [
            one
            for one in told(before, play.does(OWNER, c.Start()))
            if one.message["method"] == "session-started"
        ]
        assert [one.users for one in started] == [
            (OWNER, "watcher", "chief"),
            ("red", "shadow"),
            ("blue",),
            ("white",),
        ]

    def test_an_execution_is_the_forces_affair(self):
        heard = Heard().of(
            "red",
            c.ExecuteAction("red-gate-a1"),
            Request("request-execute-action", {"actionId": "red-gate-a1"}),
        )
        for name in ("red", "shadow", OWNER, "watcher", "chief"):
            assert methods(heard[name]) == ["action-execution-initiated", "send-output"]
            assert heard[name][0]["request"]["fulfilled"] is False
            assert set(heard[name][0]["data"]) == {"execution", "resourcesRemaining"}
        assert heard["blue"] == heard["white"] == []

    def test_completion_is_fulfilled_and_shows_what_opened(self):
        play = Heard()
        request = Request("request-execute-action", {"actionId": "red-root-a1"}, "r9")
        play.of("red", c.ExecuteAction("red-root-a1"), request)
        heard = play.of(None, c.Complete(), seconds=1)
        assert methods(heard["red"]) == ["send-output", "action-execution-completed"]
        data = heard["red"][1]["data"]
        assert data["outcome"]["state"] == {"status": "success"}
        assert {one["_id"] for one in data["revealedDescendants"]} == {"red-hall", "red-cellar"}
        assert {one["_id"] for one in data["revealedDescendantPrototypes"]} == {
            "p-hall",
            "p-ghost",
            "p-cellar",
        }
        assert heard["red"][1]["request"]["fulfilled"] is True
        assert heard["red"][1]["request"]["event"]["requestId"] == "r9"
        assert heard["blue"] == []

    def test_node_opened(self):
        heard = Heard().of("red", c.OpenNode("red-root"))
        assert methods(heard["red"]) == methods(heard["shadow"]) == methods(heard[OWNER]) == ["node-opened"]
        assert list(heard["red"][0]["data"]) == [
            "nodeId",
            "structure",
            "revealedDescendants",
            "revealedDescendantPrototypes",
        ]
        assert heard["blue"] == []

    def test_a_node_opened_out_of_sight_is_not_told(self):
        heard = Heard().of(OWNER, c.OpenNode("red-vault"))
        assert heard["red"] == heard["shadow"] == []
        assert methods(heard["watcher"]) == ["node-opened"]

    def test_kick_and_ban(self):
        for what, method in ((c.Kick, "kicked"), (c.Ban, "banned")):
            play = Heard()
            target = play.play.member("red").id
            heard = play.of(OWNER, what(target))
            assert methods(heard["red"]) == [method]
            assert heard["red"][0]["data"] == {
                "sessionId": play.play.exercise.session_id,
                "memberId": target,
                "userId": "red",
            }
            assert methods(heard[OWNER]) == [method, "session-members-updated"]
            assert methods(heard["blue"]) == ["session-members-updated"]

    def test_join_and_quit(self):
        play = cast("unstarted")
        before = play.exercise
        events = play.joins("late") and play.journal[-1:]
        heard = {}
        for one in told(before, events):
            for user in one.users:
                heard.setdefault(user, []).append(one.message["method"])
        assert heard["late"] == ["session-members-updated", "session-joined"]
        assert heard["red"] == ["session-members-updated"]
        before = play.exercise
        quits = [(one.users, one.message["method"]) for one in told(before, play.does("late", c.Quit()))]
        assert quits[-1] == (("late",), "session-quit")

    def test_assigning_is_answered_to_the_requester_and_shown_to_the_assigned(self):
        play = Heard()
        command = c.AssignForce(play.play.member("red").id, "blue")
        heard = play.of(OWNER, command, Request("request-assign-force", {}))
        assert methods(heard[OWNER]) == ["force-assigned", "session-members-updated"]
        assert methods(heard["red"]) == ["session-members-updated", "current-session"]
        assert heard["red"][1]["data"]["session"]["mission"]["forces"][0]["_id"] == "blue"

    def test_effects_are_told_to_those_they_concern(self):
        play = Heard()
        play.of("red", c.OpenNode("red-root"))
        play.of("red", c.ExecuteAction("red-lab-a1"))
        heard = play.of(None, c.Complete(), seconds=1)
        keys = {
            name: [one["data"]["key"] for one in heard[name] if one["method"] == "modifier-enacted"]
            for name in heard
        }
        assert (
            keys["red"]
            == keys["shadow"]
            == [
                "force-resource-pool",
                "node-open",
                "file-update-access",
                "node-action-success-chance",
                "node-action-resource-cost",
            ]
        )
        assert keys["blue"] == ["node-update-block"]
        assert keys["white"] == []
        assert methods(heard["blue"])[0] == "send-output"

    def test_hidden_numbers_are_not_told_by_their_changes(self):
        play = Heard()
        play.of("red", c.OpenNode("red-root"))
        play.of("red", c.ExecuteAction("red-lab-a1"))
        heard = play.of(None, c.Complete(), seconds=1)
        for name in EVERYBODY:
            for one in heard[name]:
                data = one["data"]
                if data.get("key") == "node-action-success-chance":
                    assert data["actionId"] == "red-hall-a2"
                assert data.get("key") != "node-action-process-time"

    def test_a_look_is_answered_alone(self):
        heard = Heard().of("red", c.SendOutput("red-root"))
        assert methods(heard["red"]) == ["send-output", "output-sent"]
        assert heard["red"][1]["data"] == {"key": "pre-execution", "nodeId": "red-root"}
        assert all(heard[name] == [] for name in EVERYBODY if name != "red")

    @pytest.mark.parametrize(
        ("channel", "hearers"),
        [
            ("all", set(EVERYBODY)),
            ("red", {"red", "shadow", OWNER, "watcher", "chief"}),
        ],
    )
    def test_chat_is_heard_by_its_channel(self, channel, hearers):
        heard = Heard().of("red", c.SendChat(channel, "hi"))
        assert {name for name in heard if "chat-message-received" in methods(heard[name])} == hearers
        assert methods(heard["red"]) == ["chat-message-received", "chat-message-sent"]
        assert set(heard["red"][0]["data"]["message"]) == {
            "_id",
            "channelId",
            "sessionId",
            "senderId",
            "senderUsername",
            "senderForceId",
            "message",
            "timestamp",
        }

    def test_end_and_destruction_are_told_to_all(self):
        play = Heard()
        heard = play.of(OWNER, c.End())
        assert all(methods(heard[name]) == ["session-ended"] for name in EVERYBODY)
        heard = play.of(None, c.Destroy())
        assert all(
            heard[name][0]["data"] == {"sessionId": play.play.exercise.session_id} for name in EVERYBODY
        )

    def test_failed_effects_are_for_managers(self):
        play = Heard()
        play.of("red", c.ExecuteAction("red-lab-a1"), seconds=1)
        execution_id, effect_id = next(iter(play.play.exercise.pending)).split("/")
        heard = play.of(None, c.EffectResult(effect_id, execution_id, failure="no answer"))
        assert [name for name in heard if heard[name]] == [OWNER, "chief"]
        assert heard[OWNER][0]["code"] == 20300

    def test_invitations_and_launches_are_told_to_nobody(self):
        play = cast()
        assert told(play.exercise, play.does(OWNER, c.Invite(("x",)))) == []
        assert audience(play.journal[0], play.exercise) == []


class TestJournal:
    def lines(self, play, viewer):
        state, lines = None, []
        for seq, event in enumerate(play.journal, start=1):
            state = fold([event]) if state is None else apply(state, event)
            entry = Entry("missions:x", seq, NOW, event.type, None, event.data)
            lines.append(journal_line(entry, state, viewer))
        return lines

    def played(self):
        play = cast("started")
        play.opens("red", "red-root")
        play.executes("red", "red-hall-a1")
        play.executes("red", "red-lab-a1")
        play.executes("blue", "blue-gate-a1")
        play.waits(seconds=5)
        play.does("red", c.SendChat("red", "psst"))
        return play

    def test_who_sees_all_reads_all_but_secrets(self):
        play = self.played()
        lines = self.lines(play, Viewer.reviewer("x"))
        assert all(lines)
        text = json.dumps(lines)
        assert "the-seed" not in text
        assert "volume" not in text
        launched = lines[0]["data"]
        assert (launched["mission_id"], "mission" in launched) == ("mission", False)

    def test_bans_invitations_and_failures_are_for_managers(self):
        play = self.played()
        play.does(OWNER, c.Kick(play.member("white").id))
        play.does(OWNER, c.Ban(play.member("blue").id))
        play.does(OWNER, c.Unban("blue"))
        play.does(OWNER, c.Invite(("nobody-knows",)))
        play.does(None, c.EffectResult("red-e9", self.asked(play), failure="the siren is broken"))
        all_of_it = self.lines(play, Viewer.of(play.member(OWNER)))
        watched = self.lines(play, Viewer.of(play.member("watcher")))
        told = [(one, other) for one, other in zip(all_of_it, watched, strict=True) if one != other]
        assert [one["type"].partition(".")[2] for one, _ in told] == [
            *("member_kicked", "member_banned", "user_unbanned", "users_invited", "effect_failed"),
        ]  # fmt: skip
        seen = [other and [one["method"] for one in other["messages"]] for _, other in told]
        assert seen == [["session-members-updated"], ["session-members-updated"], None, None, None]

    def asked(self, play):
        """The execution whose effect a target environment is to answer."""
        return next(one.data["execution_id"] for one in play.journal if one.type == names.EFFECT_REQUESTED)

    def test_a_force_reads_its_own(self):
        play = self.played()
        text = json.dumps(self.lines(play, Viewer.of(play.member("blue"))))
        assert "psst" not in text
        assert "red-gate" not in text
        assert "red hall name" not in text
        assert "blue-gate" in text

    def test_the_journal_is_plain_json(self):
        for event in self.played().journal:
            assert json.loads(json.dumps(event.data)) == event.data

    def test_a_hidden_chance_is_not_in_it(self):
        play = self.played()
        lines = self.lines(play, Viewer.reviewer("x"))
        done = [one["data"] for one in lines if one["type"] == names.EXECUTION_COMPLETED]
        assert [one["chance"] for one in done] == [1, 1, None] or None in [one["chance"] for one in done]


def test_blocking_is_told_of_what_each_sees():
    made = document()
    made["forces"][0]["nodes"][8]["actions"][0]["effects"] = [
        {
            "_id": "x",
            "name": "x",
            "targetId": "block-status",
            "environmentId": "METIS",
            "trigger": "immediate",
            "args": {"nodeMetadata": metas("blue", "hall"), "blockStatus": "block"},
        }
    ]
    play = Play(mission=mission_from(made), auto_assign=False)
    play.joins(OWNER)
    for name in ("red", "blue"):
        play.joins(name)
        play.does(OWNER, c.AssignForce(play.member(name).id, name))
    play.does(OWNER, c.Start())
    before = play.exercise
    heard = {}
    for one in told(before, play.executes("red", "red-gate-a1")):
        for user in one.users:
            heard.setdefault(user, []).append(one.message["data"].get("nodeId"))
    assert "blue" not in heard
    assert {"blue-hall", "blue-vault", "blue-safe"} <= set(heard[OWNER])


def test_telling_several_is_telling_each():
    play = cast("started")
    play.opens("red", "red-root")
    play.executes("red", "red-lab-a1")
    play.waits(seconds=1)
    after, told_of = tell(None, play.journal)
    assert state_hash(after) == state_hash(play.exercise)
    state, each = fold(play.journal[:1]), [[]]
    for event in play.journal[1:]:
        state = apply(state, event)
        each.append(audience(event, state))
    assert told_of == each


def test_nothing_tells_nothing():
    with pytest.raises(ValueError, match="launch"):
        tell(None, [])
