"""The VTIMEZONEs of a feed say what the zones really do, to a reader that knows nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from stoa.schedule.ical import feed, parse
from stoa.schedule.ical._timezones import vtimezone
from stoa.schedule.model import Timeline

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
FIRST, LAST = 2015, 2041
ZONES = sorted({*WINDOWS_TO_OLSON.values()} - {"Etc/UTC"})


@pytest.mark.parametrize("zone", ZONES)
def test_a_definition_agrees_with_the_zone(zone: str) -> None:
    text = vtimezone(zone, FIRST, LAST).to_ical().decode().replace("\r\n ", "")
    defined = tzical(StringIO(text)).get()
    known = ZoneInfo(zone)
    # dateutil reads local times, so it is asked about wall times far enough from the changes to be unambiguous.
    for day in range(0, (LAST - FIRST) * 365, 5):
        at = (datetime(FIRST, 1, 2, 12, tzinfo=UTC) + timedelta(days=day)).astimezone(known)
        assert at.replace(tzinfo=defined).utcoffset() == at.utcoffset(), at


def test_a_yearly_rule_is_written_as_one() -> None:
    text = vtimezone("Europe/Paris", FIRST, LAST).to_ical().decode()
    assert "DTSTART:20150329T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n" in text
    assert "DTSTART:20151025T030000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n" in text


def test_a_zone_without_a_yearly_rule_is_listed() -> None:
    text = vtimezone("Africa/Casablanca", FIRST, LAST).to_ical().decode()
    assert "RDATE:" in text
    assert "RRULE:" not in text.split("DTSTART:2019", 1)[-1]


@pytest.mark.parametrize(
    "zone", ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "Asia/Tokyo"]
)
def test_a_zone_under_a_strange_name_is_found_by_its_definition(zone: str) -> None:
    definition = vtimezone(zone, 2020, 2040).to_ical().decode().replace(f"TZID:{zone}", "TZID:Ours (custom)")
    data = (
        f"BEGIN:VCALENDAR\r\n{definition}BEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID=Ours (custom):20270701T090000\r\n"
        "DURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    assert parse(data.encode(), zone="UTC").sessions[0].zone == zone


@pytest.mark.parametrize("windows", sorted({*WINDOWS_TO_OLSON} - {"UTC"}))
def test_every_windows_zone_is_known(windows: str) -> None:
    data = (
        f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID={windows}:20270701T090000\r\nDURATION:PT1H\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    [session] = parse(data.encode(), zone="UTC").sessions
    assert session.zone == WINDOWS_TO_OLSON[windows]


def test_an_unchanged_timeline_keeps_its_bytes() -> None:
    timeline = Timeline("t1", "x", "about, it", "Europe/Paris", "u1", NOW)
    assert feed(timeline, [], now=NOW) == feed(timeline, [], now=NOW + timedelta(days=20))
    assert b"X-WR-CALDESC:about\\, it\r\n" in feed(timeline, [], now=NOW)


def test_every_line_is_folded_and_ends_in_crlf() -> None:
    written = feed(Timeline("t1", "é" * 300, None, "Africa/Casablanca", "u1", NOW), [], now=NOW)
    lines = written.split(b"\r\n")
    assert lines[-1] == b""
    assert all(len(line) <= 75 and b"\n" not in line for line in lines)
