"""Sessions: made, found, moved on, ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.ids import Ids
from stoa.kernel.journal import Event
from stoa.live import rules, store
from stoa.live.errors import (
    SessionNotFoundError,
)
from stoa.live.model import (
    Draft,
    LiveSession,
    Status,
)
from stoa.live.service._room import ENDED, finish, out, stream_of, tell
from stoa.platform.storage import lock


def create(connection: Connection, draft: Draft, *, actor: Actor, now: datetime, ids: Ids) -> LiveSession:
    rules.check_course_id(draft.course_id)
    rules.check_may_create(actor, store.course_of_id(connection, draft.course_id))
    session = LiveSession(
        id=ids.uuid(), course_id=draft.course_id, room_name=ids.uuid(), status=Status.SCHEDULED,
        starts_at=draft.starts_at, ends_at=None, created_by=actor.id, recording_enabled=draft.recording_enabled,
        max_participants=draft.max_participants, created_at=now, updated_at=now,
    )  # fmt: skip
    store.add_session(connection, session)
    return session


def session_named(connection: Connection, room_name: str) -> LiveSession:
    """Raises SessionNotFoundError, also for one that is deleted."""
    return found_session(store.session_named(connection, room_name))


def kept_session(connection: Connection, room_name: str, *, actor: Actor, to: str) -> LiveSession:
    """The owner's; also a deleted one, whose recordings and attendance are kept."""
    session = store.session_named(connection, room_name)
    if session is None:
        raise SessionNotFoundError
    rules.check_owner(session, actor, to=to)
    return session


def owned_session(connection: Connection, room_name: str, *, actor: Actor, to: str) -> LiveSession:
    session = session_named(connection, room_name)
    rules.check_owner(session, actor, to=to)
    return session


def sessions_of(connection: Connection, instructor_id: str) -> list[LiveSession]:
    return store.sessions_of(connection, instructor_id)


def found_session(session: LiveSession | None) -> LiveSession:
    if session is None or session.deleted_at is not None:
        raise SessionNotFoundError
    return session


def set_status(
    connection: Connection, session_id: str, status: Status, *, actor: Actor, now: datetime
) -> LiveSession:
    """Ends what goes on in it, where it ends: its recording and everybody's interval."""
    lock(connection, stream_of(session_id))
    session = found_session(store.session_of_id(connection, session_id))
    rules.check_owner(session, actor, to="change")
    rules.check_change(session.status, status)
    if status is Status.ENDED:
        return end(connection, session, now=now)
    return moved(connection, session, status, now=now)


def remove(connection: Connection, room_name: str, *, actor: Actor, now: datetime) -> LiveSession:
    """Ends the session and forgets it; its recordings are kept."""
    found = owned_session(connection, room_name, actor=actor, to="delete")
    lock(connection, stream_of(found.id))
    ended = replace(end(connection, session_named(connection, room_name), now=now), deleted_at=now)
    store.save_session(connection, ended)
    return ended


def moved(connection: Connection, session: LiveSession, status: Status, *, now: datetime) -> LiveSession:
    if session.status is status:
        return session
    moved = replace(session, status=status, updated_at=now)
    store.save_session(connection, moved)
    return moved


def end(connection: Connection, session: LiveSession, *, now: datetime) -> LiveSession:
    if session.status is Status.ENDED:
        return session
    running = store.running(connection, session.id)
    if running is not None:
        finish(connection, running, now=now)
    out(connection, store.present(connection, session.id), now=now, reason="ended")
    ended = replace(session, status=Status.ENDED, ends_at=now, updated_at=now)
    store.save_session(connection, ended)
    tell(connection, session.id, Event(ENDED), now=now)
    return ended
