"""Statements on media nodes, their rooms, and what they ask of each other."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from stoa.live.model import LiveSession, RecordingStatus, Status
from stoa.live.store._sessions import session_of_id
from stoa.live.store._tables import errands, nodes, participants, recordings, sessions


def add_node(connection: Connection, node: str, url: str) -> None:
    connection.execute(_ADD, {"id": node, "url": url, "beats": 0})


def set_url(connection: Connection, node: str, url: str) -> bool:
    """False where there is no such node."""
    return bool(connection.execute(_SET_URL, {"node": node, "new": url}).rowcount)


def beat(connection: Connection, node: str) -> bool:
    """False where there is no such node: it was taken for dead."""
    return bool(connection.execute(_BEAT, {"node": node}).rowcount)


def url_of(connection: Connection, node: str) -> str:
    return connection.scalar(_URL, {"node": node}) or ""


def beats_of_others(connection: Connection, node: str) -> dict[str, int]:
    return {row.id: row.beats for row in connection.execute(_OTHERS, {"node": node})}


def nodes_with_people(connection: Connection) -> set[str]:
    """Those in whose rooms somebody is, or that record."""
    return set(connection.scalars(_BUSY))


def drop_node(connection: Connection, node: str, *, beats: int) -> bool:
    """With all that was asked of it. False where it has counted on, or is gone."""
    if not connection.execute(_DROP, {"node": node, "beats": beats}).rowcount:
        return False
    connection.execute(_DROP_ERRANDS, {"node": node})
    return True


def sessions_at(connection: Connection, node: str) -> list[LiveSession]:
    """Those that have not ended."""
    found = [session_of_id(connection, one) for one in connection.scalars(_SESSIONS_AT, {"node": node}).all()]
    return [session for session in found if session is not None]


def add_errand(connection: Connection, errand_id: str, node: str, room_name: str) -> None:
    connection.execute(_ADD_ERRAND, {"id": errand_id, "node": node, "room_name": room_name, "failed": False})


def errands_for(connection: Connection, node: str) -> list[tuple[str, str]]:
    """(errand, room) of those that nobody has tried yet."""
    return [(row.id, row.room_name) for row in connection.execute(_ERRANDS, {"node": node})]


def errand_failed(connection: Connection, errand_id: str) -> bool | None:
    """None: it is done."""
    failed: Any = connection.scalar(_FAILED, {"errand": errand_id})
    return None if failed is None else bool(failed)


def drop_errand(connection: Connection, errand_id: str) -> None:
    connection.execute(_DROP_ERRAND, {"errand": errand_id})


def fail_errand(connection: Connection, errand_id: str) -> None:
    connection.execute(_FAIL_ERRAND, {"errand": errand_id})


_THIS = nodes.c.id == bindparam("node")
_ADD = insert(nodes)
_SET_URL = update(nodes).where(_THIS).values(url=bindparam("new"))
_BEAT = update(nodes).where(_THIS).values(beats=nodes.c.beats + 1)
_URL = select(nodes.c.url).where(_THIS)
_OTHERS = select(nodes.c.id, nodes.c.beats).where(nodes.c.id != bindparam("node"))
_SOMEBODY = exists().where(participants.c.session_id == sessions.c.id, participants.c.left_at.is_(None))
_RECORDED = exists().where(
    recordings.c.session_id == sessions.c.id,
    recordings.c.stopped_at.is_(None),
    recordings.c.status == RecordingStatus.PROCESSING.value,
)
_OPEN = sessions.c.status != Status.ENDED.value
_BUSY = (
    select(sessions.c.node).where(sessions.c.node.is_not(None), _OPEN, or_(_SOMEBODY, _RECORDED)).distinct()
)
_DROP = delete(nodes).where(_THIS, nodes.c.beats == bindparam("beats"))
_SESSIONS_AT = (
    select(sessions.c.id).where(sessions.c.node == bindparam("node"), _OPEN).order_by(sessions.c.id)
)
_ADD_ERRAND = insert(errands)
_ERRANDS = (
    select(errands.c.id, errands.c.room_name)
    .where(errands.c.node == bindparam("node"), errands.c.failed.is_(False))
    .order_by(errands.c.id)
)
_FAILED = select(errands.c.failed).where(errands.c.id == bindparam("errand"))
_DROP_ERRAND = delete(errands).where(errands.c.id == bindparam("errand"))
_FAIL_ERRAND = update(errands).where(errands.c.id == bindparam("errand")).values(failed=True)
_DROP_ERRANDS = delete(errands).where(errands.c.node == bindparam("node"))
