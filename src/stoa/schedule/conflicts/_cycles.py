"""The first meeting of two rules, over all their occurrences, found from their cycles.

Let the occurrences of rule a start on local dates A(n) at the clock time u, and those of b on B(m) at v, each in its
own zone. With the offsets p and q then in force, n and m meet just if ``x = A(n) - B(m)`` (in days) satisfies

    -duration of a  <  x · 24 h + (u - v) - (p - q)  <  duration of b.

Zones have few offsets, so that these are a few possible x; all others can be forgotten. That alone settles most pairs.
The rest is a search for ranks n with such an x:

* Both count days (DAILY, WEEKLY): A(n) - B(m) = x is a linear congruence, n = r modulo M. Along one such progression
  the answer changes only where an offset does; so the search looks once between two clock changes.
* One counts months: the sparser rule's dates are listed, and each is tested against the other's by arithmetic.

The search ends for one of four reasons: it found a pair; a rule ended; the calendar ended with year 9999; or it has
seen one *joint period* after everything irregular. Irregular are the beginnings of both rules, the exceptions, and the
zones' changes before they follow their yearly rule. After that all is periodic: days with the rule's step, months and
the yearly rules of zones with the 146,097 days of the Gregorian 400 years (a multiple of 7, so that weekdays agree).
What has not happened within the least common multiple of these never does.

Between clock changes of the yearly rule only certain pairs of offsets occur (in one zone, equal ones). Others need a
change between the two starts; ``_changes`` spares the search two rules that are never about then. That is the common
case of sessions that follow each other.
"""

from __future__ import annotations

from math import gcd, lcm
from typing import TYPE_CHECKING, NamedTuple

