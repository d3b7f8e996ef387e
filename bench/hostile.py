"""Rules of at most 1 KB, however hostile: answered or refused, over HTTP, in time and in little memory.

The server runs in this process, so that the memory of each request can be seen. Time and memory are taken in two
passes: watching memory slows everything.
"""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from bench.figure import Bench, Figure, Result, millis
from bench.people import add_people
from stoa import server, settings
from stoa.kernel.actor import AccessLevel

MOST_SECONDS = 0.050
MOST_BYTES = 10_000_000
LONGEST = 1_024
_EDGES = ("0001-01-01T00:00:00Z", "2026-03-29T01:30:00Z", "9999-12-31T23:59:59.999Z")
_WINDOWS = (
    ("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z"),
    ("9998-12-31T00:00:00Z", "9999-12-31T23:59:59Z"),
    ("0001-01-01T00:00:00Z", "0001-12-31T00:00:00Z"),
)
_ZONES = ("Europe/Paris", "America/New_York", "Africa/Casablanca", "Asia/Tehran", "UTC")


@dataclass(frozen=True, slots=True)
class _Sent:
    """``about`` is the body in short."""

    about: str
    path: str
    body: bytes
    media_type: str = "application/json"


def _bodies(timeline: str) -> Iterator[dict[str, Any]]:
    for cycle in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        for start in _EDGES:
            for more in (
                {},
                {"interval": 1_000_000_000},
                {"interval": 1, "count": 2_000_000_000},
                {"until": "9999-12-31T23:59:59Z"},
                {"until": "0001-01-01T00:00:00Z"},
                {"interval": 999, "count": 1_000},
                {"exceptions": [f"2026-{month:02}-29" for month in range(1, 13)]},
                {"overrides": [{"date": "2026-03-30", "endDateTime": "9999-12-31T23:59:59Z"}]},
            ):
                for end in (start.replace("T0", "T1", 1), "9999-12-31T23:59:59.999Z", start):
                    body = {
                        "type": "RECURRING", "timelineId": timeline, "name": "hostile", "startDateTime": start,
                        "endDateTime": end, "repeatCycleType": cycle,
                    }  # fmt: skip
                    yield body | more


def _rules(timeline: str) -> Iterator[_Sent]:
    for body in _bodies(timeline):
        encoded = msgspec.json.encode(body)
        if len(encoded) <= LONGEST:
            yield _Sent(encoded.decode()[:300], "/schedule/sessions", encoded)
    for raw in (
        b"[" * LONGEST,
        b'{"a":' * 200,
        b'"' + b"\\u0000" * 160 + b'"',
        b"9" * LONGEST,
        b"\xff" * LONGEST,
    ):
        yield _Sent(raw[:20].decode("latin-1"), "/schedule/sessions", raw)


_LINES = (
    "FREQ=DAILY;COUNT=2147483647",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=1000",
    "FREQ=SECONDLY",
    "FREQ=MINUTELY;INTERVAL=1;COUNT=1000000000",
    "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO,TU,WE,TH,FR,SA,SU",
    "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(60))),
    "FREQ=YEARLY;BYYEARDAY=" + ",".join(map(str, range(1, 120))),
    "FREQ=WEEKLY;UNTIL=99991231T235959Z;INTERVAL=1",
    "FREQ=DAILY;INTERVAL=99999999999999999999",
    "FREQ=MONTHLY;BYDAY=5MO;BYSETPOS=-366",
)


def _calendars(timeline: str) -> Iterator[_Sent]:
    path = f"/schedule/timelines/{timeline}/import"
    for line in _LINES:
        for start in ("00010101T000000Z", "20260329T013000Z", "99991231T235959Z"):
            text = (
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:hostile\r\nSUMMARY:hostile\r\n"
                f"DTSTART:{start}\r\nDURATION:PT1H\r\nRRULE:{line}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
            )
            if len(text) <= LONGEST:
                yield _Sent(f"{start} {line[:200]}", path, text.encode(), "text/calendar")
    for text in ("BEGIN:VCALENDAR\r\n" * 55, "\r\n " * 300, "BEGIN:VEVENT\r\nRRULE:FREQ=DAILY\r\n" * 30):
        yield _Sent(text[:30], path, text.encode(), "text/calendar")


