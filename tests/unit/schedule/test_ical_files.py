"""Calendars as Google, Nextcloud, Outlook, Exchange and Apple write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from stoa.schedule.ical import Import, ImportedSession, feed, parse
from stoa.schedule.model import Cycle, Day, Override, ScheduledSession, SessionType, Timeline
from stoa.schedule.recurrence import validate

FILES = Path(__file__).parents[2] / "data" / "ical"
NAMES = sorted(path.name for path in FILES.glob("*.ics"))
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
HOME = "Europe/Paris"
STATUS_REPORT = "040000008200E00074C5B7101A82E00800000000B0A1C2D3E4F5DA01000000000000000010000000AABBCCDDEEFF00112233445566778899"


def load(name: str) -> Import:
    return parse((FILES / name).read_bytes(), zone=HOME)


def session(name: str, uid: str | None) -> ImportedSession:
    [found] = [session for session in load(name).sessions if session.uid == uid]
    return found


def refusals(name: str) -> dict[str | None, str]:
    return {refused.uid: refused.reason for refused in load(name).refused}


def wall(session: ImportedSession) -> str:
    return f"{session.start.astimezone(ZoneInfo(session.zone)):%Y-%m-%d %H:%M} {session.zone}"


def scheduled(imported: ImportedSession, number: int) -> ScheduledSession:
    return ScheduledSession(
        id=f"s{number}", timeline_id="t1", owner_id="u1", type=imported.type, name=imported.name,
        description=imported.description, zone=imported.zone, start=imported.start, end=imported.end,
        cycle=imported.cycle, day=imported.day, interval=imported.interval, count=imported.count,
        until=imported.until, exceptions=imported.exceptions, overrides=imported.overrides,
        created_at=NOW, uid=imported.uid,
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_was_taken_survives_a_feed(name: str) -> None:
    taken = load(name).sessions
    timeline = Timeline("t1", name, None, HOME, "u1", NOW)
    written = feed(timeline, [scheduled(each, number) for number, each in enumerate(taken)], now=NOW)
    again = parse(written, zone=HOME)
    named = [each.uid or f"s{number}@stoa" for number, each in enumerate(taken)]
    assert again.refused == []
    assert [each.uid for each in again.sessions] == named
    assert [_without_uid(each) for each in again.sessions] == [_without_uid(each) for each in taken]


def _without_uid(session: ImportedSession) -> tuple[object, ...]:
    return (session.type, session.name, session.description, session.series)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [b"\n", b"\r", b"\r\n", b"\n\r\n", b"\r\r\n"])
def test_line_ends_do_not_matter(name: str, change: bytes) -> None:
    data = (FILES / name).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", change)
    assert parse(data, zone=HOME) == load(name)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_taken_can_be_created(name: str) -> None:
    for taken in load(name).sessions:
        validate(taken.series)


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_taken_or_refused(name: str) -> None:
    result = load(name)
    written = {
        line[4:].strip()
        for line in (FILES / name).read_text("utf-8-sig").replace("\n\t", "").replace("\n ", "").splitlines()
        if line.startswith("UID:") and "ALARM" not in line
    }
    told = {str(session.uid).split("/")[0] for session in result.sessions} | {
        each.uid for each in result.refused
    }
    assert written <= told


def test_google_weekdays_become_a_session_each() -> None:
    uid = "5v3b2k8q1r0c7d6e5f4a3b2c1d@google.com"
    wednesday, friday = session("google.ics", uid), session("google.ics", f"{uid}/FRIDAY")
    assert (wall(wednesday), wednesday.day) == ("2026-01-07 18:30 Europe/Paris", Day.WEDNESDAY)
    assert (wall(friday), friday.day) == ("2026-01-09 18:30 Europe/Paris", Day.FRIDAY)
    assert wednesday.name == "Escalade — entraînement du soir pour les élèves confirmés, groupe « Éiger »"
    assert wednesday.description == (
        "Niveau 6a–6b; apporter: baudrier, chaussons.\nInscription : https://example.org/?a=1,2&b=é"
    )
    assert wednesday.exceptions == {date(2026, 2, 18)}
    assert friday.exceptions == {date(2026, 2, 13), date(2026, 3, 6)}


def test_google_moved_occurrence_is_an_override() -> None:
    [override] = session("google.ics", "5v3b2k8q1r0c7d6e5f4a3b2c1d@google.com").overrides
    start, end = datetime(2026, 1, 22, 18, tzinfo=UTC), datetime(2026, 1, 22, 19, 30, tzinfo=UTC)
    assert override == Override(date(2026, 1, 21), start, end, "Escalade (déplacée)", "")


def test_google_all_day_is_midnight_to_midnight() -> None:
    event = session("google.ics", "allday@google.com")
    assert (event.start, event.end) == (
        datetime(2026, 4, 30, 22, tzinfo=UTC),
        datetime(2026, 5, 2, 22, tzinfo=UTC),
    )


def test_single_utc_event_takes_the_timelines_zone() -> None:
    assert session("google.ics", "meeting-utc@google.com").zone == HOME


def test_event_of_another_zone_keeps_it() -> None:
    event = session("google.ics", "newyork@google.com")
    assert (wall(event), event.count) == ("2026-03-02 09:00 America/New_York", 8)


def test_nextcloud_duration_exceptions_and_added_dates() -> None:
    uid = "1f0a6f8a-3d56-4c3c-9a57-ffb1f0b2c3d4"
    series, added = session("nextcloud.ics", uid), session("nextcloud.ics", f"{uid}/20260110T140000")
    assert series.end - series.start == timedelta(minutes=90)
    assert (series.cycle, series.interval, series.name) == (Cycle.DAILY, 2, "Frühtraining")
    assert series.exceptions == {date(2026, 1, 7), date(2026, 1, 9), date(2026, 1, 15)}
    assert (added.type, wall(added)) == (SessionType.ONE_TIME, "2026-01-10 14:00 Europe/Berlin")
    changed = session("nextcloud.ics", f"{uid}/20260117T140000")
    assert (changed.name, wall(changed)) == ("Zusatztraining", "2026-01-17 15:00 Europe/Berlin")


def test_floating_event_is_in_the_timelines_zone() -> None:
    assert wall(session("nextcloud.ics", "floating")) == "2026-07-08 10:15 Europe/Paris"


def test_outlook_windows_zone_is_understood() -> None:
    event = session("outlook.ics", STATUS_REPORT)
    assert wall(event) == "2026-01-05 09:00 Europe/Berlin"
    assert event.exceptions == {date(2026, 1, 19), date(2026, 3, 2)}
    assert event.overrides[0].date == date(2026, 2, 2)


def test_outlook_working_days_share_their_count() -> None:
    days = [each for each in load("outlook.ics").sessions if str(each.uid).startswith("workdays")]
    counts = {each.day: each.count for each in days}
    assert counts == {Day.TUESDAY: 3, Day.WEDNESDAY: 3, Day.THURSDAY: 2, Day.FRIDAY: 2, Day.MONDAY: 2}


def test_exchange_customized_zone_is_known_by_its_clock() -> None:
    assert wall(session("exchange.ics", "AAMkAGI2exchange-1")) == "2026-01-06 09:00 America/New_York"


def test_occurrence_without_its_series_is_a_session() -> None:
    event = session("exchange.ics", "AAMkAGI2exchange-2/20260217T110000")
    assert (event.type, wall(event)) == (SessionType.ONE_TIME, "2026-02-17 11:30 America/New_York")


def test_apple_weeks_begin_where_the_rule_says() -> None:
    # Every second week, weeks beginning on Sunday, from a Monday: the next Sunday is in the week after the next.
    sunday = session("apple.ics", "7E0C2F6A-1B2C-4D3E-8F90-0123456789AB/SUNDAY")
    assert (wall(sunday), sunday.count) == ("2026-03-01 18:00 America/New_York", 3)


def test_apple_zone_with_only_an_offset_is_found() -> None:
    assert wall(session("apple.ics", "india-apple")) == "2026-03-10 10:00 Asia/Kolkata"


def test_duration_of_a_day_follows_the_calendar() -> None:
    event = session("apple.ics", "nominal-day-apple")
    assert event.end - event.start == timedelta(hours=23)


def test_newest_version_wins_across_calendars() -> None:
    event = session("several.ics", "same")
    assert (event.name, wall(event)) == ("New version", "2026-06-02 08:00 Asia/Tokyo")
    assert event.until == datetime(2026, 6, 5, 14, 59, 59, tzinfo=UTC)


def test_year_9999_is_no_end() -> None:
    assert session("several.ics", "endless").until is None


def test_event_without_uid_is_taken_without_one() -> None:
    assert session("several.ics", None).name == "Without a UID"


@pytest.mark.parametrize(
    ("name", "uid", "reason"),
    [
        ("google.ics", "secondmonday@google.com", "numbered weekday"),
        ("nextcloud.ics", "no-end", "no end"),
        ("nextcloud.ics", "todo-1", "VTODO"),
        ("outlook.ics", "lastworkday-outlook", "BYSETPOS"),
        ("exchange.ics", "AAMkAGI2exchange-3", "'tzone://Microsoft/Custom' is not known here"),
        ("exchange.ics", "AAMkAGI2exchange-4", "HOURLY"),
        ("apple.ics", "twice-apple", "other dates"),
        ("several.ics", "same", "newer version"),
        ("several.ics", "gone", "cancelled"),
        ("several.ics", "withdrawn", "cancelled"),
    ],
)
def test_refused_with_a_reason(name: str, uid: str, reason: str) -> None:
    assert reason in refusals(name)[uid]
    assert refusals(name)[uid].endswith(".")
