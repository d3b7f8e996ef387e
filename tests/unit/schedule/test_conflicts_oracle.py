"""Generated pairs of series against brute force: thirty years of both, expanded and compared.

Where the first meeting lies later, the two are expanded around it. Where there is none, a sample is tried occurrence by
occurrence as far as the calendar goes.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from stoa.schedule.conflicts import ALWAYS, bounds, meet, slots
from stoa.schedule.model import Cycle, Day, Occurrence, Override, Series, Window
from stoa.schedule.recurrence import TooDearError, next_after, occurrences, validate
from stoa.schedule.recurrence._zones import moment, ticks, zone

LONG = os.environ.get("STOA_TEST_LONG") == "1"
PAIRS, BATCHES = (10_000, 100) if LONG else (400, 10)
ZONES = [
    "Europe/Paris", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC",
    "Asia/Kolkata", "Australia/Sydney", "Europe/Moscow", "Pacific/Apia", "Asia/Gaza", "America/Nuuk", "Europe/Dublin",
]  # fmt: skip
MINUTE = timedelta(minutes=1)
YEARS = 30


def one_series(random: Random, anchor: datetime, key: str) -> Series:
    cycle = random.choice(
        [Cycle.DAILY, Cycle.WEEKLY, Cycle.WEEKLY, Cycle.MONTHLY, Cycle.MONTHLY, Cycle.YEARLY, None]
    )
    start = anchor + timedelta(
        days=random.choice([0, 0, random.randrange(-20, 20), random.randrange(-900, 900)])
    )
    duration = random.choice([15, 30, 60, 60, 60, 120, 1440 * random.randrange(1, 6)]) * MINUTE
    if cycle is None:
        return Series(start, start + duration, key)
    interval = random.choice([1, 1, 1, 1, 1, 2, 2, 3, 4, 6, 7, 12])
    bound = random.choice(["", "", "", "", "", "", "count", "until"])
    step = {Cycle.DAILY: 1, Cycle.WEEKLY: 7, Cycle.MONTHLY: 30, Cycle.YEARLY: 365}[cycle]
    return Series(
        start,
        start + duration,
        key,
        cycle,
        random.choice(list(Day)) if cycle is Cycle.WEEKLY and random.random() < 0.2 else None,
        interval,
        random.randrange(1, 100) if bound == "count" else None,
        start + timedelta(days=random.randrange(100 * step)) if bound == "until" else None,
    )


def about_a_change(random: Random) -> tuple[Series, Series]:
    """Two series of one zone, one after the other on the wall, that can meet only when a clock change comes between."""
    key = random.choice([one for one in ZONES if one not in {"UTC", "Asia/Kolkata", "Africa/Casablanca"}])
    changes = zone(key).transitions(
        ticks(datetime(1990, 1, 1, tzinfo=UTC)), ticks(datetime(2030, 1, 1, tzinfo=UTC))
    )
    change = random.choice(changes)
    gap = max(0, change.after - change.before) // 60_000_000 * MINUTE
    wall = moment(change.at + change.before).replace(tzinfo=None) - timedelta(days=7 * random.randrange(200))
    length = random.choice([30, 60, 90, 120]) * MINUTE
    early = wall + random.randrange(5) * 15 * MINUTE - length
    late = wall + gap + random.randrange(-1, 4) * 15 * MINUTE
    sides = []
    for side in (early, late):
        start = side.replace(tzinfo=ZoneInfo(key)).astimezone(UTC)
        cycle = random.choice(
            [Cycle.DAILY, Cycle.WEEKLY, Cycle.WEEKLY, Cycle.WEEKLY, Cycle.MONTHLY, Cycle.YEARLY]
        )
        interval = random.choice([1, 1, 2, 3, 4]) if cycle is Cycle.WEEKLY else 1
        sides.append(Series(start, start + length, key, cycle, interval=interval))
    random.shuffle(sides)
    return sides[0], sides[1]


def pair(random: Random) -> tuple[Series, Series]:
    """Two series whose clocks are near each other, often back to back, and often about a clock change."""
    if random.random() < 0.3:
        a, b = about_a_change(random)
        return with_changes(random, a), with_changes(random, b)
    anchor = datetime(
        random.randrange(1985, 2030), random.randrange(1, 13), random.randrange(1, 29), tzinfo=UTC
    )
    if random.random() < 0.4:  # A Sunday early, when clocks are changed.
        anchor += timedelta(days=6 - anchor.weekday(), minutes=random.randrange(-10, 10) * 30)
    else:
        anchor += timedelta(minutes=random.randrange(48) * 30)
    if random.random() < 0.15:
        anchor = anchor.replace(day=31, month=random.choice([1, 3, 5, 12]))
    key = random.choice(ZONES)
    other_key = key if random.random() < 0.5 else random.choice(ZONES)
    a = one_series(random, anchor, key)
    apart = random.choice(
        [a.end - a.start, a.end - a.start, random.randrange(-6, 7) * 30 * MINUTE, MINUTE * 0]
    )
    b = one_series(random, anchor + apart, other_key)
    if random.random() < 0.35:  # Back to back on the other's own clock, whatever the date.
        wall = (
            a.end.astimezone(ZoneInfo(key)).time() if random.random() < 0.5 else a.end.astimezone(UTC).time()
        )
        start = datetime.combine(b.start.date(), wall, tzinfo=ZoneInfo(other_key)).astimezone(UTC)
        b = Series(
            start, start + (b.end - b.start), b.zone, b.cycle, b.day, b.interval, b.count,
            None if b.until is None else max(b.until, start),
        )  # fmt: skip
    return (with_changes(random, a), with_changes(random, b))


def with_changes(random: Random, series: Series) -> Series:
    if series.cycle is None or random.random() < 0.6:
        return series
    dates = [
        one.date
        for one in occurrences(series, Window(series.start, datetime(9000, 1, 1, tzinfo=UTC)), limit=40)
    ]
    if not dates:
        return series
    out: frozenset[date] = frozenset(random.sample(dates, min(len(dates), random.randrange(12))))
    moved = []
    for day in random.sample(dates, min(len(dates), random.randrange(3))):
        start = (
            datetime.combine(day, series.start.time(), tzinfo=UTC) + random.randrange(-300, 300) * 10 * MINUTE
        )
        moved.append(Override(day, start, start + random.choice([30, 60, 600]) * MINUTE))
    return Series(
        series.start, series.end, series.zone, series.cycle, series.day, series.interval,
        series.count, series.until, out, tuple(moved),
    )  # fmt: skip


def collision_within(a: list[Occurrence], b: list[Occurrence]) -> datetime | None:
    """When the first collision of two lists begins, by a sweep over both."""
    best: datetime | None = None
    first = 0
    longest = max((one.end - one.start for one in b), default=timedelta(0))
    for one in a:
        while first < len(b) and b[first].start + longest <= one.start:
            first += 1
        for other in b[first:]:
            if other.start >= one.end:
                break
            if other.end > one.start:
                begins = max(one.start, other.start)
                best = begins if best is None else min(best, begins)
        if best is not None and one.start >= best:
            break
    return best


def by_brute_force(a: Series, b: Series, horizon: datetime) -> datetime | None:
    """When the first collision begins, if before the horizon: one piece of time after another."""
    since = max(bounds(a)[0], bounds(b)[0]) - timedelta(days=1)
    while since < horizon:
        until = min(since + timedelta(days=200 if since.year < horizon.year - YEARS + 2 else 1500), horizon)
        window = Window(since, until)
        found = collision_within(occurrences(a, window), occurrences(b, window))
        if found is not None:
            return found
        since = until
    return None


def agree(a: Series, b: Series, *, thorough: bool) -> str:
    validate(a)
    validate(b)
    found = meet(a, b)
    reverse = meet(b, a)
    assert (found and found.start) == (reverse and reverse.start), (a, b)
    horizon = max(bounds(a)[0], bounds(b)[0]) + timedelta(days=365 * YEARS)
    brute = by_brute_force(a, b, horizon)
    if found is None:
        assert brute is None, (a, b, brute)
        if thorough:
            assert not any_to_the_end(a, b), (a, b)
        return "never"
    assert found.own.start < found.other.end
    assert found.other.start < found.own.end
    assert can_meet(a, b), (a, b, found)
    for side, series in (found.own, a), (found.other, b):
        assert side in occurrences(series, Window(side.start, side.end))
    if found.start >= horizon:
        assert brute is None, (a, b, brute)
        return "later"
    assert brute == found.start, (a, b, brute, found)
    return "soon"


def can_meet(a: Series, b: Series) -> bool:
    """What the store filters by."""
    (a_first, a_last), (b_first, b_last) = bounds(a), bounds(b)
    if (a_last is not None and a_last <= b_first) or (b_last is not None and b_last <= a_first):
        return False
    return ALWAYS in slots(a) | slots(b) or bool(slots(a) & slots(b))


def any_to_the_end(a: Series, b: Series) -> bool:
    """Occurrence by occurrence of the sparser one, to the end of the calendar; DAILY only for a while."""
    order = [Cycle.DAILY, Cycle.WEEKLY, Cycle.MONTHLY, Cycle.YEARLY, None]
    a, b = sorted((a, b), key=lambda one: (order.index(one.cycle), one.interval), reverse=True)
    at = bounds(a)[0] - MINUTE
    for _ in range(4_000):
        one = next_after(a, at)
        if one is None:
            return False
        if occurrences(b, Window(one.start, one.end)):
            return True
        at = one.start
    return False


@pytest.mark.parametrize("batch", range(BATCHES))
def test_meetings_agree_with_brute_force(batch):
    random = Random(f"conflicts {batch}")
    answers = [agree(*pair(random), thorough=number % 40 == 0) for number in range(PAIRS // BATCHES)]
    assert answers.count("soon") > len(answers) // 8
    assert answers.count("never") > len(answers) // 8


@pytest.mark.parametrize("batch", range(BATCHES))
def test_what_meets_shares_a_slot(batch):
    """Without the brute force, and so with more pairs: of long, of old and of bounded series."""
    random = Random(f"slots {batch}")
    for _ in range(PAIRS // BATCHES):
        a, b = pair(random)
        if meet(a, b):
            assert can_meet(a, b), (a, b)


def test_brute_force_is_never_refused():
    daily = Series(datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 6, tzinfo=UTC), "UTC", Cycle.DAILY)
    try:
        occurrences(daily, Window(daily.start, daily.start + timedelta(days=1500)))
    except TooDearError:
        pytest.fail("the oracle's pieces are too long")
