"""Who collides with whom, by example."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from stoa.schedule.conflicts import ALWAYS, bounds, conflicts, meet, slots
from stoa.schedule.model import Cycle, Day, Override, Series, Window
from stoa.schedule.recurrence import occurrences

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = timedelta(hours=1)
PARIS, LONDON, NEW_YORK = "Europe/Paris", "Europe/London", "America/New_York"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def series(
    key: str, *wall: int, cycle: Cycle | None = Cycle.WEEKLY, length: timedelta = HOUR, **more
) -> Series:
    start = datetime(*wall, tzinfo=ZoneInfo(key)).astimezone(UTC)
    return Series(start, start + length, key, cycle, **more)


def met_at(a: Series, b: Series) -> datetime | None:
    """When the first collision begins, the same from either side, and really there."""
    found, reverse = meet(a, b), meet(b, a)
    assert (found and found.start) == (reverse and reverse.start)
    if found is None:
        return None
    assert found.own in occurrences(a, Window(found.own.start, found.own.end))
    assert found.other in occurrences(b, Window(found.other.start, found.other.end))
    assert ALWAYS in slots(a) | slots(b) or slots(a) & slots(b)
    return found.start


# --- half-open intervals ---------------------------------------------------------------------------------------


def test_touching_ends_do_not_collide():
    nine, ten = (series(PARIS, 2026, 1, 5, hour, cycle=None) for hour in (9, 10))
    assert met_at(nine, ten) is None


@pytest.mark.parametrize("cycle", [*Cycle, None])
@pytest.mark.parametrize("other", [*Cycle, None])
def test_what_follows_on_never_collides(cycle, other):
    assert (
        met_at(series(PARIS, 2026, 1, 5, 9, cycle=cycle), series(PARIS, 2026, 1, 5, 10, cycle=other)) is None
    )


@pytest.mark.parametrize("cycle", [*Cycle, None])
@pytest.mark.parametrize("other", [*Cycle, None])
def test_what_begins_before_the_end_collides(cycle, other):
    one = series(PARIS, 2026, 1, 5, 9, cycle=cycle)
    assert met_at(one, series(PARIS, 2026, 1, 5, 9, 59, cycle=other)) == utc(2026, 1, 5, 8, 59)


def test_a_series_may_overlap_itself():
    long = series(PARIS, 2026, 1, 5, 9, length=timedelta(days=10))
    assert met_at(long, series(PARIS, 2026, 1, 7, 9, cycle=None)) == utc(2026, 1, 7, 8)


# --- cycles ----------------------------------------------------------------------------------------------------


def test_fortnights_out_of_step_never_meet():
    assert met_at(series(PARIS, 2026, 1, 5, 9, interval=2), series(PARIS, 2026, 1, 12, 9, interval=2)) is None


def test_the_31st_meets_a_friday():
    monthly = series(PARIS, 2026, 1, 31, 9, cycle=Cycle.MONTHLY)
    assert met_at(monthly, series(PARIS, 2026, 1, 2, 9, day=Day.FRIDAY)) == utc(2026, 7, 31, 7)


def test_29_february_meets_every_seventh_day():
    leap = series(PARIS, 2024, 2, 29, 9, cycle=Cycle.YEARLY)
    assert met_at(leap, series(PARIS, 2026, 1, 2, 9, cycle=Cycle.DAILY, interval=7)) == utc(2036, 2, 29, 8)


def test_new_year_of_a_fourth_century_is_never_a_friday():
    saturdays = series("UTC", 2000, 1, 1, 9, cycle=Cycle.YEARLY, interval=400)
    assert met_at(saturdays, series("UTC", 2000, 1, 7, 9)) is None
    assert met_at(saturdays, series("UTC", 2000, 1, 8, 9)) == utc(2400, 1, 1, 9)


@pytest.mark.parametrize(("day", "other"), [(1, 2), (30, 31), (28, 29), (15, 14)])
def test_months_on_other_days_never_meet(day, other):
    one, two = (series(PARIS, 2026, 1, each, 9, cycle=Cycle.MONTHLY) for each in (day, other))
    assert met_at(one, two) is None


def test_the_last_of_a_short_month_reaches_into_the_next():
    night = series(PARIS, 2026, 1, 30, 23, cycle=Cycle.MONTHLY, length=2 * HOUR)
    assert met_at(night, series(PARIS, 2026, 1, 1, 0, cycle=Cycle.MONTHLY)) == utc(2026, 4, 30, 22)


def test_a_first_meeting_can_be_centuries_away():
    one = series("UTC", 2026, 1, 5, 9, interval=997)
    other = series("UTC", 2026, 1, 12, 9, interval=144)
    assert met_at(one, other) == utc(2274, 6, 1, 9)


def test_a_first_meeting_after_the_calendar_is_none():
    one = series("UTC", 2026, 1, 5, 9, interval=999)
    assert met_at(one, series("UTC", 2026, 1, 12, 9, interval=1000)) is None


def test_the_13th_meets_a_rare_week_in_its_century():
    monthly = series(PARIS, 2024, 1, 13, 9, cycle=Cycle.MONTHLY)
    rare = series(PARIS, 2026, 1, 1, 9, interval=1000)
    assert met_at(monthly, rare) == utc(2792, 8, 13, 7)


# --- ends ------------------------------------------------------------------------------------------------------


def test_a_count_ends_collisions():
    assert met_at(series(PARIS, 2026, 1, 5, 9, count=3), series(PARIS, 2026, 1, 26, 9)) is None
    assert met_at(series(PARIS, 2026, 1, 5, 9, count=4), series(PARIS, 2026, 1, 26, 9)) == utc(2026, 1, 26, 8)


def test_an_until_ends_collisions():
    late = series(PARIS, 2026, 1, 26, 9)
    assert met_at(series(PARIS, 2026, 1, 5, 9, until=utc(2026, 1, 26, 7, 59)), late) is None
    assert met_at(series(PARIS, 2026, 1, 5, 9, until=utc(2026, 1, 26, 8)), late) == utc(2026, 1, 26, 8)


def test_a_series_that_never_happens_never_collides():
    nothing = series(PARIS, 2026, 1, 6, 9, day=Day.MONDAY, until=utc(2026, 1, 7))
    assert met_at(nothing, series(PARIS, 2020, 1, 1, 9, cycle=Cycle.DAILY)) is None
    assert slots(nothing) == frozenset()


# --- exceptions and overrides ----------------------------------------------------------------------------------


def test_a_left_out_occurrence_gives_way():
    weekly = series(PARIS, 2026, 1, 5, 9, exceptions=frozenset({date(2026, 1, 12)}))
    assert met_at(weekly, series(PARIS, 2026, 1, 12, 9, cycle=None)) is None
    assert met_at(weekly, series(PARIS, 2026, 1, 12, 9)) == utc(2026, 1, 19, 8)


def test_a_moved_occurrence_collides_where_it_is():
    moved = Override(date(2026, 1, 12), utc(2026, 1, 14, 12), utc(2026, 1, 14, 13))
    weekly = series(PARIS, 2026, 1, 5, 9, overrides=(moved,))
    assert met_at(weekly, series(PARIS, 2026, 1, 12, 9, cycle=None)) is None
    assert met_at(weekly, series("UTC", 2026, 1, 14, 12, 30, cycle=None)) == utc(2026, 1, 14, 12, 30)


def test_two_moved_occurrences_collide():
    to = (utc(2026, 1, 14, 12), utc(2026, 1, 14, 13))
    one = series(PARIS, 2026, 1, 5, 9, overrides=(Override(date(2026, 1, 5), *to),))
    two = series(PARIS, 2026, 1, 6, 9, overrides=(Override(date(2026, 1, 6), *to),))
    assert met_at(one, two) == utc(2026, 1, 14, 12)


def test_a_renamed_occurrence_still_collides():
    weekly = series(PARIS, 2026, 1, 5, 9, overrides=(Override(date(2026, 1, 12), name="Other"),))
    found = meet(weekly, series(PARIS, 2026, 1, 12, 9, cycle=None))
    assert found.own.override.name == "Other"


# --- zones -----------------------------------------------------------------------------------------------------


def test_paris_and_new_york_meet_only_while_they_are_five_hours_apart():
    assert met_at(series(PARIS, 2026, 1, 5, 15), series(NEW_YORK, 2026, 1, 5, 10)) == utc(2026, 3, 9, 14)


def test_fortnights_of_paris_and_new_york_meet_in_those_weeks():
    paris = series(PARIS, 2026, 1, 5, 15, interval=2)
    assert met_at(paris, series(NEW_YORK, 2026, 1, 5, 10, interval=2)) == utc(2026, 3, 16, 14)
    assert met_at(paris, series(NEW_YORK, 2026, 1, 12, 10, interval=2)) is None


def test_zones_that_change_together_stay_apart():
    assert met_at(series(PARIS, 2015, 1, 5, 10), series(LONDON, 2026, 1, 5, 10)) is None


def test_a_gap_pushes_together_what_is_apart_on_the_wall():
    early = series(PARIS, 2026, 1, 4, 1, 30)
    assert met_at(early, series(PARIS, 2026, 1, 4, 3)) == utc(2026, 3, 29, 1)
    assert met_at(early, series(PARIS, 2026, 1, 4, 3, 30)) is None
    assert met_at(series(PARIS, 2026, 1, 3, 1, 30), series(PARIS, 2026, 1, 3, 3)) is None


def test_a_doubled_hour_keeps_apart_what_is_apart_on_the_wall():
    assert met_at(series(PARIS, 2026, 1, 4, 1, 30), series(PARIS, 2026, 1, 4, 2, 30)) is None


def test_what_happens_once_in_the_second_of_a_doubled_hour_is_there():
    weekly = series(PARIS, 2026, 10, 18, 2, 30)
    first, second = (
        Series(start, start + HOUR / 2, PARIS)
        for start in (utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30))
    )
    assert met_at(weekly, first) == first.start
    assert met_at(weekly, second) is None


def test_lord_howe_moves_by_half_an_hour():
    sydney = series("Australia/Sydney", 2026, 7, 6, 9)
    assert met_at(series("Australia/Lord_Howe", 2026, 7, 6, 8, 30), sydney) == utc(
        2026, 10, 4, 22
    ) + timedelta(days=0)


def test_the_day_samoa_skipped_collides_with_the_next():
    daily = series("Pacific/Apia", 2011, 12, 28, 9, cycle=Cycle.DAILY, count=3)
    last = series("Pacific/Apia", 2011, 12, 31, 9, cycle=None)
    found = meet(daily, last)
    assert (found.own.date, found.other.date) == (date(2011, 12, 30), date(2011, 12, 31))


def test_ramadan_is_no_yearly_rule():
    """Casablanca's clock follows the moon, in explicit changes to 2087; after them it stays."""
    assert met_at(series("Africa/Casablanca", 2026, 1, 7, 9), series("UTC", 2026, 1, 7, 9)) == utc(
        2026, 2, 18, 9
    )
    assert met_at(series("Africa/Casablanca", 2090, 1, 4, 9), series("UTC", 2090, 1, 4, 9)) is None


