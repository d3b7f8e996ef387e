"""Who is told what of an event: the messages that each viewer's picture of the session needs, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from stoa.kernel.journal import Entry, Event
from stoa.missions.engine import Exercise, events, output_from, walk
from stoa.missions.errors import EFFECT_FAILED
from stoa.missions.model import Mission, Node, SessionState, Status
from stoa.missions.views._messages import message
from stoa.missions.views._mission import (
    execution_view,
    file_view,
    mission_view,
    node_views,
    outcome_view,
    output_view,
    prototype_view,
    structure_view,
)
from stoa.missions.views._session import (
    chat_view,
    config_view,
    current_session,
    hears,
    members_view,
)
from stoa.missions.views._viewer import Circle, Viewer, circles, viewers

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message, the same for all of ``users``: encode it once."""

    users: tuple[str, ...]
    message: Data


Telling = Callable[[Exercise, Data], Iterator[Delivery]]


def audience(event: Event | Entry, exercise: Exercise) -> list[Delivery]:
    """The messages that ``event`` sends, in order; ``exercise`` is the state just after it."""
    telling = _TELLINGS.get(event.type)
    if telling is None:
        return []
    return [one for one in telling(exercise, event.data) if one.users]


def tell(
    before: Exercise | None, happened: Iterable[Event | Entry], *, mission: Mission | None = None
) -> tuple[Exercise, list[list[Delivery]]]:
    """The exercise after all that happened, and the messages of each event in its turn. None is before the launch."""
    after, told = before, []
    for event, after in walk(happened, before, mission=mission):
        told.append(audience(event, after))
    if after is None:
        raise ValueError("Nothing happened: a session begins with its launch.")
    return after, told


def _everyone(exercise: Exercise) -> tuple[str, ...]:
    return tuple(exercise.member_of)


def _managers(exercise: Exercise) -> tuple[str, ...]:
    return tuple(one.user_id for one in viewers(exercise) if one.manages)


def _requester(data: Data) -> tuple[str, ...]:
    request = data.get("request")
    return (request["requesterId"],) if request and request["requesterId"] else ()


def _force_groups(exercise: Exercise, force_id: str) -> list[Circle]:
    """Those who see the force: before the start that is nobody but those who see all."""
    started = exercise.state is not SessionState.UNSTARTED
    return [
        (viewer, users)
        for viewer, users in circles(exercise)
        if viewer.sees_all or (started and viewer.force_id == force_id)
    ]


def _members_updated(exercise: Exercise) -> Delivery:
    return Delivery(
        _everyone(exercise), message("session-members-updated", {"members": members_view(exercise)})
    )


