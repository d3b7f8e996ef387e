"""What people do in a room, and what its owner does with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.journal import Event
from stoa.live import rules, store
from stoa.live.errors import (
    ParticipantNotFoundError,
)
from stoa.live.model import (
    Attendance,
    ClassAttended,
    Member,
)
from stoa.live.service._room import CHAT, HAND, KICKED, PERMITTED, of_user, out, stream_of, tell
from stoa.live.service._sessions import kept_session, owned_session
from stoa.platform.storage import lock


def attendance(connection: Connection, room_name: str, *, actor: Actor, now: datetime) -> list[Attendance]:
    session = kept_session(connection, room_name, actor=actor, to="see participants of")
    names = {one.user_id: one.name for one in store.members_of(connection, session.id)}
    return rules.attendance(store.participants_of(connection, session.id), names, now=now)


def attendance_of(
    connection: Connection, user_id: str, course_id: str | None, *, actor: Actor, now: datetime
) -> tuple[str, list[ClassAttended]]:
    """A student's name and their classes, soonest first: those of one course, or all; as far as the actor may see them.

    Raises ParticipantNotFoundError for somebody else of whom there are none to see.
    """
    rules.check_may_see_attendance(user_id, actor)
    sessions = [
        one
        for one in store.sessions_for_student(connection, user_id)
        if rules.may_see_class_of(one, user_id, actor)
    ]
    if not sessions and actor.id != user_id:
        raise ParticipantNotFoundError
    sessions = [one for one in sessions if course_id in (None, one.course_id)]
    everybody = store.participants_in(connection, [one.id for one in sessions])
    classes = [rules.class_attended(one, everybody[one.id], user_id, now=now) for one in sessions]
    return store.name_of(connection, user_id), classes


def kick(connection: Connection, room_name: str, user_id: str, *, actor: Actor, now: datetime) -> Member:
    """Their tokens are void from now on; they may ask for a new one, unless they are banned."""
    member = _member_for(connection, room_name, user_id, actor=actor, to="kick participants of")
    return _thrown_out(connection, member, actor=actor, now=now)


def permit(
    connection: Connection, room_name: str, user_id: str, *, mic: bool | None, camera: bool | None,
    banned: bool | None, actor: Actor, now: datetime,
) -> Member:  # fmt: skip
    """Changes what is not None. Who is banned is thrown out, and gets no token until they are not."""
    before = _member_for(connection, room_name, user_id, actor=actor, to="change permissions of")
    member = replace(
        before,
        mic_allowed=before.mic_allowed if mic is None else mic,
        camera_allowed=before.camera_allowed if camera is None else camera,
        banned=before.banned if banned is None else banned,
    )
    store.save_member(connection, member)
    if member.banned and not before.banned:
        return _thrown_out(connection, member, actor=actor, now=now)
    changed = [
        replace(one, mic_allowed=member.mic_allowed, camera_allowed=member.camera_allowed, updated_at=now)
        for one in of_user(connection, member.session_id, user_id)
    ]
    store.save_participants(connection, changed)
    told = {"userId": user_id, "micAllowed": member.mic_allowed, "cameraAllowed": member.camera_allowed}
    tell(connection, member.session_id, Event(PERMITTED, told), now=now, actor_id=actor.id)
    return member


def _member_for(connection: Connection, room_name: str, user_id: str, *, actor: Actor, to: str) -> Member:
    session = owned_session(connection, room_name, actor=actor, to=to)
    lock(connection, stream_of(session.id))
    member = store.member_of(connection, session.id, user_id)
    if member is None:
        raise ParticipantNotFoundError
    return member


def _thrown_out(connection: Connection, member: Member, *, actor: Actor, now: datetime) -> Member:
    thrown_out = replace(member, generation=member.generation + 1)
    store.save_member(connection, thrown_out)
    there = of_user(connection, member.session_id, member.user_id)
    out(connection, there, now=now, reason="kicked", kicked=True)
    tell(connection, member.session_id, Event(KICKED, {"userId": member.user_id}), now=now, actor_id=actor.id)
    return thrown_out


def say(connection: Connection, session_id: str, member: Member, text: str, *, now: datetime) -> None:
    told = {"userId": member.user_id, "name": member.name, "text": text}
    tell(connection, session_id, Event(CHAT, told), now=now, actor_id=member.user_id)


def raise_hand(
    connection: Connection, session_id: str, member: Member, *, raised: bool, now: datetime
) -> None:
    told = {"userId": member.user_id, "name": member.name, "raised": raised}
    tell(connection, session_id, Event(HAND, told), now=now, actor_id=member.user_id)
