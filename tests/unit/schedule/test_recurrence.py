"""What a series means, by example, and what is refused."""

from __future__ import annotations

import sys
import tracemalloc
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

import pytest

from stoa.kernel.errors import InvalidError
from stoa.schedule.model import Cycle, Day, Override, Series, Window
from stoa.schedule.recurrence import (
    MOST,
    TooDearError,
    count_before,
    first_occurrence,
    last_end,
    next_after,
    occurrence_on,
    occurrences,
    split,
    validate,
)
from stoa.schedule.recurrence._zones import HOUR, moment, ticks, zone

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR_LONG = timedelta(hours=1)
ALWAYS = Window(datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def series(
    key: str, *wall: int, cycle: Cycle | None = Cycle.DAILY, length: timedelta = HOUR_LONG, **more
) -> Series:
    start = datetime(*wall, tzinfo=ZoneInfo(key)).astimezone(UTC)
    return Series(start, start + length, key, cycle, **more)


def starts(one: Series, since: datetime, until: datetime) -> list[str]:
    return [found.start.strftime("%m-%d %H:%M") for found in occurrences(one, Window(since, until))]


# --- clock changes ---------------------------------------------------------------------------------------------


def test_nine_in_paris_stays_nine_in_paris():
    one = series("Europe/Paris", 2026, 3, 27, 9)
    assert starts(one, utc(2026, 3, 28), utc(2026, 3, 30)) == ["03-28 08:00", "03-29 07:00"]


def test_a_skipped_wall_time_moves_forward_by_the_gap():
    one = series("Europe/Paris", 2026, 3, 27, 2, 30)
    assert starts(one, utc(2026, 3, 28), utc(2026, 3, 31)) == ["03-28 01:30", "03-29 01:30", "03-30 00:30"]


def test_a_doubled_wall_time_is_the_first():
    one = series("Europe/Paris", 2026, 10, 24, 2, 30)
    assert starts(one, utc(2026, 10, 24), utc(2026, 10, 27)) == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


def test_what_happens_once_may_be_in_the_second_of_a_doubled_hour():
    one = Series(utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 2), "Europe/Paris")
    assert first_occurrence(one).start == one.start
    assert first_occurrence(one).date == date(2026, 10, 25)


def test_an_end_is_elapsed_time_across_a_change():
    one = series("Europe/Paris", 2026, 3, 27, 1, length=timedelta(hours=2))
    [found] = occurrences(one, Window(utc(2026, 3, 29), utc(2026, 3, 29, 12)))
    assert found.end - found.start == timedelta(hours=2)


def test_lord_howe_moves_by_half_an_hour():
    one = series("Australia/Lord_Howe", 2026, 10, 3, 2, 15)
    assert starts(one, utc(2026, 10, 2), utc(2026, 10, 5)) == ["10-02 15:45", "10-03 15:45", "10-04 15:15"]


def test_the_day_samoa_skipped_falls_on_the_next():
    one = series("Pacific/Apia", 2011, 12, 28, 9)
    found = occurrences(one, Window(utc(2011, 12, 28), utc(2012, 1, 1)))
    assert [(one.date.day, one.start) for one in found] == [
        (28, utc(2011, 12, 28, 19)),
        (29, utc(2011, 12, 29, 19)),
        (30, utc(2011, 12, 30, 19)),
        (31, utc(2011, 12, 30, 19)),
        (1, utc(2011, 12, 31, 19)),
    ]