def measure(bench: Bench) -> list[Result]:
    return asyncio.run(_measure(bench))


@dataclass(slots=True)
class _Worst:
    seconds: float = 0.0
    slowest: str = ""
    size: int = 0
    largest: str = ""
    count: int = 0
    failed: int = 0


async def _measure(bench: Bench) -> list[Result]:
    [(_, secret)] = add_people(bench.folder, count=1, access=AccessLevel.ADMIN)
    built = server.build(settings.load({"STOA_DATA": str(bench.folder), "STOA_HTTP_RATE_LIMIT": "0"}))
    transport = httpx.ASGITransport(app=built.app, raise_app_exceptions=False)  # type: ignore[arg-type]
    headers = {"authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", headers=headers) as client:
        worst = _Worst()
        for zone in bench.telling.track(
            _ZONES[: bench.pick(5, 2)], total=bench.pick(5, 2), text="hostile rules"
        ):
            await _in_zone(client, zone, worst)
    await built.storage.close()
    note = f"{worst.count:,} requests; slowest {worst.slowest}; largest {worst.largest}"
    return [
        Result(
            "a hostile rule of ≤ 1 KB, slowest answer", millis(worst.seconds), f"≤ {millis(MOST_SECONDS)}",
            worst.seconds <= MOST_SECONDS and not worst.failed,
            note=note + (f"; {worst.failed} answered 500" if worst.failed else ""),
        ),
        Result(
            "a hostile rule of ≤ 1 KB, most memory", f"{worst.size / 1e6:.2f} MB", f"< {MOST_BYTES / 1e6:.0f} MB",
            worst.size < MOST_BYTES,
        ),
    ]  # fmt: skip


async def _in_zone(client: httpx.AsyncClient, zone: str, worst: _Worst) -> None:
    kinds: tuple[Callable[[str], Iterator[_Sent]], ...] = (_rules, _calendars)
    for number, of in enumerate(kinds):
        made = await client.post("/schedule/timelines", json={"name": f"{zone} {number}", "timezone": zone})
        timeline = made.raise_for_status().json()["data"]["id"]
        for sent in of(timeline):
            await _watch(lambda sent=sent: _send(client, sent), sent.about, worst)  # type: ignore[misc]
            await _look(client, timeline, sent, worst)


async def _send(client: httpx.AsyncClient, sent: _Sent) -> httpx.Response:
    return await client.post(sent.path, content=sent.body, headers={"content-type": sent.media_type})


async def _look(client: httpx.AsyncClient, timeline: str, sent: _Sent, worst: _Worst) -> None:
    """Everything that was stored is expanded, in windows at the calendar's ends too, and then removed."""
    listed = await client.get("/schedule/sessions", params={"timelineId": timeline, "take": 100})
    ids = [item["id"] for item in listed.json()["data"]]
    for session_id in ids:
        for begin, end in _WINDOWS:
            query = {"from": begin, "to": end}
            path = f"/schedule/sessions/{session_id}/occurrences"
            await _watch(lambda path=path, query=query: client.get(path, params=query), sent.about, worst)  # type: ignore[misc]
    if ids:
        await client.request("PATCH", "/schedule/sessions/removedAt", json=ids)


async def _watch(ask: Callable[[], Awaitable[httpx.Response]], about: str, worst: _Worst) -> None:
    """The quickest of a few: what is asked is how long the rule takes, not what else the machine does."""
    taken: list[float] = []
    while len(taken) < 2 or (min(taken) > MOST_SECONDS and len(taken) < 6):
        began = time.perf_counter()
        answer = await ask()
        taken.append(time.perf_counter() - began)
    tracemalloc.start()
    await ask()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    worst.count += len(taken) + 1
    worst.failed += answer.status_code >= 500
    if min(taken) > worst.seconds:
        worst.seconds, worst.slowest = min(taken), about
    if peak > worst.size:
        worst.size, worst.largest = peak, about


FIGURES = (Figure("hostile", "hostile rules", measure),)
