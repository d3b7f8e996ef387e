"""Intervals as a server elsewhere tells of them: late, twice, in any order. The ledger comes out the same.

An interval bears that server's own name of the connection. What it tells of its times is exact and holds; what a look
at a room found out is a guess until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from stoa.kernel.journal import Event
from stoa.live import store
from stoa.live.model import LiveSession, Member, Participant, Status
from stoa.live.service._room import JOINED, LEFT, of_user, out, stream_of, tell
from stoa.live.service._sessions import end, moved
from stoa.platform.storage import lock

SETTLED = timedelta(seconds=60)
"""A look may show what was true this long ago, and no longer."""
_PLACE = timedelta(seconds=90)
"""A place is kept for as long as a token is good, and until a look must have shown who came with it."""
_SKEW = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Sitting:
    """One connection of somebody to a room. ``generation`` is that of the token that they came with; ``left_at`` None:
    they are in.
    """

    id: str
    user_id: str
    generation: int
    joined_at: datetime
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody who is in. ``must_go``: with a token that was made void, or in a session that has ended."""

    sitting_id: str
    member: Member
    must_go: bool


def sat(connection: Connection, room_name: str, sitting: Sitting, *, now: datetime) -> Seat | None:
    """Takes in what was told. The seat of who is in by it; None also where neither room nor user is known."""
    session = _locked(connection, room_name)
    member = None if session is None else store.member_of(connection, session.id, sitting.user_id)
    if session is None or member is None:
        return None
    known = store.participant_of_id(connection, sitting.id)
    if known is None:
        left_at = _add(connection, session, member, sitting, now=now)
    elif known.session_id != session.id or known.user_id != sitting.user_id:
        return None
    else:
        left_at = sitting.left_at or known.left_at
        _correct(connection, known, sitting, now=now)
    return None if left_at is not None else _seat(session, member, sitting)


def seen(
    connection: Connection,
    room_name: str,
    there: Sequence[Sitting],
    gone: Mapping[str, datetime] | None,
    *,
    now: datetime,
) -> list[Seat]:
    """Takes in a look at a room: who is ``there``, and when some who are ``gone`` left; None: not all were seen.

    Who is missing is out; who was told to have left long ago and is there all the same is in. Places lapse.
    """
    session = _locked(connection, room_name)
    if session is None:
        return []
    members = {one.user_id: one for one in store.members_of(connection, session.id)}
    known = {one.id: one for one in store.participants_of(connection, session.id)}
    seats = []
    for sitting in there:
        member, row = members.get(sitting.user_id), known.get(sitting.id)
        if member is None:
            continue
        if row is None:
            _add(connection, session, member, sitting, now=now)
        elif row.left_at is not None and row.left_at <= now - SETTLED and _may_be_in(session, row):
            store.save_participants(connection, [replace(row, left_at=None, updated_at=now)])
            _tell_joined(connection, session, member, at=now)
        seats.append(_seat(session, member, sitting))
    ids = {sitting.id for sitting in there}
    for row in known.values():
        if row.left_at is None and row.id not in ids:
            _miss(connection, row, gone, now=now)
    return seats


def missing(
    connection: Connection, room_name: str, there: Sequence[str], *, now: datetime
) -> list[Participant]:
    """Who is in by the ledger, has been for a while, and is not among ``there``."""
    session = store.session_named(connection, room_name)
    return [] if session is None else [
        one for one in store.present(connection, session.id)
        if one.id not in there and one.joined_at is not None and one.joined_at <= now - SETTLED
    ]  # fmt: skip


def meeting_started(connection: Connection, room_name: str, *, now: datetime) -> None:
    session = _locked(connection, room_name)
    if session is not None and session.status is Status.SCHEDULED:
        moved(connection, session, Status.LIVE, now=now)


def meeting_ended(connection: Connection, room_name: str, *, at: datetime) -> None:
    """Everybody had left by then. The session has not ended yet: they may come back."""
    session = _locked(connection, room_name)
    if session is not None:
        there = store.present(connection, session.id)
        out(connection, [one for one in there if one.joined_at is not None and one.joined_at < at], now=at)


