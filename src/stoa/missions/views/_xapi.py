"""The journal as xAPI 1.0.3 statements: who did what to what, for a learning record store.

A statement's id is the same whenever the journal is exported again, and so is everything in it. Whoever is told of an
entry by the journal is told of it here, in no more words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any
from uuid import UUID, uuid5

from stoa.kernel.clock import to_millis
from stoa.kernel.journal import Entry
from stoa.missions.engine import Exercise, events
from stoa.missions.model import ALL_CHANNEL, Execution, Person, Status
from stoa.missions.views._audience import audience
from stoa.missions.views._journal import reads_all
from stoa.missions.views._session import iso
from stoa.missions.views._viewer import Viewer

Json = dict[str, Any]
_NAMESPACE = UUID("5a1d6f7e-52f1-4d4e-9d5e-7a1c3f0b8e42")
_ADL = "http://adlnet.gov/expapi/verbs/"
_STREAMS = "http://activitystrea.ms/schema/1.0/"
_KINDS = "http://adlnet.gov/expapi/activities/"
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class _Deed:
    """What an entry says: ``by`` is a user's id. ``heard`` are the messages of which one tells it to who sees not all."""

    by: str | None
    verb: str
    display: str
    thing: Json
    heard: frozenset[str]
    result: Json | None = None
    force_id: str | None = None
    at_ms: int | None = None


def xapi_statements(
    steps: Iterable[tuple[Entry, Exercise]], viewer: Viewer, *, address: str, after: int = 0
) -> Iterator[Json]:
    """The statements of what follows number ``after`` in a whole journal, whose entries come each with the exercise
    just after it; ``address`` is the server's.
    """
    people: dict[str, Person] = {}
    for entry, exercise in steps:
        people |= {one.person.id: one.person for one in exercise.members.values()}
        people.setdefault(exercise.owner.id, exercise.owner)
        make = _DEEDS.get(entry.type)
        deed = None if make is None else make(_Place(exercise, address), entry)
        if deed is None or deed.by not in people or entry.seq <= after:
            continue
        if _is_told(deed, entry, exercise, viewer):
            yield _statement(deed, entry, people[deed.by], _Place(exercise, address))


def _is_told(deed: _Deed, entry: Entry, exercise: Exercise, viewer: Viewer) -> bool:
    if reads_all(entry, viewer):
        return True
    told = (one for one in audience(entry, exercise) if viewer.user_id in one.users)
    return any(one.message["method"] in deed.heard for one in told)


def _statement(deed: _Deed, entry: Entry, person: Person, place: _Place) -> Json:
    session_id = place.exercise.session_id
    context: Json = {
        "registration": str(uuid5(_NAMESPACE, session_id)),
        "contextActivities": {"grouping": [place.mission()]},
    }
    if deed.thing != place.session():
        context["contextActivities"]["parent"] = [place.session()]
    if deed.thing["objectType"] == "Activity":
        context["platform"] = "Stoa"
    if deed.force_id is not None:
        context["team"] = place.team(deed.force_id)
    statement = {
        "id": str(uuid5(_NAMESPACE, f"{session_id}/{entry.seq}")),
        "actor": {
            "objectType": "Agent",
            "name": person.username,
            "account": {"homePage": place.address, "name": person.id},
        },
        "verb": {"id": deed.verb, "display": {"en": deed.display}},
        "object": deed.thing,
        "context": context,
        "timestamp": iso(to_millis(entry.at) if deed.at_ms is None else deed.at_ms),
    }
    return statement if deed.result is None else {**statement, "result": deed.result}


@dataclass(frozen=True, slots=True)
class _Place:
    """The session's things as activities, called by addresses of the server."""

    exercise: Exercise
    address: str

    def session(self) -> Json:
        path = f"/api/v1/sessions/{self.exercise.session_id}"
        return self._activity(path, self.exercise.name, f"{_KINDS}attempt")

    def mission(self) -> Json:
        mission = self.exercise.mission
        return self._activity(f"/api/v1/missions/{mission.id}", mission.name, f"{_KINDS}simulation")

    def node(self, node_id: str) -> Json:
        name = self.exercise.atlas.nodes[node_id].name
        return self._within(f"nodes/{node_id}", name, f"{_KINDS}objective")

    def action(self, action_id: str) -> Json:
        name = self.exercise.atlas.actions[action_id].name
        return self._within(f"actions/{action_id}", name, f"{_KINDS}performance")

    def channel(self, channel_id: str) -> Json:
        force = self.exercise.atlas.forces.get(channel_id)
        name = "All" if force is None else force.name
        return self._within(
            f"channels/{channel_id}", name, "http://id.tincanapi.com/activitytype/chat-channel"
        )

    def member(self, user_id: str) -> Json:
        """Somebody to whom something is done."""
        return {"objectType": "Agent", "account": {"homePage": self.address, "name": user_id}}

    def team(self, force_id: str) -> Json:
        force = self.exercise.atlas.forces[force_id]
        account = {"homePage": self.address, "name": f"{self.exercise.session_id}/{force_id}"}
        return {"objectType": "Group", "name": force.name, "account": account}

    def verb(self, name: str) -> str:
        return f"{self.address}/xapi/verbs/{name}"

    def _within(self, path: str, name: str, kind: str) -> Json:
        return self._activity(f"/api/v1/sessions/{self.exercise.session_id}/{path}", name, kind)

    def _activity(self, path: str, name: str, kind: str) -> Json:
        definition = {"name": {"en": name}, "type": kind}
        return {"objectType": "Activity", "id": f"{self.address}{path}", "definition": definition}


