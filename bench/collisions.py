"""A conflict check for an owner of 10,000 sessions, half of them recurring, through the store."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from bench import databases, diary
from bench.figure import Bench, Figure, Result, millis, quickest_seconds
from stoa.schedule import service, store
from stoa.schedule.errors import CollisionError
from stoa.schedule.model import Cycle, ScheduledSession

MOST_SECONDS = 0.005
NO_SLOWER = 1.25
"""How much longer a check among old series may take before it counts as slower: the noise of two runs."""
_SINCE = {"young": datetime(2026, 1, 5, tzinfo=UTC), "old": datetime(2006, 1, 2, tzinfo=UTC)}


def measure(bench: Bench) -> list[Result]:
    with databases.sqlite(bench.folder) as engine:
        results = _on(bench, engine, "SQLite")
    with databases.postgres() as other:
        if other is not None:
            results += _on(bench, other, "PostgreSQL")
    return results


def _on(bench: Bench, engine: Engine, database: str) -> list[Result]:
    with engine.begin() as connection:
        for owner, since in _SINCE.items():
            _fill(bench, connection, owner, since, database)
    with engine.begin() as connection:
        databases.analyse(connection)
    taken: dict[str, dict[str, float]] = {}
    for owner in _SINCE:
        with engine.connect() as connection:
            taken[owner] = {
                name: quickest_seconds(lambda new=new: _check(connection, new), times=bench.pick(41, 9))  # type: ignore[misc]
                for name, new in _candidates(owner).items()
            }
    return [row for name in taken["old"] for row in _rows(f"conflict check, {database}, {name}", taken, name)]


def _rows(figure: str, taken: dict[str, dict[str, float]], name: str) -> list[Result]:
    """The peer is the same check among the sessions of this year."""
    young, old = taken["young"][name], taken["old"][name]
    return [
        Result(
            figure, f"{millis(old)} old, {millis(young)} new", f"≤ {millis(MOST_SECONDS)}, old no slower",
            max(young, old) <= MOST_SECONDS and old <= young * NO_SLOWER, ratio=f"{old / young:.2f} ×",
        )
    ]  # fmt: skip


def _fill(bench: Bench, connection: Connection, owner: str, since: datetime, database: str) -> None:
    every = list(diary.ten_thousand(timeline_id=f"line-{owner}", owner_id=owner, since=since))
    parts = [every[begin : begin + 500] for begin in range(0, len(every), 500)]
    for part in bench.telling.track(parts, total=len(parts), text=f"10,000 {owner} sessions, {database}"):
        store.insert_sessions(connection, part)


def _candidates(owner: str) -> dict[str, ScheduledSession]:
    """At times that nobody has, so that each is compared with everything it could meet; and one that collides."""
    fits = [diary.at(diary.NOW + timedelta(days=8), quarter) for quarter in diary.FREE]
    taken = diary.at(diary.NOW + timedelta(days=8), diary.DAILY)

    def new(name: str, start: datetime, cycle: Cycle | None, interval: int = 1) -> ScheduledSession:
        return diary.session(
            f"new-{name}", f"line-{owner}", owner, start, diary.QUARTER, cycle=cycle, interval=interval
        )

    return {
        "once": new("once", fits[0], None),
        "weekly": new("weekly", fits[1], Cycle.WEEKLY),
        "weekly for ten years already": new("back", fits[1] - timedelta(weeks=520), Cycle.WEEKLY),
        "every third week": new("third", fits[2], Cycle.WEEKLY, 3),
        "daily": new("daily", fits[3], Cycle.DAILY),
        "monthly": new("monthly", fits[3], Cycle.MONTHLY),
        "weekly, colliding": new("colliding", taken, Cycle.WEEKLY),
    }


def _check(connection: Connection, session: ScheduledSession) -> None:
    with suppress(CollisionError):
        service.refuse_collisions(connection, session)


FIGURES = (Figure("conflicts", "conflict checks", measure),)
