"""Expansion and conflicts, against recurring-ical-events in the same run: ``python bench/recurrence.py``.

Prints rows of a Markdown table. Expansion: 1,000 weekly series that began eleven years ago, one month of each.
Conflicts: a new endless weekly session against the 10,000 of one owner, half of them recurring, with the store's query
(an SQLite table in memory, as ``stoa.schedule.conflicts`` describes) and the exact decision; once for sessions of the
last eleven years and once for ones a century older.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from stoa.schedule.conflicts import ALWAYS, Collision, bounds, conflicts, slots
from stoa.schedule.model import Cycle, Series, Window
from stoa.schedule.recurrence import occurrences

if TYPE_CHECKING:
    from collections.abc import Callable

ZONE = "Europe/Paris"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
MONTH = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
HOUR = timedelta(hours=1)
FAR = 1 << 60


def milliseconds(function: Callable[[], object], *, runs: int) -> float:
    """Of processor time, which other processes disturb least: the median of several runs, after one that warms up."""
    function()
    taken = []
    for _ in range(runs):
        begun = time.process_time()
        function()
        taken.append(time.process_time() - begun)
    return median(taken) * 1_000


def weekly_series(number: int) -> Series:
    wall = datetime(2015, 1, 5, 8, tzinfo=ZoneInfo(ZONE)) + timedelta(days=number % 7, minutes=number % 600)
    return Series(wall.astimezone(UTC), wall.astimezone(UTC) + HOUR, ZONE, Cycle.WEEKLY)


def calendar_of(series: Series) -> icalendar.Calendar:
    event = icalendar.Event()
    event.add("uid", str(series.start))
    event.add("dtstart", series.start.astimezone(ZoneInfo(series.zone)))
    event.add("dtend", series.end.astimezone(ZoneInfo(series.zone)))
    event.add("rrule", {"freq": "weekly"})
    calendar = icalendar.Calendar()
    calendar.add_component(event)
    return calendar


def expansion() -> None:
    every = [weekly_series(number) for number in range(1_000)]
    calendars = [calendar_of(series) for series in every]

    def ours() -> list[datetime]:
        return sorted(one.start for series in every for one in occurrences(series, MONTH))

    def theirs() -> list[datetime]:
        found = [recurring_ical_events.of(one).between(MONTH.start, MONTH.end) for one in calendars]
        return sorted(event["DTSTART"].dt.astimezone(UTC) for events in found for event in events)

    assert ours() == theirs()
    mine, peer = milliseconds(ours, runs=9), milliseconds(theirs, runs=1)
    print(
        f"| a month of 1,000 weekly series, eleven years old | {mine:.1f} ms | {peer:,.0f} ms | {peer / mine:.0f} |"
    )


def owner(random: Random, *, since: datetime) -> list[Series]:
    """Half of the sessions happen once; the others recur for a term, a few to this day."""
    found = []
    days = (NOW - since).days
    for number in range(10_000):
        start = since + timedelta(
            days=random.randrange(days), hours=random.randrange(7, 19), minutes=random.choice([0, 30])
        )
        if number % 2:
            found.append(Series(start, start + HOUR, ZONE))
            continue
        cycle = random.choice([Cycle.WEEKLY, Cycle.WEEKLY, Cycle.WEEKLY, Cycle.DAILY, Cycle.MONTHLY])
        until = None if number % 100 == 0 else start + timedelta(days=random.choice([30, 120, 365]))
        found.append(Series(start, start + HOUR, ZONE, cycle, interval=random.choice([1, 1, 2]), until=until))
    return found


def stored(sessions: list[Series]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE TABLE session_slots (key, slot, last_end, first_start, session_id, "
        "PRIMARY KEY (key, slot, last_end, session_id)) WITHOUT ROWID"
    )
    for number, series in enumerate(sessions):
        first, last = bounds(series)
        row = (FAR if last is None else int(last.timestamp()), int(first.timestamp()), number)
        connection.executemany(
            "INSERT INTO session_slots VALUES ('owner', ?, ?, ?, ?)", [(slot, *row) for slot in slots(series)]
        )
    connection.execute("ANALYZE")
    return connection


def candidates(connection: sqlite3.Connection, candidate: Series) -> list[int]:
    first, last = bounds(candidate)
    own = slots(candidate)
    condition = "" if ALWAYS in own else f"AND slot IN ({','.join(map(str, sorted(own | {ALWAYS})))})"
    rows = connection.execute(
        f"SELECT DISTINCT session_id FROM session_slots WHERE key = 'owner' {condition} "
        "AND last_end > ? AND first_start < ?",
        (int(first.timestamp()), FAR if last is None else int(last.timestamp())),
    )
    return [number for (number,) in rows]


def conflict(name: str, *, since: datetime) -> None:
    sessions = owner(Random(7), since=since)
    connection = stored(sessions)
    wall = datetime(2026, 11, 23, 14, 30, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    candidate = Series(wall, wall + HOUR, ZONE, Cycle.WEEKLY)

    def check() -> list[tuple[int, Collision]]:
        return conflicts(
            candidate, [(number, sessions[number]) for number in candidates(connection, candidate)]
        )

    def check_all() -> list[tuple[int, Collision]]:
        return conflicts(candidate, enumerate(sessions))

    assert sorted(key for key, _ in check()) == [key for key, _ in check_all()]
    looked_at, found = len(candidates(connection, candidate)), len(check())
    mine, peer = milliseconds(check, runs=9), milliseconds(check_all, runs=3)
    rows = connection.execute("SELECT count(*) FROM session_slots").fetchone()[0]
    print(
        f"| conflicts among 10,000 {name} ({looked_at} looked at, {found} found) | {mine:.2f} ms | {peer:,.0f} ms without slots | {peer / mine:.0f} |"
    )
    print(f"  {rows:,} rows of slots", file=sys.stderr)


def main() -> None:
    print("| what | Stoa | peer | times |\n|---|---|---|---|")
    expansion()
    conflict("sessions of eleven years", since=datetime(2015, 1, 5, tzinfo=UTC))
    conflict("sessions of a century", since=datetime(1926, 1, 4, tzinfo=UTC))


if __name__ == "__main__":
    main()
