"""Statements on those who join, their intervals and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from stoa.kernel.clock import from_millis, to_millis
from stoa.live.model import Member, Participant, Role
from stoa.live.store._rows import instant, values_of
from stoa.live.store._tables import (
    members,
    participants,
    used_tokens,
)


def member_of(connection: Connection, session_id: str, user_id: str) -> Member | None:
    row = connection.execute(_MEMBER, {"of": session_id, "user": user_id}).one_or_none()
    return None if row is None else _member(row)


def members_of(connection: Connection, session_id: str) -> list[Member]:
    return [_member(row) for row in connection.execute(_MEMBERS, {"of": session_id})]


def add_member(connection: Connection, member: Member) -> None:
    connection.execute(_ADD_MEMBER, values_of(member, members))


def save_member(connection: Connection, member: Member) -> None:
    connection.execute(
        _SAVE_MEMBER, {"of": member.session_id, "user": member.user_id} | values_of(member, members)
    )


def _member(row: Row[Any]) -> Member:
    return Member(
        row.session_id, row.user_id, row.name, Role(row.role), row.mic_allowed, row.camera_allowed, row.banned,
        row.generation,
    )  # fmt: skip


_MEMBER_KEY = (members.c.session_id == bindparam("of"), members.c.user_id == bindparam("user"))
_MEMBER = select(members).where(*_MEMBER_KEY)
_MEMBERS = select(members).where(members.c.session_id == bindparam("of"))
_ADD_MEMBER = insert(members)
_SAVE_MEMBER = update(members).where(*_MEMBER_KEY)


def add_participant(connection: Connection, participant: Participant) -> None:
    connection.execute(_ADD_PARTICIPANT, values_of(participant, participants))


def save_participants(connection: Connection, many: Sequence[Participant]) -> None:
    if many:
        rows = [{"key": one.id} | values_of(one, participants) for one in many]
        connection.execute(_SAVE_PARTICIPANT, rows)


def drop_participants(connection: Connection, many: Sequence[Participant]) -> None:
    if many:
        connection.execute(_DROP_PARTICIPANTS, {"ids": [one.id for one in many]})


def participants_of(connection: Connection, session_id: str) -> list[Participant]:
    """In the order in which they came."""
    return [_participant(row) for row in connection.execute(_PARTICIPANTS, {"of": session_id})]


def participant_of_id(connection: Connection, participant_id: str) -> Participant | None:
    row = connection.execute(_PARTICIPANT, {"id": participant_id}).one_or_none()
    return None if row is None else _participant(row)


def present(connection: Connection, session_id: str) -> list[Participant]:
    """Those who are in, and those for whom a place is kept."""
    return [_participant(row) for row in connection.execute(_PRESENT, {"of": session_id})]


def all_present(connection: Connection) -> list[Participant]:
    return [_participant(row) for row in connection.execute(_ALL_PRESENT)]


def participants_in(connection: Connection, session_ids: Sequence[str]) -> dict[str, list[Participant]]:
    """By session, in the order in which they came."""
    found: dict[str, list[Participant]] = {session_id: [] for session_id in session_ids}
    for row in connection.execute(_PARTICIPANTS_IN, {"ids": list(session_ids)}):
        found[row.session_id].append(_participant(row))
    return found


def name_of(connection: Connection, user_id: str) -> str:
    """Under which they joined some session; empty for who never did."""
    return connection.scalar(_NAME, {"user": user_id}) or ""


def count_others(connection: Connection, session_id: str, user_id: str) -> int:
    return connection.scalar(_COUNT_OTHERS, {"of": session_id, "user": user_id}) or 0


def _participant(row: Row[Any]) -> Participant:
    return Participant(
        row.id, row.session_id, row.user_id, Role(row.role), instant(row.joined_at), instant(row.left_at),
        row.was_kicked, row.mic_allowed, row.camera_allowed, from_millis(row.created_at), from_millis(row.updated_at),
    )  # fmt: skip


_PARTICIPANTS_IN = (
    select(participants)
    .where(participants.c.session_id.in_(bindparam("ids", expanding=True)))
    .order_by(participants.c.created_at, participants.c.id)
)
_NAME = select(members.c.name).where(members.c.user_id == bindparam("user")).limit(1)
_ADD_PARTICIPANT = insert(participants)
_SAVE_PARTICIPANT = update(participants).where(participants.c.id == bindparam("key"))
_DROP_PARTICIPANTS = delete(participants).where(participants.c.id.in_(bindparam("ids", expanding=True)))
_IN_ORDER = (participants.c.created_at, participants.c.id)
_IN_SESSION = participants.c.session_id == bindparam("of")
_PARTICIPANTS = select(participants).where(_IN_SESSION).order_by(*_IN_ORDER)
_PARTICIPANT = select(participants).where(participants.c.id == bindparam("id"))
_PRESENT = select(participants).where(_IN_SESSION, participants.c.left_at.is_(None)).order_by(*_IN_ORDER)
_ALL_PRESENT = select(participants).where(participants.c.left_at.is_(None)).order_by(*_IN_ORDER)
_COUNT_OTHERS = (
    select(func.count())
    .select_from(participants)
    .where(_IN_SESSION, participants.c.left_at.is_(None), participants.c.user_id != bindparam("user"))
)


def use_token(connection: Connection, token_id: str, *, expires_at: datetime, now: datetime) -> bool:
    """False where it was used before. Call it under the session's lock. What has expired is forgotten."""
    connection.execute(_FORGET_TOKENS, {"now": to_millis(now)})
    if connection.scalar(_USED, {"id": token_id}) is not None:
        return False
    connection.execute(_USE, {"id": token_id, "expires_at": to_millis(expires_at)})
    return True


_FORGET_TOKENS = delete(used_tokens).where(used_tokens.c.expires_at <= bindparam("now"))
_USED = select(used_tokens.c.id).where(used_tokens.c.id == bindparam("id"))
_USE = insert(used_tokens)
