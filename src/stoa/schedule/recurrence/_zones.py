"""Zones in whole numbers.

An instant and a wall-clock time are both *ticks*: microseconds since the midnight before day 1 of Python's proleptic
calendar, so that ``ticks // DAY`` of a wall time is its date's ordinal. A zone is its table of explicit transitions
and the yearly rule (the POSIX footer) that follows them, both read from the files that ``zoneinfo`` reads, in the same
order. ``zoneinfo`` itself answers one instant at a time; here one look-up also says how long its answer holds, which is
what lets an expansion convert many occurrences with one comparison each.

Wall times follow PEP 495 with ``fold=0``: one that a change skips takes the offset before the change, and so moves
forward by the gap; one that occurs twice is the first.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
WEEK = 7 * DAY
CYCLE_DAYS = 146_097
"""The Gregorian calendar, weekdays included, repeats after 400 years of this many days."""

LAST_ORDINAL = date.max.toordinal()
EARLIEST = DAY
LATEST = (LAST_ORDINAL + 1) * DAY - 1
FOREVER = 1 << 62
NEVER = -FOREVER

_ZERO = datetime(1, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX = _EPOCH.toordinal() * DAY
_MONTH_STARTS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)


def ticks(at: datetime) -> int:
    """The ticks of an aware datetime, as an instant."""
    passed = at - _ZERO
    return (passed.days + 1) * DAY + passed.seconds * SECOND + passed.microseconds


def moment(at: int) -> datetime:
    """The instant as an aware datetime in UTC."""
    return _EPOCH + timedelta(0, 0, at - _UNIX)


class UnknownZoneError(LookupError):
    """No zone has that name."""


class Segment(NamedTuple):
    """An offset and the half-open stretch [since, until) of ticks in which it holds."""

    since: int
    until: int
    offset: int


class Transition(NamedTuple):
    at: int
    before: int
    after: int

    @property
    def wall(self) -> int:
        """The first wall time (fold=0) that takes the offset ``after``."""
        return self.at + max(self.before, self.after)


class Zone:
    """One zone's offsets, in ticks east of UTC."""

    def __init__(self, key: str, data: bytes) -> None:
        self.key = key
        self._first, self._explicit, footer = _read(data)
        self._instants = [one.at for one in self._explicit]
        self._walls = [one.wall for one in self._explicit]
        self._by_instant = self._stretches(self._instants)
        self._by_wall = self._stretches(self._walls)
        self._footer = _Footer.read(footer)
        self._ruled_from = _year(self._instants[-1]) + 1 if self._instants else 2
        self.regular_from = self._find_regular()

    @property
    def changes_for_ever(self) -> bool:
        """Whether the yearly rule has clock changes, rather than one offset for good."""
        return self._footer is not None

    def segment(self, instant: int) -> Segment:
        """The offset in force at an instant, and between which instants."""
        at = bisect_right(self._instants, instant)
        if at == len(self._instants) and self._footer is not None:
            return self._later(instant, wall=False)
        return self._by_instant[at]

    def wall_segment(self, wall: int) -> Segment:
        """The offset that a wall time takes, and between which wall times it is taken."""
        at = bisect_right(self._walls, wall)
        if at == len(self._walls) and self._footer is not None:
            return self._later(wall, wall=True)
        return self._by_wall[at]

    def to_wall(self, instant: int) -> int:
        return instant + self.segment(instant).offset

    def to_instant(self, wall: int) -> int:
        return wall - self.wall_segment(wall).offset

    def transitions(self, since: int, until: int) -> list[Transition]:
        """Every change of offset in [since, until), in order."""
        found = self._explicit[bisect_left(self._instants, since) : bisect_left(self._instants, until)]
        if self._footer is None:
            return found
        last = self._instants[-1] if self._instants else NEVER
        first_year = _year(max(since, last)) - 1
        for year in range(first_year, _year(until) + 2):
            found += [one for one in self._in_year(year) if one.at > last and since <= one.at < until]
        return found

    def offsets(self, since: int, until: int) -> frozenset[int]:
        """Every offset in force at some instant of [since, until)."""
        if until - since > CYCLE_DAYS * DAY:
            until = max(since, self.regular_from) + 800 * DAY
        return frozenset({self.segment(since).offset, *(one.after for one in self.transitions(since, until))})

    def _stretches(self, bounds: list[int]) -> list[Segment]:
        """The explicit offsets; the last for ever, for a zone without a rule."""
        offsets = [self._first, *(one.after for one in self._explicit)]
        return [
            Segment(since, until, offset)
            for since, until, offset in zip([NEVER, *bounds], [*bounds, FOREVER], offsets, strict=True)
        ]

    def _later(self, at: int, *, wall: bool) -> Segment:
        """As ``segment``, or ``wall_segment``, where the yearly rule holds."""
        year = _year(at)
        about = (
            _about_year(self._footer, year % 400, wall) if self._footer and year > self._ruled_from else None
        )
        if about is None:
            return self._walk(at, year, wall=wall)
        shift = year // 400 * (CYCLE_DAYS * DAY)
        since, first, second, until, before, between = about
        if at < first + shift:
            return Segment(since + shift, first + shift, before)
        if at < second + shift:
            return Segment(first + shift, second + shift, between)
        return Segment(second + shift, until + shift, before)

    def _walk(self, at: int, year: int, *, wall: bool) -> Segment:
        last = self._instants[-1] if self._instants else NEVER
        since = (self._walls if wall else self._instants)[-1] if self._instants else NEVER
        offset = self._explicit[-1].after if self._explicit else self._first
        for change in (one for near in (year - 1, year, year + 1) for one in self._in_year(near)):
            if change.at <= last:
                continue
            bound = change.wall if wall else change.at
            if at < bound:
                return Segment(since, bound, offset)
            since, offset = bound, change.after
        return Segment(since, FOREVER, offset)

    def _in_year(self, year: int) -> tuple[Transition, ...]:
        return self._footer.changes(year) if self._footer else ()

    def _find_regular(self) -> int:
        """The instant from which every change is the yearly rule's, explicit ones that agree with it included."""
        if not self._explicit:
            return NEVER
        last = self._explicit[-1].at
        if self._footer is None:
            return last
        years = range(_year(self._explicit[0].at) - 1, _year(last) + 2)
        ruled = [one for year in years for one in self._in_year(year) if one.at <= last]
        since = last
        for explicit, rule in zip(reversed(self._explicit), reversed(ruled), strict=False):
            if explicit != rule:
                break
            since = explicit.at
        return since


