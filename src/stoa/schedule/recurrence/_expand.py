"""From a series to its occurrences, at a cost that never depends on how long ago it began."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar

from stoa.kernel.errors import InvalidError
from stoa.schedule.recurrence._rule import Rule, order
from stoa.schedule.recurrence._zones import NEVER, moment, ticks

if TYPE_CHECKING:
    from stoa.schedule.model import Occurrence, Series, Window

MOST = 10_000
"""The most occurrences that one call expands."""

Cursor = tuple[datetime, date]
"""The start and date of the last occurrence seen. ``date.min`` lets those of that very start through once more,
``date.max`` passes over all of them; a caller that pages through many series needs both."""


class TooDearError(InvalidError):
    """The window holds more occurrences than one call expands."""

    code: ClassVar[str] = "schedule.too_dear"


def occurrences(
    series: Series, window: Window, *, limit: int | None = None, after: Cursor | None = None
) -> list[Occurrence]:
    """The occurrences whose [start, end) meets the window, by start, then by date.

    ``limit`` cuts the list; ``after`` leaves out all up to the cursor. Raises ``TooDearError``, before any work,
    where more than ``MOST`` could come of it.
    """
    rule = Rule(series)
    since, until = ticks(window.start), ticks(window.end)
    if until <= since:
        return []
    first = rule.rank_from(since - rule.duration + 1)
    if after is not None:
        first = max(first, rule.rank_from(ticks(after[0])))
    end = rule.rank_from(until)
    wanted = MOST + 1 if limit is None else limit
    if min(end - first, wanted) > MOST:
        raise TooDearError(
            f"The window holds more than {MOST:,} occurrences; ask for a shorter one or a page"
        )
    found: list[Occurrence] = []
    if wanted > 0:
        for day, start in rule.standing(first, end):
            occurrence = rule.occurrence(day, start)
            if after is None or order(occurrence) > after:
                found.append(occurrence)
                if len(found) == wanted:
                    break
    if rule.series.overrides:
        found += [
            moved for moved in rule.moved
            if moved.start < window.end and moved.end > window.start and (after is None or order(moved) > after)
        ]  # fmt: skip
        found.sort(key=order)
    return found if limit is None else found[:limit]


def next_after(series: Series, instant: datetime) -> Occurrence | None:
    """The first occurrence that starts later than ``instant``."""
    return _first(Rule(series), ticks(instant) + 1)


def first_occurrence(series: Series) -> Occurrence | None:
    """The first of all; None where every one is left out, or the rule has none."""
    return _first(Rule(series), NEVER)


def occurrence_on(series: Series, day: date) -> Occurrence | None:
    """The occurrence that the rule puts on a local date, wherever it has been moved; None if it does not happen."""
    rule = Rule(series)
    rank = rule.rank_on(day)
    if rank is None or day in series.exceptions:
        return None
    override = next((one for one in series.overrides if one.date == day), None)
    return rule.occurrence(day, rule.start(rank)) if override is None else rule.place(override, rank)


def last_end(series: Series) -> datetime | None:
    """When the last occurrence to end ends; None where the series goes on for ever.

    A series none of whose occurrences happens ends at its own ``start``.
    """
    rule = Rule(series)
    return None if rule.endless else end_of(rule)


def end_of(rule: Rule) -> datetime:
    """As ``last_end``, an endless series ending with the calendar."""
    ends = [moved.end for moved in rule.moved]
    for rank in range(rule.size - 1, -1, -1):
        if date.fromordinal(rule.dates.ordinal(rank)) not in rule.hidden:
            ends.append(moment(rule.start(rank) + rule.duration))
            break
    return max(ends, default=rule.series.start)


def count_before(series: Series, day: date) -> int:
    """How many occurrences the rule puts on local dates before ``day``, left out ones included."""
    rule = Rule(series)
    return min(rule.dates.rank(day.toordinal()), rule.size)


def _first(rule: Rule, since: int) -> Occurrence | None:
    found = [moved for moved in rule.moved if ticks(moved.start) >= since]
    for day, start in rule.onward(rule.rank_from(since)):
        found.append(rule.occurrence(day, start))
        break
    return min(found, key=order, default=None)
