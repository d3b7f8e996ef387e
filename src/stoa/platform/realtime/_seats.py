"""Places that one connection at a time may have, over all nodes of a database: one for each user of a namespace.

The row of a seat says whose it is: a node closes whichever of its own connections finds another in its place. A node
that holds seats counts up once a second (``beats``); one whose count stands still is gone, and its seats are free. No
node's clock is compared with another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, bindparam, select
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects import postgresql, sqlite

from stoa.kernel.errors import StoaError
from stoa.platform.realtime._bus import Bus
from stoa.platform.realtime._client import Client
from stoa.platform.storage import Storage, lock

BEAT = 1.0
DEAD_AFTER = 3.0
"""Seconds without a beat after which a node is taken for dead by who waits for one of its seats."""
_LOOK = 0.1
_TOPIC = "seat"

metadata = MetaData()
nodes = Table(
    "realtime_nodes",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("beats", Integer, nullable=False, comment="counts up while the node lives"),
)
seats = Table(
    "realtime_seats",
    metadata,
    Column("namespace", String(64), primary_key=True),
    Column("user_id", String(24), primary_key=True),
    Column("connection_id", String(64), nullable=False),
    Column("node", String(128), nullable=False),
    Index("realtime_seats_node", "node"),
)

Taken = Callable[[Client], None]
Place = tuple[str, str]
"""(namespace, user id)"""


@dataclass(frozen=True, slots=True)
class Held:
    """Who has the seat that was asked for, and how often its node has counted."""

    connection_id: str
    node: str
    beats: int


_LOST = Held("", "", 0)
"""Somebody newer of this node has the seat, or the client itself has left it again."""


class Seats:
    """``taken`` is called with a connection whose seat somebody else has now."""

    def __init__(self, storage: Storage, bus: Bus, *, node: str, taken: Taken) -> None:
        self._storage = storage
        self._bus = bus
        self._node = node
        self._taken = taken
        self._mine: dict[Place, Client] = {}
        self._turns: WeakValueDictionary[Place, asyncio.Lock] = WeakValueDictionary()
        self._checking: asyncio.Task[None] | None = None
        bus.hear(_TOPIC, self._heard)

    async def take(self, client: Client, user_id: str, *, over: bool) -> bool:
        """False where another connection has the seat, and ``over`` does not say to take it from that one; and where
        the client is gone, or somebody newer came, before it sat.
        """
        place = (client.namespace.name, user_id)
        older = self._mine.get(place)
        if older is not None and not older.closed:
            if not over:
                return False
            self._taken(older)
        self._mine[place] = client
        try:
            client.seated = await self._claim(place, client, over)
        finally:
            if not client.seated:
                self._drop(place, client)
        if client.closed:
            await self.leave(client, user_id)
            return False
        if client.seated:
            self._bus.say(_TOPIC, f"{place[0]} {user_id}")
        return client.seated

    async def leave(self, client: Client, user_id: str) -> None:
        place = (client.namespace.name, user_id)
        if self._drop(place, client):
            async with self._turn(place):
                await self._storage.write(_leave, place, client.id)

    async def begin(self) -> None:
        """Frees what an earlier life of this node left."""
        await self._storage.write(_forget_node, self._node)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            if seated := self._seated():
                with suppress(StoaError):
                    held = await self._storage.write(_beat, self._node)
                    self._compare(seated, held)
                    await self._clear(held)

    async def close(self) -> None:
        with suppress(StoaError):
            await self._storage.write(_forget_node, self._node)

    async def _claim(self, place: Place, client: Client, over: bool) -> bool:
        """Where another node has the seat: as soon as that is free, unless the node shows that it lives."""

        async def claim(*, over: bool, presumed_dead: str | None) -> Held | None:
            async with self._turn(place):
                if self._mine.get(place) is not client:
                    return _LOST
                held = await self._storage.write(
                    _claim, place, client.id, node=self._node, over=over, presumed_dead=presumed_dead
                )
            return held if self._mine.get(place) is client else _LOST

        first = held = await claim(over=over, presumed_dead=None)
        for _ in range(round(DEAD_AFTER / _LOOK)):
            if held is None or first is None:
                return True
            if held.connection_id != first.connection_id or held.beats != first.beats or held is _LOST:
                return False
            await asyncio.sleep(_LOOK)
            held = await claim(over=False, presumed_dead=None)
        return await claim(over=False, presumed_dead=None if held is None else held.connection_id) is None

    def _turn(self, place: Place) -> asyncio.Lock:
        """What is written of a place is written in the order in which it was decided here: transactions may overtake
        each other, and a client that came or went while another was being seated would have the last word.
        """
        return self._turns.setdefault(place, asyncio.Lock())

    def _drop(self, place: Place, client: Client) -> bool:
        if self._mine.get(place) is not client:
            return False
        del self._mine[place]
        return True

    def _seated(self) -> dict[Place, Client]:
        return {place: client for place, client in self._mine.items() if client.seated}

    def _heard(self, said: str) -> None:
        namespace, _, user_id = said.partition(" ")
        if (namespace, user_id) in self._mine:
            self._checking = asyncio.create_task(self._check())  # one that is forgotten for it does the same

    async def _check(self) -> None:
        with suppress(StoaError):
            seated = self._seated()
            self._compare(seated, await self._storage.read(_held_by, self._node))

    def _compare(self, seated: dict[Place, Client], held: dict[Place, str]) -> None:
        """``seated`` is from before the rows were read: whoever sat then and is not in them has lost the seat."""
        for place, client in seated.items():
            if held.get(place) != client.id and self._drop(place, client) and not client.closed:
                self._taken(client)

    async def _clear(self, held: dict[Place, str]) -> None:
        """Frees what is on record though nobody sits there: the database was away when they left."""
        for place in held.keys() - self._mine.keys():
            await self._storage.write(_leave, place, held[place])


def _claim(
    connection: Connection,
    place: Place,
    connection_id: str,
    *,
    node: str,
    over: bool,
    presumed_dead: str | None,
) -> Held | None:
    """Takes the seat, or says who has it. One that this node has on record is free: it knows its own by heart."""
    lock(connection, f"realtime:{place[0]}:{place[1]}")
    row = connection.execute(_HELD, {"namespace": place[0], "user_id": place[1]}).one_or_none()
    if row is not None and not over and row.node != node and row.connection_id != presumed_dead:
        return Held(row.connection_id, row.node, _beats_of(connection, row.node))
    values = {"namespace": place[0], "user_id": place[1], "connection_id": connection_id, "node": node}
    connection.execute(_SIT[connection.dialect.name], values)
    return None


def _leave(connection: Connection, place: Place, connection_id: str) -> None:
    connection.execute(_STAND_UP, {"namespace": place[0], "user_id": place[1], "id": connection_id})


def _beats_of(connection: Connection, node: str) -> int:
    return connection.scalar(_BEATS, {"id": node}) or 0


def _beat(connection: Connection, node: str) -> dict[Place, str]:
    connection.execute(_BEAT[connection.dialect.name], {"id": node, "beats": 1})
    return _held_by(connection, node)


def _held_by(connection: Connection, node: str) -> dict[Place, str]:
    return {
        (row.namespace, row.user_id): row.connection_id for row in connection.execute(_OF, {"node": node})
    }


def _forget_node(connection: Connection, node: str) -> None:
    connection.execute(_FREE, {"node": node})
    connection.execute(_GONE, {"id": node})


_THIS = (seats.c.namespace == bindparam("namespace"), seats.c.user_id == bindparam("user_id"))
_HELD = select(seats.c.connection_id, seats.c.node).where(*_THIS)
_OF = select(seats.c.namespace, seats.c.user_id, seats.c.connection_id).where(
    seats.c.node == bindparam("node")
)
_STAND_UP = sql_delete(seats).where(*_THIS, seats.c.connection_id == bindparam("id"))
_FREE = sql_delete(seats).where(seats.c.node == bindparam("node"))
_GONE = sql_delete(nodes).where(nodes.c.id == bindparam("id"))
_BEATS = select(nodes.c.beats).where(nodes.c.id == bindparam("id"))


def _sitting(statement: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    taken = {"connection_id": statement.excluded.connection_id, "node": statement.excluded.node}
    return statement.on_conflict_do_update(index_elements=["namespace", "user_id"], set_=taken)


def _beating(statement: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    return statement.on_conflict_do_update(index_elements=["id"], set_={"beats": nodes.c.beats + 1})


_SIT = {"sqlite": _sitting(sqlite.insert(seats)), "postgresql": _sitting(postgresql.insert(seats))}
_BEAT = {"sqlite": _beating(sqlite.insert(nodes)), "postgresql": _beating(postgresql.insert(nodes))}
