"""An exercise as one plain object, and back; and its fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from stoa.missions.engine._exercise import Exercise
from stoa.missions.engine._plain import (
    assignment_from,
    chat_from,
    config_from_plain,
    execution_from,
    member_from,
    output_from,
    person_from,
    to_plain,
)
from stoa.missions.missionfile import mission_to, trusted_mission
from stoa.missions.model import Mission, Numbers, SessionState

FORMAT = 1


def snapshot(
    exercise: Exercise, *, with_mission: bool = True, flat: Callable[[Any], Any] = to_plain
) -> dict[str, Any]:
    """Plain JSON that ``restore`` reads. Without the mission it is small; then ``restore`` must be given it.

    ``flat`` makes a frozen value plain: an encoder that knows them itself is quicker, and is given them as they are.
    """
    return {
        "format": FORMAT,
        "mission": mission_to(exercise.mission) if with_mission else None,
        "session_id": exercise.session_id,
        "name": exercise.name,
        "owner": flat(exercise.owner),
        "config": flat(exercise.config),
        "state": str(exercise.state),
        "launched_ms": exercise.launched_ms,
        "started_ms": exercise.started_ms,
        "ended_ms": exercise.ended_ms,
        "version": exercise.version,
        "destroyed": exercise.destroyed,
        "members": [flat(one) for one in exercise.members.values()],
        "assignments": {key: flat(one) for key, one in exercise.assignments.items()},
        "bans": list(exercise.bans),
        "invited": list(exercise.invited),
        "resources": dict(exercise.resources),
        "opened": sorted(exercise.opened),
        "blocked": sorted(exercise.blocked),
        "executions": [flat(one) for one in exercise.executions.values()],
        "running": dict(exercise.running),
        "numbers": {key: flat(one) for key, one in exercise.numbers.items()},
        "access": {key: sorted(one) for key, one in exercise.access.items()},
        "draws": dict(exercise.draws),
        "pending": list(exercise.pending),
        "outputs": [flat(one) for one in exercise.outputs],
        "chat": [flat(one) for one in exercise.chat],
    }


def restore(plain: Mapping[str, Any], *, mission: Mission | None = None) -> Exercise:
    if plain.get("format") != FORMAT:
        raise ValueError(
            f"A snapshot of format {plain.get('format')!r} can not be restored: fold the journal."
        )
    exercise = Exercise(
        mission or trusted_mission(plain["mission"]),
        session_id=plain["session_id"],
        name=plain["name"],
        owner=person_from(plain["owner"]),
    )
    for name in ("launched_ms", "started_ms", "ended_ms", "version", "destroyed"):
        setattr(exercise, name, plain[name])
    for name in ("resources", "running", "draws"):
        setattr(exercise, name, dict(plain[name]))
    exercise.config = config_from_plain(plain["config"])
    exercise.state = SessionState(plain["state"])
    exercise.members = {one["id"]: member_from(one) for one in plain["members"]}
    exercise.member_of = {one.person.id: one.id for one in exercise.members.values()}
    exercise.assignments = {key: assignment_from(one) for key, one in plain["assignments"].items()}
    exercise.bans = dict.fromkeys(plain["bans"])
    exercise.invited = dict.fromkeys(plain["invited"])
    exercise.opened = set(plain["opened"])
    exercise.blocked = set(plain["blocked"])
    exercise.executions = {one["id"]: execution_from(one) for one in plain["executions"]}
    exercise.numbers = {key: Numbers(**one) for key, one in plain["numbers"].items()}
    exercise.access = {key: frozenset(one) for key, one in plain["access"].items()}
    exercise.pending = dict.fromkeys(plain["pending"])
    exercise.outputs = [output_from(one) for one in plain["outputs"]]
    exercise.chat = [chat_from(one) for one in plain["chat"]]
    return exercise


def state_hash(exercise: Exercise) -> str:
    """64 hexadecimal digits: equal for equal states of equal missions, whichever way they were reached."""
    atlas = exercise.atlas
    if atlas.digest is None:
        atlas.digest = _digest(mission_to(exercise.mission))
    return _digest([atlas.digest, snapshot(exercise, with_mission=False)])


def _digest(plain: Any) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
