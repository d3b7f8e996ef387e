"""What the yearly clock changes of two zones allow: pairs of offsets, and starts on either side of a change."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import TYPE_CHECKING

from stoa.schedule.recurrence._dates import Days, Months, month_and_day
from stoa.schedule.recurrence._zones import CYCLE_DAYS, DAY, LATEST, NEVER, WEEK, Transition, Zone, zone

if TYPE_CHECKING:
    from stoa.schedule.recurrence._rule import Rule

Pair = tuple[int, int]
"""An offset of either zone."""

_AGE = 512 * DAY
_SEASON = 14 * DAY
"""Less than lies between two changes of any yearly rule."""


@lru_cache(maxsize=1024)
def _offsets(key: str) -> frozenset[int]:
    """The offsets of a zone's yearly rule."""
    return zone(key).offsets(max(zone(key).regular_from, 0), LATEST)


def _one_cycle(one: Zone, since: int) -> list[Transition]:
    """The changes of the yearly rule in 400 years and a little more."""
    since = max(since, one.regular_from, 0)
    return one.transitions(since, since + (CYCLE_DAYS + 800) * DAY)


@lru_cache(maxsize=1024)
def _changes(key: str) -> frozenset[Transition]:
    """The changes of a yearly rule by their ticks of the week."""
    return frozenset(Transition(one.at % WEEK, one.before, one.after) for one in _one_cycle(zone(key), NEVER))


@lru_cache(maxsize=1024)
def _dates(key: str) -> frozenset[tuple[int, int]]:
    """The months (from 0) and days of a yearly rule's changes, and of the days about them."""
    found = {
        change.wall // DAY + near for change in _one_cycle(zone(key), NEVER) for near in (-2, -1, 0, 1, 2)
    }
    return frozenset(month_and_day(ordinal) for ordinal in found)


@lru_cache(maxsize=4096)
def _pairs_of_age(a_key: str, b_key: str, age: int) -> frozenset[Pair]:
    a, b = (zone(key).offsets(age * _AGE, LATEST) for key in (a_key, b_key))
    return frozenset((p, q) for p in a for q in b)


def pairs_since(a_key: str, b_key: str, instant: int) -> frozenset[Pair]:
    """The offsets that either zone has at an instant or later; perhaps some that it had shortly before."""
    return _pairs_of_age(a_key, b_key, instant // _AGE)


@lru_cache(maxsize=4096)
def pairs_for_ever(a_key: str, b_key: str) -> tuple[frozenset[Pair], frozenset[Pair]]:
    """The pairs of offsets that last while the yearly rules hold, and those only across a clock change."""
    every = frozenset((p, q) for p in _offsets(a_key) for q in _offsets(b_key))
    if a_key == b_key:
        steady = frozenset((p, p) for p in _offsets(a_key))
    else:
        a, b = zone(a_key), zone(b_key)
        since = max(a.regular_from, b.regular_from, 0)
        times = {since, *(change.at for one in (a, b) for change in _one_cycle(one, since))}
        steady = frozenset((a.segment(at).offset, b.segment(at).offset) for at in times)
    return steady, every - steady


def can_meet_change(a: Rule, b: Rule, pair: Pair, x: int) -> bool:
    """Whether a clock change of the yearly rules can fall between starts whose dates are x days apart.

    True may be wrong, and costs a search; False is proven.
    """
    p, q = pair
    wall_apart = x * DAY + a.clock - b.clock
    apart = wall_apart if a.zone is b.zone else wall_apart - p + q
    if abs(apart) >= _SEASON:
        return True
    if a.zone is b.zone:  # The earlier wall time has the offset before, and the change lies after it.
        order = (p, q) if apart < 0 else (q, p)
        margin = 0
        bounds = [one.wall for one in _changes(a.zone.key) if (one.before, one.after) == order]
        offsets = (0, 0)
    else:  # A wall time that a change skips keeps the offset before it for as long as the gap; hence the margin.
        margin = max(max(_offsets(one.zone.key)) - min(_offsets(one.zone.key)) for one in (a, b))
        bounds = [one.at for side in (a, b) for one in _changes(side.zone.key)]
        offsets = pair
    for rule, offset, ahead in (a, offsets[0], -apart), (b, offsets[1], apart):
        since = rule.dates.ordinal(0) * DAY + rule.clock - offset + min(0, ahead) - margin
        cycle = WEEK if isinstance(rule.dates, Days) and rule.dates.step % 7 == 0 else DAY
        if all((bound - since) % cycle > abs(apart) + 2 * margin for bound in bounds):
            return False
        if abs(apart) < DAY and isinstance(rule.dates, Months) and not _comes_by_change(rule.dates, a, b):
            return False
    return True


def _comes_by_change(dates: Months, a: Rule, b: Rule) -> bool:
    """Whether the dates are ever about a date of a clock change."""
    common = gcd(dates.step, 12)
    return any(
        day == dates.day and (month - dates.first) % common == 0
        for month, day in _dates(a.zone.key) | _dates(b.zone.key)
    )
