"""Free-busy of 30 people over 30 days, who have 1,000 weekly series of eleven years between them."""

from __future__ import annotations

from datetime import timedelta

import httpx

from bench import databases, diary
from bench.figure import Bench, Figure, Result, millis, quickest_seconds
from bench.people import add_people
from bench.processes import stoa_server
from stoa.schedule import service, store
from stoa.schedule.model import Window

MOST_SECONDS = 0.100
PEOPLE = 30
_WINDOW = Window(diary.NOW, diary.NOW + timedelta(days=30))


def measure(bench: Bench) -> list[Result]:
    folder = bench.folder / "stoa"
    folder.mkdir()
    people = add_people(folder, count=PEOPLE)
    owners = [actor.id for actor, _ in people]
    with databases.sqlite(folder) as engine:
        with engine.begin() as connection:
            store.insert_timeline(connection, diary.timeline(owners[0]))
            store.insert_sessions(
                connection, list(diary.thousand_series(owners, timeline_id="bench-timeline-0"))
            )
        with engine.connect() as connection:
            own = quickest_seconds(
                lambda: service.free_busy(connection, owners, _WINDOW), times=bench.pick(31, 9)
            )
            taken = service.free_busy(connection, owners, _WINDOW)
    over_http = _over_http(bench, owners, people[0][1])
    stretches = sum(len(windows) for windows in taken.values())
    wanted = f"≤ {millis(MOST_SECONDS)}"
    return [
        Result(
            "free-busy of 30 people, 30 days, 1,000 series", millis(own), wanted, own <= MOST_SECONDS,
            note=f"{stretches:,} stretches",
        ),
        Result("the same over HTTP", millis(over_http), wanted, over_http <= MOST_SECONDS),
    ]  # fmt: skip


def _over_http(bench: Bench, owners: list[str], secret: str) -> float:
    folder = bench.folder / "stoa"
    query = {"from": _WINDOW.start.isoformat(), "to": _WINDOW.end.isoformat(), "owners[]": owners}
    with stoa_server(folder) as (port, _), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:

        def ask() -> None:
            answer = client.get(
                "/schedule/free-busy", params=query, headers={"authorization": f"Bearer {secret}"}
            )
            answer.raise_for_status()

        return quickest_seconds(ask, times=bench.pick(31, 9))


FIGURES = (Figure("free-busy", "free-busy of 30 people", measure),)
