"""Sessions to measure with: an owner's ten thousand, and thirty people's thousand series."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

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


def ten_thousand(
    random: Random, *, timeline_id: str, owner_id: str, since: datetime
) -> Iterator[ScheduledSession]:
    """Half happen once, half recur, most for a term; one in fifty of those to this day and without an end."""
    days = (NOW + timedelta(days=365) - since).days
    for number in range(10_000):
        begin = since + timedelta(days=random.randrange(days), hours=random.randrange(7, 19))
        name = f"{timeline_id}-{number}"
        if number % 2:
            yield session(name, timeline_id, owner_id, begin, timedelta(hours=1))
            continue
        cycle = random.choice([Cycle.WEEKLY, Cycle.WEEKLY, Cycle.WEEKLY, Cycle.DAILY, Cycle.MONTHLY])
        until = None if number % 100 == 0 else begin + timedelta(days=random.choice([30, 120, 365]))
        interval = random.choice([1, 1, 2])
        yield session(
            name,
            timeline_id,
            owner_id,
            begin,
            timedelta(minutes=45),
            cycle=cycle,
            interval=interval,
            until=until,
        )


def thousand_series(owners: list[str], *, timeline_id: str) -> Iterator[ScheduledSession]:
    """Weekly for eleven years, of as many people as there are."""
    first = datetime(2016, 1, 4, 8, tzinfo=UTC)
    for number in range(1_000):
        begin = first + timedelta(days=number % 5, minutes=15 * (number % 37))
        yield session(
            f"series-{number}", timeline_id, owners[number % len(owners)], begin, timedelta(minutes=50),
            cycle=Cycle.WEEKLY, until=first + timedelta(days=365 * 11),
        )  # fmt: skip
