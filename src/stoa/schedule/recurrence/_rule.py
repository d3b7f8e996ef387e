"""A series made ready for arithmetic: its occurrences numbered from 0, in ticks."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from stoa.kernel.errors import InvalidError
from stoa.schedule.model import Cycle, Day, Occurrence, Override, Series
from stoa.schedule.recurrence._dates import Dates, Days, Months
from stoa.schedule.recurrence._zones import (
    DAY,
    FOREVER,
    LAST_ORDINAL,
    LATEST,
    NEVER,
    UnknownZoneError,
    moment,
    ticks,
    zone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_WEEKDAYS = {day: number for number, day in enumerate(Day, start=1)}
_MICROSECOND = timedelta(microseconds=1)


class Rule:
    """What a series says, without its exceptions and overrides, and beside it those.

    A *rank* numbers the rule's occurrences from 0. Starts never fall as ranks rise: a step is a day at least, and
    no clock has ever been moved forward by more than a day. ``hidden`` are the dates on which the rule's own
    occurrence does not stand: left out, or replaced by one of ``moved``.
    """

    def __init__(self, series: Series) -> None:
        try:
            self.zone = zone(series.zone)
        except UnknownZoneError as error:
            raise InvalidError.field("zone", f"{series.zone} is not a known time zone") from error
        self.series = series
        start = ticks(series.start)
        self.length = series.end - series.start
        self.duration = self.length // _MICROSECOND
        self.since = start - DAY  # A doubled first start is the earlier one.
        wall = self.zone.to_wall(start)
        ordinal, self.clock = divmod(wall, DAY)
        self.dates = _dates(series, ordinal)
        self.longest_step = self.dates.longest_step * DAY
        self.fold = 0
        self.cap = FOREVER if series.count is None else series.count
        if series.cycle is None:
            self.cap = 1
            self.fold = start - self.zone.to_instant(wall)  # What happens once is where the caller put it.
        self.last_start = LATEST - self.duration
        if series.until is not None:
            self.last_start = min(self.last_start, ticks(series.until))
        self.hidden = series.exceptions
        if series.overrides:
            self.hidden = self.hidden.union(override.date for override in series.overrides)

    @property
    def endless(self) -> bool:
        """Whether nothing but the calendar's last year ends it."""
        return self.cap == FOREVER and self.series.until is None

    @cached_property
    def size(self) -> int:
        """How many occurrences the rule has until the end of year 9999."""
        return self.rank_from(self.last_start + 1)

    def start(self, rank: int) -> int:
        return self.zone.to_instant(self.dates.ordinal(rank) * DAY + self.clock) + self.fold

    def rank_from(self, instant: int) -> int:
        """The first rank that starts at ``instant`` or later, or the number of ranks there are."""
        if instant <= NEVER:
            return 0
        instant = min(instant, self.last_start + 1)
        held_since, held_until, offset = self.zone.segment(instant)
        ordinal = -((self.clock - instant - offset) // DAY)
        rank = self.dates.rank(ordinal)
        near = self.dates.ordinal(rank) * DAY + self.clock - offset
        if held_since <= near - self.longest_step and near < held_until and ordinal <= LAST_ORDINAL:
            return min(rank, self.cap)  # Nothing about here is moved by a clock change.
        while rank > 0 and self.start(rank - 1) >= instant:
            rank -= 1
        end = self.dates.rank(LAST_ORDINAL + 1)
        while rank < end and self.start(rank) < instant:
            rank += 1
        return min(rank, end, self.cap)

    def rank_on(self, day: date) -> int | None:
        """The rank that the rule puts on a local date."""
        ordinal = day.toordinal()
        rank = self.dates.rank(ordinal)
        if rank >= self.cap or self.dates.ordinal(rank) != ordinal or self.start(rank) > self.last_start:
            return None
        return rank

    def starts(self, since: int, until: int) -> Iterator[tuple[int, int]]:
        """Pairs of ordinal and start for the ranks of range(since, until). One look-up serves many."""
        ordinal_of, clock, fold, segment_of = (
            self.dates.ordinal,
            self.clock,
            self.fold,
            self.zone.wall_segment,
        )
        held_since = held_until = offset = 0
        for rank in range(since, until):
            ordinal = ordinal_of(rank)
            wall = ordinal * DAY + clock
            if not held_since <= wall < held_until:
                held_since, held_until, offset = segment_of(wall)
            yield ordinal, wall - offset + fold

    def standing(self, since: int, until: int) -> Iterator[tuple[date, int]]:
        """As ``starts``, with dates, without the hidden."""
        hidden = self.hidden
        for ordinal, start in self.starts(since, until):
            day = date.fromordinal(ordinal)
            if day not in hidden:
                yield day, start

    def onward(self, rank: int) -> Iterator[tuple[date, int]]:
        """Dates and starts of all that stand from a rank on, without counting them first."""
        for ordinal, start in self.starts(rank, self.cap):
            if start > self.last_start or ordinal > LAST_ORDINAL:
                return
            day = date.fromordinal(ordinal)
            if day not in self.hidden:
                yield day, start

    def occurrence(self, day: date, start: int) -> Occurrence:
        begin = moment(start)
        return Occurrence(day, begin, begin + self.length)

    @cached_property
    def moved(self) -> list[Occurrence]:
        """The occurrences that have an override, where they really are, by start."""
        found = []
        for override in self.series.overrides:
            rank = None if override.date in self.series.exceptions else self.rank_on(override.date)
            if rank is not None:
                found.append(self.place(override, rank))
        return sorted(found, key=order)

    def place(self, override: Override, rank: int) -> Occurrence:
        ruled = self.start(rank)
        start = override.start if override.start is not None else moment(ruled)
        end = override.end if override.end is not None else moment(ruled + self.duration)
        return Occurrence(override.date, start, end, override)


def order(occurrence: Occurrence) -> tuple[object, date]:
    """Occurrences go by start, and by date where a skipped day puts two at one instant."""
    return occurrence.start, occurrence.date


def _dates(series: Series, ordinal: int) -> Dates:
    cycle, interval = series.cycle, series.interval
    if cycle is None:
        return Days(ordinal, 1)
    if cycle is Cycle.DAILY:
        return Days(ordinal, interval)
    if cycle is Cycle.WEEKLY:
        ahead = 0 if series.day is None else (_WEEKDAYS[series.day] - ordinal) % 7
        return Days(ordinal + ahead, 7 * interval)
    if not 1 <= ordinal <= LAST_ORDINAL:
        raise InvalidError.field("start", "its date in the zone lies outside the years 1 to 9999")
    first = date.fromordinal(ordinal)
    step = interval if cycle is Cycle.MONTHLY else 12 * interval
    return Months(first.year * 12 + first.month - 1, step, first.day)
