"""Wall-clock arithmetic of a series, and how a series is shown in a calendar.

iCalendar has whole seconds and counts DTSTART as the rule's first occurrence. Stoa has milliseconds, and a weekly
series may start before its first weekday. ``shown`` maps the one to the other; writer and reader share it, so that
the reader can tell whether an X-STOA property still agrees with what the file says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from stoa.schedule.model import Cycle, Day, Override, Series
from stoa.schedule.recurrence import occurrence_on

DAYS = tuple(Day)
SECOND = timedelta(seconds=1)


def resolve(wall: datetime, zone: str) -> datetime:
    """The instant of a naive wall time. A skipped one moves forward by the gap; of a repeated one it is the first."""
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def local(instant: datetime, zone: str) -> datetime:
    """The naive wall time of an instant."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def cut(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def first_wall(series: Series) -> datetime:
    """The wall time of the rule's first occurrence: for WEEKLY the first such weekday on or after the start."""
    wall = local(series.start, series.zone)
    if series.cycle is Cycle.WEEKLY and series.day is not None:
        wall += timedelta(days=(DAYS.index(series.day) - wall.weekday()) % 7)
    return wall


def own_times(series: Series, on: date) -> tuple[datetime, datetime]:
    """Start and end that the rule itself gives the occurrence of ``on``."""
    wall = local(series.start, series.zone)
    if series.cycle is None and wall.date() == on:
        return series.start, series.end
    start = resolve(datetime.combine(on, wall.time()), series.zone)
    return start, start + (series.end - series.start)


def moved_times(series: Series, override: Override) -> tuple[datetime, datetime]:
    """Where an overridden occurrence really is: what the override leaves open stays the rule's own."""
    start, end = own_times(series, override.date)
    return override.start or start, override.end or end


def names(series: Series, on: date) -> bool:
    """Whether the rule, before its exceptions, has an occurrence on the local date ``on``."""
    bare = replace(series, exceptions=frozenset(), overrides=())
    return occurrence_on(bare, on) is not None


@dataclass(frozen=True, slots=True)
class Shown:
    """A series in iCalendar's terms. ``wall`` is DTSTART in the zone, or None where only UTC can say it."""

    wall: datetime | None
    start: datetime
    length: timedelta
    until: datetime | None


def shown(series: Series) -> Shown:
    wall: datetime | None
    if series.cycle is None:
        exact = series.start
        wall = cut(local(exact, series.zone))
        wall = wall if resolve(wall, series.zone) == cut(exact) else None
    else:
        first = first_wall(series)
        exact = resolve(first, series.zone)
        wall = cut(first)
    length = max(SECOND, cut(exact + (series.end - series.start)) - cut(exact))
    until = series.until
    if until is not None:
        # DTSTART has lost its part of a second, so UNTIL must lose it as well to keep the same occurrences.
        until = cut(until - timedelta(microseconds=exact.microsecond))
    return Shown(wall, cut(exact), length, until)


def wall_time(series: Series) -> time:
    return cut(local(series.start, series.zone)).time()