from stoa.schedule.conflicts._changes import can_meet_change, pairs_for_ever, pairs_since
from stoa.schedule.recurrence._dates import Dates, Days, Months
from stoa.schedule.recurrence._zones import (
    CYCLE_DAYS,
    DAY,
    LAST_ORDINAL,
    NEVER,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import date

    from stoa.schedule.recurrence._rule import Rule

FEW = 32
"""So many ranks are looked at one by one."""

SOME = 4
"""With more possible differences in days than this, it is no saving to try them on months one by one."""

MANY = 1_000
"""With more possible differences in days than this, meetings are dense."""

_SLACK = 3 * DAY


class Meeting(NamedTuple):
    """A date and a start of each side."""

    a_date: date
    a_start: int
    b_date: date
    b_start: int

    @property
    def at(self) -> int:
        """The first instant of the collision."""
        return max(self.a_start, self.b_start)

    def swapped(self) -> Meeting:
        return Meeting(self.b_date, self.b_start, self.a_date, self.a_start)


def first_meeting(a: Rule, b: Rule) -> Meeting | None:
    """The standing occurrences of two rules whose collision begins first."""
    if a.dates.mean_step < b.dates.mean_step or b.cap == 1:  # The sparser one leads.
        found = _lead(b, a)
        return found.swapped() if found else None
    return _lead(a, b)


def meeting_with(rule: Rule, start: int, end: int) -> tuple[date, int] | None:
    """The date and start of the first standing occurrence that meets [start, end)."""
    for day, at in rule.onward(rule.rank_from(start - rule.duration + 1)):
        return (day, at) if at < end else None
    return None


def _lead(a: Rule, b: Rule) -> Meeting | None:
    if a.cap == 1:
        return _one_by_one(a, b, range(1))
    search = _Search(a, b)
    irregular = search.since < search.regular_from
    differences = search.differences(search.all_offsets()) if irregular else search.differences_for_ever()
    if not differences:
        return None
    ranks = _ranks_beside(a, b)
    if len(ranks) <= FEW or len(differences) > MANY:
        return _one_by_one(a, b, ranks)
    if irregular:
        regular = max(ranks.start, a.rank_from(search.regular_from))
        found = search.first(differences, range(ranks.start, min(regular, ranks.stop)))
        differences = search.differences_for_ever()
        ranks = range(regular, ranks.stop)
        if found or not ranks or not differences:
            return found
    return search.first(differences, range(ranks.start, min(ranks.stop, search.stop(ranks.start))))


def _ranks_beside(rule: Rule, other: Rule) -> range:
    """The ranks that happen while the other has begun and is not yet over; some more where the calendar ends."""
    first = rule.rank_from(other.start(0) - rule.duration + 1)
    if not other.endless:
        size = other.size
        return range(first, rule.rank_from(other.start(size - 1) + other.duration) if size else first)
    if not rule.endless:
        return range(first, rule.size)
    return range(first, rule.dates.rank(LAST_ORDINAL + 1))


def _one_by_one(a: Rule, b: Rule, ranks: Iterable[int]) -> Meeting | None:
    return next((found for rank in ranks if (found := _meeting_of(a, b, rank))), None)


def _meeting_of(a: Rule, b: Rule, rank: int) -> Meeting | None:
    for day, start in a.standing(rank, rank + 1):
        if start > a.last_start:
            return None
        found = meeting_with(b, start, start + a.duration)
        if found:
            return Meeting(day, start, *found)
    return None


class _Search:
    """Two rules and what can be said of them at once."""

    def __init__(self, a: Rule, b: Rule) -> None:
        self.a, self.b = a, b
        self.reach = a.duration + b.duration + _SLACK
        """Starts further apart than this belong to occurrences that do not meet, whatever the clocks do."""
        self.since = max(a.since, b.since) - self.reach
        """Before any start that matters."""
        self.regular_from = max(0, a.zone.regular_from, b.zone.regular_from) + self.reach

    def stop(self, rank: int) -> int:
        """The rank of a after which a search from ``rank``, in regular times, has seen everything."""
        hidden = self.a.hidden | self.b.hidden
        seen = (
            max(self.a.start(rank), (max(hidden).toordinal() + 1) * DAY if hidden else NEVER) + 2 * self.reach
        )
        changing = self.a.zone.changes_for_ever or self.b.zone.changes_for_ever
        period = lcm(self.a.dates.period, self.b.dates.period, CYCLE_DAYS if changing else 1)
        return self.a.rank_from(seen + period * DAY)

    def all_offsets(self) -> frozenset[tuple[int, int]]:
        """The pairs of offsets that could be in force while both rules are on, clock changes in between included."""
        return pairs_since(self.a.zone.key, self.b.zone.key, self.since)

    def differences(self, offsets: Collection[tuple[int, int]]) -> frozenset[int]:
        """Every x with which two occurrences can meet, and that the dates of both can have."""
        clocks = self.a.clock - self.b.clock
        shifts = {clocks - p + q for p, q in offsets}
        if (self.a.duration + self.b.duration) // DAY > MANY:
            return frozenset(range(MANY + 1))
        found = {x for shift in shifts for x in self._range(shift)}
        return frozenset(_possible(self.a.dates, self.b.dates, found))

    def differences_for_ever(self) -> frozenset[int]:
        """As ``differences``, while both zones follow their yearly rules."""
        steady, passing = pairs_for_ever(self.a.zone.key, self.b.zone.key)
        found = self.differences(steady)
        return found | {
            x
            for pair in passing
            for x in self.differences([pair])
            if can_meet_change(self.a, self.b, pair, x)
        }

    def first(self, differences: Collection[int], ranks: range) -> Meeting | None:
        a_dates, b_dates = self.a.dates, self.b.dates
        if isinstance(a_dates, Days) and isinstance(b_dates, Days):
            return self._first_of_days(_progressions(a_dates, b_dates, differences), ranks)
        if isinstance(b_dates, Months) and len(differences) > SOME:
            return _one_by_one(self.a, self.b, ranks)
        return _one_by_one(
            self.a, self.b, self._candidates(ranks, differences, _fitting(b_dates, differences))
        )

    def _range(self, shift: int) -> range:
        return range((-self.a.duration - shift) // DAY + 1, -((shift - self.b.duration) // DAY))

    def _first_of_days(self, progressions: dict[tuple[int, int], list[int]], ranks: range) -> Meeting | None:
        best: Meeting | None = None
        stop = ranks.stop
        for (rest, size), differences in progressions.items():
            first = ranks.start + (rest - ranks.start) % size
            candidates = self._candidates(range(first, stop, size), differences, lambda _: True)
            found = _one_by_one(self.a, self.b, candidates)
            if found:
                best, stop = found, self.a.dates.rank(found.a_date.toordinal())
        return best

    def _candidates(
        self, ranks: range, differences: Collection[int], fits: Callable[[int], bool]
    ) -> Iterator[int]:
        """The ranks on fitting dates at which the offsets make a meeting, skipping to the next clock change."""
        a, b = self.a, self.b
        at, size = 0, len(ranks)
        while at < size:
            ordinal = a.dates.ordinal(ranks[at])
            if not fits(ordinal):
                at += 1
                continue
            wall = ordinal * DAY + a.clock
            _, until, p = a.zone.wall_segment(wall)
            meets = False
            for x in differences:
                other = (ordinal - x) * DAY + b.clock
                _, other_until, q = b.zone.wall_segment(other)
                until = min(until, other_until + wall - other)
                meets = meets or -a.duration < wall - p - other + q < b.duration
            at += 1
            if meets:
                yield ranks[at - 1]
            else:
                ahead = a.dates.rank(-((a.clock - until) // DAY))
                at = max(at, -((ranks.start - ahead) // ranks.step))


def _progressions(a: Days, b: Days, differences: Collection[int]) -> dict[tuple[int, int], list[int]]:
    """As (r, M) the ranks of a that are x days from a date of b, for each x; with them those x."""
    common = gcd(a.step, b.step)
    size = b.step // common
    inverse = pow(a.step // common, -1, size)
    found: dict[tuple[int, int], list[int]] = {}
    for x in differences:
        ahead, rest = divmod(x - a.first + b.first, common)
        if rest == 0:
            found.setdefault((ahead * inverse % size, size), []).append(x)
    return found


def _possible(a: Dates, b: Dates, differences: Collection[int]) -> Iterator[int]:
    """Of some differences in days, those that the dates of both rules can have."""
    if isinstance(a, Days) and isinstance(b, Days):
        common = gcd(a.step, b.step)
        yield from (x for x in differences if (x - a.first + b.first) % common == 0)
    elif isinstance(a, Months) and isinstance(b, Months):
        yield from (x for x in differences if _months_can_differ(a, b, x))
    else:
        yield from differences


def _months_can_differ(a: Months, b: Months, x: int) -> bool:
    """Whether a date of a can be x days after one of b; True without proof where x is a month or more."""
    if abs(x) >= 28:
        return True
    if x > 0:
        months_back, day_before = 1, {a.day - x + length for length in (28, 29, 30, 31)}
    else:
        months_back, day_before = -1, {a.day - x - length for length in (28, 29, 30, 31)}
    common = gcd(a.step, b.step)
    same = a.day - x == b.day and (a.first - b.first) % common == 0
    return same or (x != 0 and b.day in day_before and (a.first - months_back - b.first) % common == 0)


def _fitting(dates: Dates, differences: Collection[int]) -> Callable[[int], bool]:
    """A test of whether a date, as an ordinal, is one of the differences in days after one of ``dates``."""
    if isinstance(dates, Days):
        step, rests = dates.step, {(dates.first + x) % dates.step for x in differences}
        return lambda ordinal: ordinal % step in rests
    return lambda ordinal: any(dates.ordinal(dates.rank(ordinal - x)) == ordinal - x for x in differences)
