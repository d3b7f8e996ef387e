"""Statements on sessions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from stoa.kernel.clock import from_millis
from stoa.live.model import LiveSession, Status
from stoa.live.store._rows import instant, values_of
from stoa.live.store._tables import enrolments, participants, sessions


def add_session(connection: Connection, session: LiveSession) -> None:
    connection.execute(_ADD_SESSION, values_of(session, sessions))


def save_session(connection: Connection, session: LiveSession) -> None:
    connection.execute(_SAVE_SESSION, {"key": session.id} | values_of(session, sessions))


def session_named(connection: Connection, room_name: str) -> LiveSession | None:
    """Also one that is deleted."""
    row = connection.execute(_SESSION_NAMED, {"room_name": room_name}).one_or_none()
    return None if row is None else _session(row)


def session_of_id(connection: Connection, session_id: str) -> LiveSession | None:
    row = connection.execute(_SESSION_OF_ID, {"id": session_id}).one_or_none()
    return None if row is None else _session(row)


def sessions_of(connection: Connection, instructor_id: str) -> list[LiveSession]:
    """Soonest first, without those that are deleted."""
    return [_session(row) for row in connection.execute(_SESSIONS_OF, {"created_by": instructor_id})]


def sessions_for_student(connection: Connection, user_id: str) -> list[LiveSession]:
    """Those that they were in, and all of the courses in which they are enrolled, soonest first."""
    return [_session(row) for row in connection.execute(_FOR_STUDENT, {"user": user_id})]


def is_course_of_others(connection: Connection, course_id: str, user_id: str) -> bool:
    """Whether somebody else has sessions of a course of that name."""
    return connection.execute(_OF_OTHERS, {"course": course_id, "user": user_id}).first() is not None


def _session(row: Row[Any]) -> LiveSession:
    return LiveSession(
        row.id, row.course_id, row.room_name, Status(row.status), from_millis(row.starts_at), instant(row.ends_at),
        row.created_by, row.recording_enabled, row.max_participants, from_millis(row.created_at),
        from_millis(row.updated_at), instant(row.deleted_at), row.node,
    )  # fmt: skip


_ADD_SESSION = insert(sessions)
_SAVE_SESSION = update(sessions).where(sessions.c.id == bindparam("key"))
_SESSION_NAMED = select(sessions).where(sessions.c.room_name == bindparam("room_name"))
_SESSION_OF_ID = select(sessions).where(sessions.c.id == bindparam("id"))
_SESSIONS_OF = (
    select(sessions)
    .where(sessions.c.created_by == bindparam("created_by"), sessions.c.deleted_at.is_(None))
    .order_by(sessions.c.starts_at, sessions.c.id)
)
_WAS_IN = select(participants.c.session_id).where(
    participants.c.user_id == bindparam("user"), participants.c.joined_at.is_not(None)
)
_ENROLLED = select(enrolments.c.course_id).where(enrolments.c.user_id == bindparam("user"))
_FOR_STUDENT = (
    select(sessions)
    .where(
        sessions.c.id.in_(_WAS_IN) | (sessions.c.course_id.in_(_ENROLLED) & sessions.c.deleted_at.is_(None))
    )
    .order_by(sessions.c.starts_at, sessions.c.id)
)
_OF_OTHERS = (
    select(sessions.c.id)
    .where(
        sessions.c.course_id == bindparam("course"),
        sessions.c.created_by != bindparam("user"),
        sessions.c.deleted_at.is_(None),
    )
    .limit(1)
)