@lru_cache(maxsize=1024)
def zone(key: str) -> Zone:
    """The zone of that name. Raises ``UnknownZoneError``."""
    if key.startswith(("right/", "posix/")) or key in {"localtime", "posixrules", "Factory"}:
        raise UnknownZoneError(key)
    try:
        ZoneInfo(key)  # Refuses names that would leave the folder, and everything that is no zone.
        return Zone(key, _load(key))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZoneError(key) from error


def _load(key: str) -> bytes:
    parts = key.split("/")
    for folder in TZPATH:
        path = Path(folder, *parts)
        if path.is_file():
            return path.read_bytes()
    return resources.files("tzdata.zoneinfo").joinpath(*parts).read_bytes()


def _read(data: bytes) -> tuple[int, list[Transition], str]:
    """The offset before all, the transitions and the footer of a TZif file (RFC 9636), its 64-bit part."""
    counts = struct.unpack_from(">6l", data, 20)
    start = 0
    width, code = 4, "l"
    if data[4:5] >= b"2":
        ut_count, std_count, leaps, times, types, chars = counts
        start = 44 + times * 5 + types * 6 + chars + leaps * 8 + std_count + ut_count
        counts = struct.unpack_from(">6l", data, start + 20)
        width, code = 8, "q"
    ut_count, std_count, leaps, times, types, chars = counts
    at = start + 44
    instants = struct.unpack_from(f">{times}{code}", data, at)
    kinds = data[at + times * width : at + times * (width + 1)]
    at += times * (width + 1)
    infos = [struct.unpack_from(">lbB", data, at + 6 * number) for number in range(types)]
    offsets = [info[0] * SECOND for info in infos]
    first = next((info[0] * SECOND for info in infos if not info[1]), offsets[0])
    found: list[Transition] = []
    before = first
    for instant, kind in zip(instants, kinds, strict=True):
        if offsets[kind] != before:  # A change of name alone changes no clock.
            found.append(Transition(_UNIX + instant * SECOND, before, offsets[kind]))
        before = offsets[kind]
    end = at + types * 6 + chars + leaps * (width + 4) + std_count + ut_count
    footer = data[end:].strip(b"\n").decode("ascii") if width == 8 else ""
    return first, found, footer


