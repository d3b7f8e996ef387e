"""The dates that a rule names, numbered from 0: rank to ordinal and back, in closed form."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from datetime import date
from functools import lru_cache
from math import gcd, lcm
from typing import NamedTuple

from stoa.schedule.recurrence._zones import CYCLE_DAYS, LAST_ORDINAL, first_of_month, is_leap

CYCLE_MONTHS = 4_800
SHORTEST_MONTH = 28


class Days(NamedTuple):
    """Every ``step`` days from the ordinal ``first``: DAILY and WEEKLY."""

    first: int
    step: int

    def ordinal(self, rank: int) -> int:
        return self.first + rank * self.step

    def rank(self, ordinal: int) -> int:
        """How many dates lie before ``ordinal``: the rank of the first that does not."""
        return max(0, -((self.first - ordinal) // self.step))

    @property
    def longest_step(self) -> int:
        """A number of days that leads from any date past the one before it, and two more for the clock."""
        return self.step + 2

    @property
    def mean_step(self) -> float:
        return self.step

    @property
    def period(self) -> int:
        """After how many days the dates repeat."""
        return self.step


class Months(NamedTuple):
    """Day ``day`` of every ``step``-th month from ``first`` (years times 12 plus months), where it exists.

    YEARLY is 12 times its interval. Which months lack the day repeats every 400 years, so that ranks count
    through a table of one such period.
    """

    first: int
    step: int
    day: int

    def ordinal(self, rank: int) -> int:
        if self.day > SHORTEST_MONTH:
            size, present = _present(self.first % CYCLE_MONTHS, self.step, self.day)
            whole, rest = divmod(rank, len(present))
            rank = whole * size + present[rest]
        year, month = divmod(self.first + rank * self.step, 12)
        return first_of_month(year, month + 1) + self.day - 1

    def rank(self, ordinal: int) -> int:
        """How many dates lie before ``ordinal``: the rank of the first that does not."""
        if ordinal < 1:
            return 0
        at = date.fromordinal(min(ordinal, LAST_ORDINAL))
        late = at.day > self.day or ordinal > LAST_ORDINAL
        month = at.year * 12 + at.month - 1 + late
        cycle = max(0, -((self.first - month) // self.step))
        if self.day <= SHORTEST_MONTH:
            return cycle
        size, present = _present(self.first % CYCLE_MONTHS, self.step, self.day)
        whole, rest = divmod(cycle, size)
        return whole * len(present) + bisect_left(present, rest)

    @property
    def longest_step(self) -> int:
        """As for days; without a bound where months can lack the day."""
        return 31 * self.step + 2 if self.day <= SHORTEST_MONTH else LAST_ORDINAL

    @property
    def mean_step(self) -> float:
        return self.step * CYCLE_DAYS / CYCLE_MONTHS

    @property
    def period(self) -> int:
        """After how many days the dates repeat, weekdays included."""
        return lcm(self.step, CYCLE_MONTHS) // CYCLE_MONTHS * CYCLE_DAYS


Dates = Days | Months


def month_and_day(ordinal: int) -> tuple[int, int]:
    """The month, from 0, and the day of a date."""
    at = date.fromordinal(ordinal)
    return at.month - 1, at.day


@lru_cache(maxsize=256)
def _present(phase: int, step: int, day: int) -> tuple[int, array[int]]:
    """Of the cycles in one period, how many there are and which have the day. ``phase`` itself always has."""
    size = CYCLE_MONTHS // gcd(step, CYCLE_MONTHS)
    lengths = _lengths()
    return size, array("H", [at for at in range(size) if lengths[(phase + at * step) % CYCLE_MONTHS] >= day])


@lru_cache(maxsize=1)
def _lengths() -> bytes:
    """The number of days of each month, from January of a year that 400 divides."""
    short = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return bytes(short[at % 12] + (at % 12 == 1 and is_leap(at // 12 or 400)) for at in range(CYCLE_MONTHS))