def _asker(data: Mapping[str, Any]) -> str | None:
    request = data.get("request")
    return None if request is None else request["requesterId"]


def _of_session(verb: str, display: str, *heard: str) -> Callable[[_Place, Entry], _Deed]:
    def make(place: _Place, entry: Entry) -> _Deed:
        by = _asker(entry.data) or entry.actor_id
        return _Deed(by, verb, display, place.session(), frozenset(heard))

    return make


def _reset(place: _Place, entry: Entry) -> _Deed:
    heard = frozenset({"session-reset"})
    return _Deed(_asker(entry.data), place.verb("reset"), "reset", place.session(), heard)


def _joined(place: _Place, entry: Entry) -> _Deed:
    user_id = entry.data["member"]["person"]["id"]
    heard = frozenset({"session-members-updated"})
    return _Deed(user_id, f"{_STREAMS}join", "joined", place.session(), heard)


def _quit(place: _Place, entry: Entry) -> _Deed:
    heard = frozenset({"session-members-updated"})
    return _Deed(entry.data["user_id"], f"{_STREAMS}leave", "left", place.session(), heard)


def _removed(display: str) -> Callable[[_Place, Entry], _Deed]:
    def make(place: _Place, entry: Entry) -> _Deed:
        thing = place.member(entry.data["user_id"])
        return _Deed(_asker(entry.data), place.verb(display), display, thing, frozenset({display}))

    return make


def _opened(place: _Place, entry: Entry) -> _Deed:
    """By whoever asked for it; what an effect opens is nobody's deed."""
    node_id = entry.data["node_id"]
    force_id, heard = place.exercise.atlas.force_of[node_id], frozenset({"node-opened"})
    by = _asker(entry.data)
    return _Deed(by, f"{_STREAMS}open", "opened", place.node(node_id), heard, force_id=force_id)


def _executes(
    place: _Place, execution: Execution, verb: str, display: str, *, heard: str, **more: Any
) -> _Deed:
    by = None if execution.request is None else execution.request["requesterId"]
    force_id = place.exercise.atlas.force_of[execution.node_id]
    thing = place.action(execution.action_id)
    return _Deed(by, verb, display, thing, frozenset({heard}), force_id=force_id, **more)


def _attempted(place: _Place, entry: Entry) -> _Deed:
    execution = place.exercise.executions[entry.data["execution"]["id"]]
    heard = "action-execution-initiated"
    return _executes(place, execution, f"{_ADL}attempted", "attempted", heard=heard, at_ms=execution.start_ms)


def _completed(place: _Place, entry: Entry) -> _Deed:
    execution = place.exercise.executions[entry.data["execution_id"]]
    won = execution.status is Status.SUCCESS
    verb = "passed" if won else "failed"
    return _executes(
        place, execution, f"{_ADL}{verb}", verb, heard="action-execution-completed",
        result={"success": won, "completion": True}, at_ms=execution.end_ms,
    )  # fmt: skip


def _aborted(place: _Place, entry: Entry) -> _Deed:
    execution = place.exercise.executions[entry.data["execution_id"]]
    return _executes(
        place, execution, "https://w3id.org/xapi/adl/verbs/abandoned", "abandoned",
        heard="action-execution-completed", result={"success": False, "completion": False},
        at_ms=execution.aborted_ms,
    )  # fmt: skip


def _commented(place: _Place, entry: Entry) -> _Deed:
    """The team is the channel's: in the one of all, others would learn what the speaker's force is called."""
    said = entry.data["message"]
    channel_id = said["channel_id"]
    return _Deed(
        said["sender_id"], f"{_ADL}commented", "commented", place.channel(channel_id),
        frozenset({"chat-message-received"}), result={"response": unescape(_TAG.sub("", said["message"]))},
        force_id=None if channel_id == ALL_CHANNEL else channel_id,
    )  # fmt: skip


_DEEDS: dict[str, Callable[[_Place, Entry], _Deed]] = {
    events.LAUNCHED: _of_session(f"{_ADL}launched", "launched"),
    events.STARTED: _of_session(f"{_ADL}initialized", "started", "session-started"),
    events.ENDED: _of_session(f"{_ADL}terminated", "ended", "session-ended"),
    events.RESET: _reset,
    events.MEMBER_JOINED: _joined,
    events.MEMBER_QUIT: _quit,
    events.MEMBER_KICKED: _removed("kicked"),
    events.MEMBER_BANNED: _removed("banned"),
    events.NODE_OPENED: _opened,
    events.EXECUTION_INITIATED: _attempted,
    events.EXECUTION_COMPLETED: _completed,
    events.EXECUTION_ABORTED: _aborted,
    events.CHAT_SENT: _commented,
}
