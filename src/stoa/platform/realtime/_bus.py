"""How the nodes of one database tell each other that there is something to look at. A word may be lost: who must know
for certain looks by itself now and then, and this only makes it soon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from stoa.kernel.errors import StoaError
from stoa.platform.storage import PostgresStorage, Storage

CHANNEL = "stoa"
GATHERING = 0.005
"""Seconds in which words gather before they are sent together."""
_LONGEST = 7_500
"""Bytes; PostgreSQL takes 8,000."""
_RECONNECT = 2.0
_log = structlog.get_logger(__name__)

Hearing = Callable[[str], None]


class Bus(Protocol):
    """Words are ``<topic> <text>``, the text without a line break."""

    def hear(self, topic: str, hearing: Hearing) -> None:
        """``hearing`` is called on the event loop with what other nodes say."""
        ...

    def say(self, topic: str, text: str) -> None:
        """Soon, to all other nodes. Saying the same again before it went out is saying it once."""
        ...

    async def run(self) -> None: ...


class SilentBus:
    """For SQLite: another process on the same file is found by looking."""

    def hear(self, topic: str, hearing: Hearing) -> None: ...

    def say(self, topic: str, text: str) -> None: ...

    async def run(self) -> None: ...


class PostgresBus:
    """LISTEN and NOTIFY. Words go out in transactions of their own: inside of those that change things they would make
    every commit of the database wait for every other (PostgreSQL takes a lock for the order of notifications).
    """

    def __init__(self, storage: PostgresStorage, *, node: str) -> None:
        self._storage = storage
        self._node = node
        self._hearings: dict[str, Hearing] = {}
        self._waiting: dict[str, None] = {}
        self._wake = asyncio.Event()

    def hear(self, topic: str, hearing: Hearing) -> None:
        self._hearings[topic] = hearing

    def say(self, topic: str, text: str) -> None:
        self._waiting[f"{topic} {text}"] = None
        self._wake.set()

    async def run(self) -> None:
        await asyncio.gather(self._speak(), self._listen())

    async def _speak(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHERING)
            self._wake.clear()
            words, self._waiting = list(self._waiting), {}
            with suppress(StoaError, SQLAlchemyError):
                await self._storage.write(_notify, _pages(self._node, words))

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except Exception as error:  # noqa: BLE001 - whatever it is, the other nodes are to be heard again
                _log.warning("bus_lost", reason=type(error).__name__)
            await asyncio.sleep(_RECONNECT)

    async def _listen_once(self) -> None:
        import psycopg  # noqa: PLC0415 - not there for those who have SQLite

        address = self._storage.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await psycopg.AsyncConnection.connect(address, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            async for notice in connection.notifies():
                self._heard(notice.payload)

    def _heard(self, page: str) -> None:
        node, *words = page.split("\n")
        if node == self._node:
            return
        for word in words:
            topic, _, said = word.partition(" ")
            if topic in self._hearings:
                self._hearings[topic](said)


def _pages(node: str, words: list[str]) -> list[dict[str, Any]]:
    pages, page = [], node
    for word in words:
        if len(page) + len(word) >= _LONGEST:
            pages.append(page)
            page = node
        page += "\n" + word
    return [{"page": each} for each in (*pages, page)]


def _notify(connection: Connection, pages: list[dict[str, Any]]) -> None:
    connection.execute(_NOTIFY, pages)


_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', :page)")


def bus_for(storage: Storage, *, node: str) -> Bus:
    return PostgresBus(storage, node=node) if isinstance(storage, PostgresStorage) else SilentBus()
