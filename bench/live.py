"""Classes through the whole service: how fast somebody who is kicked, or dies, is out; how fast everybody is back after a
media worker's death; and what a call costs the API.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.figure import Bench, Figure, Result, millis
from bench.live_people import Person, until
from bench.load import Round
from bench.people import add_people
from bench.processes import environment, free_port, load_client, request, running
from stoa.kernel.actor import AccessLevel
from stoa.live.media._aiortc import Identity
from stoa.live.provider import socket_folder

_KICK, _DEATH, _BACK = 1.0, 5.0, 3.0
_SLOWER, _ENOUGH = 2.0, 0.020
_READY = 90.0


@dataclass(slots=True)
class School:
    """A server, one who teaches and several who learn."""

    folder: Path
    address: str
    teacher: httpx.AsyncClient
    keys: list[str]
    ids: list[str]
    people: list[Person] = field(default_factory=list)

    async def new_class(self) -> str:
        body = {"courseId": "bench", "startsAt": "2030-01-01T10:00:00Z"}
        answer = await self.teacher.post("/live/sessions", json=body)
        room: str = answer.json()["roomName"]
        return room

    async def call(self, room: str, count: int, *, rate: int = 25) -> list[Person]:
        """All see all."""
        identity = Identity()
        came = [
            await Person(self.address, key, room, identity, rate=rate).come() for key in self.keys[:count]
        ]
        self.people += came
        await until(lambda: all(one.received > 5 for one in came))
        return came

    async def is_out(self, room: str, user_id: str) -> bool:
        ledger = (await self.teacher.get(f"/live/sessions/{room}/participants")).json()
        return all(one["leftAt"] for one in ledger if one["userId"] == user_id)

    def worker(self) -> int:
        return int((socket_folder(self.folder / "live/media") / "media-0.sock.lock").read_text())


@asynccontextmanager
async def school(folder: Path, students: int) -> AsyncGenerator[School]:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    ((_, teacher),) = add_people(folder, count=1, access=AccessLevel.INSTRUCTOR)
    people = add_people(folder, count=students)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "stoa", "serve", "--port", str(port), "--data", str(folder)]
    env = environment(
        STOA_HTTP_RATE_LIMIT="0", STOA_MESSAGE_RATE_LIMIT="0", STOA_LOG_LEVEL="warning",
        STOA_LIVE_LISTEN="127.0.0.1", STOA_LIVE_LINGER_SECONDS="2",
    )  # fmt: skip
    # On no core of its own: the media worker, a child of the server, would be tied to the same one.
    with running(command, log=folder / "server.log", core=None, env=env):
        headers = {"authorization": f"Bearer {teacher}"}
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
            deadline = time.monotonic() + _READY
            while time.monotonic() < deadline:
                try:
                    if (await client.get("/health/ready")).status_code == 200:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
            made = School(
                folder, address, client, [key for _, key in people], [actor.id for actor, _ in people]
            )
            try:
                yield made
            finally:
                await asyncio.gather(*(one.close() for one in made.people), return_exceptions=True)


async def kicks(at: School, rounds: int) -> list[float]:
    """Seconds from the request to the last packet that came, and to being told, whichever was later."""
    found = []
    room = await at.new_class()
    people = await at.call(room, 3)
    for number in range(rounds):
        lea, user_id = people[number % 3], at.ids[number % 3]
        old = await lea.token()
        lea.told.clear()
        began = time.monotonic()
        answer = await at.teacher.post(f"/live/sessions/{room}/participants/{user_id}/kick")
        assert answer.status_code == 200, answer.text
        await until(lambda lea=lea: lea.when("out") is not None)
        await asyncio.sleep(0.5)
        found.append(max(lea.when("out") or 0.0, lea.last_packet) - began)
        assert await lea.refusal(old) == "live.token_refused", "an old token let them back in"
        await lea.join()
        await until(lambda: all(one.received > 5 for one in people))
    return found


async def deaths(at: School, rounds: int) -> list[float]:
    """Seconds from a client's end until the ledger has it."""
    found = []
    for number in range(rounds):
        room = await at.new_class()
        people = await at.call(room, 2)
        await asyncio.sleep(0.1 * (number % 5))
        people[0].vanish()
        began = time.monotonic()
        while not await at.is_out(room, at.ids[0]):
            assert time.monotonic() - began < 30, "never out"
            await asyncio.sleep(0.02)
        found.append(time.monotonic() - began)
        assert not await at.is_out(room, at.ids[1])
        await people[1].close()
    return found


