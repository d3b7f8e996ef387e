"""VTIMEZONE components, made from the zone's own transitions.

icalendar can make one too (``Timezone.from_tzid``), but 7.3 writes the onset in the new offset where RFC 5545 wants
the old one (03:00 instead of 02:00 for Paris in spring, an hour late), and lists dates only up to a last one. Here a
zone whose changes follow a yearly rule gets that rule, which holds for good.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

STRIDE = timedelta(days=9)
"""Shorter than any stretch between two changes of a real zone since 1970 (Morocco's Ramadan is a month)."""
Place = tuple[int, int, int, time]
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a zone's clock. ``onset`` is naive, on the clock as it was before."""

    onset: datetime
    before: timedelta
    after: timedelta
    label: str
    summer: bool


@lru_cache(maxsize=256)
def vtimezone(zone: str, first_year: int, last_year: int) -> Timezone:
    """The zone's VTIMEZONE, right from ``first_year`` and, where no rule describes it, up to ``last_year``."""
    changes = _changes(zone, first_year, last_year)
    kinds: dict[tuple[timedelta, timedelta, str, bool], list[Change]] = defaultdict(list)
    for change in changes:
        kinds[change.before, change.after, change.label, change.summer].append(change)
    made = Timezone()
    made.add("TZID", zone)
    for kind in kinds.values():
        yearly = _yearly_tail(kind, last_year)
        single = kind[: len(kind) - len(yearly)]
        if single:
            made.add_component(_observance(single[0], rdates=[change.onset for change in single[1:]]))
        if yearly:
            made.add_component(_observance(yearly[0], rule=_rule(yearly)))
    return made


def _changes(zone: str, first_year: int, last_year: int) -> list[Change]:
    info = ZoneInfo(zone)
    at = datetime(first_year, 1, 1, tzinfo=UTC)
    end = datetime(last_year + 1, 1, 1, tzinfo=UTC)
    clock = _clock(info, at)
    found = [Change((at + clock[0]).replace(tzinfo=None), clock[0], clock[0], clock[1], clock[2])]
    while at < end:
        then = min(at + STRIDE, end)
        if _clock(info, then) != clock:
            then = _bisect(info, at, then)
            before, clock = clock, _clock(info, then)
            onset = (then + before[0]).replace(tzinfo=None)
            found.append(Change(onset, before[0], clock[0], clock[1], clock[2]))
        at = then
    return found


def _clock(info: ZoneInfo, at: datetime) -> tuple[timedelta, str, bool]:
    here = at.astimezone(info)
    return (
        here.utcoffset() or timedelta(),
        here.tzname() or info.key,
        (here.dst() or timedelta()) > timedelta(),
    )


def _bisect(info: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second at which the clock differs from that of ``low``."""
    clock = _clock(info, low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if _clock(info, middle) == clock else (low, middle)
    return high


def _yearly_tail(kind: list[Change], last_year: int) -> list[Change]:
    """The longest run up to ``last_year`` that one yearly rule describes; empty if that is not worth a rule."""
    tail: list[Change] = []
    for change in reversed(kind):
        year = last_year - len(tail)
        if change.onset.year != year or not _places([change, *tail]):
            break
        tail.insert(0, change)
    return tail if len(tail) >= 10 else []


def _places(changes: list[Change]) -> set[Place]:
    """The (month, nth, weekday, time) that all of them share; nth -1 is the last in the month."""
    shared: set[Place] | None = None
    for change in changes:
        at = change.onset
        places = {(at.month, (at.day - 1) // 7 + 1, at.weekday(), at.time())}
        if at.day > calendar.monthrange(at.year, at.month)[1] - 7:
            places.add((at.month, -1, at.weekday(), at.time()))
        shared = places if shared is None else shared & places
    return shared or set()


def _rule(changes: list[Change]) -> vRecur:
    month, position, weekday, _ = min(_places(changes), key=lambda place: place[1])
    return vRecur({"FREQ": ["YEARLY"], "BYMONTH": [month], "BYDAY": [f"{position}{WEEKDAYS[weekday]}"]})


def _observance(
    change: Change, *, rdates: list[datetime] | None = None, rule: vRecur | None = None
) -> TimezoneStandard | TimezoneDaylight:
    made = TimezoneDaylight() if change.summer else TimezoneStandard()
    made.add("DTSTART", change.onset)
    made.add("TZOFFSETFROM", change.before)
    made.add("TZOFFSETTO", change.after)
    made.add("TZNAME", change.label)
    if rdates:
        made.add("RDATE", rdates)
    if rule is not None:
        made.add("RRULE", rule)
    return made
