"""Rules as files write them: taken so that the same occurrences happen, or refused with a sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from stoa.kernel.errors import InvalidError
from stoa.schedule.ical import Import, ImportedSession, feed, parse
from stoa.schedule.model import Cycle, Day, Override, ScheduledSession, SessionType, Timeline, Window
from stoa.schedule.recurrence import occurrences

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def calendar_of(*events: str) -> bytes:
    body = "".join(
        f"BEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\n{event}\r\nEND:VEVENT\r\n" for event in events
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{body}END:VCALENDAR\r\n".encode()


def event(*lines: str, start: str = "TZID=Europe/Paris:20260105T090000", uid: str = "u") -> str:
    return "\r\n".join([f"UID:{uid}", "SUMMARY:x", f"DTSTART;{start}", "DURATION:PT1H", *lines])


def taken(*lines: str, start: str = "TZID=Europe/Paris:20260105T090000") -> Import:
    return parse(calendar_of(event(*lines, start=start)), zone="Europe/Paris")


def one(*lines: str, start: str = "TZID=Europe/Paris:20260105T090000") -> ImportedSession:
    result = taken(*lines, start=start)
    assert result.refused == []
    [session] = result.sessions
    return session


def happenings(sessions: list[ImportedSession], since: datetime, until: datetime) -> list[datetime]:
    found = (each for session in sessions for each in occurrences(session.series, Window(since, until)))
    return sorted(each.start for each in found if since <= each.start)


def seen_by_others(data: bytes, since: datetime, until: datetime) -> list[datetime]:
    found = recurring_ical_events.of(Calendar.from_ical(data)).between(since, until)
    starts = (each["DTSTART"].dt.astimezone(UTC) for each in found)
    return sorted(start for start in starts if since <= start < until)


codes = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])


@st.composite
def rules(draw: st.DrawFn, start: datetime) -> str:
    """A rule that starts on its own first occurrence, with every part that can be taken."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "YEARLY"]))
    interval = draw(st.integers(1, 4))
    parts = [f"FREQ={frequency}"]
    own = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][start.weekday()]
    if frequency == "WEEKLY" or (frequency == "DAILY" and draw(st.booleans())):
        interval = interval if frequency == "WEEKLY" else 1
        days = dict.fromkeys([own, *draw(st.lists(codes, max_size=5))])
        parts += [f"BYDAY={','.join(days)}"] if draw(st.booleans()) or len(days) > 1 else []
        parts += [f"WKST={draw(codes)}"] if draw(st.booleans()) else []
    if frequency == "MONTHLY" and draw(st.booleans()):
        parts += [f"BYMONTHDAY={start.day}"]
    if frequency == "YEARLY" and draw(st.booleans()):
        parts += [f"BYMONTH={start.month}", f"BYMONTHDAY={start.day}"]
    parts += [f"INTERVAL={interval}"] if interval > 1 else []
    end = draw(st.sampled_from(["", "COUNT", "UNTIL"]))
    if end == "COUNT":
        parts += [f"COUNT={draw(st.integers(1, 25))}"]
    if end == "UNTIL":
        until = start.replace(tzinfo=UTC) + timedelta(hours=draw(st.integers(12, 9000)))
        parts += [f"UNTIL={until:%Y%m%dT%H%M%SZ}"]
    head, tail = parts[0], draw(st.permutations(parts[1:]))
    return ";".join([head, *tail])


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, datetime]:
    start = draw(st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 31))).replace(second=0, microsecond=0)  # noqa: DTZ001
    zone = draw(st.sampled_from(["Europe/Paris", "America/New_York", "Asia/Kolkata"]))
    lines = [f"RRULE:{draw(rules(start))}"]
    for shift in draw(st.lists(st.integers(1, 40), max_size=3, unique=True)):
        lines += [f"EXDATE;TZID={zone}:{start + timedelta(days=shift):%Y%m%dT%H%M%S}"]
    for shift in draw(st.lists(st.integers(1, 300), max_size=2, unique=True)):
        lines += [
            f"RDATE;TZID={zone}:{start + timedelta(days=shift, hours=draw(st.sampled_from([0, 3]))):%Y%m%dT%H%M%S}"
        ]
    data = calendar_of(event(*lines, start=f"TZID={zone}:{start:%Y%m%dT%H%M%S}"))
    return data, start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_the_sessions_happen_when_the_file_says(made: tuple[bytes, datetime]) -> None:
    data, start = made
    since, until = start - timedelta(days=1), start + timedelta(days=500)
    result = parse(data, zone="Europe/Paris")
    if result.refused:
        assert "None of its occurrences is left" in result.refused[0].reason
    assert happenings(result.sessions, since, until) == seen_by_others(data, since, until), data.decode()


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("FREQ=MONTHLY;BYDAY=2MO", "numbered weekday"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=MO", "MONTHLY on weekdays"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "other dates"),
        ("FREQ=MONTHLY;BYMONTHDAY=6", "other dates"),
        ("FREQ=YEARLY;BYMONTH=1,6", "other dates"),
        ("FREQ=YEARLY;BYMONTHDAY=5", "other dates"),
        ("FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO"),
        ("FREQ=DAILY;BYHOUR=9,10", "BYHOUR"),
        ("FREQ=DAILY;INTERVAL=2;BYDAY=MO", "every 2 days"),
        ("FREQ=DAILY;BYMONTH=1", "other dates"),
        ("FREQ=WEEKLY;BYDAY=MO;BYMONTH=1", "certain dates or months"),
        ("FREQ=WEEKLY;BYDAY=TU", "weekday that its rule leaves out"),
        ("FREQ=WEEKLY;BYDAY=MO,TU;WKST=XX", "WKST"),
        ("FREQ=HOURLY", "HOURLY"),
        ("FREQ=SECONDLY;COUNT=9", "SECONDLY"),
        ("COUNT=3", "in no way"),
        ("FREQ=DAILY;COUNT=0", "COUNT must be"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be"),
        ("FREQ=DAILY;INTERVAL=1001", "INTERVAL must be"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260201", "both"),
        ("FREQ=DAILY;UNTIL=20251201", "until"),
        ("FREQ=DAILY;UNTIL=yesterday", "UNTIL"),
        ("FREQ=DAILY;FREQ=DAILY", "not a valid rule"),
        ("FREQ=YEARLY;RSCALE=HEBREW", "another calendar"),
    ],
)
def test_refused_rule(rule: str, reason: str) -> None:
    result = taken(f"RRULE:{rule}")
    assert result.sessions == []
    [refusal] = result.refused
    assert (refusal.uid, refusal.name) == ("u", "x")
    assert reason in refusal.reason


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"], "several rules"),
        (["RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY"], "EXRULE"),
        (["EXDATE;TZID=Europe/Paris:20260105T090000"], "None of its occurrences"),
        (["STATUS:CANCELLED"], "cancelled"),
        (["RDATE:" + ",".join(f"20{y}{m:02}{d:02}T000000Z" for y in range(27, 31) for m in range(1, 13) for d in range(1, 29))], "RDATE"),
        (["EXDATE:soon"], "can't be read"),
        (["EXDATE:20260230T000000Z"], "does not exist"),
        (["RDATE:99990101T000000Z"], "outside of the years"),
    ],
)  # fmt: skip
def test_refused_event(lines: list[str], reason: str) -> None:
    result = taken(*lines)
    assert result.sessions == []
    assert reason in result.refused[0].reason


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Paris:20260106T090000"], "RANGE"),
        (["RECURRENCE-ID;TZID=Europe/Paris:20260106T100000"], "does not have"),
        (["RECURRENCE-ID;TZID=Europe/Paris:20260104T090000"], "does not have"),
        (["RECURRENCE-ID;TZID=Mars:20260106T090000"], "not known here"),
    ],
)
def test_a_change_that_fits_nothing_is_refused_alone(lines: list[str], reason: str) -> None:
    result = parse(calendar_of(event("RRULE:FREQ=DAILY"), event(*lines)), zone="Europe/Paris")
    assert len(result.sessions) == 1
    assert result.sessions[0].overrides == ()
    assert reason in result.refused[0].reason


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE;TZID=Europe/Paris:20260112T090000",
        "EXDATE:20260112T080000Z",
        "EXDATE;VALUE=DATE:20260112",
        "EXDATE;TZID=America/New_York:20260112T030000",
        "EXDATE;TZID=W. Europe Standard Time:20260112T090000",
        "EXDATE;TZID=Europe/Paris:20260112T000000",
        "EXDATE:20260112T090000",
        "exdate;tzid=europe/paris:20260112t090000",
    ],
)
def test_every_way_to_leave_out_a_date(line: str) -> None:
    assert one("RRULE:FREQ=WEEKLY", line).exceptions == {date(2026, 1, 12)}


