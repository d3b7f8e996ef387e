"""One series becomes two at a date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from stoa.schedule.recurrence._rule import Rule
from stoa.schedule.recurrence._zones import DAY, moment

if TYPE_CHECKING:
    from stoa.schedule.model import Series


def split(series: Series, day: date) -> tuple[Series | None, Series | None]:
    """The occurrences dated before the local date ``day``, and those from it on, as two series.

    None stands for a side on which the rule has no occurrence. Exceptions and overrides go with their dates.
    The former ends by a ``count``, which is exact even where a skipped day puts two occurrences at one instant;
    the latter has what is left of a ``count``, and keeps ``until``.
    """
    rule = Rule(series)
    before = min(rule.dates.rank(day.toordinal()), rule.size)
    if before == 0:
        return None, series
    if before == rule.size:
        return series, None
    former = replace(
        series,
        count=before,
        until=None,
        exceptions=frozenset(one for one in series.exceptions if one < day),
        overrides=tuple(one for one in series.overrides if one.date < day),
    )
    return former, _latter(rule, before, day)


def _latter(rule: Rule, rank: int, day: date) -> Series:
    """From a rank on.

    Where a clock change moves that occurrence, its start would give the series another wall-clock time; so the
    series then begins earlier, and leaves out what it has too many.
    """
    series = rule.series
    begin = rank
    while begin > 0 and not _keeps_wall_time(rule, begin):
        begin -= 1
    start = moment(rule.start(begin)) if _keeps_wall_time(rule, begin) else series.start
    extra = {date.fromordinal(rule.dates.ordinal(one)) for one in range(begin, rank)}
    return replace(
        series,
        start=start,
        end=start + (series.end - series.start),
        count=None if series.count is None else series.count - begin,
        exceptions=frozenset(one for one in series.exceptions if one >= day) | extra,
        overrides=tuple(one for one in series.overrides if one.date >= day),
    )


def _keeps_wall_time(rule: Rule, rank: int) -> bool:
    wall = rule.dates.ordinal(rank) * DAY + rule.clock
    return rule.zone.to_wall(rule.zone.to_instant(wall)) == wall