@pytest.mark.parametrize("key", sorted(available_timezones() - {"localtime", "Factory"}))
def test_offsets_are_those_of_zoneinfo(key):
    ours, theirs = zone(key), ZoneInfo(key)
    changes = ours.transitions(0, ticks(utc(2045, 1, 1))) + ours.transitions(
        ticks(utc(9998, 1, 1)), ticks(utc(9999, 12, 1))
    )
    for change in changes[:: 1 + len(changes) // 40]:
        assert change.after - change.before <= 24 * HOUR  # Starts would not rise with ranks otherwise.
        for shift in (-3601, -1800, -1, 0, 1, 1799, 3600):
            at = change.at + shift * 1_000_000
            wall = moment(change.wall + shift * 1_000_000)
            assert moment(ours.to_wall(at)).replace(tzinfo=None) == moment(at).astimezone(theirs).replace(
                tzinfo=None
            )
            assert moment(ours.to_instant(ticks(wall))) == wall.replace(tzinfo=theirs).astimezone(UTC)


@pytest.mark.parametrize(
    "key", ["right/UTC", "posix/UTC", "localtime", "Nowhere/Land", "../etc/passwd", "", "Europe", "/etc"]
)
def test_what_is_no_zone_is_refused(key):
    one = Series(utc(2026, 1, 1), utc(2026, 1, 2), key)
    with pytest.raises(InvalidError) as caught:
        validate(one)
    assert [fault.field for fault in caught.value.faults] == ["zone"]


# --- cycles ----------------------------------------------------------------------------------------------------


def test_weekly_begins_on_the_first_such_day():
    one = series("Europe/Paris", 2026, 1, 7, 9, cycle=Cycle.WEEKLY, day=Day.MONDAY)
    assert first_occurrence(one).date == date(2026, 1, 12)
    same = series("Europe/Paris", 2026, 1, 12, 0, 30, cycle=Cycle.WEEKLY, day=Day.MONDAY)
    assert first_occurrence(same).date == date(2026, 1, 12)


def test_a_month_without_the_day_is_skipped_and_not_counted():
    one = series("UTC", 2026, 1, 31, 9, cycle=Cycle.MONTHLY, count=4)
    assert [found.date.month for found in occurrences(one, ALWAYS)] == [1, 3, 5, 7]
    assert last_end(one) == utc(2026, 7, 31, 10)


def test_29_february_comes_in_leap_years():
    one = series("UTC", 1896, 2, 29, 9, cycle=Cycle.YEARLY)
    assert [found.date.year for found in occurrences(one, ALWAYS, limit=3)] == [1896, 1904, 1908]
    assert next_after(one, utc(2096, 3, 1)).date.year == 2104


def test_a_long_occurrence_is_found_long_after_it_began():
    one = series("UTC", 2020, 1, 1, cycle=Cycle.YEARLY, length=timedelta(days=1000))
    found = occurrences(one, Window(utc(2026, 6, 1), utc(2026, 6, 2)))
    assert [each.date.year for each in found] == [2024, 2025, 2026]


def test_until_is_inclusive():
    one = series("UTC", 2026, 1, 1, 9, until=utc(2026, 1, 3, 9))
    assert len(occurrences(one, ALWAYS)) == 3
    assert last_end(one) == utc(2026, 1, 3, 10)


def test_touching_a_window_is_not_meeting_it():
    one = Series(utc(2026, 1, 1, 9), utc(2026, 1, 1, 10), "UTC")
    assert occurrences(one, Window(utc(2026, 1, 1, 10), utc(2026, 1, 1, 11))) == []
    assert occurrences(one, Window(utc(2026, 1, 1, 8), utc(2026, 1, 1, 9))) == []
    assert occurrences(one, Window(utc(2026, 1, 1, 9), utc(2026, 1, 1, 9))) == []


# --- exceptions and overrides ----------------------------------------------------------------------------------


def test_count_includes_what_is_left_out():
    one = series("UTC", 2026, 1, 1, 9, count=3, exceptions=frozenset({date(2026, 1, 2)}))
    assert [found.date.day for found in occurrences(one, ALWAYS)] == [1, 3]


def test_an_override_moves_into_and_out_of_a_window():
    moved = Override(date(2026, 1, 2), utc(2026, 5, 1), utc(2026, 5, 2), name="Later")
    one = series("UTC", 2026, 1, 1, 9, count=3, overrides=(moved,))
    assert [found.date.day for found in occurrences(one, Window(utc(2026, 1, 1), utc(2026, 2, 1)))] == [1, 3]
    [found] = occurrences(one, Window(utc(2026, 5, 1), utc(2026, 6, 1)))
    assert (found.date.day, found.override.name) == (2, "Later")
    assert last_end(one) == utc(2026, 5, 2)
    assert next_after(one, utc(2026, 1, 3, 9)) == found


def test_an_override_may_keep_the_times_and_change_the_name():
    one = series("UTC", 2026, 1, 1, 9, overrides=(Override(date(2026, 1, 2), name="Other"),))
    found = occurrence_on(one, date(2026, 1, 2))
    assert (found.start, found.end, found.override.name) == (utc(2026, 1, 2, 9), utc(2026, 1, 2, 10), "Other")


def test_an_override_of_a_date_without_occurrence_does_nothing():
    stray = Override(date(2026, 1, 3), utc(2026, 1, 3), utc(2026, 1, 4))
    one = series("UTC", 2026, 1, 1, 9, interval=7, overrides=(stray,))
    assert [found.date.day for found in occurrences(one, Window(utc(2026, 1, 1), utc(2026, 1, 9)))] == [1, 8]


def test_a_series_with_everything_left_out_never_happens():
    one = series("UTC", 2026, 1, 1, 9, count=1, exceptions=frozenset({date(2026, 1, 1)}))
    assert first_occurrence(one) is None
    assert last_end(one) == one.start


def test_no_date_is_an_occurrence_that_does_not_happen():
    one = series("UTC", 2026, 1, 1, 9, interval=2, exceptions=frozenset({date(2026, 1, 3)}))
    assert occurrence_on(one, date(2026, 1, 2)) is None
    assert occurrence_on(one, date(2026, 1, 3)) is None
    assert occurrence_on(one, date(2026, 1, 5)).start == utc(2026, 1, 5, 9)


# --- split -----------------------------------------------------------------------------------------------------


def test_a_split_divides_the_count_and_gives_each_side_its_own():
    one = series(
        "UTC", 2026, 1, 1, 9, count=10,
        exceptions=frozenset({date(2026, 1, 2), date(2026, 1, 7)}),
        overrides=(Override(date(2026, 1, 3), name="a"), Override(date(2026, 1, 8), name="b")),
    )  # fmt: skip
    before, latter = split(one, date(2026, 1, 5))
    assert (before.count, latter.count) == (4, 6)
    assert (before.exceptions, latter.exceptions) == ({date(2026, 1, 2)}, {date(2026, 1, 7)})
    assert [side.overrides[0].name for side in (before, latter)] == ["a", "b"]
    assert latter.start == utc(2026, 1, 5, 9)


def test_a_split_outside_the_series_leaves_one_side_empty():
    one = series("UTC", 2026, 1, 1, 9, count=10)
    assert split(one, date(2026, 1, 1)) == (None, one)
    assert split(one, date(2026, 1, 11)) == (one, None)


@pytest.mark.parametrize("day", [date(2011, 12, 29), date(2011, 12, 30), date(2011, 12, 31)])
def test_a_split_at_a_skipped_day_loses_nothing(day):
    one = series("Pacific/Apia", 2011, 12, 1, 9)
    window = Window(utc(2011, 12, 20), utc(2012, 1, 20))
    assert [found for side in split(one, day) for found in occurrences(side, window)] == occurrences(
        one, window
    )


def test_a_split_in_a_gap_keeps_the_wall_clock_time():
    one = series("Europe/Paris", 2026, 3, 1, 2, 30, count=60)
    window = Window(utc(2026, 3, 1), utc(2026, 5, 1))
    before, latter = split(one, date(2026, 3, 29))
    assert occurrences(before, window) + occurrences(latter, window) == occurrences(one, window)


def test_count_before_is_closed_form():
    one = series("UTC", 1, 1, 31, 9, cycle=Cycle.MONTHLY)
    assert count_before(one, date(401, 1, 1)) == 7 * 400
    assert count_before(one, date.max) == 7 * 9999 - 1


# --- pages -----------------------------------------------------------------------------------------------------


def test_pages_follow_one_another_without_a_gap():
    moved = (Override(date(2026, 1, 9), utc(2026, 1, 4, 9), utc(2026, 1, 4, 9, 30)),)
    one = series("UTC", 2026, 1, 1, 9, overrides=moved, length=timedelta(days=3))
    window = Window(utc(2026, 1, 3), utc(2026, 2, 1))
    found, cursor = [], None
    while page := occurrences(one, window, limit=4, after=cursor):
        found += page
        cursor = (page[-1].start, page[-1].date)
    assert found == occurrences(one, window)


def test_a_cursor_takes_or_leaves_a_whole_instant():
    one = series("UTC", 2026, 1, 1, 9, count=3)
    assert len(occurrences(one, ALWAYS, after=(utc(2026, 1, 2, 9), date.min))) == 2
    assert len(occurrences(one, ALWAYS, after=(utc(2026, 1, 2, 9), date.max))) == 1


# --- hostile rules ---------------------------------------------------------------------------------------------

HOSTILE = {
    "every day since year 1": series("UTC", 1, 1, 1),
    "29 February each thousand years": series("UTC", 2024, 2, 29, cycle=Cycle.YEARLY, interval=1000),
    "29 February each hundred years": series("UTC", 2000, 2, 29, cycle=Cycle.YEARLY, interval=100),
    "the 31st each 12 months": series("UTC", 2026, 5, 31, cycle=Cycle.MONTHLY, interval=12),
    "the 31st each 997 months": series("Europe/Paris", 1, 1, 31, 2, 30, cycle=Cycle.MONTHLY, interval=997),
    "the 29th each month": series("Africa/Casablanca", 1, 1, 29, 2, 30, cycle=Cycle.MONTHLY),
    "eight thousand years long": series("UTC", 2026, 1, 1, length=timedelta(days=365 * 7900)),
    "centuries long each month": series("UTC", 1026, 1, 31, cycle=Cycle.MONTHLY, length=timedelta(days=365 * 700)),
    "until the last instant": series("UTC", 1, 1, 1, until=datetime.max.replace(tzinfo=UTC)),
    "more than there are": series("UTC", 2026, 1, 1, count=10_000_000),
    "the last day": series("UTC", 9999, 12, 31, 22),
    "the last day in the east": series("Pacific/Kiritimati", 9999, 12, 31, 22),
    "never, by its until": series("UTC", 2026, 1, 6, cycle=Cycle.WEEKLY, day=Day.MONDAY, until=utc(2026, 1, 7)),
    "all left out": series("UTC", 2026, 1, 1, exceptions=frozenset(date(2026, 1, 1) + timedelta(days) for days in range(80))),
}  # fmt: skip


def work(one: Series) -> None:
    first_occurrence(one)
    last_end(one)
    next_after(one, utc(5000, 1, 1))
    count_before(one, date(5000, 1, 1))
    split(one, date(5000, 1, 1))
    for window in (ALWAYS, Window(utc(2026, 1, 1), utc(2027, 1, 1)), Window(utc(9999, 1, 1), ALWAYS.end)):
        occurrences(one, window, limit=1000)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_rule_is_answered_in_little_memory(name):
    validate(HOSTILE[name])
    tracemalloc.start()
    try:
        work(HOSTILE[name])
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def steps_of(function: Callable[[], object]) -> int:
    """How many functions a call enters: a measure of work that no busy machine disturbs."""
    steps = 0

    def count(frame, event, argument):
        nonlocal steps
        steps += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return steps


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_rule_is_answered_in_few_steps(name):
    """Each of the eight calls within 50 ms, at well under a microsecond a step; three of them give 1,000 values."""
    assert steps_of(lambda: work(HOSTILE[name])) < 60_000


@pytest.mark.parametrize("cycle", Cycle)
def test_work_does_not_grow_with_a_series_age(cycle):
    window = Window(utc(2026, 1, 1), utc(2026, 2, 1))
    new, old = (series("Europe/Paris", year, 1, 31, 9, cycle=cycle) for year in (2025, 1001))
    occurrences(old, window)
    assert steps_of(lambda: occurrences(old, window)) <= steps_of(lambda: occurrences(new, window)) + 20


def test_too_dear_a_window_is_refused_by_code():
    with pytest.raises(TooDearError) as caught:
        occurrences(HOSTILE["every day since year 1"], ALWAYS)
    assert caught.value.code == "schedule.too_dear"
    assert len(occurrences(HOSTILE["every day since year 1"], ALWAYS, limit=MOST)) == MOST


def test_the_calendar_ends_with_year_9999():
    one = series("UTC", 9999, 12, 30, 23, length=timedelta(minutes=30))
    assert [found.date.day for found in occurrences(one, ALWAYS)] == [30, 31]
    late = series("UTC", 9999, 12, 30, 23, length=timedelta(hours=2))
    assert [found.date.day for found in occurrences(late, ALWAYS)] == [30]
    west = series("Pacific/Honolulu", 9999, 12, 30, 8)
    assert [found.date.day for found in occurrences(west, ALWAYS)] == [30, 31]
    east = series("Asia/Tokyo", 9999, 12, 30, 8)
    assert [found.date.day for found in occurrences(east, ALWAYS)] == [30, 31]


@pytest.mark.parametrize("cycle", Cycle)
@pytest.mark.parametrize("key", ["UTC", "Europe/Paris", "Pacific/Apia"])
def test_starts_never_fall(cycle, key):
    found = occurrences(series(key, 2005, 1, 31, 2, 30, cycle=cycle), ALWAYS, limit=4000)
    assert all(one.start <= other.start and one.date < other.date for one, other in pairwise(found))


# --- validate --------------------------------------------------------------------------------------------------

FINE = series("UTC", 2026, 1, 1, 9)
NAIVE = FINE.start.replace(tzinfo=None)
WRONG = [
    ("end", {"end": FINE.start}),
    ("end", {"end": FINE.start - HOUR_LONG}),
    ("interval", {"interval": 0}),
    ("interval", {"interval": 1001}),
    ("count", {"count": 0}),
    ("until", {"until": FINE.start - HOUR_LONG}),
    ("until", {"until": FINE.end, "count": 3}),
    ("day", {"day": Day.MONDAY}),
    ("day", {"day": Day.MONDAY, "cycle": Cycle.YEARLY}),
    ("day", {"day": Day.MONDAY, "cycle": None}),
    ("count", {"count": 2, "cycle": None}),
    ("until", {"until": FINE.end, "cycle": None}),
    ("interval", {"interval": 2, "cycle": None}),
    ("start", {"start": NAIVE, "end": utc(2026, 1, 2)}),
    ("start", {"start": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))}),
    ("start", {"start": utc(1, 1, 1), "zone": "America/New_York"}),
    ("start", {"start": utc(9999, 12, 31, 23), "end": utc(9999, 12, 31, 23, 30), "zone": "Asia/Tokyo"}),
    ("end", {"end": datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))}),
    ("overrides", {"overrides": (Override(date(2026, 1, 2), start=utc(2026, 1, 2, 11)),)}),
    ("overrides", {"overrides": (Override(date(2026, 1, 2), end=utc(2026, 1, 2, 9)),)}),
    ("overrides", {"overrides": (Override(date(2026, 1, 2), utc(2026, 1, 2), utc(2026, 1, 2)),)}),
    ("overrides", {"overrides": (Override(date(2026, 1, 2), start=NAIVE),)}),
    ("overrides", {"overrides": (Override(date(2026, 1, 2)), Override(date(2026, 1, 2)))}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "change"), WRONG)
def test_what_is_wrong_is_named(field, change):
    values = {name: getattr(FINE, name) for name in Series.__slots__}
    with pytest.raises(InvalidError) as caught:
        validate(Series(**{**values, **change}))
    assert [fault.field for fault in caught.value.faults] == [field]


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(InvalidError) as caught:
        validate(Series(FINE.start, FINE.start, "Nowhere", Cycle.DAILY, Day.MONDAY, 0))
    assert {fault.field for fault in caught.value.faults} == {"end", "zone", "day", "interval"}
