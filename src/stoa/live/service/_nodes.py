"""Which node has which room, where a provider binds rooms to nodes.

A room lives at one node at a time, and its open intervals are that node's. It moves when nobody is in it, or when its
node is dead. A node that has rooms counts up (``beats``); no node's clock is compared with another's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.ids import Ids
from stoa.live import store
from stoa.live.errors import ElsewhereError
from stoa.live.model import LiveSession, Member, Recording, Status
from stoa.live.service._room import out


def announce(connection: Connection, node: str, url: str) -> None:
    if not store.set_url(connection, node, url):
        store.add_node(connection, node, url)


def beat(connection: Connection, node: str, url: str) -> bool:
    """False where the node was taken for dead meanwhile: its rooms are not its any more. It is alive again."""
    if store.beat(connection, node):
        return True
    store.add_node(connection, node, url)
    return False


def belongs(session: LiveSession, node: str) -> bool:
    """Whether that node has the room. What no node took yet is anybody's; without nodes (``""``) all is."""
    return not node or session.node in (None, node)


def settle(connection: Connection, session: LiveSession, node: str, *, ids: Ids) -> LiveSession:
    """The session, its room at that node unless it is in use at another. Call it under the session's lock."""
    if not node or session.node == node:
        return session
    if session.node is not None:
        if store.present(connection, session.id) or store.running(connection, session.id):
            return session
        store.add_errand(connection, ids.uuid(), session.node, session.room_name)  # it closes the empty one
    settled = replace(session, node=node)
    store.save_session(connection, settled)
    return settled


def check_here(connection: Connection, session: LiveSession, node: str) -> None:
    if not belongs(session, node):
        raise ElsewhereError(store.url_of(connection, session.node or ""))


def node_of(connection: Connection, room_name: str) -> str | None:
    session = store.session_named(connection, room_name)
    return None if session is None else session.node


@dataclass(frozen=True, slots=True)
class Truth:
    """What should be in a node's room. ``members`` are those who have a place in it."""

    session: LiveSession
    members: dict[str, Member]
    recording: Recording | None


def truth_of(connection: Connection, room_name: str, node: str) -> Truth | None:
    """None where the node should have no such room."""
    session = store.session_named(connection, room_name)
    if session is None or session.deleted_at is not None or session.status is Status.ENDED:
        return None
    if session.node != node:
        return None
    there = {one.user_id for one in store.present(connection, session.id)}
    members = {one.user_id: one for one in store.members_of(connection, session.id) if one.user_id in there}
    return Truth(session, members, store.running(connection, session.id))


def adopt(connection: Connection, room_name: str, node: str) -> None:
    """A room that goes on at the node since before nodes were told apart is the node's."""
    session = store.session_named(connection, room_name)
    if session is not None and session.node is None:
        store.save_session(connection, replace(session, node=node))


def bury(
    connection: Connection, dead: str, *, beats: int, heir: str, seen_at: datetime
) -> list[tuple[Recording, LiveSession]] | None:
    """Ends what a dead node left, at the time when it was last known to live. None where it lives after all.

    Whoever was in may join at any node from now on. What was being recorded is the heir's to go on with.
    """
    if not store.drop_node(connection, dead, beats=beats):
        return None
    inherited = []
    for session in store.sessions_at(connection, dead):
        out(connection, store.present(connection, session.id), now=seen_at, reason="lost")
        running = store.running(connection, session.id)
        moved = replace(session, node=None if running is None else heir)
        store.save_session(connection, moved)
        if running is not None:
            inherited.append((running, moved))
    return inherited
