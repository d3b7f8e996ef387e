"""What a series must be before anything is computed from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stoa.kernel.errors import Fault, InvalidError
from stoa.schedule.model import Cycle, Override, Series
from stoa.schedule.recurrence._rule import Rule
from stoa.schedule.recurrence._zones import (
    DAY,
    EARLIEST,
    LAST_ORDINAL,
    LATEST,
    UnknownZoneError,
    ticks,
    zone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

MOST_INTERVAL = 1_000
MOST_COUNT = 10_000_000
"""More than there are days in the calendar."""


def validate(series: Series) -> None:
    """Raise ``InvalidError`` with a fault for each field (of ``Series``) that is wrong."""
    faults = tuple(_faults(series)) or tuple(_faults_of_overrides(series))
    if faults:
        raise InvalidError("; ".join(f"{one.field}: {one.message}" for one in faults), faults=faults)


def _faults(series: Series) -> Iterator[Fault]:
    bounds = {"start": series.start, "end": series.end, "until": series.until}
    naive = [name for name, at in bounds.items() if at is not None and not _is_aware(at)]
    yield from (Fault(name, "needs a UTC offset") for name in naive)
    yield from _faults_of_rule(series)
    if naive:
        return
    if series.start >= series.end:
        yield Fault("end", "must be later than start")
    if series.until is not None and series.until < series.start:
        yield Fault("until", "must not be before start")
    if ticks(series.end) > LATEST:
        yield Fault("end", "lies outside the years 1 to 9999")
    try:
        ordinal = zone(series.zone).to_wall(ticks(series.start)) // DAY
    except UnknownZoneError:
        yield Fault("zone", f"{series.zone} is not a known time zone")
    else:
        if not 1 <= ordinal <= LAST_ORDINAL or ticks(series.start) < EARLIEST:
            yield Fault("start", "its date in the zone lies outside the years 1 to 9999")


def _faults_of_rule(series: Series) -> Iterator[Fault]:
    if series.cycle is None:
        for name in ("day", "count", "until"):
            if getattr(series, name) is not None:
                yield Fault(name, "belongs to a session that recurs")
        if series.interval != 1:
            yield Fault("interval", "belongs to a session that recurs")
        return
    if series.day is not None and series.cycle is not Cycle.WEEKLY:
        yield Fault("day", "belongs to the cycle WEEKLY alone")
    if not 1 <= series.interval <= MOST_INTERVAL:
        yield Fault("interval", f"must be from 1 to {MOST_INTERVAL:,}")
    if series.count is not None and not 1 <= series.count <= MOST_COUNT:
        yield Fault("count", f"must be from 1 to {MOST_COUNT:,}")
    if series.count is not None and series.until is not None:
        yield Fault("until", "a rule has a count or an until, not both")


def _faults_of_overrides(series: Series) -> Iterator[Fault]:
    """Of overrides alone, once the rule itself stands. One for a date that the rule does not name has no effect."""
    rule = Rule(series)
    seen = set()
    for override in series.overrides:
        if override.date in seen:
            yield Fault("overrides", f"{override.date} has two")
        seen.add(override.date)
        if not all(_is_aware(at) for at in (override.start, override.end) if at is not None):
            yield Fault("overrides", f"{override.date} needs a UTC offset in its start and end")
        elif not _is_ordered(rule, override):
            yield Fault("overrides", f"{override.date} must end later than it starts")


def _is_ordered(rule: Rule, override: Override) -> bool:
    if override.start is not None and override.end is not None:
        return override.start < override.end
    rank = rule.rank_on(override.date)
    if rank is None:
        return True
    placed = rule.place(override, rank)
    return placed.start < placed.end


def _is_aware(at: datetime) -> bool:
    return at.utcoffset() is not None
