"""A session's use cases: load what the journal says, ask the engine, record what it decides. Each is one transaction."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from stoa.accounts import service as people
from stoa.kernel.actor import Actor
from stoa.kernel.clock import from_millis
from stoa.kernel.errors import NotFoundError, StoaError
from stoa.kernel.ids import Ids
from stoa.kernel.journal import Entry, Event
from stoa.missions import commands, engine, rules, store, views
from stoa.missions.engine import Exercise, advance, events
from stoa.missions.errors import AlreadyInSessionError, SessionNotFoundError, StateConflictError
from stoa.missions.model import Member, Person, Request, SessionConfig, SessionState
from stoa.missions.service._folding import (
    MEMO,
    Folded,
    chained,
    first_head,
    keep_snapshot,
    now_folded,
    stream_of,
)
from stoa.missions.store import Shown, Standing
from stoa.platform import journal, timers
from stoa.platform.journal import Addition
from stoa.platform.storage import Batched, lock

EXECUTION = "missions.execution"
"""The timers that complete executions. Their subject is ``<session id>/<execution id>``."""
EFFECT = "missions.effect"
"""The timers that see to effects of target environments. Their subject is ``<session id>/<execution id>/<effect id>``."""
FORGET = "missions.forget"
"""The timers that remove what is left of a deleted session."""
REMEMBERED_DELETED = timedelta(days=1)
"""How long a deleted session's journal stays, for those who were not there to be told of its end."""