def test_an_exception_at_another_time_leaves_out_nothing() -> None:
    assert one("RRULE:FREQ=WEEKLY", "EXDATE;TZID=Europe/Paris:20260112T110000").exceptions == frozenset()


def test_recurring_utc_event_stays_in_utc() -> None:
    assert one("RRULE:FREQ=DAILY", start="VALUE=DATE-TIME:20260105T090000Z").zone == "UTC"


def test_until_as_a_date_includes_that_day() -> None:
    assert one("RRULE:FREQ=DAILY;UNTIL=20260110").until == datetime(2026, 1, 10, 22, 59, 59, tzinfo=UTC)


def test_repeated_whole_days_have_24_hours_each() -> None:
    data = calendar_of(
        "UID:u\r\nSUMMARY:x\r\nDTSTART;VALUE=DATE:20260329\r\nDTEND;VALUE=DATE:20260330\r\nRRULE:FREQ=WEEKLY"
    )
    [session] = parse(data, zone="Europe/Paris").sessions
    assert session.end - session.start == timedelta(hours=24)


@pytest.mark.parametrize(
    "fixed", ["DTEND;TZID=Europe/Paris:20260105T090000", "DTEND;TZID=Europe/Paris:20260105T080000", "X-A:1"]
)
def test_an_event_without_length_is_refused(fixed: str) -> None:
    result = parse(calendar_of(f"UID:u\r\nDTSTART;TZID=Europe/Paris:20260105T090000\r\n{fixed}"), zone="UTC")
    assert "end" in result.refused[0].reason


