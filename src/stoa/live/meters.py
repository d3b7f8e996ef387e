"""What an operator sees of calls at ``/metrics``: this node's rooms, looked at every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from stoa.kernel.errors import StoaError
from stoa.live.media import messages as m

EVERY = 5.0
_log = structlog.get_logger(__name__)
Key = tuple[str, str, str, str]


class Rooms(Protocol):
    """What is looked at. ``starts`` counts the workers that were started."""

    @property
    def starts(self) -> int: ...
    @property
    def rooms(self) -> list[str]: ...
    async def inside(self, room: str) -> m.RoomStats | None: ...


class Meters:
    """Packets are counted from one look to the next, so those of a stream's last seconds are left out."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rooms = Gauge("stoa_live_rooms", "Rooms open at this node", registry=registry)
        self.participants = Gauge("stoa_live_participants", "People whose media is here", registry=registry)
        self.recordings = Gauge("stoa_live_recordings", "Recordings that run here", registry=registry)
        self.received = Counter(
            "stoa_live_packets_received", "RTP packets from participants", registry=registry
        )
        self.lost = Counter("stoa_live_packets_lost", "RTP packets that did not arrive", registry=registry)
        self.forwarded = Counter(
            "stoa_live_packets_forwarded", "RTP packets to participants", registry=registry
        )
        self.refused = Counter(
            "stoa_live_packets_refused", "Datagrams with wrong keys or no sense", registry=registry
        )
        self.starts = Counter(
            "stoa_live_workers_started", "Media worker processes that were started", registry=registry
        )
        self._seen: dict[Key, int] = {}
        self._started = 0

    async def run(self, rooms: Rooms) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look(rooms)
            except StoaError as error:  # a worker that is being replaced
                _log.info("live_meters_unread", reason=error.code)
            await asyncio.sleep(EVERY)

    async def look(self, rooms: Rooms) -> None:
        found = [await rooms.inside(room) for room in list(rooms.rooms)]
        there = [stats for stats in found if stats is not None]
        self.rooms.set(len(there))
        self.participants.set(sum(len(stats.participants) for stats in there))
        self.recordings.set(sum(stats.recording for stats in there))
        self.starts.inc(max(0, rooms.starts - self._started))
        self._started = rooms.starts
        counters = {
            "received": self.received, "lost": self.lost, "forwarded": self.forwarded, "refused": self.refused,
        }  # fmt: skip
        now = {key: count for stats in there for key, count in _counts(stats)}
        for key, count in now.items():
            before = self._seen.get(key, 0)
            # One that counts from the start again was begun anew.
            counters[key[0]].inc(count - before if count >= before else count)
        self._seen = now


def _counts(stats: m.RoomStats) -> Iterator[tuple[Key, int]]:
    """Each with what it is counted by."""
    for one in stats.participants:
        yield ("refused", stats.room, one.participant, ""), one.refused
        for track in one.sends:
            layers = track.layers
            name = (stats.room, one.participant, track.publication)
            yield ("received", *name), sum(layer.packets for layer in layers)
            yield ("lost", *name), sum(max(layer.lost, 0) for layer in layers)
        for stream in one.receives:
            yield ("forwarded", stats.room, one.participant, stream.publication), stream.packets