@lru_cache(maxsize=8192)
def _about_year(footer: _Footer, year: int, wall: bool) -> tuple[int, int, int, int, int, int] | None:
    """Four changes, of which two are within a year of 0 to 399, and the offsets before and between those.

    None where they are not well within it, or not two. All years 400 apart are alike.
    """
    near = [one for each in (399, 400, 401) for one in footer.changes(each + year)]
    at = [one.wall if wall else one.at for one in near]
    since, until = (first_of_year(each + year) * DAY for each in (400, 401))
    if len(at) != 6 or at[2] < since + 2 * DAY or at[3] > until - 2 * DAY:
        return None
    cycle = CYCLE_DAYS * DAY
    return at[1] - cycle, at[2] - cycle, at[3] - cycle, at[4] - cycle, near[2].before, near[2].after


_NAME = r"(?:<[^>]+>|[A-Za-z]+)"
_CLOCK = r"[+-]?\d+(?::\d+){0,2}"
_FOOTER = re.compile(
    rf"{_NAME}({_CLOCK})(?:{_NAME}({_CLOCK})?,([^,/]+)(?:/({_CLOCK}))?,([^,/]+)(?:/({_CLOCK}))?)?"
)


class _Footer(NamedTuple):
    """The yearly rule of a zone with summer time. Each date's clock is in the offset in force before it."""

    standard: int
    summer: int
    start: tuple[str, int]
    end: tuple[str, int]

    @classmethod
    def read(cls, text: str) -> _Footer | None:
        """None where the footer names one offset, or is empty: the last explicit offset then holds for ever."""
        match = _FOOTER.fullmatch(text)
        if match is None or match[3] is None:
            return None
        standard = -_clock(match[1])
        summer = -_clock(match[2]) if match[2] else standard + HOUR
        start, end = (match[3], _clock(match[4] or "2")), (match[5], _clock(match[6] or "2"))
        return cls(standard, summer, start, end)

    def changes(self, year: int) -> tuple[Transition, ...]:
        start = _day_of(self.start[0], year) * DAY + self.start[1] - self.standard
        end = _day_of(self.end[0], year) * DAY + self.end[1] - self.summer
        first = Transition(start, self.standard, self.summer)
        second = Transition(end, self.summer, self.standard)
        return (first, second) if start < end else (second, first)


def _clock(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    return sign * sum(part * unit for part, unit in zip(parts, (HOUR, 60 * SECOND, SECOND), strict=False))


def _day_of(rule: str, year: int) -> int:
    """The ordinal of ``Mm.w.d`` (the w-th, 5 for the last, weekday d of month m), ``Jn`` or ``n`` in a year."""
    if rule.startswith("J"):  # 29 February is never counted.
        number = int(rule[1:])
        return first_of_year(year) + number - 1 + (number > 59 and is_leap(year))
    if not rule.startswith("M"):
        return first_of_year(year) + int(rule)
    month, week, day = (int(part) for part in rule[1:].split("."))
    first = first_of_month(year, month)
    ordinal = first + (day - first) % 7 + 7 * (week - 1)  # Ordinal 0 is a Sunday, as POSIX's day 0.
    return ordinal - 7 if ordinal >= first_of_month(year, month + 1) else ordinal


def is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def first_of_year(year: int) -> int:
    """The ordinal of 1 January, also beyond the years that ``date`` knows."""
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400 + 1


def first_of_month(year: int, month: int) -> int:
    """The ordinal of a month's first day; month 13 is the next January."""
    return first_of_year(year) + _MONTH_STARTS[month - 1] + (month > 2 and is_leap(year))


def _year(at: int) -> int:
    return date.fromordinal(min(max(at // DAY, 1), LAST_ORDINAL)).year
