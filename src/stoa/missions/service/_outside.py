"""What is asked of others: effects that wait for a target environment's answer, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stoa.missions import commands
from stoa.missions.commands import Change
from stoa.missions.errors import SessionNotFoundError
from stoa.missions.model import Effect, SessionState
from stoa.missions.service._sessions import EFFECT, command, folded
from stoa.platform import timers


@dataclass(frozen=True, slots=True)
class EffectCall:
    """An effect that waits. ``subject`` is its timer's, and names the call to whom it is made. ``facts`` are plain JSON."""

    subject: str
    effect: Effect
    facts: Mapping[str, Mapping[str, str]]


def effect_to_call(connection: Connection, subject: str) -> EffectCall | None:
    """None where nobody waits for the answer any more: the session is over, reset or gone, or was answered."""
    session_id, execution_id, effect_id = subject.split("/")
    try:
        exercise = folded(connection, session_id).exercise
    except SessionNotFoundError:
        return None
    if exercise.state is not SessionState.STARTED or f"{execution_id}/{effect_id}" not in exercise.pending:
        return None
    effect, action = exercise.atlas.effects[effect_id]
    node = exercise.atlas.node_of[action.id]
    named: dict[str, Any] = {
        "mission": exercise.mission,
        "force": exercise.force_of(node),
        "node": node,
        "action": action,
        "effect": effect,
    }
    facts = {key: {"_id": one.id, "name": one.name} for key, one in named.items()}
    facts["session"] = {"_id": session_id, "name": exercise.name}
    return EffectCall(subject, effect, facts)


def answer_effect(
    connection: Connection,
    subject: str,
    *,
    changes: tuple[Change, ...] = (),
    failure: str | None = None,
    now: datetime,
) -> None:
    """What came of the call: it is taken once, and nothing is due of it any more."""
    session_id, execution_id, effect_id = subject.split("/")
    timers.cancel(connection, EFFECT, subject)
    result = commands.EffectResult(effect_id, execution_id, changes, failure)
    try:
        command(connection, session_id, result, by=None, now=now)
    except SessionNotFoundError:
        return


def call_effect_at(
    connection: Connection, subject: str, environment_id: str, *, due_at: datetime, attempt: int
) -> None:
    """``attempt`` is how often it has been called until now."""
    payload = {"environment": environment_id, "attempt": attempt}
    timers.set(connection, EFFECT, subject, due_at=due_at, payload=payload)
