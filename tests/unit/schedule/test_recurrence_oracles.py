"""Generated series against two independent expansions.

The rule's dates come from python-dateutil's ``rrule`` in wall-clock time; a function of this file puts them in the
zone with ``zoneinfo``. recurring-ical-events sees the same series as an iCalendar event.

Where their meaning differs by their own documents, the case is put in a form in which it does not:

* RFC 5545 counts a WEEKLY interval in calendar weeks from the start's week, so that BYDAY=MO with a start on a Wednesday
  and an interval of 2 begins after 12 days. Our first is the first Monday after the start (5 days). The oracles are
  given that Monday as their start, found here by a plain walk.
* ``until`` is compared here with instants, since wall-clock time can't order a doubled hour.
* recurring-ical-events adds a duration on the wall, and does not move a wall time that a clock change skips; RFC 5545 and we
  take a duration as elapsed time and move it. So its starts alone are compared, and only where every start within
  the window exists on the wall, an occurrence is long over before the window or begins in it.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import pytest
import recurring_ical_events
from dateutil import rrule

from stoa.schedule.model import Cycle, Day, Override, Series, Window
from stoa.schedule.recurrence import count_before, last_end, next_after, occurrences, split, validate
from stoa.schedule.recurrence._zones import ticks, zone

LONG = os.environ.get("STOA_TEST_LONG") == "1"
CASES, BATCHES = (100_000, 100) if LONG else (1_500, 10)
ZONES = sorted(available_timezones() - {"localtime", "Factory"})
FREQUENCIES = {
    Cycle.DAILY: rrule.DAILY,
    Cycle.WEEKLY: rrule.WEEKLY,
    Cycle.MONTHLY: rrule.MONTHLY,
    Cycle.YEARLY: rrule.YEARLY,
}
STEPS = {Cycle.DAILY: 1, Cycle.WEEKLY: 7, Cycle.MONTHLY: 30, Cycle.YEARLY: 365}
MINUTE = timedelta(minutes=1)


def place(wall: datetime, key: str) -> datetime:
    """A wall-clock time as an instant: the first of two, and moved forward by a gap."""
    return wall.replace(tzinfo=ZoneInfo(key), fold=0).astimezone(UTC)


def pivot_of(random: Random, key: str) -> datetime:
    """An instant to build a case around: a clock change, mostly, if the zone has any in its time."""
    around = datetime(random.choice([1916, 1945, 1980, 2011, 2026, 2026, 2026, 2050]), 1, 1, tzinfo=UTC)
    around += timedelta(days=random.randrange(365), minutes=random.randrange(1440))
    if random.random() < 0.2:
        return around
    since, until = ticks(around - timedelta(days=400)), ticks(around + timedelta(days=400))
    changes = zone(key).transitions(since, until)
    if not changes:
        return around
    change = random.choice(changes).at
    return around + timedelta(microseconds=change - ticks(around))


def aimed(random: Random, pivot: datetime, key: str, cycle: Cycle, interval: int) -> datetime:
    """A start whose rule comes by the pivot's own date, within an hour and a half of it on the wall."""
    wall = (
        pivot.astimezone(ZoneInfo(key)).replace(tzinfo=None, fold=0) + random.randrange(-18, 18) * 5 * MINUTE
    )
    back = interval * random.randrange(40)
    if cycle in {Cycle.DAILY, Cycle.WEEKLY}:
        return place(wall - timedelta(days=back * STEPS[cycle]), key)
    months = back if cycle is Cycle.MONTHLY else 12 * back
    year, month = divmod(wall.year * 12 + wall.month - 1 - months, 12)
    return place(wall.replace(year=year, month=month + 1, day=min(wall.day, 28)), key)


def series_of(random: Random) -> tuple[Series, Window]:
    key = random.choice(ZONES)
    pivot = pivot_of(random, key)
    cycle = random.choice(list(Cycle))
    step = STEPS[cycle]
    interval = random.choice([1, 1, 1, 2, 3, 4, 5, 13])
    back = random.randrange(1 + min(40 * step * interval, 12_000))
    start = pivot - timedelta(days=back) + random.randrange(-48, 48) * 5 * MINUTE
    if random.random() < 0.5:
        start = aimed(random, pivot, key, cycle, interval)
    elif cycle in {Cycle.MONTHLY, Cycle.YEARLY} and random.random() < 0.6:
        start = start.replace(month=random.choice([1, 3, 12]), day=31)
        if cycle is Cycle.YEARLY and start.year % 4 == 0 and start.year % 100:
            start = start.replace(month=2, day=29)
    duration = random.choice([5, 60, 60, 90, 24 * 60, random.randrange(1, 3 * step * 1440)]) * MINUTE
    reach = step * interval * random.choice([1, 3, 8])
    window = Window(
        pivot - timedelta(days=random.random() * reach), pivot + timedelta(days=random.random() * reach)
    )
    bound = random.choice(["none", "none", "count", "until"])
    series = Series(
        start,
        start + duration,
        key,
        cycle,
        random.choice(list(Day)) if cycle is Cycle.WEEKLY and random.random() < 0.5 else None,
        interval,
        random.randrange(1, 80) if bound == "count" else None,
        start + timedelta(days=random.randrange(80 * step * interval)) if bound == "until" else None,
    )
    return series, window