async def recoveries(at: School, rounds: int, people: int = 4) -> list[float]:
    """Seconds from a worker's kill until each sees somebody again, the slowest of all each time."""
    found = []
    room = await at.new_class()
    there = await at.call(room, people)
    for _ in range(rounds):
        for one in there:
            one.back.clear()
        pid = at.worker()
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: all(one.back for one in there), within=30)
        found.append(time.monotonic() - began)
        await asyncio.sleep(0.5)
    deadline = time.monotonic() + 30
    while True:  # the ledger is told after they see each other
        answer = await at.teacher.get(f"/live/sessions/{room}/participants")
        in_now = [one for one in answer.json() if one["leftAt"] is None]
        if len(in_now) == people:
            return found
        assert time.monotonic() < deadline, in_now
        await asyncio.sleep(0.1)


async def _api(at: School, bench: Bench) -> tuple[list[float], list[float], float]:
    """Latencies (p50, p95, p99) without and with a call of six; and packets forwarded a second meanwhile."""
    room = await at.new_class()
    loads = Round(
        int(at.address.rpartition(":")[2]), [request("GET", f"/live/sessions/{room}")] * 4,
        bench.pick(3000, 600),
    )  # fmt: skip
    with load_client(bench.folder) as client:
        await asyncio.to_thread(client.run, loads)
        without = [await asyncio.to_thread(client.run, loads) for _ in range(3)]
        people = await at.call(await at.new_class(), 6, rate=100)
        before, began = sum(one.received for one in people), time.monotonic()
        during = [await asyncio.to_thread(client.run, loads) for _ in range(3)]
        packets = (sum(one.received for one in people) - before) / (time.monotonic() - began)
    best = [min(reports, key=lambda report: report.latencies[2]).latencies for reports in (without, during)]
    return best[0], best[1], packets


def _timed(
    name: str, measured: Callable[[School, int], Awaitable[list[float]]], wanted: float, full: int, quick: int
) -> Callable[[Bench], list[Result]]:
    def measure(bench: Bench) -> list[Result]:
        async def run() -> list[float]:
            async with school(bench.folder / "data", 6) as at:
                return await measured(at, bench.pick(full, quick))

        found = asyncio.run(run())
        worst = max(found)
        note = f"slowest of {len(found)}; median {millis(statistics.median(found))}"
        return [Result(name, millis(worst), f"≤ {millis(wanted)}", worst <= wanted, note=note)]

    return measure


def _api_measured(bench: Bench) -> list[Result]:
    async def run() -> tuple[list[float], list[float], float]:
        async with school(bench.folder / "data", 6) as at:
            return await _api(at, bench)

    without, during, packets = asyncio.run(run())
    ratio = during[2] / without[2]
    return [
        Result(
            "API, p99, while six are in a call", millis(during[2]), f"≤ {_SLOWER:g} × or {millis(_ENOUGH)}",
            ratio <= _SLOWER or during[2] <= _ENOUGH, peer=f"{millis(without[2])} without a call",
            ratio=f"{ratio:.2f} ×",
            note=f"4 connections that never rest; {packets:,.0f} packets a second came to the six meanwhile; "
            f"medians {json.dumps([round(each[0] * 1000, 2) for each in (without, during)])} ms",
        )
    ]  # fmt: skip


FIGURES = (
    Figure("live-kick", "Kicked participants", _timed("kicked: out, and deaf", kicks, _KICK, 30, 5)),
    Figure(
        "live-death", "Browsers that die", _timed("a browser that died: in the ledger", deaths, _DEATH, 20, 3)
    ),
    Figure(
        "live-recovery",
        "Media workers that are killed",
        _timed("media worker killed: everybody back", recoveries, _BACK, 20, 3),
    ),
    Figure("live-api", "The API beside a call", _api_measured),
)
