"""From the zone names of other programs to IANA's.

In this order: an IANA name in any case, a Windows name ("W. Europe Standard Time"), an IANA name behind a vendor's
prefix ("/freeassociation.sourceforge.net/Europe/Berlin"), the VTIMEZONE's X-LIC-LOCATION, and at last the zone whose
clock agrees with the file's VTIMEZONE in the event's year and the next ("Customized Time Zone").
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from stoa.schedule.ical._lines import Node

MAX_SEARCHES = 100
"""How many zones of one file may be searched for by their clocks: each costs some milliseconds."""
MAX_OBSERVANCES = 100
LIKELY = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo",
    "Europe/London", "Europe/Paris", "Europe/Helsinki", "Europe/Moscow", "Africa/Johannesburg", "Asia/Dubai",
    "Asia/Kolkata", "Asia/Singapore", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip
"""Tried before the rest: of many zones with one clock, the one that most people mean."""

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_OFFSET = re.compile(r"([+-])(\d\d)([0-5]\d)([0-5]\d)?")
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)")
_NTH = re.compile(r"([+-]?[1-5])(MO|TU|WE|TH|FR|SA|SU)")


@lru_cache(maxsize=1)
def _iana() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(available_timezones())}


@lru_cache(maxsize=1)
def _windows() -> dict[str, str]:
    return {name.casefold(): iana for name, iana in WINDOWS_TO_OLSON.items()}


def known_zone(name: str) -> str | None:
    """The IANA name that a TZID spells out, without looking at any definition."""
    folded = name.strip().strip("/").casefold()
    known = _iana().get(folded) or _windows().get(folded)
    while known is None and "/" in folded:
        folded = folded.split("/", 1)[1]
        known = _iana().get(folded)
    return known


class Zones:
    """What the TZIDs of one calendar mean. ``home`` is the timeline's zone, preferred where several agree."""

    def __init__(self, calendar_node: Node, *, home: str) -> None:
        self._home = home
        self._defined: dict[str, Node] = {}
        self._found: dict[tuple[str, int], str | None] = {}
        self._searches = 0
        hint = calendar_node.first("X-WR-TIMEZONE")
        self._hint = known_zone(hint.text) if hint else None
        for child in calendar_node.children:
            if child.name == "VTIMEZONE" and (tzid := child.first("TZID")):
                self._defined.setdefault(tzid.value.strip(), child)

    def name(self, tzid: str, *, year: int) -> str | None:
        """The IANA name of a TZID as an event of ``year`` uses it; None if nobody can tell."""
        known = known_zone(tzid)
        if known is not None:
            return known
        if (tzid, year) not in self._found:
            self._found[tzid, year] = self._search(tzid.strip(), year)
        return self._found[tzid, year]

    def _search(self, tzid: str, year: int) -> str | None:
        defined = self._defined.get(tzid)
        if defined is None:
            return None
        location = defined.first("X-LIC-LOCATION")
        if location is not None and (known := known_zone(location.text)):
            return known
        self._searches += 1
        if self._searches > MAX_SEARCHES:
            return None
        samples = _samples(defined, year)
        candidates = [self._home, *([self._hint] if self._hint else []), *_candidates()]
        return next((zone for zone in candidates if samples and _agrees(zone, samples)), None)


@lru_cache(maxsize=1)
def _candidates() -> tuple[str, ...]:
    usual = {name for name in WINDOWS_TO_OLSON.values() if name.casefold() in _iana()}
    return (*LIKELY, *sorted(usual), *(name for name in _iana().values() if name.startswith("Etc/GMT")))


def _agrees(zone: str, samples: list[tuple[datetime, timedelta]]) -> bool:
    info = ZoneInfo(zone)
    return all(at.astimezone(info).utcoffset() == offset for at, offset in samples)


@dataclass(frozen=True, slots=True, order=True)
class _Onset:
    at: datetime
    before: timedelta
    after: timedelta


def _samples(defined: Node, year: int) -> list[tuple[datetime, timedelta]]:
    """Instants in ``year`` and the next with the offset that the definition gives them; empty if it is unreadable."""
    onsets: list[_Onset] = []
    for child in defined.children[:MAX_OBSERVANCES]:
        found = _onsets(child, range(year - 1, year + 2))
        if found is None:
            return []
        onsets += found
    if not onsets:
        return []
    onsets.sort()
    start = datetime(year, 1, 1, tzinfo=UTC)
    instants = [start + timedelta(days=7 * week) for week in range(104)]
    second = timedelta(seconds=1)
    instants += [
        at for onset in onsets if onset.at.year in (year, year + 1) for at in (onset.at - second, onset.at)
    ]
    return [(at, _offset_at(onsets, at)) for at in instants]


def _offset_at(onsets: list[_Onset], at: datetime) -> timedelta:
    passed = [onset for onset in onsets if onset.at <= at]
    return passed[-1].after if passed else onsets[0].before


def _onsets(child: Node, years: range) -> list[_Onset] | None:
    """When an observance begins in ``years``, and when it first began; None where it can't be read."""
    started = _STAMP.match(child.word("DTSTART"))
    before, after = _offset(child.word("TZOFFSETFROM")), _offset(child.word("TZOFFSETTO"))
    if started is None or before is None or after is None:
        return None
    try:
        first = datetime(*(int(part) for part in started.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
        stamps = [
            datetime(*(int(part) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
            for line in child.lines.get("RDATE", [])
            for found in _STAMP.finditer(line.value)
        ]
        walls = [first, *(at for at in stamps if at.year in years)]
        if rule := child.first("RRULE"):
            walls += _yearly(rule.value.upper(), first, years)
        return [_Onset((wall - before).replace(tzinfo=UTC), before, after) for wall in walls]
    except (ValueError, OverflowError, LookupError):
        return None


def _yearly(rule: str, first: datetime, years: range) -> list[datetime]:
    """Raises ValueError or LookupError for a rule that is not "the nth weekday of a month, every year"."""
    parts = dict(part.split("=", 1) for part in rule.strip().strip(";").split(";"))
    if parts["FREQ"] != "YEARLY" or parts.keys() - {"FREQ", "BYMONTH", "BYDAY", "UNTIL", "WKST", "INTERVAL"}:
        raise ValueError(rule)
    until = parts.get("UNTIL", "9999")
    month = int(parts["BYMONTH"])
    if "BYDAY" not in parts:
        days = dict.fromkeys(years, first.day)
    else:
        found = _NTH.fullmatch(parts["BYDAY"])
        if found is None:
            raise ValueError(rule)
        days = {year: _nth_day(year, month, int(found[1]), _WEEKDAYS.index(found[2])) for year in years}
    walls = [first.replace(year=year, month=month, day=day) for year, day in days.items()]
    return [wall for wall in walls if wall > first and f"{wall:%Y%m%dT%H%M%S}" <= until]


def _nth_day(year: int, month: int, nth: int, weekday: int) -> int:
    first_weekday, length = calendar.monthrange(year, month)
    days = range(1 + (weekday - first_weekday) % 7, length + 1, 7)
    return days[nth - 1 if nth > 0 else nth]


def _offset(text: str) -> timedelta | None:
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    size = timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4] or 0))
    return -size if found[1] == "-" else size
