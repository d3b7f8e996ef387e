"""Sessions to measure with: an owner's ten thousand, and thirty people's thousand series."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from stoa.kernel.clock import from_millis
from stoa.schedule.model import Cycle, ScheduledSession, SessionType, Timeline

NOW = datetime(2026, 11, 23, tzinfo=UTC)
"""A Monday."""
ZONE = "Europe/Paris"
_EPOCH = from_millis(0)


def timeline(owner_id: str, number: int = 0) -> Timeline:
    return Timeline(f"bench-timeline-{number}", "Bench", None, ZONE, owner_id, _EPOCH, feed_secret="none")


def session(
    name: str, timeline_id: str, owner_id: str, start: datetime, length: timedelta, *,
    cycle: Cycle | None = None, interval: int = 1, until: datetime | None = None,
) -> ScheduledSession:  # fmt: skip
    kind = SessionType.RECURRING if cycle else SessionType.ONE_TIME
    return ScheduledSession(
        name, timeline_id, owner_id, kind, name, None, ZONE, start, start + length, cycle, None, interval, None,
        until, frozenset(), (), _EPOCH,
    )  # fmt: skip


def ten_thousand(*, timeline_id: str, owner_id: str, since: datetime) -> Iterator[ScheduledSession]:
    """An owner's 10,000 that never collide, since the store lets no others in; half of them recur.

    A week is cut into cells of a quarter of an hour. Some belong to one endless series, some to four that take turns
    by the week, some to one term after another, the rest to sessions that happen once. No cell begins at a time of
    FREE, and one time belongs to daily and monthly series. All begin in ``since``'s year, or spread until next year.
    """
    cells = [
        (day, quarter) for quarter in range(16, 96) for day in range(7) if quarter not in (*FREE, *_EVERY_DAY)
    ]
    Random(3).shuffle(cells)
    weeks = (NOW - since).days // 7 + 52
    placed = (*_daily_and_monthly(), *_weekly(cells[:350], weeks), *_once(cells[350:], weeks))
    for number, (week, day, quarter, cycle, interval, length) in enumerate(placed):
        begin = at(since + timedelta(weeks=week, days=day), quarter)
        until = None if length is None else begin + timedelta(weeks=length)
        yield session(
            f"{timeline_id}-{number}", timeline_id, owner_id, begin, QUARTER, cycle=cycle, interval=interval,
            until=until,
        )  # fmt: skip


FREE = (37, 42, 55, 62)
"""Quarters of a day, each within an hour that others use, which nobody has: where a new session fits."""
QUARTER = timedelta(minutes=15)
DAILY = 45
"""The quarter of a daily series."""
_EVERY_DAY = (20, DAILY, 46, 47, 48, 70, 80, 90)
_Placed = tuple[int, int, int, Cycle | None, int, int | None]
"""Week and weekday of the first, the quarter of its day, its cycle and interval, and the weeks of its term."""


def at(day: datetime, quarter: int) -> datetime:
    return (
        datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE))
        .replace(hour=quarter // 4, minute=quarter % 4 * 15)
        .astimezone(UTC)
    )


def _daily_and_monthly() -> Iterator[_Placed]:
    for quarter in _EVERY_DAY[1:]:
        yield 0, 0, quarter, Cycle.DAILY, 1, None
    for day in range(28):
        yield 0, day, _EVERY_DAY[0], Cycle.MONTHLY, 1, None


def _weekly(cells: list[tuple[int, int]], weeks: int) -> Iterator[_Placed]:
    for day, quarter in cells[:100]:
        yield 0, day, quarter, Cycle.WEEKLY, 1, None
    for day, quarter in cells[100:250]:
        yield from ((turn, day, quarter, Cycle.WEEKLY, 4, None) for turn in range(4))
    terms = 5_000 - 35 - 100 - 600
    each = -(-terms // 100)
    for number in range(terms):
        day, quarter = cells[250 + number % 100]
        begin, end = number // 100 * weeks // each, (number // 100 + 1) * weeks // each
        yield begin, day, quarter, Cycle.WEEKLY, 1, end - begin - 1


def _once(cells: list[tuple[int, int]], weeks: int) -> Iterator[_Placed]:
    places = [(week, day, quarter) for week in range(weeks) for day, quarter in cells]
    for week, day, quarter in Random(5).sample(places, 5_000):
        yield week, day, quarter, None, 1, None


def thousand_series(owners: list[str], *, timeline_id: str) -> Iterator[ScheduledSession]:
    """Weekly for eleven years, of as many people as there are."""
    first = datetime(2016, 1, 4, 8, tzinfo=UTC)
    for number in range(1_000):
        begin = first + timedelta(days=number % 5, minutes=15 * (number % 37))
        yield session(
            f"series-{number}", timeline_id, owners[number % len(owners)], begin, timedelta(minutes=50),
            cycle=Cycle.WEEKLY, until=first + timedelta(days=365 * 11),
        )  # fmt: skip
