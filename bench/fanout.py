"""What one member of a mission says, told to all of them over sockets; beside Socket.IO on Node."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.figure import Bench, Figure, NotMeasuredError, Result, millis, times
from bench.listeners import Heard, Round
from bench.people import add_people, url_of
from bench.processes import ROOT, cores, cpu_seconds, environment, free_port, running, serving, stoa_server
from stoa.kernel.actor import AccessLevel
from stoa.kernel.clock import SystemClock
from stoa.kernel.ids import SystemIds
from stoa.missions import demo, service
from stoa.missions.commands import Start
from stoa.missions.model import SessionConfig
from stoa.platform.storage import sqlite_engine

MEMBERS = 500
PATIENCE = 0.100
LEAST = 20_000
_WINDOW = 8
_PACKAGE = "socket.io@4.8.4"


class Crowd:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def run(self, wanted: Round) -> Heard:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(wanted) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The listeners ended.")
        return msgspec.json.decode(line, type=Heard)


@contextmanager
def _crowd(folder: Path) -> Generator[Crowd]:
    command = [sys.executable, "-m", "bench.listeners"]
    with running(
        command, log=folder / "listeners.log", core=cores()[1], env=environment(), pipe=True
    ) as process:
        yield Crowd(process)


def _members(folder: Path) -> list[str]:
    """A started session with everybody in it. The keys of its members, a manager's first."""
    ids, clock = SystemIds(), SystemClock()
    teachers = add_people(folder, count=1, access=AccessLevel.INSTRUCTOR)
    people = [*teachers, *add_people(folder, count=MEMBERS - 1)]
    engine, teacher = sqlite_engine(url_of(folder)), teachers[0][0]
    with engine.begin() as connection:
        mission, *_ = demo.seed(connection, author=teacher, now=clock.now(), ids=ids)
        session = service.launch(
            connection, mission, SessionConfig(), actor=teacher, now=clock.now(), ids=ids
        )
        for actor, _ in people:
            service.join(connection, session, actor=actor, now=clock.now())
        service.command(connection, session, Start(), by=teacher, now=clock.now())
    engine.dispose()
    return [secret for _, secret in people]


@dataclass(slots=True)
class _Side:
    """One of the two that take turns. ``cpu`` is seconds of the server's core a delivery, by round."""

    port: int
    pid: int
    bearers: list[str]
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def round(self, crowd: Crowd, messages: int) -> None:
        before = cpu_seconds(self.pid)
        heard = crowd.run(Round(self.port, self.bearers, messages, window=_WINDOW))
        after = cpu_seconds(self.pid)
        self.rates.append(heard.rate)
        if before is not None and after is not None and after > before:
            self.cpu.append((after - before) / heard.deliveries)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def micros(self) -> float:
        return statistics.median(self.cpu) * 1e6 if self.cpu else 0.0


@contextmanager
def _stoa(bench: Bench) -> Generator[_Side]:
    bench.telling.about("fan-out: starting the server")
    folder = bench.folder / "stoa"
    folder.mkdir()
    bearers = _members(folder)
    with stoa_server(folder, STOA_MESSAGE_RATE_LIMIT="0") as (port, pid):
        yield _Side(port, pid, bearers)


@contextmanager
def _node(bench: Bench) -> Generator[_Side]:
    """Raises NotMeasuredError where there is no Node, or no way to get its Socket.IO."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotMeasuredError("Its peer needs Node and npm.")
    folder = bench.folder / "node"
    folder.mkdir()
    got = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), _PACKAGE],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    if got.returncode != 0:
        raise NotMeasuredError(f"npm could not get {_PACKAGE}: {got.stderr.strip()[-200:]}")
    port = free_port()
    command = [node, str(ROOT / "bench/peers/socketio_server.js"), str(port)]
    env = dict(os.environ) | {"NODE_PATH": str(folder / "node_modules")}
    with serving(command, port=port, ready="/", log=folder / "node.log", env=env) as pid:
        yield _Side(port, pid, ["nobody"] * MEMBERS)


def broadcast(bench: Bench) -> list[Result]:
    with _crowd(bench.folder) as crowd, _stoa(bench) as stoa:
        messages = bench.pick(200, 50)
        bench.telling.about(f"{MEMBERS} members hear {messages} messages")
        heard = crowd.run(Round(stoa.port, stoa.bearers, messages, every=0.1))
    middle, _, slowest = heard.latencies
    return [
        Result(
            f"broadcast to {MEMBERS} members of one session, p99", millis(slowest), f"≤ {millis(PATIENCE)}",
            slowest <= PATIENCE,
            note=f"from the sender's command to each member's socket, its commit on the way; median {millis(middle)}",
        )
    ]  # fmt: skip


def deliveries(bench: Bench) -> list[Result]:
    with _crowd(bench.folder) as crowd, _stoa(bench) as stoa, _node(bench) as node:
        rounds, messages = bench.pick(7, 3), bench.pick(400, 100)
        for side in (stoa, node):
            crowd.run(Round(side.port, side.bearers, messages // 4, window=_WINDOW))
        for _ in bench.telling.track(range(rounds), total=rounds, text="deliveries"):
            stoa.round(crowd, messages)
            node.round(crowd, messages)
    # Where others use the machine, too, the clock flatters now this one and now that one: the lower counts.
    by_cpu = node.micros / stoa.micros if stoa.micros and node.micros else 1.0
    return [
        Result(
            "deliveries a second, one core", f"{stoa.rate:,.0f}/s", f"≥ {LEAST:,}/s", stoa.rate >= LEAST,
            peer=f"{node.rate:,.0f}/s Socket.IO on Node", ratio=times(min(stoa.rate / node.rate, by_cpu)),
            note=f"{MEMBERS} members, each message committed first; {stoa.rate / node.rate:.0%} of the peer's rate by "
            f"the clock, by the server's CPU {stoa.micros:.1f} and {node.micros:.1f} µs a delivery, and the lower "
            "share counts; the peer commits nothing and asks nobody who they are",
        )
    ]  # fmt: skip


FIGURES = (
    Figure("broadcast", "a broadcast to 500 members", broadcast),
    Figure("deliveries", "deliveries a second, beside Node", deliveries),
)
