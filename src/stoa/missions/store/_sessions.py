"""Sessions beside their journal: what a list needs, the mission as it was launched, states on the way, who is where.

The journal is the truth about a session. A row of ``missions_sessions`` says how far it goes and what a list shows of
it; a snapshot is the journal folded up to a number, so that folding never starts far away. Times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from stoa.kernel.clock import from_millis, to_millis
from stoa.missions.model import Mission
from stoa.missions.store._documents import mission_in
from stoa.missions.store._tables import metadata

sessions = Table(
    "missions_sessions",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("mission_id", String(64), nullable=False),
    Column("name", String(175), nullable=False),
    Column("state", String(16), nullable=False),
    Column("accessibility", String(16), nullable=False),
    Column("owner_id", String(24), nullable=False),
    Column("launched_at", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False, comment="the journal's last number"),
    Column("head", String(32), nullable=False, comment="the fingerprint of the journal up to there"),
    Column("at", BigInteger, nullable=False, comment="when the last entry was made"),
    Column("listing", Text, nullable=False, comment="the session in the list, as JSON"),
    Column("deleted_at", BigInteger),
    Index("missions_sessions_oldest", "launched_at", "id"),
)
played = Table(
    "missions_session_missions",
    metadata,
    Column("session_id", String(24), primary_key=True),
    Column("document", LargeBinary, nullable=False, comment="the mission as it was at the launch"),
)
snapshots = Table(
    "missions_session_snapshots",
    metadata,
    Column("session_id", String(24), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
)
members = Table(
    "missions_session_members",
    metadata,
    Column("user_id", String(24), primary_key=True, comment="a user is in one session at a time"),
    Column("session_id", String(24), nullable=False, index=True),
)

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a session's journal goes. ``head`` is the fingerprint of all of it."""

    id: str
    seq: int
    head: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What the row says of a session for those who look for it. ``listing`` is its JSON in the list."""

    mission_id: str
    name: str
    state: str
    accessibility: str
    owner_id: str
    listing: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    seq: int
    at: datetime
    state: dict[str, Any]


def insert_session(
    connection: Connection, standing: Standing, shown: Shown, document: bytes, *, launched_at: datetime
) -> None:
    """``document`` is the mission's, which the session plays whatever becomes of the mission."""
    values = _standing_values(standing) | _shown_values(shown)
    connection.execute(insert(sessions), values | {"launched_at": to_millis(launched_at)})
    connection.execute(insert(played), {"session_id": standing.id, "document": document})


def update_session(connection: Connection, standing: Standing, shown: Shown | None) -> None:
    """``shown`` is None where nothing that a list shows has changed."""
    values = {"key": standing.id} | _standing_values(standing)
    if shown is None:
        connection.execute(_MOVE, values)
    else:
        connection.execute(_UPDATE, values | _shown_values(shown))


def mark_deleted(connection: Connection, session_id: str, *, at: datetime) -> None:
    """Nobody finds it any more. Its journal stays until ``forget``."""
    connection.execute(_MARK, {"key": session_id, "deleted_at": to_millis(at)})


def forget(connection: Connection, session_id: str) -> None:
    """Everything of a session but its journal, for good."""
    connection.execute(delete(sessions).where(sessions.c.id == session_id))
    for table in (played, snapshots, members):
        connection.execute(delete(table).where(table.c.session_id == session_id))


def standing_of(connection: Connection, session_id: str) -> Standing | None:
    """None where there is no such session, or one that was deleted."""
    row = connection.execute(_STANDING, {"id": session_id}).one_or_none()
    return None if row is None else Standing(row.id, row.seq, row.head, from_millis(row.at))


def list_sessions(connection: Connection) -> list[tuple[str, str, str]]:
    """(listing, accessibility, owner_id) of every session, oldest first."""
    return [tuple(row) for row in connection.execute(_LIST)]


