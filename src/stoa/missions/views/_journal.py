"""The journal as a viewer may read it afterwards."""

from __future__ import annotations

from typing import Any

from stoa.kernel.clock import to_millis
from stoa.kernel.journal import Entry
from stoa.missions.engine import Exercise, events
from stoa.missions.views._audience import FIELDS, audience
from stoa.missions.views._session import iso
from stoa.missions.views._viewer import Viewer

_MANAGERS_ONLY = frozenset(
    {
        events.MEMBER_KICKED,
        events.MEMBER_BANNED,
        events.USER_UNBANNED,
        events.USERS_INVITED,
        events.EFFECT_FAILED,
    }
)
"""What only managers are told when it happens: who is banned and invited, and why an effect failed."""


def reads_all(entry: Entry, viewer: Viewer) -> bool:
    """Whether the viewer may read the entry itself, and not only what they were told of it."""
    return viewer.manages or (viewer.sees_all and entry.type not in _MANAGERS_ONLY)


def journal_line(entry: Entry, exercise: Exercise, viewer: Viewer) -> dict[str, Any] | None:
    """One line, or None where the viewer has no part in it; ``exercise`` is the state just after the entry.

    Who may read it reads what happened, without the mission's own text and hidden numbers; anyone else what they were told.
    """
    line = {"seq": entry.seq, "at": iso(to_millis(entry.at)), "type": entry.type}
    if reads_all(entry, viewer):
        return {**line, "actorId": entry.actor_id, "data": _without_secrets(entry, exercise)}
    told = [one.message for one in audience(entry, exercise) if viewer.user_id in one.users]
    return {**line, "messages": told} if told else None


def _without_secrets(entry: Entry, exercise: Exercise) -> dict[str, Any]:
    data = dict(entry.data)
    actions = exercise.atlas.actions
    match entry.type:
        case events.LAUNCHED:
            del data["mission"]
            data |= {"mission_id": exercise.mission.id, "mission_name": exercise.mission.name}
        case events.EFFECT_REQUESTED:
            del data["args"]
        case events.EXECUTION_INITIATED:
            action = actions[data["execution"]["action_id"]]
            if action.cost_hidden:
                del data["cost"]
            if action.process_hidden:
                data["execution"] = {**data["execution"], "end_ms": None}
        case events.EXECUTION_COMPLETED:
            execution = exercise.executions.get(data["execution_id"])
            if execution is None or actions[execution.action_id].chance_hidden:
                data |= {"chance": None, "value": None}
        case events.ACTION_MODIFIED:
            *_, hidden = FIELDS[data["field"]]
            if any(getattr(actions[one], hidden) for one in data["actions"]):
                data["operand"] = None
    return data
