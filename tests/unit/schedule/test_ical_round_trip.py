"""A timeline's feed, read back, is the timeline; and other readers of the feed see the same occurrences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from stoa.kernel.errors import InvalidError
from stoa.schedule.ical import ImportedSession, feed, parse
from stoa.schedule.model import (
    Cycle,
    Day,
    Override,
    ScheduledSession,
    Series,
    SessionType,
    Timeline,
    Window,
)
from stoa.schedule.recurrence import occurrences, validate

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
ZONES = (
    "UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca",
    "Pacific/Apia", "America/Sao_Paulo", "Asia/Jerusalem", "Etc/UTC", "Europe/Dublin", "Pacific/Chatham",
)  # fmt: skip


def timeline(zone: str = "Europe/Paris", description: str | None = None) -> Timeline:
    return Timeline("t1", "Spring; term, 1", description, zone, "u1", NOW)


def scheduled(imported: ImportedSession, number: int = 1) -> ScheduledSession:
    return ScheduledSession(
        id=f"s{number}", timeline_id="t1", owner_id="u1", type=imported.type, name=imported.name,
        description=imported.description, zone=imported.zone, start=imported.start, end=imported.end,
        cycle=imported.cycle, day=imported.day, interval=imported.interval, count=imported.count,
        until=imported.until, exceptions=imported.exceptions, overrides=imported.overrides,
        created_at=NOW - timedelta(days=3), updated_at=NOW, uid=imported.uid,
    )  # fmt: skip


instants = st.datetimes(
    datetime(1975, 1, 1), datetime(2090, 12, 31), timezones=st.just(UTC)  # noqa: DTZ001
)  # fmt: skip
whole = instants.map(lambda at: at.replace(microsecond=0))
minutes = whole.map(lambda at: at.replace(second=0))
moments = st.one_of(minutes, whole, instants)
lengths = st.one_of(
    st.integers(1, 36 * 60).map(lambda count: timedelta(minutes=count)), st.timedeltas(timedelta(milliseconds=1), timedelta(days=9))
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            r"C:\New\notes, a;b",
            "a\r\nb",
            "",
            " lead",
            "tail ",
            "\x00\x07",
            "日本語" * 30,
            '"quoted"',
            "l1\nl2\\n",
        ]
    ),
)


@st.composite
def sessions(draw: st.DrawFn) -> ImportedSession:
    zone = draw(st.sampled_from(ZONES))
    start, cycle = draw(moments), draw(st.sampled_from([None, *Cycle]))
    series = Series(start, start + draw(lengths), zone, cycle)
    if cycle is not None:
        series = Series(
            series.start, series.end, zone, cycle,
            day=draw(st.none() | st.sampled_from(Day)) if cycle is Cycle.WEEKLY else None,
            interval=draw(st.integers(1, 5)),
            **draw(ends(start)),
            exceptions=frozenset(draw(st.lists(dates_near(start), max_size=4))),
            overrides=tuple(sorted(draw(overrides_near(start)), key=lambda override: override.date)),
        )  # fmt: skip
    series = replace(series, overrides=tuple(each for each in series.overrides if possible(series, each)))
    return ImportedSession(
        draw(st.sampled_from(["a1@example.org", "x,y;z", "040000008200E00074C5B7101A82E008"])),
        SessionType.RECURRING if cycle else SessionType.ONE_TIME,
        draw(texts), draw(st.none() | texts), zone, series.start, series.end, cycle, series.day, series.interval,
        series.count, series.until, series.exceptions, series.overrides,
    )  # fmt: skip


def possible(series: Series, override: Override) -> bool:
    try:
        validate(replace(series, overrides=(override,)))
    except InvalidError:
        return False
    return True


def ends(start: datetime) -> st.SearchStrategy[dict[str, object]]:
    gaps = st.timedeltas(timedelta(), timedelta(days=2000))
    return st.one_of(
        st.just({}),
        st.integers(1, 60).map(lambda count: {"count": count}),
        gaps.map(lambda gap: {"until": start + gap}),
    )


def dates_near(start: datetime) -> st.SearchStrategy[date]:
    return st.sampled_from([0, 1, 2, 3, 5, 7, 14, 15, 21, 28, 31, 35, 61, 365, 366, 1461]).map(
        lambda days: (start + timedelta(days=days)).date()
    )


def overrides_near(start: datetime) -> st.SearchStrategy[list[Override]]:
    def override(
        on: date, shift: timedelta | None, length: timedelta | None, name: str | None, text: str | None
    ):
        begin = None if shift is None else datetime(on.year, on.month, on.day, 9, tzinfo=UTC) + shift
        finish = None if begin is None or length is None else begin + length
        return Override(on, begin, finish, name, text)

    one = st.builds(
        override,
        dates_near(start),
        st.none() | st.timedeltas(timedelta(days=-2), timedelta(days=2)),
        st.none() | lengths,
        st.none() | texts,
        st.none() | texts,
    )
    return st.lists(one, max_size=4, unique_by=lambda override: override.date)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sessions(), st.sampled_from(ZONES))
def test_a_feed_read_back_is_the_same_session(session: ImportedSession, home: str) -> None:
    result = parse(feed(timeline(home), [scheduled(session)], now=NOW), zone=home)
    assert result.refused == []
    assert result.sessions == [session]


def local_instant(zone: str, *wall: int) -> datetime:
    return datetime(*wall, tzinfo=ZoneInfo(zone)).astimezone(UTC)


CHANGES = [
    local_instant("Europe/Paris", 2026, 3, 29, 2, 30),  # Skipped.
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # 02:30 in Paris for the first time,
    datetime(2026, 10, 25, 1, 30, 0, 250000, tzinfo=UTC),  # and for the second.
    datetime(2011, 12, 29, 20, tzinfo=UTC),  # The day before the one that Samoa left out.
    datetime(2026, 4, 4, 14, 45, tzinfo=UTC),  # Lord Howe's half hour.
]


@pytest.mark.parametrize("start", CHANGES)
@pytest.mark.parametrize(
    "length", [timedelta(milliseconds=1), timedelta(minutes=30), timedelta(hours=1), timedelta(days=1)]
)
@pytest.mark.parametrize("cycle", [None, *Cycle])
@pytest.mark.parametrize("zone", ZONES)
def test_clock_changes_lose_nothing(
    start: datetime, length: timedelta, cycle: Cycle | None, zone: str
) -> None:
    override = Override(start.astimezone(ZoneInfo(zone)).date(), start, start + length, "Moved")
    kind = SessionType.RECURRING if cycle else SessionType.ONE_TIME
    session = ImportedSession(
        "u", kind, "x", None, zone, start, start + length, cycle, overrides=(override,) if cycle else ()
    )
    result = parse(feed(timeline(), [scheduled(session)], now=NOW), zone="Europe/Paris")
    assert result.sessions == [session]


def expected(session: ImportedSession, since: datetime, until: datetime) -> set[tuple[datetime, datetime]]:
    """Starts and ends in whole seconds, at least one apart, as a calendar has them."""
    found = occurrences(session.series, Window(since, until))
    pairs = {(one.start.replace(microsecond=0), one.end.replace(microsecond=0)) for one in found}
    return {(start, max(end, start + timedelta(seconds=1))) for start, end in pairs if since <= start}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sessions(), st.integers(0, 900))
def test_another_reader_sees_the_same_occurrences(session: ImportedSession, later: int) -> None:
    since = session.start.replace(microsecond=0) + timedelta(days=later) - timedelta(days=30)
    until = since + timedelta(days=365)
    written = Calendar.from_ical(feed(timeline(), [scheduled(session)], now=NOW))
    happened = recurring_ical_events.of(written).between(since, until)
    seen = {(each.start.astimezone(UTC), each.end.astimezone(UTC)) for each in happened}
    wanted = expected(session, since, until)
    assert {start for start, _ in seen if since <= start < until} == {start for start, _ in wanted}
    # That reader adds lengths on the wall, where RFC 5545 wants elapsed time beside a DTEND: near a clock change its
    # ends are others, and only those away from one are compared.
    assert {pair for pair in wanted if is_steady(*pair, zone=session.zone)} <= seen


def is_steady(start: datetime, end: datetime, *, zone: str) -> bool:
    around = (start - timedelta(days=1), start, end)
    return len({at.astimezone(ZoneInfo(zone)).utcoffset() for at in around}) == 1
