"""RRULE: which of iCalendar's rules are Stoa's, and into how many sessions one falls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from stoa.schedule.ical._wall import DAYS
from stoa.schedule.model import Cycle, Day
from stoa.schedule.recurrence import MOST_COUNT, MOST_INTERVAL

_BY_CODE = {day.value[:2]: day for day in DAYS}
_UNTIL = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?")


class RefusedError(Exception):
    """Something that Stoa has no word for. Never leaves this package: it becomes a Refusal with this sentence."""


@dataclass(frozen=True, slots=True)
class Until:
    """The end of a rule as it was written: a whole day (``wall`` is its last second), a local time or UTC."""

    wall: datetime
    utc: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """One session's part of a rule. ``shift`` is how many days after DTSTART its first occurrence falls."""

    cycle: Cycle
    day: Day | None
    interval: int
    count: int | None
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """At least one branch; the first begins on DTSTART."""

    branches: tuple[Branch, ...]
    until: Until | None


def read_rule(text: str, *, first: date) -> Rule:
    """Raises RefusedError for a rule that a session (or one session per weekday) can't follow."""
    parts = _parts(text)
    cycle = _cycle(parts)
    interval = _number(parts, "INTERVAL", most=MOST_INTERVAL) or 1
    count = _number(parts, "COUNT", most=MOST_COUNT)
    until = _until(parts["UNTIL"]) if "UNTIL" in parts else None
    if count is not None and "UNTIL" in parts:
        raise RefusedError("Its rule has both a COUNT and an UNTIL, which RFC 5545 forbids.")
    _refuse_unknown(parts)
    days = _days(parts, cycle, interval)
    if cycle is Cycle.WEEKLY and days:
        branches = _weekly(days, first, interval=interval, count=count, week_start=parts.get("WKST", "MO"))
    elif days:
        branches = _weekly(days, first, interval=1, count=count, week_start="MO")
    else:
        _check_place(parts, cycle, first)
        branches = (Branch(cycle, None, interval, count),)
    return Rule(branches, until)


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for pair in text.strip().upper().split(";"):
        if not pair.strip():
            continue
        name, equals, value = pair.partition("=")
        if not equals or name.strip() in parts:
            raise RefusedError("Its RRULE is not a valid rule.")
        parts[name.strip()] = value.strip()
    return parts


def _cycle(parts: dict[str, str]) -> Cycle:
    frequency = parts.get("FREQ", "")
    if frequency not in Cycle.__members__:
        raise RefusedError(
            f"It repeats {frequency[:20] or 'in no way'}; only DAILY, WEEKLY, MONTHLY and YEARLY are possible."
        )
    return Cycle[frequency]


def _number(parts: dict[str, str], name: str, *, most: int) -> int | None:
    if name not in parts:
        return None
    text = parts[name]
    if not re.fullmatch(r"0{0,9}[1-9][0-9]{0,7}", text) or int(text) > most:
        raise RefusedError(f"Its rule's {name} must be a whole number from 1 to {most:,}.")
    return int(text)


def _until(text: str) -> Until | None:
    found = _UNTIL.fullmatch(text)
    if found is None:
        raise RefusedError("Its rule's UNTIL is not a date or time.")
    clock = (23, 59, 59) if found[4] is None else (int(found[4]), int(found[5]), int(found[6]))
    try:
        wall = datetime(max(int(found[1]), 2), int(found[2]), int(found[3]), *clock)  # noqa: DTZ001
    except ValueError:
        raise RefusedError("Its rule's UNTIL is not a date or time.") from None
    # Programs write the year 9999 for "no end"; no zone's clock can show its last day.
    return Until(wall, utc=bool(found[7])) if wall.year < 3000 else None


def _refuse_unknown(parts: dict[str, str]) -> None:
    if parts.get("RSCALE", "GREGORIAN") != "GREGORIAN" or parts.get("SKIP", "OMIT") != "OMIT":
        raise RefusedError(
            "Its rule counts in another calendar or moves missing dates, which is not possible here."
        )
    known = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "RSCALE", "SKIP"}
    unknown = sorted(name for name in parts.keys() - known if not name.startswith("X-"))
    if unknown:
        raise RefusedError(f"Its rule uses {unknown[0][:20]}, which is not possible here.")


def _days(parts: dict[str, str], cycle: Cycle, interval: int) -> list[Day]:
    """The weekdays of a weekly rule, or of a daily one that names them ("every working day")."""
    if "BYDAY" not in parts:
        return []
    codes = [code.strip() for code in parts["BYDAY"].split(",")]
    if any(code not in _BY_CODE for code in codes):
        raise RefusedError(
            f"It repeats on BYDAY={parts['BYDAY'][:40]}; a numbered weekday is not possible here."
        )
    if cycle in (Cycle.MONTHLY, Cycle.YEARLY):
        raise RefusedError(f"It repeats {cycle} on weekdays; only a {cycle} date is possible here.")
    if cycle is Cycle.DAILY and interval != 1:
        raise RefusedError(
            f"It repeats every {interval} days but only on some weekdays, which is not possible here."
        )
    if "BYMONTHDAY" in parts or "BYMONTH" in parts:
        raise RefusedError(
            "It repeats on weekdays of certain dates or months only, which is not possible here."
        )
    days = [day for day in DAYS if day.value[:2] in codes]
    return [] if cycle is Cycle.DAILY and len(days) == len(DAYS) else days


def _weekly(
    days: list[Day], first: date, *, interval: int, count: int | None, week_start: str
) -> tuple[Branch, ...]:
    """One branch a weekday, in the order of their first occurrences; the days take turns, so a COUNT is dealt out."""
    if DAYS[first.weekday()] not in days:
        raise RefusedError("It starts on a weekday that its rule leaves out, which RFC 5545 does not define.")
    if week_start not in _BY_CODE:
        raise RefusedError("Its rule's WKST is not a weekday.")
    begin = DAYS.index(_BY_CODE[week_start])
    place = (first.weekday() - begin) % 7
    shifts: dict[int, Day] = {}
    for day in days:
        shift = (DAYS.index(day) - begin) % 7 - place
        shifts[shift if shift >= 0 else shift + 7 * interval] = day
    branches = []
    for turn, (shift, day) in enumerate(sorted(shifts.items())):
        own = None if count is None else -((turn - count) // len(days))
        if own is None or own > 0:
            branches.append(Branch(Cycle.WEEKLY, day, interval, own, shift))
    return tuple(branches)


def _check_place(parts: dict[str, str], cycle: Cycle, first: date) -> None:
    """A rule may repeat where DTSTART stands anyway; it may not name another date."""
    day, month = parts.get("BYMONTHDAY"), parts.get("BYMONTH")
    if day is None and month is None:
        return
    fits_day = day is None or _is_number(day, first.day)
    fits_month = month is None or _is_number(month, first.month)
    possible = cycle is Cycle.YEARLY and (month is not None or day is None)
    possible = possible or (cycle is Cycle.MONTHLY and month is None)
    if not (possible and fits_day and fits_month):
        raise RefusedError("It repeats on other dates than the one it starts on, which is not possible here.")


def _is_number(text: str, number: int) -> bool:
    return re.fullmatch(r"\+?[0-9]{1,2}", text) is not None and int(text) == number


def shifted(wall: datetime, branch: Branch) -> datetime:
    return wall + timedelta(days=branch.shift)
