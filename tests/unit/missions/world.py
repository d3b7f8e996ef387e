"""A small world to play in: a mission with everything in it, people, and a client that believes what it is told."""

import copy
import json
from datetime import UTC, datetime, timedelta

from stoa.kernel.actor import AccessLevel, Actor
from stoa.missions import commands as c
from stoa.missions.engine import Exercise, advance, launch
from stoa.missions.missionfile import mission_from
from stoa.missions.model import Accessibility, Cheats, Person, Request, Role, SessionConfig
from stoa.missions.views import Viewer, session_view, tell

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
OWNER, ADMIN = "owner", "admin"
INSTRUCTOR = frozenset(
    {"sessions_join_manager_native", "sessions_join_observer", "sessions_write_native", "sessions_read"}
)
STUDENT = frozenset({"sessions_join_participant", "sessions_read"})
BOSS = frozenset({"sessions_join_manager", "sessions_write", "sessions_read", "missions_read"})


def actor(name, permissions=STUDENT, access=AccessLevel.STUDENT):
    return Actor(1, name, name, name.title(), access, frozenset(permissions), "login", NOW)


def person(one):
    return Person(one.id, one.username, one.name, "Surname", str(one.access))


def action(force, node, number=1, **fields):
    return {
        "_id": f"{force}-{node}-a{number}",
        "localKey": str(number),
        "name": f"Action {number} of {force} {node}",
        "processTime": 1000,
        "successChance": 1,
        "resourceCost": 10,
        "postExecutionSuccessText": f"<p>{force} {node} secret-success</p>",
        "postExecutionFailureText": f"<p>{force} {node} secret-failure</p>",
        **fields,
    }


def effect(name, target, trigger="success", environment="METIS", **args):
    return {
        "_id": name,
        "name": name,
        "targetId": target,
        "environmentId": environment,
        "trigger": trigger,
        "args": args,
    }


def metas(force, node=None, action_id=None):
    meta = {"forceId": force}
    if node is not None:
        meta["nodeId"] = f"{force}-{node}"
    if action_id is not None:
        meta["actionId"] = f"{force}-{node}-a{action_id}"
    return meta


# root ─ hall ─ vault ─ safe      ghost (excluded in red) ─ cellar      lab (many effects)      gate
STRUCTURE = {
    "root": {"hall": {"vault": {"safe": {}}}, "ghost": {"cellar": {}}},
    "lab": {"bench": {}},
    "gate": {},
}
PLACES = ("root", "hall", "vault", "safe", "ghost", "cellar", "lab", "bench", "gate")


def _effects(force, other):
    return [
        effect(f"{force}-e1", "output", forceMetadata=metas(other), message="<b>hear</b><script>x</script>"),
        effect(f"{force}-e2", "award", forceMetadata=metas(force), modifier=7),
        effect(f"{force}-e3", "block-status", nodeMetadata=metas(other, "root"), blockStatus="block"),
        effect(f"{force}-e4", "open-node", nodeMetadata=metas(force, "bench"), openNode="open"),
        effect(
            f"{force}-e5",
            "file-access",
            forceMetadata=metas(force),
            fileMetadata={"fileId": "plan"},
            access="granted",
        ),
        effect(f"{force}-e6", "success-chance-mod", actionMetadata=metas(force, "hall"), successChance=-30),
        effect(f"{force}-e7", "process-time-mod", actionMetadata=metas(force, "hall", 1), seconds=2),
        effect(f"{force}-e8", "resource-cost-mod", actionMetadata=metas(force, "hall"), resourceCost=2.5),
        effect(f"{force}-e9", "alarm", environment="siren", volume=11),
    ]


def force(name, other, **fields):
    nodes = []
    for place in PLACES:
        node = {
            "_id": f"{name}-{place}",
            "localKey": place,
            "prototypeId": f"p-{place}",
            "name": f"{name} {place} name",
            "preExecutionText": f"<p>Before {name} {place}.</p>" if place != "gate" else "",
            "executable": place not in ("ghost", "safe"),
            "exclude": place == "ghost" and name == "red",
            "actions": [action(name, place)],
        }
        nodes.append(node)
    by = dict(zip(PLACES, nodes, strict=True))
    by["hall"]["actions"] = [
        action(
            name,
            "hall",
            1,
            successChance=0.6,
            processTimeHidden=True,
            successChanceHidden=True,
            resourceCost=3,
        ),
        action(
            name, "hall", 2, successChance=0, resourceCostHidden=True, opensNodeHidden=True, opensNode=False
        ),
    ]
    by["lab"]["actions"] = [
        action(name, "lab", 1, effects=_effects(name, other)),
        action(
            name,
            "lab",
            2,
            successChance=0,
            effects=[
                effect(
                    f"{name}-f1",
                    "block-status",
                    trigger="failure",
                    nodeMetadata=metas(other, "root"),
                    blockStatus="unblock",
                ),
                effect(
                    f"{name}-f2",
                    "file-access",
                    trigger="failure",
                    forceMetadata=metas(name),
                    fileMetadata={"fileId": "plan"},
                    access="revoked",
                ),
                effect(
                    f"{name}-f3",
                    "output",
                    trigger="immediate",
                    forceMetadata={"forceKey": "self"},
                    message="begun",
                ),
            ],
        ),
    ]
    return {
        "_id": name,
        "localKey": name,
        "name": f"{name} force",
        "introMessage": f"<p>Welcome, {name}.</p>",
        "initialResources": 100,
        "nodes": nodes,
        **fields,
    }