# --- many ------------------------------------------------------------------------------------------------------


def test_conflicts_names_those_that_collide():
    candidate = series(PARIS, 2026, 1, 5, 9)
    others = {hour: series(PARIS, 2020, 1, 6, hour, length=HOUR * 1.5) for hour in (7, 8, 9, 10)}
    assert [key for key, _ in conflicts(candidate, others.items())] == [8, 9]


def test_bounds_hold_all_occurrences():
    moved = Override(date(2026, 1, 5), utc(2025, 6, 1), utc(2025, 6, 2))
    assert bounds(series("UTC", 2026, 1, 5, 9, overrides=(moved,))) == (utc(2025, 6, 1), None)
    assert bounds(series("UTC", 2026, 1, 5, 9, count=2)) == (utc(2026, 1, 5, 9), utc(2026, 1, 12, 10))


def test_slots_are_hours_of_the_week():
    assert slots(series("UTC", 2026, 1, 5, 9)) == {9}  # A Monday.
    assert slots(series("UTC", 2026, 1, 11, 23, 30)) == {167, 0}
    assert slots(series(PARIS, 2026, 1, 5, 9)) == {7, 8}
    assert slots(series("UTC", 2026, 1, 5, 9, cycle=Cycle.DAILY, interval=2)) == {
        9 + 24 * day for day in range(7)
    }
    assert slots(series("UTC", 2026, 1, 5, 9, cycle=None, length=timedelta(days=5))) == {ALWAYS}


