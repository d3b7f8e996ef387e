"""On which Janus each room is: one row a room, so that all nodes agree."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    Row,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from stoa.live.store import metadata
from stoa.platform.storage import lock

_KEY = "live-janus-rooms"

rooms = Table(
    "live_janus_rooms",
    metadata,
    Column("room", String(128), primary_key=True),
    Column("server", String(255), nullable=False),
    Column("secret", String(64), nullable=False, comment="of the room at Janus; no browser gets it"),
    Column("max_participants", Integer),
    Column("recording", String(64), comment="to which it is recorded now"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """``recording`` is the id of the recording that goes on in the room; None: it is not recorded."""

    room: str
    server: str
    secret: str
    max_participants: int | None
    recording: str | None = None


def place_of(connection: Connection, room: str) -> Place | None:
    row = connection.execute(_ONE, {"key": room}).one_or_none()
    return None if row is None else _place(row)


def all_places(connection: Connection) -> list[Place]:
    return [_place(row) for row in connection.execute(_ALL)]


def take_place(
    connection: Connection, room: str, *, servers: Collection[str], secret: str, max_participants: int | None
) -> Place | None:
    """Where the room is; a new one goes to the one of ``servers`` that has the fewest. None: there is no server."""
    lock(connection, _KEY)
    place = place_of(connection, room)
    if place is None:
        server = _emptiest(connection, servers)
        if server is None:
            return None
        place = Place(room, server, secret, max_participants)
        connection.execute(insert(rooms), _values(place))
    elif place.max_participants != max_participants:
        place = replace(place, max_participants=max_participants)
        connection.execute(_SAVE, {"key": room} | _values(place))
    return place


def move_place(
    connection: Connection, room: str, *, away_from: str, servers: Collection[str]
) -> Place | None:
    """Where the room is after all: another node may have moved it before. None: it is closed."""
    lock(connection, _KEY)
    place = place_of(connection, room)
    if place is not None and place.server == away_from:
        server = _emptiest(connection, servers)
        if server is not None:
            place = replace(place, server=server)
            connection.execute(_SAVE, {"key": room} | _values(place))
    return place


def note_recording(connection: Connection, room: str, recording: str | None) -> Place | None:
    lock(connection, _KEY)
    place = place_of(connection, room)
    if place is None:
        return None
    place = replace(place, recording=recording)
    connection.execute(_SAVE, {"key": room} | _values(place))
    return place


def drop_place(connection: Connection, room: str) -> Place | None:
    """Where it was."""
    lock(connection, _KEY)
    place = place_of(connection, room)
    connection.execute(_DROP, {"key": room})
    return place


def _emptiest(connection: Connection, servers: Collection[str]) -> str | None:
    counts = {row.server: row.count for row in connection.execute(_COUNTS)}
    return min(servers, key=lambda server: (counts.get(server, 0), server), default=None)


def _place(row: Row[tuple[str, str, str, int | None, str | None]]) -> Place:
    return Place(row.room, row.server, row.secret, row.max_participants, row.recording)


def _values(place: Place) -> dict[str, str | int | None]:
    return {column.name: getattr(place, column.name) for column in rooms.c}


_ONE = select(rooms).where(rooms.c.room == bindparam("key"))
_ALL = select(rooms).order_by(rooms.c.room)
_SAVE = update(rooms).where(rooms.c.room == bindparam("key"))
_DROP = delete(rooms).where(rooms.c.room == bindparam("key"))
_COUNTS = select(rooms.c.server, func.count().label("count")).group_by(rooms.c.server)
