"""What each event does to the state. Nothing is decided here: an event has happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from stoa.kernel.journal import Entry, Event
from stoa.missions.engine import _events as names
from stoa.missions.engine._exercise import Exercise
from stoa.missions.engine._plain import (
    chat_from,
    config_from_plain,
    execution_from,
    member_from,
    output_from,
    person_from,
)
from stoa.missions.missionfile import trusted_mission
from stoa.missions.model import MAX_PROCESS_MS, Assignment, Mission, Numbers, Role, SessionState, Status

Happening = Event | Entry


def begin(event: Happening, *, mission: Mission | None = None) -> Exercise:
    """The exercise that a ``launched`` event begins. ``mission`` spares reading it from the event again."""
    data = event.data
    exercise = Exercise(
        mission or trusted_mission(data["mission"]),
        session_id=data["session_id"],
        name=data["name"],
        owner=person_from(data["owner"]),
    )
    exercise.config = config_from_plain(data["config"])
    exercise.launched_ms = data["at"]
    exercise.version = 1
    return exercise


def fold(
    events: Iterable[Happening], exercise: Exercise | None = None, *, mission: Mission | None = None
) -> Exercise:
    """The exercise after ``events``: from the launch on, or from ``exercise``, which stays as it is."""
    state = exercise
    for _, after in walk(events, exercise, mission=mission):
        state = after
    if state is None:
        raise ValueError("There is nothing to fold: a session begins with its launch.")
    return state


def walk(
    events: Iterable[Happening], exercise: Exercise | None = None, *, mission: Mission | None = None
) -> Iterator[tuple[Happening, Exercise]]:
    """Each event with the exercise just after it. It is one exercise that moves on: look at it before the next step."""
    state = None if exercise is None else exercise.fork()
    for event in events:
        if state is None:
            state = begin(event, mission=mission)
        else:
            enact(state, event)
        yield event, state


def apply(exercise: Exercise, event: Happening) -> Exercise:
    """The exercise after one event; the one given stays as it is. For many, ``fold`` copies once."""
    return fold((event,), exercise)


def enact(state: Exercise, event: Happening) -> None:
    """Writes to ``state``. Types that the engine does not know (notes of others in the journal) change nothing."""
    state.version += 1
    change = _CHANGES.get(event.type)
    if change is not None:
        change(state, event.data)


def _destroyed(state: Exercise, _: dict[str, Any]) -> None:
    state.destroyed = True


def _started(state: Exercise, data: dict[str, Any]) -> None:
    state.state = SessionState.STARTED
    state.started_ms = data["at"]
    for member_id, force_id in data["assigned"].items():
        _give_force(state, member_id, force_id)
    for member_id in data["dismissed"]:
        _remove(state, member_id)


def _ended(state: Exercise, data: dict[str, Any]) -> None:
    state.state = SessionState.ENDED
    state.ended_ms = data["at"]


def _reset(state: Exercise, _: dict[str, Any]) -> None:
    state.rebuild()


def _config_updated(state: Exercise, data: dict[str, Any]) -> None:
    state.config = config_from_plain(data["config"])
    state.name = state.config.name or state.name


def _joined(state: Exercise, data: dict[str, Any]) -> None:
    member = member_from(data["member"])
    state.own("members")[member.id] = member
    state.own("member_of")[member.person.id] = member.id
    if member.force_id is not None:
        _remember(state, member.person.id, force_id=member.force_id)


def _remove(state: Exercise, member_id: str) -> None:
    member = state.own("members").pop(member_id)
    del state.own("member_of")[member.person.id]


def _left(state: Exercise, data: dict[str, Any]) -> None:
    _remove(state, data["member_id"])


def _banned(state: Exercise, data: dict[str, Any]) -> None:
    _remove(state, data["member_id"])
    state.own("bans")[data["user_id"]] = None


def _unbanned(state: Exercise, data: dict[str, Any]) -> None:
    del state.own("bans")[data["user_id"]]


def _invited(state: Exercise, data: dict[str, Any]) -> None:
    invited = state.own("invited")
    invited.clear()
    invited.update(dict.fromkeys(data["user_ids"]))


def _remember(state: Exercise, user_id: str, **known: Any) -> None:
    before = state.assignments.get(user_id, Assignment())
    state.own("assignments")[user_id] = replace(before, **known)


def _give_force(state: Exercise, member_id: str, force_id: str | None) -> None:
    member = state.members[member_id]
    state.own("members")[member_id] = replace(member, force_id=force_id)
    if force_id is None:
        state.own("assignments").pop(member.person.id, None)
    else:
        _remember(state, member.person.id, force_id=force_id)


def _force_assigned(state: Exercise, data: dict[str, Any]) -> None:
    _give_force(state, data["member_id"], data["force_id"])


def _role_assigned(state: Exercise, data: dict[str, Any]) -> None:
    member = state.members[data["member_id"]]
    role = Role(data["role"])
    state.own("members")[member.id] = replace(member, role=role)
    _remember(state, member.person.id, role=role)


def _opened(state: Exercise, data: dict[str, Any]) -> None:
    state.own("opened").add(data["node_id"])


def _block_changed(state: Exercise, data: dict[str, Any]) -> None:
    flags = state.own("blocked")
    if data["blocked"]:
        flags.update(data["flagged"])
    else:
        flags.difference_update(data["flagged"])


def _initiated(state: Exercise, data: dict[str, Any]) -> None:
    execution = execution_from(data["execution"])
    state.own("executions")[execution.id] = execution
    state.own("running")[execution.node_id] = execution.id
    if data["cost"]:
        force_id = state.atlas.force_of[execution.node_id]
        state.own("resources")[force_id] -= data["cost"]


def _finish(state: Exercise, execution_id: str, **outcome: Any) -> None:
    execution = state.executions[execution_id]
    state.own("executions")[execution_id] = replace(execution, **outcome)
    state.own("running").pop(execution.node_id, None)


def _completed(state: Exercise, data: dict[str, Any]) -> None:
    _finish(state, data["execution_id"], status=Status(data["status"]))
    execution = state.executions[data["execution_id"]]
    if data["value"] is not None:
        draws = state.own("draws")
        draws[execution.action_id] = draws.get(execution.action_id, 0) + 1
    if data["opened"]:
        state.own("opened").add(execution.node_id)


def _aborted(state: Exercise, data: dict[str, Any]) -> None:
    _finish(state, data["execution_id"], status=Status.ABORTED, aborted_ms=data["at"])


def _awarded(state: Exercise, data: dict[str, Any]) -> None:
    state.own("resources")[data["force_id"]] += data["operand"]


def modified(numbers: Numbers, field: str, operand: float) -> Numbers:
    """The effective value is the new base, the operand is added, and the sum is kept within what it may be."""
    match field:
        case "successChance":
            return replace(numbers, chance=min(1, max(0, numbers.chance + operand)))
        case "processTime":
            return replace(numbers, process_ms=min(MAX_PROCESS_MS, max(0, numbers.process_ms + operand)))
        case _:
            return replace(numbers, cost=max(0, numbers.cost + operand))


def _modified(state: Exercise, data: dict[str, Any]) -> None:
    changed = state.own("numbers")
    for action_id in data["actions"]:
        changed[action_id] = modified(state.numbers_of(action_id), data["field"], data["operand"])


def _access(state: Exercise, data: dict[str, Any]) -> None:
    access = state.own("access")
    have = access[data["file_id"]]
    one = {data["force_id"]}
    access[data["file_id"]] = have | one if data["granted"] else have - one


def _output(state: Exercise, data: dict[str, Any]) -> None:
    state.own("outputs").append(output_from(data["output"]))


def _chat(state: Exercise, data: dict[str, Any]) -> None:
    state.own("chat").append(chat_from(data["message"]))


def pending_key(execution_id: str, effect_id: str) -> str:
    return f"{execution_id}/{effect_id}"


def _effect_requested(state: Exercise, data: dict[str, Any]) -> None:
    state.own("pending")[pending_key(data["execution_id"], data["effect_id"])] = None


def _effect_over(state: Exercise, data: dict[str, Any]) -> None:
    state.own("pending").pop(pending_key(data["execution_id"], data["effect_id"]), None)


_CHANGES: dict[str, Callable[[Exercise, dict[str, Any]], None]] = {
    names.DESTROYED: _destroyed,
    names.STARTED: _started,
    names.ENDED: _ended,
    names.RESET: _reset,
    names.CONFIG_UPDATED: _config_updated,
    names.MEMBER_JOINED: _joined,
    names.MEMBER_QUIT: _left,
    names.MEMBER_KICKED: _left,
    names.MEMBER_BANNED: _banned,
    names.USER_UNBANNED: _unbanned,
    names.USERS_INVITED: _invited,
    names.FORCE_ASSIGNED: _force_assigned,
    names.ROLE_ASSIGNED: _role_assigned,
    names.NODE_OPENED: _opened,
    names.BLOCK_CHANGED: _block_changed,
    names.EXECUTION_INITIATED: _initiated,
    names.EXECUTION_COMPLETED: _completed,
    names.EXECUTION_ABORTED: _aborted,
    names.RESOURCES_AWARDED: _awarded,
    names.ACTION_MODIFIED: _modified,
    names.FILE_ACCESS_CHANGED: _access,
    names.OUTPUT_SENT: _output,
    names.CHAT_SENT: _chat,
    names.EFFECT_REQUESTED: _effect_requested,
    names.EFFECT_ENACTED: _effect_over,
    names.EFFECT_FAILED: _effect_over,
}