# --- hostile pairs ---------------------------------------------------------------------------------------------

MINUTES = timedelta(minutes=1)
HOSTILE = {
    "the 31st since year 1": series(PARIS, 1, 1, 31, 2, 30, cycle=Cycle.MONTHLY),
    "each seventh 31st": series(NEW_YORK, 1, 1, 31, 2, 30, cycle=Cycle.MONTHLY, interval=7),
    "29 February": series(NEW_YORK, 4, 2, 29, 2, cycle=Cycle.YEARLY),
    "each 997th day": series(NEW_YORK, 1, 1, 31, 2, cycle=Cycle.DAILY, length=30 * MINUTES, interval=997),
    "each 13th week": series("Asia/Gaza", 1, 1, 31, 2, 30, interval=13, length=30 * MINUTES),
    "each 52nd day": series(PARIS, 2026, 1, 4, 1, 30, cycle=Cycle.DAILY, interval=52),
    "each 53rd day": series(PARIS, 2026, 1, 4, 3, cycle=Cycle.DAILY, length=15 * MINUTES, interval=53),
    "years long, rarely": series(PARIS, 2024, 1, 13, 9, length=timedelta(days=700), interval=1000),
    "centuries long, each month": series(PARIS, 1026, 1, 31, cycle=Cycle.MONTHLY, length=timedelta(days=365 * 700)),
    "eighty left out": series(
        PARIS, 2026, 1, 1, 9, cycle=Cycle.DAILY,
        exceptions=frozenset(date(2026, 1, 1) + timedelta(days) for days in range(80)),
    ),
}  # fmt: skip


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


@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(HOSTILE, 2)))
def test_hostile_pairs_are_decided_in_bounded_steps(one, other):
    """At a tenth of a microsecond to a microsecond a step; most take a few hundred."""
    assert steps_of(lambda: meet(HOSTILE[one], HOSTILE[other])) < 400_000


def test_an_older_series_costs_no_more():
    candidate = series(PARIS, 2026, 1, 5, 9)
    new, old = (series(PARIS, year, 1, 5, 10, cycle=Cycle.DAILY) for year in (2024, 1997))
    meet(candidate, old)
    assert steps_of(lambda: meet(candidate, old)) <= steps_of(lambda: meet(candidate, new)) + 20