def document():
    return {
        "_id": "mission",
        "name": "Break-in",
        "seed": "the-seed-nobody-sees",
        "structure": copy.deepcopy(STRUCTURE),
        "prototypes": [{"_id": f"p-{key}", "structureKey": key} for key in PLACES],
        "forces": [
            force("red", "blue"),
            force("blue", "red", allowNegativeResources=True),
            force("white", "red", revealAllNodes=True),
        ],
        "files": [
            {
                "_id": "map",
                "reference": "stored-map",
                "alias": "Map",
                "lastKnownName": "secret-map.pdf",
                "initialAccess": ["red"],
            },
            {"_id": "plan", "reference": "stored-plan", "lastKnownName": "plan.pdf", "initialAccess": []},
        ],
    }


MISSION = mission_from(document())


def copied(view):
    return json.loads(json.dumps(view))


class Play:
    """A session with its clock and its journal; ``does`` lets somebody do something and remembers what came of it."""

    def __init__(self, mission=MISSION, **config):
        self.owner = actor(OWNER, INSTRUCTOR | {"missions_read"}, AccessLevel.INSTRUCTOR)
        self.now = NOW
        self.exercise, self.journal = launch(
            mission,
            session_id="5e5510000000000000000000",
            owner=person(self.owner),
            config=SessionConfig(**config),
            now=NOW,
        )
        self.actors = {OWNER: self.owner}

    def does(self, name, command, request=None):
        by = None if name is None else self.actors[name]
        self.exercise, events = advance(self.exercise, command, by=by, now=self.now, request=request)
        self.journal += events
        return events

    def joins(self, name, permissions=STUDENT, access=AccessLevel.STUDENT):
        one = self.actors.setdefault(name, actor(name, permissions, access))
        self.does(name, c.Join(person(one)), Request("request-join-session", {"sessionId": "x"}, "r1"))
        return self.member(name)

    def member(self, name):
        return self.exercise.member_by_user(name)

    def passes(self, **span):
        self.now += timedelta(**span)

    def waits(self, **span):
        self.passes(**span)
        return self.does(None, c.Complete())

    def executes(self, name, action_id, **cheats):
        return self.does(name, c.ExecuteAction(action_id, Cheats(**cheats)))

    def opens(self, name, node_id):
        return self.does(name, c.OpenNode(node_id))

    def view(self, name):
        return copied(session_view(self.exercise, Viewer.of(self.member(name))))


def cast(state="unstarted", **config):
    """Everybody: the owner manages, ``red`` and ``blue`` and ``white`` play, ``watcher`` sees all, ``shadow`` sees red."""
    play = Play(**{"auto_assign": False, **config})
    play.joins(OWNER)
    for name in ("red", "blue", "white", "shadow"):
        play.joins(name)
        play.does(OWNER, c.AssignForce(play.member(name).id, "red" if name == "shadow" else name))
    play.does(OWNER, c.AssignRole(play.member("shadow").id, Role.OBSERVER_LIMITED))
    play.joins("watcher", INSTRUCTOR, AccessLevel.INSTRUCTOR)
    play.joins("chief", BOSS, AccessLevel.ADMIN)
    if state != "unstarted":
        play.does(OWNER, c.Start())
    if state == "ended":
        play.does(OWNER, c.End())
    return play


EVERYBODY = (OWNER, "red", "blue", "white", "shadow", "watcher", "chief")