_ID = re.compile(r"[0-9a-f]{24}")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, as it waits to be decided."""

    command: commands.Command
    by: Actor | None
    now: datetime
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """What was decided, before it is recorded."""

    before: Exercise
    after: Exercise
    happened: Sequence[Event]
    actor_id: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """What a command led to: ``entries`` lead from ``before`` to ``after``."""

    before: Exercise
    after: Folded
    entries: Sequence[Entry]

    def answer(self, method: str, *, user_id: str) -> dict[str, Any]:
        """The data of the message ``method`` that tells the requester what came of the request."""
        for entry, state in engine.walk(self.entries, self.before):
            for told in views.audience(entry, state):
                message = told.message
                asked = message.get("request")
                # Others are told of it in the same words, and see more of it or less.
                if message["method"] == method and asked is not None and user_id in told.users:
                    data: dict[str, Any] = message["data"]
                    return data
        return {}


def launch(
    connection: Connection, mission_id: str, config: SessionConfig, *, actor: Actor, now: datetime, ids: Ids
) -> str:
    """A new session of the mission as it is now. Raises NotPermittedError, NotFoundError. Answers its id."""
    rules.check_launch(actor)
    document = store.get_document(connection, mission_id)
    if document is None:
        raise NotFoundError("There is no such mission.")
    mission = store.mission_in(document)
    session_id = ids.object_id()
    owner = person_of(connection, actor)
    exercise, happened = engine.launch(
        mission, session_id=session_id, owner=owner, config=config, now=now, embed=False
    )
    entries = journal.append(connection, stream_of(session_id), *happened, actor_id=actor.id, at=now)
    head = chained(first_head(session_id, document), entries)
    standing = Standing(session_id, entries[-1].seq, head, now)
    store.insert_session(connection, standing, _shown(exercise), document, launched_at=now)
    store.stamp_launched(connection, mission_id, now)
    MEMO.put(Folded(standing, exercise))
    return session_id


def command(
    connection: Connection,
    session_id: str,
    asked: commands.Command,
    *,
    by: Actor | None,
    now: datetime,
    request: Request | None = None,
) -> Done:
    """Lets ``asked`` happen. Raises SessionNotFoundError and whatever the engine raises, with nothing changed."""
    (outcome,) = _together(session_id, connection, [Asked(asked, by, now, request)])
    if isinstance(outcome, StoaError):
        raise outcome
    return outcome


@lru_cache(maxsize=1024)
def batch_of(session_id: str) -> Batched[Asked, Done]:
    """For ``storage.write_batched``: the commands of one session that wait together are loaded and saved once."""
    return Batched(partial(_together, session_id))


def _together(session_id: str, connection: Connection, waiting: Sequence[Asked]) -> list[Done | StoaError]:
    """Each meets the state that those before it led to; one that is refused changes nothing for the others."""
    joining = [
        f"missions:user:{one.command.person.id}" for one in waiting if isinstance(one.command, commands.Join)
    ]
    lock(connection, f"missions:{session_id}", *joining)
    try:
        before = folded(connection, session_id)
    except SessionNotFoundError as error:
        return [error] * len(waiting)
    # Commands may meet in another order than they came: what is later in the journal is not earlier in time.
    now = max(before.standing.at, *(one.now for one in waiting))
    steps, state = list[_Step | StoaError](), before.exercise
    for one in waiting:
        try:
            step = _decided(connection, state, one, now=now)
        except StoaError as error:
            steps.append(error)
        else:
            steps.append(step)
            state = step.after
    return _record(connection, before, steps, now=now)


def _decided(connection: Connection, state: Exercise, asked: Asked, *, now: datetime) -> _Step:
    after, happened = advance(state, asked.command, by=asked.by, now=now, request=asked.request)
    joining = asked.command
    if isinstance(joining, commands.Join) and store.session_of(connection, joining.person.id) is not None:
        raise AlreadyInSessionError
    return _Step(state, after, happened, None if asked.by is None else asked.by.id)


def join(
    connection: Connection, session_id: str, *, actor: Actor, now: datetime, request: Request | None = None
) -> Done:
    """The actor joins. Raises what ``command`` raises, and AlreadyInSessionError for who is in another session."""
    asked = commands.Join(person_of(connection, actor))
    return command(connection, session_id, asked, by=actor, now=now, request=request)


def complete_due(connection: Connection, session_id: str, *, now: datetime) -> None:
    """Completes what is due by ``now``. A session that is gone, or has nothing due, is left as it is."""
    try:
        command(connection, session_id, commands.Complete(), by=None, now=now)
    except SessionNotFoundError:
        return


def destroy(connection: Connection, session_id: str, *, actor: Actor, now: datetime) -> Done:
    """Raises SessionNotFoundError, NotPermittedError."""
    rules.check_delete(actor, owner_id=folded(connection, session_id).exercise.owner.id)
    return command(connection, session_id, commands.Destroy(), by=actor, now=now)


def forget(connection: Connection, session_id: str) -> None:
    """Removes a deleted session and its journal for good."""
    store.forget(connection, session_id)
    journal.delete(connection, stream_of(session_id))


def list_sessions(connection: Connection, *, actor: Actor) -> list[str]:
    """The JSON of each session that the actor may see listed, oldest first. Raises NotPermittedError."""
    rules.check_list(actor)
    return [
        listing
        for listing, accessibility, owner_id in store.list_sessions(connection)
        if rules.is_listed(actor, accessibility=accessibility, owner_id=owner_id)
    ]


def folded(connection: Connection, session_id: str) -> Folded:
    """The session's state. Raises SessionNotFoundError."""
    standing = store.standing_of(connection, session_id) if _ID.fullmatch(session_id) else None
    if standing is None:
        raise SessionNotFoundError
    return now_folded(connection, standing)


def session_of(connection: Connection, user_id: str) -> str | None:
    """The session that the user is in; one that has ended holds nobody."""
    return store.session_of(connection, user_id)


def sessions_of(connection: Connection, user_ids: Collection[str]) -> dict[str, str]:
    """The same of many users; those who are in none are left out."""
    return store.sessions_of(connection, user_ids)


def current(connection: Connection, session_id: str, *, actor: Actor) -> tuple[Folded, Member]:
    """The session and the actor's membership. Raises SessionNotFoundError, StateConflictError."""
    found = folded(connection, session_id)
    member = found.exercise.member_by_user(actor.id)
    if member is None:
        raise StateConflictError("You are not in this session.")
    return found, member


def member_view(connection: Connection, user_id: str) -> tuple[Exercise, Member | None] | None:
    """The session that the user is in, and the membership; None outside any session."""
    session_id = store.session_of(connection, user_id)
    if session_id is None:
        return None
    exercise = folded(connection, session_id).exercise
    return exercise, exercise.member_by_user(user_id)


