"""The embedded media engine: RTP packets forwarded a second on one core, and the delay that it adds.

One sender and a hundred viewers, as in a lecture; and rooms of six where everybody sees everybody, for the share of what
comes in. Packets of 1,100 bytes, encrypted both ways; viewers answer with transport-wide feedback ten times a second.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Bench, Figure, Result, millis
from bench.media_clients import Camera, Client, Viewer
from stoa.kernel.clock import SystemClock
from stoa.live.media import messages as m
from stoa.live.media._aiortc import Identity
from stoa.live.media.controller import Controller, Listen

_WANTED, _DELAY_WANTED = 35_000, 0.020
_TICK = 0.010
_READ = 5
"""Viewers that read what comes; the others let the kernel throw it away once their buffers are full."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run sends: ``packets`` a second from each sender."""

    senders: int
    viewers: int
    packets: int
    seconds: float

    @property
    def wanted(self) -> int:
        return self.senders * self.viewers * self.packets


@dataclass(frozen=True, slots=True)
class Run:
    forwarded: float
    """Packets a second."""
    core: float
    """Seconds of processor time a second, of the worker."""
    delays: Sequence[float]

    @property
    def on_one_core(self) -> float:
        return self.forwarded / self.core


class _Stage:
    def __init__(self, folder: Path) -> None:
        self._offers: dict[tuple[str, str], m.Offered] = {}
        self._folder = folder
        self.controller = Controller(folder, self._told, clock=SystemClock(), listen=[Listen("127.0.0.1")])
        self._identity = Identity()

    async def _told(self, event: m.AnyEvent) -> None:
        if isinstance(event, m.Offered):
            self._offers[event.room, event.participant] = event

    async def sender(self, room: str, name: str) -> Client:
        client = Client(self._identity)
        await self.controller.join(room, name)
        await client.connect(await self.controller.publish(room, name, client.offer(), {"0": "camera"}))
        return client

    async def viewer(self, room: str, name: str) -> Client:
        client = Client(self._identity)
        await self.controller.join(room, name)
        offered = await self.controller.offer(room, name)
        await self.controller.answer(room, name, offered.version, client.answer(offered.sdp))
        await client.connect(offered.sdp)
        return client

    def processor_seconds(self) -> float:
        pid = int((self._folder / "media-0.sock.lock").read_text())
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def forwarded(self, room: str) -> int:
        stats = await self.controller.stats(room)
        return sum(stream.packets for each in stats.participants for stream in each.receives)


async def _run(folder: Path, load: Load) -> Run:
    """One sender a room, each with its viewers."""
    stage = _Stage(folder)
    rooms = [f"r{index}" for index in range(load.senders)]
    clients: list[Client] = []
    cameras: list[Camera] = []
    viewers: list[Client] = []
    for room in rooms:
        await stage.controller.open_room(room)
        sender = await stage.sender(room, "sender")
        clients.append(sender)
        cameras.append(Camera(sender))
        viewers += [await stage.viewer(room, f"v{index}") for index in range(load.viewers)]
    reading = [Viewer(viewer) for viewer in viewers[:_READ]]
    delays: list[float] = []
    before = (time.perf_counter(), 0.0, 0)
    began = time.perf_counter()
    ticks = warm = int(0.3 * load.seconds / _TICK)
    sent = 0
    for tick in range(int(load.seconds / _TICK) + warm):
        if tick == ticks:
            forwarded = sum([await stage.forwarded(room) for room in rooms])
            before = (time.perf_counter(), stage.processor_seconds(), forwarded)
            delays.clear()
        due = int((tick + 1) * _TICK * load.packets) - sent
        sent += due
        for camera in cameras:
            camera.send(due)
        for each in reading:
            delays += each.delays()
        for index, viewer in enumerate(viewers):
            # Spread over a tenth of a second, as viewers' are.
            if (tick + index) % 10 == 0:
                viewer.feed_back(sent - due * 10, max(1, due * 10), tick // 10)
            if (tick + index) % 200 == 0:
                viewer.check()
        await asyncio.sleep(max(0.0, began + (tick + 1) * _TICK - time.perf_counter()))
    took = time.perf_counter() - before[0]
    core = (stage.processor_seconds() - before[1]) / took
    forwarded = sum([await stage.forwarded(room) for room in rooms]) - before[2]
    await stage.controller.stop(end_calls=True)
    for client in [*clients, *viewers]:
        client.close()
    return Run(forwarded / took, core, delays)


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else float("nan")


def _measured(bench: Bench) -> list[Result]:
    seconds = float(bench.pick(10, 3))
    full = asyncio.run(_run(bench.folder / "full", Load(1, 100, 450, seconds)))
    half = asyncio.run(_run(bench.folder / "half", Load(1, 100, 175, seconds)))
    small = asyncio.run(_run(bench.folder / "small", Load(20, 5, 150, seconds)))
    p99 = _percentile(half.delays, 99)
    return [
        Result(
            "RTP packets forwarded a second on one core",
            f"{full.on_one_core:,.0f}",
            f"{_WANTED:,}",
            full.on_one_core >= _WANTED,
            note=(
                f"1 sender, 100 viewers: {full.forwarded:,.0f} a second took {full.core:.0%} of a core. "
                f"20 rooms of 1 sender and 5 viewers: {small.on_one_core:,.0f} a second on one core"
            ),
        ),
        Result(
            "delay added by the media engine, p99",
            millis(p99),
            f"≤ {millis(_DELAY_WANTED)}",
            p99 <= _DELAY_WANTED,
            note=f"at {half.forwarded:,.0f} packets a second; median {millis(_percentile(half.delays, 50))}",
        ),
    ]


FIGURES = (Figure("media", "Forwarding RTP", _measured),)
