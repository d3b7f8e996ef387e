"""Durable keepalives, against the same server's empty route and against a plain application."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

from bench.figure import Bench, Figure, Result, times
from bench.load import Report, Round, median_rate
from bench.peers.plain_app import token_for
from bench.people import add_people
from bench.processes import (
    LoadClient,
    cpu_seconds,
    environment,
    free_port,
    load_client,
    request,
    serving,
    stoa_server,
)

CONNECTIONS = 128
SHARE = 0.70
TIMES_PLAIN = 4.0
_POOLS = (1, 4, 16)
"""Database connections that the plain application is tried with; its best counts."""
_PATHS = (["map"], ["tree", "details"], ["tree", "history"], ["report"])


@dataclass(slots=True)
class _Side:
    """One of the two that take turns. ``cpu`` is seconds of the server's core a request, by round."""

    run: Callable[[int], Report]
    pid: int
    reports: list[Report] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def round(self, each: int) -> None:
        before = cpu_seconds(self.pid)
        report = self.run(each)
        after = cpu_seconds(self.pid)
        self.reports.append(report)
        if before is not None and after is not None:
            self.cpu.append((after - before) / report.requests)

    @property
    def rate(self) -> float:
        return median_rate(self.reports)

    @property
    def told(self) -> str:
        return f"{self.rate:,.0f}/s"

    @property
    def micros(self) -> float:
        ordered = sorted(self.cpu)
        return ordered[len(ordered) // 2] * 1e6 if ordered else 0.0


def _take_turns(
    bench: Bench, one: _Side, other: _Side, *, each: tuple[int, int], rounds: int, text: str
) -> None:
    """``each`` is how often every connection asks, in a round of the one and of the other."""
    one.run(max(1, each[0] // 4))
    other.run(max(1, each[1] // 4))
    for _ in bench.telling.track(range(rounds), total=rounds, text=text):
        one.round(each[0])
        other.round(each[1])


@contextmanager
def _stoa(bench: Bench, client: LoadClient) -> Generator[tuple[_Side, _Side]]:
    """The keepalives, and the same server's empty route; which needs no login, so its requests bring none."""
    bench.telling.about("keepalives: starting the server")
    folder = bench.folder / "stoa"
    folder.mkdir()
    secrets = [secret for _, secret in add_people(folder, count=CONNECTIONS)]
    with stoa_server(folder) as (port, pid):
        starts = [request("POST", "/api/v2/sessionstart", bearer=secret) for secret in secrets]
        client.run(Round(port, starts, 1))
        empty = [request("GET", "/health/live")] * CONNECTIONS
        yield _side(client, port, pid, _keepalives(secrets)), _side(client, port, pid, empty)


def against_empty_route(bench: Bench) -> list[Result]:
    with load_client(bench.folder) as client, _stoa(bench, client) as (kept, empty):
        rounds, each = bench.pick(15, 5), bench.pick(100, 30)
        _take_turns(bench, kept, empty, each=(each, each), rounds=rounds, text="keepalives, empty route")
    # Where others use the machine, too, the clock flatters whoever has more threads to be scheduled: the lower counts.
    share = min(kept.rate / empty.rate, empty.micros / kept.micros if kept.micros else 1.0)
    return [
        Result(
            "durable keepalives, share of the empty route", kept.told, f"≥ {SHARE:.0%}", share >= SHARE,
            peer=f"{empty.told} empty route", ratio=f"{share:.1%}",
            note=f"{CONNECTIONS} connections, one core; {kept.rate / empty.rate:.1%} by the clock, by the server's CPU "
            f"{kept.micros:.0f} and {empty.micros:.0f} µs a request, and the lower share counts; {_latency(kept)}",
        )
    ]  # fmt: skip


def against_plain_application(bench: Bench) -> list[Result]:
    with load_client(bench.folder) as client, _stoa(bench, client) as (kept, _):
        size = _best_pool(bench, client)
        with _plain(bench, client, size) as plain:
            rounds, each = bench.pick(5, 3), (bench.pick(100, 30), bench.pick(10, 4))
            _take_turns(bench, kept, plain, each=each, rounds=rounds, text="keepalives, plain application")
    ratio = kept.rate / plain.rate
    return [
        Result(
            "durable keepalives, FastAPI and SQLAlchemy asyncio", kept.told, f"≥ {TIMES_PLAIN:.0f} ×",
            ratio >= TIMES_PLAIN, peer=f"{plain.told} plain application", ratio=times(ratio),
            note=f"{CONNECTIONS} connections, one core; its pool of {size} is its best; {_latency(plain)}",
        )
    ]  # fmt: skip


def _best_pool(bench: Bench, client: LoadClient) -> int:
    def rate(size: int) -> float:
        with _plain(bench, client, size) as plain:
            plain.run(1)
            plain.round(bench.pick(6, 3))
            return plain.rate

    sizes = bench.telling.track(_POOLS, total=len(_POOLS), text="the plain application's pools")
    return max(sizes, key=rate)


@contextmanager
def _plain(bench: Bench, client: LoadClient, size: int) -> Generator[_Side]:
    port = free_port()
    folder = bench.folder / f"plain-{port}"
    folder.mkdir()
    command = [
        sys.executable,
        "-m",
        "bench.peers.plain_app",
        str(port),
        str(folder),
        str(size),
        str(CONNECTIONS),
    ]
    with serving(
        command, port=port, ready="/health/live", log=folder / "server.log", env=environment()
    ) as pid:
        yield _side(client, port, pid, _keepalives([token_for(f"login-{n}") for n in range(CONNECTIONS)]))


def _keepalives(bearers: list[str]) -> list[bytes]:
    return [
        request("POST", "/api/v2/keepalive", bearer=bearer, body={"visible": True, "path": path})
        for bearer, path in zip(bearers, cycle(_PATHS), strict=False)
    ]


def _side(client: LoadClient, port: int, pid: int, requests: list[bytes]) -> _Side:
    return _Side(lambda each: client.run(Round(port, requests, each)), pid)


def _latency(side: _Side) -> str:
    middle = sorted(side.reports, key=lambda report: report.rate)[len(side.reports) // 2]
    half, most, _ = middle.latencies
    return f"median {half * 1000:.0f} ms, 95 % {most * 1000:.0f} ms"


FIGURES = (
    Figure("keepalives", "durable keepalives against the empty route", against_empty_route),
    Figure("plain", "durable keepalives against a plain application", against_plain_application),
)
