"""Exercises: commands a second, a large mission, the state of any moment, a long list. Over HTTP, on SQLite.

A time is a whole request's, from its first byte sent to its last byte received.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.figure import Bench, Figure, Result, millis
from bench.load import Report, Round, median_rate
from bench.people import add_people, url_of
from bench.processes import cores, cpu_seconds, load_client, request, stoa_server
from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.clock import SystemClock, from_millis, to_millis
from stoa.missions import commands, service
from stoa.missions.model import DEFAULT_FORCE_NAMES, Request
from stoa.platform.storage import open_storage

MOST_SECONDS = 0.200
LIST_SECONDS = 0.020
LEAST_COMMANDS = 1_000.0
PLACES = 1_000
FORCES = 8
PLAYERS = 32
EVENTS = 10_000
SESSIONS = 1_000
_ROOT = "/api/v1/sessions"
_IDLE = 2.0


def mission(*, places: int, forces: int, process_ms: int = 0) -> dict[str, Any]:
    """A tree whose places have four children each, all of them executable, the first four its roots."""
    structure: dict[str, Any] = {}
    levels = [structure]
    for index in range(places):
        below = levels[index // 4][f"k{index}"] = dict[str, Any]()
        levels.append(below)
    return {
        "name": "Bench",
        "structure": structure,
        "prototypes": [{"_id": f"p{index}", "structureKey": f"k{index}"} for index in range(places)],
        "forces": [
            {
                "_id": f"f{number}",
                "name": DEFAULT_FORCE_NAMES[number],
                "nodes": [_node(number, index, process_ms) for index in range(places)],
            }
            for number in range(forces)
        ],
    }


def _node(force: int, index: int, process_ms: int) -> dict[str, Any]:
    action = {"_id": f"a{force}-{index}", "name": "Act", "processTime": process_ms, "resourceCost": 0}
    action |= {
        "postExecutionSuccessText": "<p>It worked.</p>",
        "postExecutionFailureText": "<p>It did not.</p>",
    }
    return {
        "_id": f"n{force}-{index}", "prototypeId": f"p{index}", "name": f"Node {index}", "executable": True,
        "description": "<p>A place to be.</p>", "actions": [action],
    }  # fmt: skip


class Caller:
    """One person's connection. ``last`` is how long the last request took, in seconds."""

    def __init__(self, port: int, secret: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self.last, self._used = 0.0, 0.0

    def raw(self, method: str, path: str, body: object = None) -> bytes:
        """Raises RuntimeError for anything but 200."""
        content = None if body is None else msgspec.json.encode(body)
        if time.monotonic() - self._used > _IDLE:  # the server closes what was silent for a while
            self._connection.close()
        began = time.perf_counter()
        self._connection.request(method, path, content, self._headers)
        answer = self._connection.getresponse()
        read = answer.read()
        self.last, self._used = time.perf_counter() - began, time.monotonic()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {read[:300]!r}")
        return read

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        return msgspec.json.decode(self.raw(method, path, body))

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Stage:
    """A server with people: ``boss`` manages what the boss launches, ``players`` play it."""

    port: int
    pid: int
    boss: Caller
    boss_actor: Actor
    players: list[tuple[Actor, str]]

    def launched(self, document: dict[str, Any]) -> str:
        mission_id = self.boss("POST", "/api/v1/missions", document)["_id"]
        body = {"missionId": mission_id, "infiniteResources": True}
        session_id: str = self.boss("POST", f"{_ROOT}/launch", body)["sessionId"]
        return session_id

    def started(self, document: dict[str, Any]) -> str:
        """A session that the boss and all players are in."""
        session_id = self.launched(document)
        self.boss.raw("POST", f"{_ROOT}/{session_id}/join-session")
        for _, secret in self.players:
            with self.player(secret) as caller:
                caller.raw("POST", f"{_ROOT}/{session_id}/join-session")
        self.boss.raw("POST", f"{_ROOT}/{session_id}/start-session")
        return session_id

    @contextmanager
    def player(self, secret: str) -> Generator[Caller]:
        caller = Caller(self.port, secret)
        yield caller
        caller.close()


@contextmanager
def stage(bench: Bench, *, players: int = 0) -> Generator[Stage]:
    bench.telling.about("exercises: starting the server")
    folder = bench.folder / "stoa"
    folder.mkdir(exist_ok=True)
    people = add_people(folder, count=players) if players else []
    ((boss_actor, secret),) = add_people(folder, count=1, access=AccessLevel.ADMIN)
    with stoa_server(folder) as (port, pid):
        boss = Caller(port, secret)
        yield Stage(port, pid, boss, boss_actor, people)
        boss.close()


# --- commands a second -------------------------------------------------------------------------------------------


def _asked(number: int) -> tuple[str, dict[str, Any]]:
    """What a player repeats: one half says something, the other executes an action that completes at once."""
    if number % 2:
        return "send-chat-message", {"channelId": "all", "message": "All quiet here."}
    return "execute-action", {"actionId": f"a{number // 2 % 2}-{number // 4}"}


def commands_over_http(bench: Bench) -> list[Result]:
    rounds, each = bench.pick(9, 3), bench.pick(20, 10)
    reports: list[Report] = []
    with load_client(bench.folder) as client, stage(bench, players=PLAYERS) as on:
        session_id = on.started(_shallow())
        forces = _forces_of(on, session_id)
        sent = [
            request("POST", f"{_ROOT}/{session_id}/{name}", body=_own(body, forces[actor.id]), bearer=secret)
            for (actor, secret), (name, body) in zip(on.players, map(_asked, range(PLAYERS)), strict=True)
        ]
        client.run(Round(on.port, sent, 2))
        before = cpu_seconds(on.pid)
        turns = bench.telling.track(range(rounds), total=rounds, text="commands on one session")
        reports += [client.run(Round(on.port, sent, each)) for _ in turns]
        used = (cpu_seconds(on.pid) or 0) - (before or 0)
        last = on.boss("GET", f"{_ROOT}/{session_id}/state")["seq"]
    rate, count = median_rate(reports), sum(report.requests for report in reports)
    half, most, _ = sorted(reports, key=lambda report: report.rate)[len(reports) // 2].latencies
    note = f"{PLAYERS} players, half say something, half execute an action of 4 events; {count:,} commands, then "
    note += f"{last:,} events; {used / count * 1e6:,.0f} µs of the server's CPU each; "
    note += f"median {half * 1000:.0f} ms, 95 % {most * 1000:.0f} ms"
    return [_rate("commands acknowledged on one session, over HTTP", rate, note)]


def commands_through_storage(bench: Bench) -> list[Result]:
    count = bench.pick(6_000, 2_000)
    with stage(bench, players=PLAYERS) as on:
        session_id = on.started(_shallow())
        forces = _forces_of(on, session_id)
    players = [actor for actor, _ in on.players]
    with one_core():
        taken = asyncio.run(_storm(bench.folder / "stoa", session_id, players, forces, count))
    note = f"{count:,} commands of {PLAYERS} players, each answered after its commit"
    return [_rate("commands acknowledged on one session, through storage", count / taken, note)]


def _rate(figure: str, rate: float, note: str) -> Result:
    return Result(figure, f"{rate:,.0f}/s", f"≥ {LEAST_COMMANDS:,.0f}/s", rate >= LEAST_COMMANDS, note=note)


def _shallow() -> dict[str, Any]:
    """Two forces with as many roots as there are players, so that each has a node to play on."""
    document = mission(places=PLAYERS, forces=2)
    document["structure"] = {f"k{index}": dict[str, Any]() for index in range(PLAYERS)}
    return document


def _forces_of(on: Stage, session_id: str) -> dict[str, int]:
    session = on.boss("POST", f"{_ROOT}/{session_id}/current-session")["session"]
    return {one["user"]["_id"]: int(one["forceId"][1:]) for one in session["members"] if one["forceId"]}


def _own(body: dict[str, Any], force: int) -> dict[str, Any]:
    """The same on the player's own side."""
    if "actionId" not in body:
        return body
    return body | {"actionId": f"a{force}-{body['actionId'].partition('-')[2]}"}


async def _storm(
    folder: Path, session_id: str, players: list[Actor], forces: dict[str, int], count: int
) -> float:
    storage, clock = open_storage(url_of(folder)), SystemClock()
    left = iter(range(count))

    async def play(number: int, actor: Actor) -> None:
        name, body = _asked(number)
        body, method = _own(body, forces[actor.id]), f"request-{name}"
        for _ in left:
            command = commands.command_from(method, body, person=_NOBODY)
            asked = service.Asked(command, actor, clock.now(), Request(method, body))
            await storage.write_batched(service.batch_of(session_id), asked)

    began = time.perf_counter()
    await asyncio.gather(*(play(number, actor) for number, actor in enumerate(players)))
    taken = time.perf_counter() - began
    await storage.close()
    return taken


_NOBODY: Any = None
"""Only joining asks who comes."""


@contextmanager
def one_core() -> Generator[None]:
    """This process on the server's core alone, where it can be."""
    core, _ = cores()
    if core is None:
        yield
        return
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usable)


# --- a large mission ---------------------------------------------------------------------------------------------


def large_mission(bench: Bench) -> list[Result]:
    times = bench.pick(9, 3)
    taken: dict[str, list[float]] = {"launch": [], "join": [], "reset": []}
    with stage(bench, players=1) as on:
        boss = on.boss
        document = mission(places=PLACES, forces=FORCES)
        for number in bench.telling.track(range(times), total=times, text="a large mission"):
            # A mission of its own each time: nothing of it is in the server's memory.
            mission_id = boss("POST", "/api/v1/missions", document | {"name": f"Bench {number}"})["_id"]
            session_id = boss("POST", f"{_ROOT}/launch", {"missionId": mission_id})["sessionId"]
            taken["launch"].append(boss.last)
            joined = boss.raw("POST", f"{_ROOT}/{session_id}/join-session")
            taken["join"].append(boss.last)
            with on.player(on.players[0][1]) as player:
                player.raw("POST", f"{_ROOT}/{session_id}/join-session")
            boss.raw("POST", f"{_ROOT}/{session_id}/start-session")
            boss.raw("POST", f"{_ROOT}/{session_id}/reset-session")
            taken["reset"].append(boss.last)
            boss.raw("POST", f"{_ROOT}/{session_id}/end-session")
    note = f"by somebody who sees all {PLACES * FORCES:,} nodes: {len(joined) / 1e6:.1f} MB of JSON"
    return [
        _span(
            f"{name} of {PLACES:,} nodes and {FORCES} forces",
            seconds,
            MOST_SECONDS,
            note=note * (name == "join"),
        )
        for name, seconds in taken.items()
    ]


def _span(figure: str, seconds: list[float], most: float, *, note: str) -> Result:
    """The median counts; the slowest is told."""
    median = sorted(seconds)[len(seconds) // 2]
    told = "; ".join(filter(None, (f"the slowest of {len(seconds)} took {millis(max(seconds))}", note)))
    return Result(figure, millis(median), f"≤ {millis(most)}", median <= most, note=told)


# --- looking back, and a list ------------------------------------------------------------------------------------


def past_states(bench: Bench) -> list[Result]:
    times = bench.pick(40, 10)
    with load_client(bench.folder) as client, stage(bench, players=PLAYERS) as on:
        session_id = on.started(_shallow())
        forces = _forces_of(on, session_id)
        sent = [
            request("POST", f"{_ROOT}/{session_id}/{name}", body=_own(body, forces[actor.id]), bearer=secret)
            for (actor, secret), (name, body) in zip(on.players, map(_asked, range(PLAYERS)), strict=True)
        ]
        began = to_millis(SystemClock().now())
        seq = 0
        while seq < EVENTS:
            client.run(Round(on.port, sent, 8))
            seq = on.boss("GET", f"{_ROOT}/{session_id}/state")["seq"]
        ended = to_millis(SystemClock().now())
        taken, size = [], 0
        for step in bench.telling.track(range(times), total=times, text="past states"):
            at = from_millis(began + (ended - began) * (step * 7 % times) // times)
            text = at.isoformat().replace("+00:00", "Z")
            size = max(size, len(on.boss.raw("GET", f"{_ROOT}/{session_id}/state?at={text}")))
            taken.append(on.boss.last)
    note = f"{seq:,} events, moments all over; up to {size / 1e6:.1f} MB of JSON"
    return [_span(f"state at any time of {EVENTS:,} events", taken, MOST_SECONDS, note=note)]


def long_list(bench: Bench) -> list[Result]:
    with stage(bench, players=1) as on:
        mission_id = on.boss("POST", "/api/v1/missions", mission(places=4, forces=2))["_id"]
        for _ in bench.telling.track(range(SESSIONS), total=SESSIONS, text="sessions to list"):
            on.boss.raw("POST", f"{_ROOT}/launch", {"missionId": mission_id})
        taken = list(_listed(on, bench.pick(40, 10)))
    return [_span(f"a list of {SESSIONS:,} sessions", taken, LIST_SECONDS, note="as a student sees it")]


def _listed(on: Stage, times: int) -> Iterator[float]:
    with on.player(on.players[0][1]) as player:
        if len(player("GET", f"{_ROOT}/")) != SESSIONS:
            raise AssertionError("Not all sessions are listed.")
        for _ in range(times):
            player.raw("GET", f"{_ROOT}/")
            yield player.last


_Measure = Callable[[Bench], list[Result]]
_MEASURES: dict[str, tuple[str, _Measure]] = {
    "commands": ("commands on one session over HTTP", commands_over_http),
    "storage-commands": ("commands on one session through storage", commands_through_storage),
    "mission": ("a large mission", large_mission),
    "past": ("the state of any moment", past_states),
    "sessions": ("a list of sessions", long_list),
}
FIGURES = tuple(Figure(name, about, measure) for name, (about, measure) in _MEASURES.items())