def _started(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    yield Delivery(tuple(data["dismissed_users"]), message("dismissed", {}))
    yield _members_updated(exercise)
    yield from _fresh("session-started", exercise, data)


def _reset(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    yield from _fresh("session-reset", exercise, data)


def _fresh(method: str, exercise: Exercise, data: Data) -> Iterator[Delivery]:
    for viewer, users in circles(exercise):
        yield Delivery(users, message(method, mission_view(exercise, viewer), request=data["request"]))


def _ended(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    yield Delivery(_everyone(exercise), message("session-ended", {}, request=data["request"]))


def _destroyed(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    told = {"sessionId": exercise.session_id}
    yield Delivery(_everyone(exercise), message("session-destroyed", told, request=data["request"]))


def _config(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    told = {"config": config_view(exercise.config)}
    yield Delivery(_everyone(exercise), message("session-config-updated", told, request=data["request"]))


def _joined(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    member = exercise.members[data["member"]["id"]]
    yield _members_updated(exercise)
    told = current_session(exercise, member)
    yield Delivery((member.person.id,), message("session-joined", told, request=data["request"]))


def _quit(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    yield _members_updated(exercise)
    yield Delivery((data["user_id"],), message("session-quit", {}, request=data["request"]))


def _removed(method: str) -> Telling:
    def tell(exercise: Exercise, data: Data) -> Iterator[Delivery]:
        told = {
            "sessionId": exercise.session_id,
            "memberId": data["member_id"],
            "userId": data["user_id"],
        }
        users = (*_managers(exercise), data["user_id"])
        yield Delivery(users, message(method, told, request=data["request"]))
        yield _members_updated(exercise)

    return tell


def _unbanned(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    told = {"sessionId": exercise.session_id, "userId": data["user_id"]}
    yield Delivery(_managers(exercise), message("unbanned", told, request=data["request"]))


def _assigned(method: str, key: str, name: str) -> Telling:
    def tell(exercise: Exercise, data: Data) -> Iterator[Delivery]:
        told = {"sessionId": exercise.session_id, "memberId": data["member_id"], key: data[name]}
        yield Delivery(_requester(data), message(method, told, request=data["request"]))
        yield _members_updated(exercise)
        member = exercise.members[data["member_id"]]
        # What they may see is another now: they are given it whole.
        yield Delivery((member.person.id,), message("current-session", current_session(exercise, member)))

    return tell


def _visible(exercise: Exercise, viewer: Viewer, node: Node) -> bool:
    return viewer.sees_all or exercise.revealed(node)


def _beneath(exercise: Exercise, node: Node, viewer: Viewer) -> Data:
    """What an open node shows: the tree as it is seen now, and what stands beneath the node."""
    atlas = exercise.atlas
    shown = exercise.shown_beneath(node)
    force = exercise.force_of(node)
    places = exercise.shown_places(force, under=node.prototype_id) if exercise.reached(node) else ()
    return {
        "structure": structure_view(exercise, force, viewer),
        "revealedDescendants": node_views(exercise, shown),
        "revealedDescendantPrototypes": [prototype_view(atlas.prototypes[place]) for place in places],
    }


def _opened(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    node = exercise.atlas.nodes[data["node_id"]]
    for viewer, users in _force_groups(exercise, exercise.atlas.force_of[node.id]):
        if not _visible(exercise, viewer, node):
            continue
        told = {"nodeId": node.id, **_beneath(exercise, node, viewer)}
        if data["cause"] == "request":
            yield Delivery(users, message("node-opened", told, request=data["request"]))
        else:
            yield Delivery(users, message("modifier-enacted", {"key": "node-open", **told}))


def _blocked(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    atlas = exercise.atlas
    for viewer, users in _force_groups(exercise, atlas.force_of[data["node_id"]]):
        for node_id in data["changed"]:
            if _visible(exercise, viewer, atlas.nodes[node_id]):
                told = {"key": "node-update-block", "nodeId": node_id, "blocked": data["blocked"]}
                yield Delivery(users, message("modifier-enacted", told))


def _initiated(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    execution = exercise.executions[data["execution"]["id"]]
    force_id = exercise.atlas.force_of[execution.node_id]
    told = {
        "execution": execution_view(exercise, execution),
        "resourcesRemaining": exercise.resources[force_id],
    }
    framed = message("action-execution-initiated", told, request=execution.request, fulfilled=False)
    for _, users in _force_groups(exercise, force_id):
        yield Delivery(users, framed)


def _finished(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    execution = exercise.executions[data["execution_id"]]
    node = exercise.atlas.nodes[execution.node_id]
    shows = node.id in exercise.opened and execution.status is not Status.ABORTED
    for viewer, users in _force_groups(exercise, exercise.atlas.force_of[node.id]):
        told: Data = {"outcome": outcome_view(execution)}
        if shows:
            told |= _beneath(exercise, node, viewer)
        yield Delivery(users, message("action-execution-completed", told, request=execution.request))


def _awarded(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    told = {"key": "force-resource-pool", "forceId": data["force_id"], "operand": data["operand"]}
    for _, users in _force_groups(exercise, data["force_id"]):
        yield Delivery(users, message("modifier-enacted", told))


FIELDS = {
    "successChance": ("node-action-success-chance", "successChanceOperand", "chance_hidden"),
    "processTime": ("node-action-process-time", "processTimeOperand", "process_hidden"),
    "resourceCost": ("node-action-resource-cost", "resourceCostOperand", "cost_hidden"),
}
"""What a modifier changes: its key and its operand's on the wire, and what of an action hides it."""


def _modified(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    """A change of a hidden number is not told; where that leaves some of a node's actions, each is told by its id."""
    atlas = exercise.atlas
    node = atlas.nodes[data["node_id"]]
    key, operand, hidden = FIELDS[data["field"]]
    open_ones = [one for one in data["actions"] if not getattr(atlas.actions[one], hidden)]
    told: Data = {"key": key, operand: data["operand"], "nodeId": node.id}
    whole = data["action_id"] is None and len(open_ones) == len(data["actions"])
    each = [told] if whole else [{**told, "actionId": one} for one in open_ones]
    for viewer, users in _force_groups(exercise, atlas.force_of[node.id]):
        if _visible(exercise, viewer, node):
            for one in each:
                yield Delivery(users, message("modifier-enacted", one))


def _access(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    file = exercise.atlas.files[data["file_id"]]
    for viewer, users in _force_groups(exercise, data["force_id"]):
        told = {
            "key": "file-update-access",
            "forceId": data["force_id"],
            "fileId": file.id,
            "granted": data["granted"],
        }
        if data["granted"]:
            told["fileData"] = file_view(exercise, file, viewer)
        yield Delivery(users, message("modifier-enacted", told))


def _output(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    output = output_from(data["output"])
    framed = message("send-output", {"outputData": output_view(output)})
    if output.user_id is not None:
        yield Delivery((output.user_id,), framed)
        return
    for _, users in _force_groups(exercise, output.force_id):
        yield Delivery(users, framed)


def _asked(_: Exercise, data: Data) -> Iterator[Delivery]:
    told = {"key": "pre-execution", "nodeId": data["node_id"]}
    yield Delivery((data["user_id"],), message("output-sent", told, request=data["request"]))


def _chat(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    last = exercise.chat[-1]
    told = {"message": chat_view(exercise, last)}
    hearing = (users for viewer, users in circles(exercise) if hears(viewer, last.channel_id))
    users = tuple(user for circle in hearing for user in circle)
    yield Delivery(users, message("chat-message-received", told))
    yield Delivery((last.sender_id,), message("chat-message-sent", told, request=data["request"]))


def _effect_failed(exercise: Exercise, data: Data) -> Iterator[Delivery]:
    text = f"An effect failed: {data['reason']}"
    framed = {"method": "error", "code": EFFECT_FAILED, "message": text, "data": {}}
    yield Delivery(_managers(exercise), framed)


_TELLINGS: dict[str, Telling] = {
    events.STARTED: _started,
    events.RESET: _reset,
    events.ENDED: _ended,
    events.DESTROYED: _destroyed,
    events.CONFIG_UPDATED: _config,
    events.MEMBER_JOINED: _joined,
    events.MEMBER_QUIT: _quit,
    events.MEMBER_KICKED: _removed("kicked"),
    events.MEMBER_BANNED: _removed("banned"),
    events.USER_UNBANNED: _unbanned,
    events.FORCE_ASSIGNED: _assigned("force-assigned", "forceId", "force_id"),
    events.ROLE_ASSIGNED: _assigned("role-assigned", "roleId", "role"),
    events.NODE_OPENED: _opened,
    events.BLOCK_CHANGED: _blocked,
    events.EXECUTION_INITIATED: _initiated,
    events.EXECUTION_COMPLETED: _finished,
    events.EXECUTION_ABORTED: _finished,
    events.RESOURCES_AWARDED: _awarded,
    events.ACTION_MODIFIED: _modified,
    events.FILE_ACCESS_CHANGED: _access,
    events.OUTPUT_SENT: _output,
    events.PRE_EXECUTION_ASKED: _asked,
    events.CHAT_SENT: _chat,
    events.EFFECT_FAILED: _effect_failed,
}