def person_of(connection: Connection, actor: Actor) -> Person:
    user = people.own_user(connection, actor=actor)
    return Person(
        user.id,
        user.username,
        user.first_name,
        user.last_name,
        str(user.access),
        tuple(user.express_permissions),
    )


def _record(
    connection: Connection, before: Folded, steps: Sequence[_Step | StoaError], *, now: datetime
) -> list[Done | StoaError]:
    """Saves what the steps led to, once for all of them."""
    session_id = before.standing.id
    happened = [event for one in steps if isinstance(one, _Step) for event in one.happened]
    additions = [
        Addition(stream_of(session_id), one.happened, one.actor_id) for one in steps if isinstance(one, _Step)
    ]
    entries = journal.append_many(connection, additions, at=now)
    outcomes, after = _outcomes(before, steps, entries)
    if not happened:
        return outcomes
    exercise = after.exercise
    shown = _shown(exercise) if _looks_different(before.exercise, exercise) else None
    store.update_session(connection, after.standing, shown)
    _move_members(connection, before.exercise, exercise)
    _set_timers(connection, exercise, happened, now=now)
    keep_snapshot(connection, after, since=before.standing.seq)
    if exercise.destroyed:
        store.mark_deleted(connection, session_id, at=now)
    views.circles(exercise)  # which the states that follow take over, until a member changes
    MEMO.put(after)
    return outcomes


def _outcomes(
    before: Folded, steps: Sequence[_Step | StoaError], entries: Sequence[Entry]
) -> tuple[list[Done | StoaError], Folded]:
    """What each step is answered with, and the state after the last."""
    outcomes, last, begin = list[Done | StoaError](), before, before.standing.seq
    for one in steps:
        if isinstance(one, StoaError):
            outcomes.append(one)
            continue
        done = last.standing.seq - begin
        own = entries[done : done + len(one.happened)]
        if own:
            head = chained(last.standing.head, own)
            standing = replace(last.standing, seq=own[-1].seq, head=head, at=own[-1].at)
            last = Folded(standing, one.after)
        outcomes.append(Done(one.before, last, own))
    return outcomes, last


def _looks_different(before: Exercise, after: Exercise) -> bool:
    same = before.members is after.members and before.config is after.config and before.state is after.state
    return not same


def _shown(exercise: Exercise) -> Shown:
    return Shown(
        mission_id=exercise.mission.id,
        name=exercise.name,
        state=str(exercise.state),
        accessibility=str(exercise.config.accessibility),
        owner_id=exercise.owner.id,
        listing=_encode(views.basic_view(exercise)).decode(),
    )


def _move_members(connection: Connection, before: Exercise, after: Exercise) -> None:
    if before.member_of is after.member_of and before.state is after.state and not after.destroyed:
        return
    were, are = _held(before), _held(after)
    store.move_members(connection, after.session_id, come=are - were, gone=were - are)


def _held(exercise: Exercise) -> set[str]:
    """Whom the session keeps from being in another."""
    over = exercise.destroyed or exercise.state is SessionState.ENDED
    return set() if over else set(exercise.member_of)


def _set_timers(
    connection: Connection, exercise: Exercise, happened: Sequence[Event], *, now: datetime
) -> None:
    """One for each execution, and for each effect that is asked of others. Nobody cancels those of executions: one that
    comes for nothing finds nothing due.
    """
    for event in happened:
        if event.type == events.EXECUTION_INITIATED:
            execution = event.data["execution"]
            if exercise.running.get(execution["node_id"]) == execution["id"]:
                subject = f"{exercise.session_id}/{execution['id']}"
                timers.set(connection, EXECUTION, subject, due_at=from_millis(execution["end_ms"]))
        elif event.type == events.EFFECT_REQUESTED:
            asked = event.data
            subject = f"{exercise.session_id}/{asked['execution_id']}/{asked['effect_id']}"
            payload = {"environment": asked["environment_id"]}
            timers.set(connection, EFFECT, subject, due_at=now, payload=payload)
    if exercise.destroyed:
        timers.set(connection, FORGET, exercise.session_id, due_at=now + REMEMBERED_DELETED)
