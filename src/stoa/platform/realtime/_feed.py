"""The journal as it grows: every entry of a watched stream, once and in order, whichever process committed it.

What this process commits is heard from ``journal.subscribe``, what others commit from the bus; what either lost is found
by looking at the watched streams' counts. A gap is filled from the journal before anything after it is given.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from stoa.kernel.errors import StoaError
from stoa.kernel.journal import Entry
from stoa.platform import journal
from stoa.platform.realtime._bus import Bus
from stoa.platform.storage import Storage

LOOK_EVERY = {"sqlite": 0.25, "postgresql": 1.0}
"""Seconds between looks at the watched streams: SQLite has no other way to hear of another process."""
_TOPIC = "journal"
_AT_ONCE = 1000
_log = structlog.get_logger(__name__)

Listener = Callable[[Sequence[Entry]], None]
Follower = Callable[[str, Sequence[Entry] | None], None]


class Watch:
    """One listener on one stream. ``seq`` is the last number that it was given."""

    def __init__(self, feed: Feed, stream: str, *, after: int, listener: Listener) -> None:
        self.stream = stream
        self.seq = after
        self._feed = feed
        self._listener = listener
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def catch_up(self) -> None:
        """Gives the listener everything that is committed by now. Raises UnavailableError."""
        async with self._reading:
            while True:
                entries = await self._feed.storage.read(
                    journal.read, self.stream, after=self.seq, limit=_AT_ONCE
                )
                self._give(entries)
                if len(entries) < _AT_ONCE:
                    return

    def offer(self, entries: Sequence[Entry]) -> None:
        if entries[-1].seq <= self.seq:
            return
        if entries[0].seq > self.seq + 1:
            self.hurry()
        else:
            self._give(entries)

    def hurry(self) -> None:
        """Catches up soon."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._catch_up_quietly())

    async def _catch_up_quietly(self) -> None:
        with suppress(StoaError):  # the database does not answer: the next look tries again
            await self.catch_up()

    def _give(self, entries: Sequence[Entry]) -> None:
        fresh = [entry for entry in entries if entry.seq > self.seq]
        if fresh:
            self.seq = fresh[-1].seq
            self._listener(fresh)

    def close(self) -> None:
        self._feed.forget(self)


class Feed:
    def __init__(self, storage: Storage, bus: Bus) -> None:
        self.storage = storage
        self._bus = bus
        self._watches: dict[str, list[Watch]] = {}
        self._followers: dict[str, Follower] = {}
        bus.hear(_TOPIC, self._heard)

    def follow(self, prefix: str, follower: Follower) -> None:
        """Streams whose names begin so are told between nodes. ``follower(stream, entries)`` hears of all of them,
        without promise of order; entries that another node made are None.
        """
        self._followers[prefix] = follower

    def watch(self, stream: str, *, after: int, listener: Listener) -> Watch:
        """From the entry that follows number ``after`` on. Call ``catch_up`` for what is there already."""
        watch = Watch(self, stream, after=after, listener=listener)
        self._watches.setdefault(stream, []).append(watch)
        return watch

    def forget(self, watch: Watch) -> None:
        watches = self._watches.get(watch.stream, [])
        if watch in watches:
            watches.remove(watch)
        if not watches:
            self._watches.pop(watch.stream, None)

    async def run(self) -> None:
        stop = journal.subscribe(self.storage.engine, self._committed)
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY[self.storage.dialect])
                with suppress(StoaError):
                    await self._look()
        finally:
            stop()

    async def _look(self) -> None:
        if self._watches:
            counts = await self.storage.read(journal.last_seqs, list(self._watches))
            for stream, seq in counts.items():
                self._ahead(stream, seq)

    def _ahead(self, stream: str, seq: int) -> None:
        for watch in self._watches.get(stream, ()):
            if watch.seq < seq:
                watch.hurry()

    def _committed(self, entries: Sequence[Entry]) -> None:
        by_stream: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_stream[entry.stream].append(entry)
        for stream, own in by_stream.items():
            for watch in tuple(self._watches.get(stream, ())):
                watch.offer(own)
            if follower := self._follower_of(stream):
                self._bus.say(_TOPIC, f"{own[-1].seq} {stream}")
                follower(stream, own)

    def _heard(self, said: str) -> None:
        seq, _, stream = said.partition(" ")
        self._ahead(stream, int(seq))
        if follower := self._follower_of(stream):
            follower(stream, None)

    def _follower_of(self, stream: str) -> Follower | None:
        return next((each for prefix, each in self._followers.items() if stream.startswith(prefix)), None)