def end_quiet(connection: Connection, *, after: timedelta, now: datetime) -> list[LiveSession]:
    """Ends the sessions that everybody left, as of then, once nobody has come back for so long."""
    ended = []
    for session_id, emptied_at in store.quiet_sessions(connection, since=now - after):
        lock(connection, stream_of(session_id))
        session = store.session_of_id(connection, session_id)
        if (
            session is not None
            and session.status is Status.LIVE
            and not store.present(connection, session_id)
        ):
            ended.append(end(connection, session, now=emptied_at))
    return ended


def _locked(connection: Connection, room_name: str) -> LiveSession | None:
    found = store.session_named(connection, room_name)
    if found is None:
        return None
    lock(connection, stream_of(found.id))
    return store.session_of_id(connection, found.id)


def _seat(session: LiveSession, member: Member, sitting: Sitting) -> Seat:
    void = sitting.generation < member.generation or member.banned
    return Seat(sitting.id, member, void or session.status is Status.ENDED)


def _add(
    connection: Connection, session: LiveSession, member: Member, sitting: Sitting, *, now: datetime
) -> datetime | None:
    """When they left. Who was in when the session ended left then, had it been known in time."""
    left_at = sitting.left_at
    if left_at is None and session.ends_at is not None and sitting.joined_at <= session.ends_at:
        left_at = session.ends_at
    row = Participant(
        sitting.id, session.id, member.user_id, member.role, sitting.joined_at, left_at,
        sitting.generation < member.generation, member.mic_allowed, member.camera_allowed, sitting.joined_at,
        left_at or sitting.joined_at,
    )  # fmt: skip
    store.add_participant(connection, row)
    places = [
        one for one in of_user(connection, session.id, member.user_id)
        if one.joined_at is None and one.created_at <= sitting.joined_at + _SKEW
    ]  # fmt: skip
    store.drop_participants(connection, places)
    if session.status is Status.SCHEDULED:
        moved(connection, session, Status.LIVE, now=now)
    if left_at is None:
        _tell_joined(connection, session, member, at=sitting.joined_at)
    return left_at


def _correct(connection: Connection, known: Participant, sitting: Sitting, *, now: datetime) -> None:
    left_at = sitting.left_at or known.left_at
    exact = replace(
        known, joined_at=sitting.joined_at, created_at=sitting.joined_at, left_at=left_at,
        updated_at=left_at or sitting.joined_at,
    )  # fmt: skip
    if exact != known:
        store.save_participants(connection, [exact])
    if known.left_at is None and left_at is not None:
        again = of_user(connection, known.session_id, known.user_id)
        _tell_left(connection, known, "replaced" if again else "left", at=now)


def _may_be_in(session: LiveSession, row: Participant) -> bool:
    return session.status is not Status.ENDED and not row.was_kicked


def _miss(
    connection: Connection, row: Participant, gone: Mapping[str, datetime] | None, *, now: datetime
) -> None:
    if row.joined_at is None:
        if row.created_at <= now - _PLACE:
            store.drop_participants(connection, [row])
    elif gone is not None and row.joined_at <= now - SETTLED:
        left_at = min(max(gone.get(row.id, now), row.joined_at), now)
        store.save_participants(connection, [replace(row, left_at=left_at, updated_at=left_at)])
        _tell_left(connection, row, "lost", at=now)


def _tell_joined(connection: Connection, session: LiveSession, member: Member, *, at: datetime) -> None:
    told = {"userId": member.user_id, "name": member.name, "role": member.role.value}
    tell(connection, session.id, Event(JOINED, told), now=at, actor_id=member.user_id)


def _tell_left(connection: Connection, row: Participant, reason: str, *, at: datetime) -> None:
    tell(connection, row.session_id, Event(LEFT, {"userId": row.user_id, "reason": reason}), now=at)
