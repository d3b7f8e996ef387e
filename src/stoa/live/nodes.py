"""One process among the nodes of one database: which rooms are here, and what nodes ask of each other.

A node that must do something with a room of another leaves it an errand: to look at the room, and to make it what the
database says. An errand says no more than which room, so it can come late, twice, or after a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from stoa.kernel.clock import Clock
from stoa.kernel.errors import StoaError
from stoa.kernel.ids import Ids
from stoa.live import service, store
from stoa.live.media import messages as m
from stoa.live.model import LiveSession, Recording
from stoa.platform.storage import Storage

MARGIN = 5.0
"""Seconds beyond the life of lone workers after which a node's rooms are anybody's: its calls have ended by then."""
_LOOK, _BEAT = 0.25, 1.0
_ANSWER, _ASK = 10.0, 0.05
_log = structlog.get_logger(__name__)

Straighten = Callable[[str], Awaitable[None]]
Inherit = Callable[[LiveSession, Recording], Awaitable[None]]


class Bound(Protocol):
    """A provider whose rooms are at one node. ``node`` is its id, ``""`` before it has started."""

    node: str
    linger: float

    @property
    def starts(self) -> int:
        """How many workers were started."""
        ...

    @property
    def rooms(self) -> list[str]: ...

    async def inside(self, room: str) -> m.RoomStats | None:
        """None: there is no such room."""
        ...


class NotDoneError(Exception):
    """The room's node could not do what it was asked, or does not answer."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Another node's count as this one sees it: how often, and since when (by the monotonic clock, and by ours)."""

    beats: int
    since: float
    at: datetime


@dataclass(slots=True)
class Nodes:
    """``url`` is where this node is reached."""

    storage: Storage
    clock: Clock
    ids: Ids
    bound: Bound
    url: str
    _others: dict[str, Seen] = field(default_factory=dict)
    _alone: bool = False

    @property
    def id(self) -> str:
        return self.bound.node

    async def begin(self, standing: Sequence[str]) -> None:
        """``standing`` are rooms that go on here since an earlier life of this process."""
        await self.storage.write(service.announce, self.id, self.url)
        for room in standing:
            await self.storage.write(service.adopt, room, self.id)

    async def other_of(self, room_name: str) -> str | None:
        """The other node that has the room."""
        if not self.id:
            return None
        node = await self.storage.read(service.node_of, room_name)
        return None if node in (None, self.id) else node

    async def ask(self, node: str, room_name: str) -> None:
        """Answers when the other node has made the room what the database says. Raises NotDoneError."""
        errand = self.ids.uuid()
        await self.storage.write(store.add_errand, errand, node, room_name)
        deadline = time.monotonic() + _ANSWER
        while time.monotonic() < deadline:
            await asyncio.sleep(_ASK)
            failed = await self.storage.read(store.errand_failed, errand)
            if failed is None:
                return
            if failed:
                await self.storage.write(store.drop_errand, errand)
                raise NotDoneError("The room's node could not do it.")
        raise NotDoneError("The room's node does not answer; it will do it when it is back.")

    async def run(self, straighten: Straighten, inherit: Inherit) -> None:
        """Until cancelled: counts, does errands, and looks who is dead."""
        due = time.monotonic()
        while True:
            try:
                if time.monotonic() >= due:
                    due = time.monotonic() + _BEAT
                    await self._beat(straighten)
                    await self._look(inherit)
                if not self._alone:
                    await self._do_errands(straighten)
            except StoaError as error:  # the database is away; it is asked again
                _log.warning("live_nodes_unreached", reason=error.code)
            except Exception:  # noqa: BLE001 - whatever it is, the next round comes
                _log.exception("live_nodes_failed")
            await asyncio.sleep(_LOOK)

    async def _beat(self, straighten: Straighten) -> None:
        rooms = list(self.bound.rooms)
        if rooms and not await self.storage.write(service.beat, self.id, self.url):
            _log.warning("live_node_was_taken_for_dead", node=self.id)
            for room in rooms:
                await straighten(room)

    async def _do_errands(self, straighten: Straighten) -> None:
        for errand, room in await self.storage.read(store.errands_for, self.id):
            try:
                await straighten(room)
            except Exception:  # noqa: BLE001 - who asked is told, and the log has it
                _log.exception("live_errand_failed", room=room)
                await self.storage.write(store.fail_errand, errand)
            else:
                await self.storage.write(store.drop_errand, errand)

    async def _look(self, inherit: Inherit) -> None:
        """A node that has people and whose count stands still for longer than its calls live is dead."""
        others = await self.storage.read(store.beats_of_others, self.id)
        self._alone = not others
        if not others:
            return
        busy = await self.storage.read(store.nodes_with_people)
        now, at = time.monotonic(), self.clock.now()
        seen, self._others = self._others, {}
        for node in busy & others.keys():
            before = seen.get(node)
            still = before is not None and before.beats == others[node]
            self._others[node] = before if before is not None and still else Seen(others[node], now, at)
        for node, one in list(self._others.items()):
            if now - one.since > self.bound.linger + MARGIN:
                await self._bury(node, one, inherit)

    async def _bury(self, node: str, seen: Seen, inherit: Inherit) -> None:
        left = await self.storage.write(service.bury, node, beats=seen.beats, heir=self.id, seen_at=seen.at)
        if left is not None:
            _log.warning("live_node_dead", node=node, recordings=len(left))
        for recording, session in left or ():
            await inherit(session, recording)