def test_weekday_sessions_share_overrides_by_their_day() -> None:
    change = event(
        "RECURRENCE-ID;TZID=Europe/Paris:20260107T090000", start="TZID=Europe/Paris:20260107T110000"
    )
    result = parse(calendar_of(event("RRULE:FREQ=WEEKLY;BYDAY=MO,WE"), change), zone="Europe/Paris")
    monday, wednesday = result.sessions
    assert (monday.day, monday.overrides) == (Day.MONDAY, ())
    start = datetime(2026, 1, 7, 10, tzinfo=UTC)
    assert wednesday.overrides == (Override(date(2026, 1, 7), start, start + timedelta(hours=1)),)


def test_a_change_that_changes_nothing_is_no_override() -> None:
    change = event(
        "RECURRENCE-ID;TZID=Europe/Paris:20260106T090000", start="TZID=Europe/Paris:20260106T090000"
    )
    result = parse(calendar_of(event("RRULE:FREQ=DAILY"), change), zone="Europe/Paris")
    assert result.sessions[0].overrides == ()


def test_what_a_calendar_program_edited_wins_over_our_copy() -> None:
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    session = ScheduledSession(
        "s1", "t1", "u1", SessionType.RECURRING, "\x07old", "a\r\nb", "Europe/Paris", start, start + timedelta(hours=1),
        Cycle.WEEKLY, Day.THURSDAY, 1, None, None, frozenset(), (), NOW,
    )  # fmt: skip
    written = feed(Timeline("t1", "x", None, "Europe/Paris", "u1", NOW), [session], now=NOW)
    [same] = parse(written, zone="Europe/Paris").sessions
    assert (same.start, same.name, same.description) == (start, "\x07old", "a\r\nb")
    edited = written.replace(b"20260305T", b"20260312T").replace(b"SUMMARY:old", b"SUMMARY:new", 1)
    edited = edited.replace(b"DESCRIPTION:a\\nb", b"DESCRIPTION:c", 1)
    [changed] = parse(edited, zone="Europe/Paris").sessions
    assert (changed.start, changed.name, changed.description) == (
        datetime(2026, 3, 12, 8, tzinfo=UTC),
        "new",
        "c",
    )


def test_too_many_sessions_are_refused_whole() -> None:
    dates = ",".join(
        f"20{y}{m:02}{d:02}T000000Z" for y in (27, 28, 29) for m in range(1, 13) for d in range(1, 28)
    )
    events = (event(f"RDATE:{dates}", uid=str(number)) for number in range(12))
    with pytest.raises(InvalidError, match="10,000 sessions"):
        parse(calendar_of(*events), zone="UTC")
