"""What is left of an exercise to look at: its journal, and its state at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.errors import InvalidError
from stoa.kernel.journal import Entry
from stoa.missions import commands, engine, rules, views
from stoa.missions.engine import Exercise
from stoa.missions.errors import NotPermittedError
from stoa.missions.service._folding import entries_after, folded_at
from stoa.missions.service._sessions import folded
from stoa.missions.views import Viewer


@dataclass(frozen=True, slots=True)
class Moment:
    """A session as somebody saw it at ``at``. ``hash`` is the whole state's, for those who see all of it
    and ask for it.
    """

    at: datetime
    seq: int
    session: dict[str, Any]
    hash: str | None


def viewer_of(exercise: Exercise, actor: Actor) -> Viewer:
    """As what the actor looks: a member, or somebody who may review the session. Raises NotPermittedError."""
    member = exercise.member_by_user(actor.id)
    if member is not None:
        return Viewer.of(member)
    if rules.may_review(actor, owner_id=exercise.owner.id):
        return Viewer.reviewer(actor.id)
    raise NotPermittedError("You are not in this session.")


def state_at(
    connection: Connection,
    session_id: str,
    at: datetime | None,
    *,
    actor: Actor,
    now: datetime,
    with_hash: bool = False,
) -> Moment:
    """The state at a moment, the present where none is named; what was due by then is complete in it.

    Raises SessionNotFoundError, NotPermittedError, and InvalidError for a time before the launch.
    """
    present = folded(connection, session_id)
    viewer = viewer_of(present.exercise, actor)
    at = now if at is None else min(at, now)
    found = folded_at(connection, present.standing, at)
    if found is None:
        raise InvalidError.field("at", "lies before the session's launch.")
    exercise, _ = engine.advance(found.exercise, commands.Complete(), by=None, now=at)
    return Moment(
        at,
        found.standing.seq,
        views.session_view(exercise, viewer),
        engine.state_hash(exercise) if with_hash and viewer.sees_all else None,
    )


def journal_lines(
    connection: Connection, session_id: str, *, actor: Actor, after: int = 0
) -> list[dict[str, Any]]:
    """The journal as the actor may read it, from the entry that follows number ``after`` on."""
    viewer, steps = _steps(connection, session_id, actor=actor)
    lines = (views.journal_line(entry, exercise, viewer) for entry, exercise in steps if entry.seq > after)
    return [line for line in lines if line is not None]


def xapi_statements(
    connection: Connection, session_id: str, *, actor: Actor, address: str, after: int = 0
) -> list[dict[str, Any]]:
    """The journal as the actor may read it, as xAPI statements."""
    viewer, steps = _steps(connection, session_id, actor=actor)
    return list(views.xapi_statements(steps, viewer, address=address, after=after))


def _steps(
    connection: Connection, session_id: str, *, actor: Actor
) -> tuple[Viewer, Iterator[tuple[Entry, Exercise]]]:
    """As what the actor looks, and each entry with the exercise just after it: look before the next step."""
    present = folded(connection, session_id)
    viewer = viewer_of(present.exercise, actor)
    entries = entries_after(connection, session_id, 0, until=present.standing.seq)
    steps = engine.walk(entries, mission=present.exercise.mission)
    return viewer, ((entry, exercise) for entry, exercise in steps if isinstance(entry, Entry))