def walls(series: Series, until: datetime) -> list[datetime]:
    """By dateutil: the wall-clock starts of the rule, in order, up to an instant."""
    first = series.start.astimezone(ZoneInfo(series.zone)).replace(tzinfo=None, fold=0)
    while series.day is not None and first.strftime("%A").upper() != series.day:
        first += timedelta(days=1)
    rule = rrule.rrule(FREQUENCIES[series.cycle], dtstart=first, interval=series.interval, count=series.count)
    latest = until if series.until is None else min(until, series.until + timedelta(microseconds=1))
    return list(takewhile(lambda wall: place(wall, series.zone) < latest, rule))


def with_changes(random: Random, series: Series, dates: list[date]) -> Series:
    """The series with some dates left out and some moved."""
    if not dates or random.random() < 0.4:
        return series
    exceptions = frozenset(random.sample(dates, min(len(dates), random.randrange(3))))
    overrides = []
    for day in random.sample(dates, min(len(dates), random.randrange(3))):
        start = datetime.combine(day, time(tzinfo=UTC)) + random.randrange(-5000, 5000) * MINUTE
        overrides.append(Override(day, start, start + random.randrange(1, 300) * MINUTE))
    return Series(
        series.start, series.end, series.zone, series.cycle, series.day, series.interval,
        series.count, series.until, exceptions, tuple(overrides),
    )  # fmt: skip


def expected(series: Series, window: Window, starts: list[datetime]) -> list[tuple[datetime, datetime, date]]:
    moved = {override.date: override for override in series.overrides}
    found = []
    for wall in starts:
        day = wall.date()
        start = place(wall, series.zone)
        end = start + (series.end - series.start)
        if day in moved:
            start, end = moved[day].start, moved[day].end
        if day not in series.exceptions and start < window.end and end > window.start:
            found.append((start, end, day))
    return sorted(found, key=lambda one: (one[0], one[2]))


def cases(batch: int) -> tuple[Random, list[tuple[Series, Window, list[datetime]]]]:
    random = Random(f"recurrence {batch}")
    found = []
    for _ in range(CASES // BATCHES):
        series, window = series_of(random)
        starts = walls(series, window.end + timedelta(days=8))
        near = [wall.date() for wall in starts[-12:]]
        found.append((with_changes(random, series, near), window, starts))
    return random, found


@pytest.mark.parametrize("batch", range(BATCHES))
def test_expansion_agrees_with_dateutil(batch):
    random, generated = cases(batch)
    for series, window, starts in generated:
        validate(series)
        got = occurrences(series, window)
        assert [(one.start, one.end, one.date) for one in got] == expected(series, window, starts), (
            series,
            window,
        )
        if got:
            cut = random.randrange(len(got))
            assert occurrences(series, window, limit=cut) == got[:cut]
            assert occurrences(series, window, after=(got[cut].start, got[cut].date)) == got[cut + 1 :]
            assert next_after(series, got[cut].start - timedelta(microseconds=1)).start == got[cut].start
        day = window.start.date()
        before, latter = split(series, day)
        sides = [one for side in (before, latter) if side for one in occurrences(side, window)]
        assert sorted(sides, key=lambda one: (one.start, one.date)) == got, (series, window, day)
        assert count_before(series, day) == sum(wall.date() < day for wall in starts)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_bounded_series_ends_with_its_last_occurrence(batch):
    random = Random(f"last end {batch}")
    for _ in range(CASES // BATCHES // 20):
        series, _ = series_of(random)
        if series.count is None and series.until is None:
            assert last_end(series) is None
            continue
        starts = walls(series, datetime(9999, 1, 1, tzinfo=UTC))
        ends = [place(wall, series.zone) + (series.end - series.start) for wall in starts]
        assert last_end(series) == (ends[-1] if ends else series.start)


def event_of(series: Series, first: datetime) -> icalendar.Calendar:
    key = ZoneInfo(series.zone)
    event = icalendar.Event()
    event.add("uid", "one")
    event.add("dtstamp", datetime(2020, 1, 1, tzinfo=UTC))
    event.add("dtstart", first.replace(tzinfo=key))
    event.add("duration", series.end - series.start)
    rule = {"freq": series.cycle.value, "interval": series.interval}
    if series.count is not None:
        rule["count"] = series.count
    event.add("rrule", rule)
    calendar = icalendar.Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "test")
    calendar.add_component(event)
    return calendar


@pytest.mark.parametrize("batch", range(BATCHES))
def test_starts_agree_with_recurring_ical_events(batch):
    random = Random(f"events {batch}")
    for _ in range(CASES // BATCHES // 10):
        series, window = series_of(random)
        series = Series(
            series.start, series.start + timedelta(minutes=5), series.zone, series.cycle, series.day,
            series.interval, series.count,
        )  # fmt: skip
        starts = walls(series, window.end + timedelta(days=3))
        near = [wall for wall in starts if place(wall, series.zone) > window.start - timedelta(days=3)]
        key = ZoneInfo(series.zone)
        if not near or any(
            place(wall, series.zone).astimezone(key).replace(tzinfo=None, fold=0) != wall for wall in near
        ):
            continue
        calendar = event_of(series, starts[0])
        found = recurring_ical_events.of(calendar).between(window.start, window.end)
        theirs = sorted(one["DTSTART"].dt.astimezone(UTC) for one in found)
        inside = [one for one in theirs if window.start <= one < window.end]
        ours = [one.start for one in occurrences(series, window) if window.start <= one.start]
        assert ours == inside, (series, window)
