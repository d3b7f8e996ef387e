"""Wall-clock arithmetic of a series, and how a series is shown in a calendar.

iCalendar has whole seconds and counts DTSTART as the rule's first occurrence. Stoa has milliseconds, and a weekly
series may start before its first weekday. ``shown`` maps the one to the other; writer and reader share it, so that
the reader can tell whether an X-STOA property still agrees with what the file says.
"""

from __future__ import annotations

import bisect
import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from stoa.schedule.model import Cycle, Day, Override, Series

DAYS = tuple(Day)
SECOND = timedelta(seconds=1)
LAST_YEAR = 2199
"""Beyond this year nothing here asks whether a rule names a date."""


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
    """Where an overridden occurrence really is. One that is only moved keeps its length."""
    start, end = own_times(series, override.date)
    if override.start is not None:
        start, end = override.start, override.start + (end - start)
    return start, override.end or end


def names(series: Series, on: date) -> bool:
    """Whether the rule, before its exceptions, has an occurrence on the local date ``on``."""
    first = first_wall(series).date()
    position = _position(series.cycle, first, series.interval, on)
    if position is None or (series.count is not None and position >= series.count):
        return False
    return series.until is None or series.cycle is None or own_times(series, on)[0] <= series.until


def nth(series: Series, index: int) -> date | None:
    """The date of the rule's occurrence number ``index`` (from 0) before count and until; None beyond the years."""
    first = first_wall(series).date()
    if series.cycle is Cycle.DAILY or series.cycle is Cycle.WEEKLY:
        days = index * series.interval * (7 if series.cycle is Cycle.WEEKLY else 1)
        return first + timedelta(days=days) if days <= (date.max - first).days else None
    steps = _steps(series.cycle or Cycle.YEARLY, first, series.interval)
    return _add_months(first, steps[index]) if index < len(steps) else None


def _position(cycle: Cycle | None, first: date, interval: int, on: date) -> int | None:
    if on < first or on.year > LAST_YEAR:
        return None
    if cycle is None:
        return 0 if on == first else None
    if cycle is Cycle.DAILY or cycle is Cycle.WEEKLY:
        position, rest = divmod((on - first).days, interval * (7 if cycle is Cycle.WEEKLY else 1))
        return position if rest == 0 else None
    months = (on.year - first.year) * 12 + on.month - first.month
    steps = _steps(cycle, first, interval)
    index = bisect.bisect_left(steps, months)
    return index if on.day == first.day and index < len(steps) and steps[index] == months else None


@lru_cache(maxsize=64)
def _steps(cycle: Cycle, first: date, interval: int) -> tuple[int, ...]:
    """How many months after ``first`` each occurrence falls; months without such a day are skipped."""
    stride = interval * (12 if cycle is Cycle.YEARLY else 1)
    last = (LAST_YEAR - first.year) * 12 + 12 - first.month
    every = range(0, last + 1, stride)
    return tuple(every) if first.day <= 28 else tuple(s for s in every if _add_months(first, s) is not None)


def _add_months(first: date, months: int) -> date | None:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return (
        first.replace(year=year, month=month + 1)
        if first.day <= calendar.monthrange(year, month + 1)[1]
        else None
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A series in iCalendar's terms. ``wall`` is DTSTART in the zone, or None where only UTC can say it.

    At most one of ``count`` and ``until`` is set, as RFC 5545 demands: the one that ends the rule first.
    """

    wall: datetime | None
    start: datetime
    length: timedelta
    count: int | None
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
    return Shown(wall, cut(exact), length, *_shown_end(series, exact))


def _shown_end(series: Series, exact: datetime) -> tuple[int | None, datetime | None]:
    count, until = series.count, series.until
    if until is not None:
        # DTSTART has lost its part of a second, so UNTIL must lose it as well to keep the same occurrences.
        until = cut(until - timedelta(microseconds=exact.microsecond))
    if count is None or until is None:
        return count, until
    last = nth(series, count - 1)
    ends_by_count = last is not None and cut(own_times(series, last)[0]) <= until
    return (count, None) if ends_by_count else (None, until)


def wall_time(series: Series) -> time:
    return cut(local(series.start, series.zone)).time()