class Client:
    """One user's picture of a session, changed by nothing but the messages that reach it."""

    def __init__(self, user):
        self.user = user
        self.view = None
        self.errors = []

    def load(self, play):
        member = play.member(self.user)
        self.view = None if member is None else play.view(self.user)

    def hear(self, message):
        handler = getattr(self, "_" + message["method"].replace("-", "_"))
        handler(copied(message.get("data", {})), message)

    def _nodes(self):
        return {n["_id"]: n for f in self.view["mission"]["forces"] for n in f["nodes"]}

    def _actions(self, node_id, action_id):
        node = self._nodes()[node_id]
        return [a for a in node["actions"] if action_id in (None, a["_id"])]

    def _force(self, force_id):
        return next(f for f in self.view["mission"]["forces"] if f["_id"] == force_id)

    def _force_of(self, node_id):
        return next(f for f in self.view["mission"]["forces"] if any(n["_id"] == node_id for n in f["nodes"]))

    def _session_members_updated(self, data, _):
        if self.view is None:
            return
        members = self.view["members"] = data["members"]
        for key, role in (
            ("participantIds", "participant"),
            ("observerIds", "observer"),
            ("managerIds", "manager"),
        ):
            self.view[key] = [m["user"]["_id"] for m in members if m["roleId"] == role]

    def _session_joined(self, data, _):
        self.view = data["session"]

    _current_session = _session_joined

    def _session_quit(self, data, _):
        self.view = None

    def _dismissed(self, data, _):
        self.view = None

    def _session_destroyed(self, data, _):
        self.view = None

    def _session_started(self, data, _):
        self.view["state"] = "started"
        self.view["mission"].update(data)

    _session_reset = _session_started

    def _session_ended(self, data, _):
        self.view["state"] = "ended"

    def _session_config_updated(self, data, _):
        self.view["config"] = data["config"]
        self.view["name"] = data["config"].get("name", self.view["name"])

    def _kicked(self, data, message):
        if data["userId"] == self.user:
            self.view = None

    def _banned(self, data, message):
        self._kicked(data, message)
        if self.view is not None:
            self.view["banList"].append(data["userId"])

    def _unbanned(self, data, _):
        self.view["banList"].remove(data["userId"])

    def _force_assigned(self, data, _):
        pass

    _role_assigned = _output_sent = _chat_message_sent = _force_assigned

    def _chat_message_received(self, data, _):
        self.view["chatMessages"].append(data["message"])

    def _error(self, data, message):
        self.errors.append(message)

    def _send_output(self, data, _):
        output = data["outputData"]
        self._force(output["forceId"])["outputs"].append(output)

    def _reveal(self, node_id, data):
        self._nodes()[node_id]["opened"] = True
        force, mission = self._force_of(node_id), self.view["mission"]
        mission["structure"] = data["structure"]
        for new, into in (
            (data["revealedDescendants"], force["nodes"]),
            (data["revealedDescendantPrototypes"], mission["prototypes"]),
        ):
            known = {one["_id"]: one for one in into}
            for one in new:
                if one["_id"] in known:
                    known[one["_id"]].update(one)
                else:
                    into.append(one)

    def _node_opened(self, data, _):
        self._reveal(data["nodeId"], data)

    def _action_execution_initiated(self, data, _):
        execution = data["execution"]
        self._nodes()[execution["nodeId"]]["executions"].append(execution)
        self._force_of(execution["nodeId"])["resourcesRemaining"] = data["resourcesRemaining"]

    def _action_execution_completed(self, data, _):
        outcome = data["outcome"]
        for node in self._nodes().values():
            for execution in node["executions"]:
                if execution["_id"] == outcome["executionId"]:
                    execution["outcome"] = outcome
                    if "structure" in data:
                        self._reveal(node["_id"], data)

    def _modifier_enacted(self, data, _):
        match data["key"]:
            case "node-update-block":
                self._nodes()[data["nodeId"]]["blocked"] = data["blocked"]
            case "node-open":
                self._reveal(data["nodeId"], data)
            case "force-resource-pool":
                self._force(data["forceId"])["resourcesRemaining"] += data["operand"]
            case "file-update-access":
                self._file(data)
            case "node-action-success-chance":
                self._add(data, "successChance", data["successChanceOperand"], 1)
            case "node-action-process-time":
                self._add(data, "processTime", data["processTimeOperand"], 7_199_000)
            case "node-action-resource-cost":
                self._add(data, "resourceCost", data["resourceCostOperand"], float("inf"))

    def _add(self, data, field, operand, high):
        for one in self._actions(data["nodeId"], data.get("actionId")):
            one[field] = min(high, max(0, one[field] + operand))

    def _file(self, data):
        files = self.view["mission"]["files"]
        known = next((one for one in files if one["_id"] == data["fileId"]), None)
        if len(self.view["mission"]["forces"]) > 1:
            files[files.index(known)]["access"] = (
                data["fileData"]["access"]
                if data["granted"]
                else [one for one in known["access"] if one != data["forceId"]]
            )
        elif data["granted"]:
            files.append(data["fileData"])
        else:
            files.remove(known)


def tidy(view):
    """Order of lists that are sets, and what follows from the rest, is not compared."""
    if view is None:
        return None
    view = copied(view)
    view.pop("chatChannels")
    view["mission"]["prototypes"].sort(key=lambda one: one["_id"])
    view["mission"]["files"].sort(key=lambda one: one["_id"])
    for one in view["mission"]["forces"]:
        one["nodes"].sort(key=lambda node: node["_id"])
    return view


def told(before: Exercise, events):
    """Every delivery of ``events``, in order, each made from the state just after its event."""
    return [delivery for deliveries in tell(before, events)[1] for delivery in deliveries]


__all__ = ["Accessibility", "Client", "Play", "cast", "document", "tidy", "told"]
