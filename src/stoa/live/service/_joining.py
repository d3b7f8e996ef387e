"""Tokens, who comes in with them, and the ledger of who was in when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.ids import Ids
from stoa.kernel.journal import Event
from stoa.live import rules, store, tokens
from stoa.live.errors import (
    TokenRefusedError,
)
from stoa.live.model import (
    LiveSession,
    Member,
    Participant,
    Pass,
)
from stoa.live.service._nodes import belongs, check_here, settle
from stoa.live.service._room import JOINED, of_user, out, stream_of, tell
from stoa.live.service._sessions import session_named
from stoa.platform import journal
from stoa.platform.storage import lock


def entry(
    connection: Connection, room_name: str, *, actor: Actor, now: datetime, ids: Ids
) -> tuple[Pass, Member]:
    """What the token of somebody who asks to join says. Raises what refuses them."""
    session = session_named(connection, room_name)
    lock(connection, stream_of(session.id))
    member = store.member_of(connection, session.id, actor.id)
    owner = rules.is_owner(session, actor)
    course = store.course_of_id(connection, session.course_id)
    rules.check_may_enter(session, user_id=actor.id, is_owner=owner, course=course, member=member)
    rules.check_room(session, store.count_others(connection, session.id, actor.id))
    if member is None:
        member = Member(session.id, actor.id, actor.name[:255], rules.role_of(actor))
        store.add_member(connection, member)
    shown = Pass(
        actor.id, actor.name[:255], room_name, rules.role_of(actor), owner, member.generation, ids.uuid(),
        tokens.expiry(now),
    )  # fmt: skip
    return shown, member


@dataclass(frozen=True, slots=True)
class Admitted:
    """``seq`` is the number of the newest entry of the room's stream; ``others`` are those who are in.

    Who ``resumed`` was in already, and goes on being in.
    """

    session: LiveSession
    member: Member
    is_owner: bool
    others: Sequence[Participant]
    names: dict[str, str]
    seq: int
    resumed: bool


def admit(
    connection: Connection, shown: Pass, *, resume: bool, now: datetime, ids: Ids, node: str = ""
) -> Admitted:  # fmt: skip
    """Takes the token and keeps a place for who showed it. Of many at once no more come in than there is room for.

    Whoever is in and wants to ``resume`` keeps the place that they have; otherwise they are out, and come in anew.
    ``node`` is where they come in: ElsewhereError, and the token is good still, where the room lives at another.
    """
    found = session_named(connection, shown.room_name)
    lock(connection, stream_of(found.id))
    session = session_named(connection, shown.room_name)
    member = store.member_of(connection, session.id, shown.user_id)
    course = store.course_of_id(connection, session.course_id)
    if member is None or member.generation != shown.generation:
        raise TokenRefusedError("The token is void: ask for a new one")
    rules.check_may_enter(
        session, user_id=shown.user_id, is_owner=shown.is_owner, course=course, member=member
    )
    there = store.present(connection, session.id)
    others = [one for one in there if one.user_id != shown.user_id]
    rules.check_room(session, len(others))
    session = settle(connection, session, node, ids=ids)
    check_here(connection, session, node)
    if not store.use_token(connection, shown.token_id, expires_at=shown.expires_at, now=now):
        raise TokenRefusedError("The token was used already: ask for a new one")
    mine = [one for one in there if one.user_id == shown.user_id]
    resumed = resume and any(one.joined_at is not None for one in mine)
    if not resumed:
        out(connection, mine, now=now, reason="replaced")
        _keep_place(connection, member, now=now, ids=ids)
    names = {one.user_id: one.name for one in store.members_of(connection, session.id)}
    seq = journal.last_seq(connection, stream_of(session.id))
    came = [one for one in others if one.joined_at is not None]
    return Admitted(session, member, shown.is_owner, came, names, seq, resumed)


def _keep_place(connection: Connection, member: Member, *, now: datetime, ids: Ids) -> None:
    place = Participant(
        ids.uuid(), member.session_id, member.user_id, member.role, None, None, False, member.mic_allowed,
        member.camera_allowed, now, now,
    )  # fmt: skip
    store.add_participant(connection, place)


def joined(connection: Connection, room_name: str, user_id: str, *, at: datetime, node: str = "") -> bool:
    """Their media arrived. False where they have no place: it was taken from them while they came."""
    session = store.session_named(connection, room_name)
    if session is None or not belongs(session, node):
        return False
    lock(connection, stream_of(session.id))
    member = store.member_of(connection, session.id, user_id)
    there = of_user(connection, session.id, user_id)
    if member is None or not there:
        return False
    places = [one for one in there if one.joined_at is None]
    store.save_participants(connection, [replace(one, joined_at=at, updated_at=at) for one in places])
    if places:
        told = {"userId": user_id, "name": member.name, "role": member.role.value}
        tell(connection, session.id, Event(JOINED, told), now=at, actor_id=user_id)
    return True


def left(
    connection: Connection, room_name: str, user_id: str, reason: str, *, at: datetime, node: str = ""
) -> None:  # fmt: skip
    """They are out. It is no error if they were out before, nor if they came back since."""
    session = store.session_named(connection, room_name)
    if session is not None and belongs(session, node):
        lock(connection, stream_of(session.id))
        there = [one for one in of_user(connection, session.id, user_id) if one.created_at <= at]
        out(connection, there, now=at, reason=reason)


def everybody_left(
    connection: Connection, still_in: set[tuple[str, str]], *, room_name: str | None = None, at: datetime,
    node: str = "",
) -> None:  # fmt: skip
    """Ends the intervals of those who are not ``still_in`` (room, user id), and did not come since: in one room, or in
    all of them that the node has.
    """
    rooms: dict[str, str | None] = {}
    for one in store.all_present(connection):
        if one.session_id not in rooms:
            session = store.session_of_id(connection, one.session_id)
            mine = session is not None and belongs(session, node)
            rooms[one.session_id] = session.room_name if session is not None and mine else None
        room = rooms[one.session_id]
        is_meant = room is not None and room_name in (None, room) and one.created_at <= at
        if is_meant and (room, one.user_id) not in still_in:
            out(connection, [one], now=at, reason="lost")