def mission_of(connection: Connection, session_id: str) -> Mission:
    """The mission as it was when the session was launched."""
    document = connection.execute(_PLAYED, {"session_id": session_id}).scalar_one()
    return mission_in(document)


def save_snapshot(connection: Connection, session_id: str, snapshot: Snapshot) -> None:
    values = {"session_id": session_id, "seq": snapshot.seq, "at": to_millis(snapshot.at)}
    connection.execute(insert(snapshots), values | {"state": _encode(snapshot.state).decode()})


def last_snapshot(
    connection: Connection, session_id: str, *, until: datetime | None = None, seq: int = 2**31 - 1
) -> Snapshot | None:
    """The newest, or the newest of those that were made by ``until``, at the entry ``seq`` at the latest."""
    millis = 2**62 if until is None else to_millis(until)
    row = connection.execute(_SNAPSHOT, {"session_id": session_id, "until": millis, "seq": seq}).one_or_none()
    if row is None:
        return None
    return Snapshot(row.seq, from_millis(row.at), msgspec.json.decode(row.state))


def session_of(connection: Connection, user_id: str) -> str | None:
    """The session that the user is in now; one that has ended holds nobody."""
    found: str | None = connection.scalar(_WHERE, {"user_id": user_id})
    return found


def sessions_of(connection: Connection, user_ids: Collection[str]) -> dict[str, str]:
    """The sessions that many users are in, by user."""
    rows = connection.execute(_WHERE_ALL, {"user_ids": sorted(user_ids)})
    return {row.user_id: row.session_id for row in rows}


def move_members(
    connection: Connection, session_id: str, *, come: Collection[str], gone: Collection[str]
) -> None:
    if gone:
        connection.execute(_LEAVE, {"session_id": session_id, "gone": sorted(gone)})
    if come:
        rows = [{"user_id": one, "session_id": session_id} for one in sorted(come)]
        connection.execute(insert(members), rows)


def _standing_values(standing: Standing) -> dict[str, Any]:
    return {"id": standing.id, "seq": standing.seq, "head": standing.head, "at": to_millis(standing.at)}


def _shown_values(shown: Shown) -> dict[str, Any]:
    return {name: getattr(shown, name) for name in shown.__slots__}


_THIS = sessions.c.id == bindparam("key")
_ALIVE = sessions.c.deleted_at.is_(None)
_PLACED: dict[str, Any] = {name: bindparam(name) for name in ("seq", "head", "at")}
_MOVE = update(sessions).where(_THIS).values(**_PLACED)
_UPDATE = update(sessions).where(_THIS).values(**_PLACED, **{n: bindparam(n) for n in Shown.__slots__})
_MARK = update(sessions).where(_THIS).values(deleted_at=bindparam("deleted_at", type_=BigInteger))
_STANDING = select(sessions.c.id, sessions.c.seq, sessions.c.head, sessions.c.at).where(
    sessions.c.id == bindparam("id"), _ALIVE
)
_LIST = (
    select(sessions.c.listing, sessions.c.accessibility, sessions.c.owner_id)
    .where(_ALIVE)
    .order_by(sessions.c.launched_at, sessions.c.id)
)
_PLAYED = select(played.c.document).where(played.c.session_id == bindparam("session_id"))
_SNAPSHOT = (
    select(snapshots.c.seq, snapshots.c.at, snapshots.c.state)
    .where(
        snapshots.c.session_id == bindparam("session_id"),
        snapshots.c.at <= bindparam("until", type_=BigInteger),
        snapshots.c.seq <= bindparam("seq"),
    )
    .order_by(snapshots.c.seq.desc())
    .limit(1)
)
_WHERE = select(members.c.session_id).where(members.c.user_id == bindparam("user_id"))
_WHERE_ALL = select(members.c.user_id, members.c.session_id).where(
    members.c.user_id.in_(bindparam("user_ids", expanding=True))
)
_LEAVE = delete(members).where(
    members.c.session_id == bindparam("session_id"), members.c.user_id.in_(bindparam("gone", expanding=True))
)
