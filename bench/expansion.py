"""One month of 1,000 weekly series of eleven years, against recurring-ical-events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from bench.figure import Bench, Figure, Result, millis, quickest_seconds, seconds_of, times
from stoa.schedule.model import Cycle, Series, Window
from stoa.schedule.recurrence import occurrences

ZONE = "Europe/Paris"
MONTH = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
_FIRST = datetime(2015, 1, 5, 8, tzinfo=ZoneInfo(ZONE))
TIMES = 100.0
MOST_SECONDS = 0.020


def weekly(number: int) -> Series:
    """Every week at its own hour, over a clock change in the month that is asked for."""
    start = (_FIRST + timedelta(days=number % 7, minutes=number % 600)).astimezone(UTC)
    return Series(start, start + timedelta(hours=1), ZONE, Cycle.WEEKLY)


def calendar_of(series: Series) -> icalendar.Calendar:
    event = icalendar.Event()
    event.add("uid", series.start.isoformat())
    event.add("dtstart", series.start.astimezone(ZoneInfo(series.zone)))
    event.add("dtend", series.end.astimezone(ZoneInfo(series.zone)))
    event.add("rrule", {"freq": "weekly"})
    calendar = icalendar.Calendar()
    calendar.add_component(event)
    return calendar


def measure(bench: Bench) -> list[Result]:
    """Both begin with what they keep in memory: series here, parsed calendars there; the answers must be equal."""
    every = [weekly(number) for number in range(1_000)]
    queries = [recurring_ical_events.of(calendar_of(series)) for series in every]
    theirs: list[datetime] = []

    def expand_theirs() -> None:
        for query in bench.telling.track(queries, total=len(queries), text="recurring-ical-events"):
            theirs.extend(
                event["DTSTART"].dt.astimezone(UTC) for event in query.between(MONTH.start, MONTH.end)
            )

    def expand() -> list[datetime]:
        return [found.start for series in every for found in occurrences(series, MONTH)]

    peer = seconds_of(expand_theirs)
    own = quickest_seconds(expand, times=bench.pick(31, 9))
    if sorted(expand()) != sorted(theirs):
        raise AssertionError("The two expansions differ.")
    return [
        Result(
            "1,000 weekly series of eleven years, one month", millis(own),
            f"≥ {TIMES:.0f} ×, ≤ {millis(MOST_SECONDS)}", peer / own >= TIMES and own <= MOST_SECONDS,
            peer=f"{millis(peer)} recurring-ical-events", ratio=times(peer / own),
            note=f"{len(theirs):,} occurrences, the same from both",
        )
    ]  # fmt: skip


FIGURES = (Figure("expansion", "a month of 1,000 series", measure),)
