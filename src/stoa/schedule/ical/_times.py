"""Dates, times and durations as files write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from stoa.schedule.ical._foreign import Zones
from stoa.schedule.ical._lines import Line, Node
from stoa.schedule.ical._rules import RefusedError
from stoa.schedule.ical._wall import cut, local, own_times, resolve, wall_time
from stoa.schedule.model import Series

FIRST_YEAR = 1900
LAST_YEAR = 2199

_STAMP = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")
_DURATION = re.compile(
    r"([+-]?)P(?:([0-9]{1,6})W)?(?:([0-9]{1,6})D)?"
    r"(?:T(?:([0-9]{1,7})H)?(?:([0-9]{1,8})M)?(?:([0-9]{1,10})S)?)?"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A naive wall time in a zone. ``whole_day`` says that only its date was written, ``utc`` that it ended in Z."""

    wall: datetime
    zone: str
    whole_day: bool = False
    utc: bool = False

    @property
    def instant(self) -> datetime:
        return resolve(self.wall, self.zone)


@dataclass(frozen=True, slots=True)
class Span:
    """An amount of days on the calendar and an amount of elapsed time."""

    days: int
    clock: timedelta

    def after(self, moment: Moment) -> datetime:
        return resolve(moment.wall + timedelta(days=self.days), moment.zone) + self.clock


def read_moment(text: str, line: Line, zones: Zones, *, home: str) -> Moment:
    """Raises RefusedError for what is no date, is too far away, or stands in a zone that nobody knows."""
    found = _STAMP.fullmatch(text.strip().upper())
    if found is None:
        raise RefusedError(f"It has a date that can't be read: {text.strip()[:40]!r}.")
    year, month, day = (int(part) for part in found.groups()[:3])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise RefusedError(f"It has a date outside of the years {FIRST_YEAR} to {LAST_YEAR}.")
    hour, minute, second = (int(part or 0) for part in found.groups()[3:6])
    try:
        wall = datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001
    except ValueError:
        raise RefusedError(f"It has a date that does not exist: {text.strip()[:40]!r}.") from None
    if found[4] is None:
        return Moment(wall, home, whole_day=True)
    if found[7]:
        return Moment(wall, "UTC", utc=True)
    tzid = line.parameters.get("TZID")
    zone = zones.name(tzid, year=year) if tzid else home
    if zone is None:
        raise RefusedError(
            f"Its time zone {(tzid or '')[:80]!r} is not known here, and the file does not define it."
        )
    return Moment(wall, zone)


def read_span(text: str) -> Span:
    found = _DURATION.fullmatch(text.strip().upper())
    if found is None or not any(found.groups()[1:]):
        raise RefusedError("It has a DURATION that can't be read.")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    if found[1] == "-":
        raise RefusedError("It ends before it starts.")
    return Span(weeks * 7 + days, timedelta(hours=hours, minutes=minutes, seconds=seconds))


def end_of(node: Node, start: Moment, zones: Zones, *, home: str, repeats: bool) -> datetime:
    """When an event that starts at ``start`` ends. Days of a repeated all-day event have 24 hours each.

    (Every occurrence lasts as long as the first; one that began on a day of a clock change would pass on its 23.)
    """
    if line := node.first("DTEND"):
        end = read_moment(line.value, line, zones, home=home)
        span = Span((end.wall - start.wall).days, timedelta()) if start.whole_day and end.whole_day else None
    elif line := node.first("DURATION"):
        span = read_span(line.value)
    elif start.whole_day:
        span = Span(1, timedelta())
    else:
        raise RefusedError("It has a start but no end, and a session needs both.")
    if span is None:
        finish = end.instant
    elif repeats and start.whole_day:
        finish = start.instant + timedelta(days=span.days) + span.clock
    else:
        finish = span.after(start)
    if finish <= start.instant:
        raise RefusedError("It does not end after it starts.")
    if finish.year > LAST_YEAR + 1:
        raise RefusedError(f"It has a date outside of the years {FIRST_YEAR} to {LAST_YEAR}.")
    return finish


def date_named(series: Series, moment: Moment, *, lenient: bool = False) -> date | None:
    """The local date by which the series names the occurrence at ``moment``; None if its time is never the rule's.

    ``lenient`` takes midnight for the whole day: some programs write an EXDATE so.
    """
    if moment.whole_day:
        return moment.wall.date()
    if moment.zone == series.zone and moment.wall.time() == wall_time(series):
        return moment.wall.date()
    here = local(moment.instant, series.zone).date()
    for on in (here, here - timedelta(days=1)):  # A gap can move an occurrence into the next day.
        if cut(own_times(series, on)[0]) == moment.instant:
            return on
    midnight = moment.zone == series.zone and moment.wall.time() == time()
    return moment.wall.date() if lenient and midnight else None
