"""Coarse keys for finding, among very many, the few sessions that could meet a given one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stoa.schedule.recurrence._dates import Days
from stoa.schedule.recurrence._expand import first_occurrence, last_end
from stoa.schedule.recurrence._rule import Rule
from stoa.schedule.recurrence._zones import DAY, HOUR, LATEST, WEEK, ticks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from stoa.schedule.model import Series

ALWAYS = -1
"""The slot of a session that is to be compared with every other."""

MOST_SLOTS = 84
_HOURS = 168
_MARGIN = 3 * DAY

_MONDAY = 24
"""Ordinal 1 is a Monday, so that the first hour of a week is one day after tick 0."""


def slots(series: Series) -> frozenset[int]:
    """The UTC hours of the week, 0 (Monday, midnight) to 167, in which the series ever happens; or {ALWAYS}.

    Two sessions that meet share an hour, or one of them has ``ALWAYS``, which stands for more hours than
    ``MOST_SLOTS``. A clock change moves a session by the hour, so that both its hours are among them. A series none of
    whose occurrences happens has none.
    """
    rule = Rule(series)
    found: set[int] = set()
    for start, end in _stretches(rule):
        hours = range(start // HOUR, -(-end // HOUR))
        if len(hours) > MOST_SLOTS:
            return frozenset({ALWAYS})
        found.update((hour - _MONDAY) % _HOURS for hour in hours)
    return frozenset(found) if len(found) <= MOST_SLOTS else frozenset({ALWAYS})


def _stretches(rule: Rule) -> Iterator[tuple[int, int]]:
    """Stretches of time that stand, by whole weeks, for all occurrences."""
    for moved in rule.moved:
        yield ticks(moved.start), ticks(moved.end)
    if rule.series.cycle is None:
        for _, start in rule.standing(0, rule.size):
            yield start, start + rule.duration
        return
    if rule.size == 0:
        return
    dates = rule.dates
    days = [dates.ordinal(0)] if isinstance(dates, Days) and dates.step % 7 == 0 else range(7)
    last = LATEST if rule.endless else rule.start(rule.size - 1)
    for offset in rule.zone.offsets(rule.start(0) - _MARGIN, last + _MARGIN):
        for day in days:
            start = (day * DAY + rule.clock - offset) % WEEK
            yield start, start + rule.duration


def bounds(series: Series) -> tuple[datetime, datetime | None]:
    """When the first occurrence starts, at the earliest, and when the last ends (None: never).

    No occurrence lies outside; a series none of whose occurrences happens has its own ``start`` twice.
    """
    first = first_occurrence(series)
    return (first.start if first else series.start), last_end(series)
