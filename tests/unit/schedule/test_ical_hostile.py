"""Whatever arrives as a file, the answer is an Import or one of our errors, and it comes soon."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stoa.kernel.errors import InvalidError, StoaError
from stoa.schedule.ical import Import, parse

FILES = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "data" / "ical").glob("*.ics"))]
EVENT = (
    "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART;TZID=Europe/Paris:20260131T090000\r\nDTEND;TZID=Europe/Paris:20260131T100000\r\n"
    "SUMMARY:x\r\n{more}END:VEVENT\r\n"
)


def file_of(*events: str) -> bytes:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{''.join(events)}END:VCALENDAR\r\n".encode()


def event(more: str = "", uid: str = "u") -> str:
    return EVENT.format(uid=uid, more=more)


def survives(data: bytes) -> Import | None:
    try:
        return parse(data, zone="Europe/Paris")
    except StoaError as error:
        complaint = error
    assert {fault.field for fault in complaint.faults} == {"file"}
    return None


@settings(deadline=None)
@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_anything_at_all(data: bytes) -> None:
    assert survives(data) is None


tokens = st.sampled_from(
    [
        b"99999999999", b"-1", b"0", b"\x00", b"\xff", b";", b":", b",", b"=", b'"', b"\r\n", b"\n ", b"\\", b"VALUE=DATE",
        b"VALUE=PERIOD", b"TZID=", b"TZID=../../etc/passwd", b"TZID=America", b"RRULE:FREQ=WEEKLY;BYDAY=MO\r\n", b"/PT1H",
        b"RRULE:FREQ=YEARLY;COUNT=0\r\n", b"INTERVAL=", b"COUNT=3;", b"UNTIL=20260101;", b"UNTIL=00010101;", b"BYDAY=", b"P-1D",
        b"RECURRENCE-ID:20260107T173000Z\r\n", b"EXDATE:\r\n", b"00000000T000000", b"00010101T000000", b"99991231T235959Z",
        b"20260230", b"20260329T023000", b"BEGIN:VEVENT\r\n", b"END:VEVENT\r\n", b"END:VCALENDAR\r\n", b"DURATION:P999999D\r\n",
        b"X-STOA-START:0001-01-01T00:00:00+14:00\r\n", b"X-STOA-UNTIL:9999-12-31T23:59:59-14:00\r\n", b"X-STOA-COUNT:0\r\n",
        b'X-STOA-OVERRIDE:{"date": "2026-01-01"\\, "start": 5}\r\n', b'X-STOA-SUMMARY:"\\\\ud800"\r\n', b"X-STOA-SETS:START\r\n",
        b"X-STOA-ZONE:Mars/Olympus\r\n", b"DTSTART;TZID=Pacific/Apia:20111230T090000\r\n", "٣".encode(), "é".encode(),
    ]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["insert", "delete", "overwrite", "copy"]))
        if kind == "delete":
            del data[at : at + draw(st.integers(1, 60))]
        elif kind == "copy":
            source = draw(st.integers(0, len(data)))
            data[at:at] = data[source : source + draw(st.integers(1, 300))]
        else:
            token = draw(tokens)
            data[at : at + (len(token) if kind == "overwrite" else 0)] = token
    return bytes(data)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mutated())
def test_damaged_files(data: bytes) -> None:
    survives(data)


properties = st.sampled_from(
    [
        "DTSTART",
        "DTEND",
        "DURATION",
        "RRULE",
        "RDATE",
        "EXDATE",
        "RECURRENCE-ID",
        "SUMMARY",
        "DESCRIPTION",
        "UID",
        "SEQUENCE",
        "STATUS",
        "X-STOA-START",
        "X-STOA-END",
        "X-STOA-UNTIL",
        "X-STOA-COUNT",
        "X-STOA-ZONE",
        "X-STOA-OVERRIDE",
        "X-STOA-SETS",
        "X-STOA-SUMMARY",
    ]
)
values = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[0-9]{8}(T[0-9]{6}Z?)?", fullmatch=True),
    st.from_regex(r"(19|20|21)[0-9]{2}(0[1-9]|1[0-2])[0-2][1-8](T0[0-9]3000Z?)?", fullmatch=True),
    st.from_regex(r"-?P([0-9]{1,7}W)?([0-9]{1,7}D)?(T[0-9]{1,9}H)?", fullmatch=True),
    st.from_regex(
        r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;(INTERVAL|COUNT|BYMONTH|BYMONTHDAY)=[0-9]{1,7})?(;BYDAY=(MO|TU)(,SA)?)?"
        r"(;UNTIL=[0-9]{8})?(;WKST=(SU|XX))?",
        fullmatch=True,
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(properties, st.sampled_from(["", ";TZID=Asia/Tokyo", ";VALUE=DATE"]), values), max_size=12
    )
)
def test_events_of_any_properties(lines: list[tuple[str, str, str]]) -> None:
    body = "".join(f"{name}{parameter}:{value}\r\n" for name, parameter, value in lines)
    survives(file_of(f"BEGIN:VEVENT\r\n{body}END:VEVENT\r\n", event(body, uid="second")))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no VCALENDAR"),
        (b"<html>", "must begin with BEGIN:VCALENDAR"),
        (b"BEGIN:VCARD\r\nEND:VCARD\r\n", "must begin with"),
        (b"\xff\xfeB\x00", "not UTF-8"),
        (file_of(event())[:-20], "damaged"),
        (file_of("BEGIN:VEVENT\r\nEND:VTODO\r\n"), "closes something else"),
        (file_of("BEGIN:X\r\n" * 20 + "END:X\r\n" * 20), "deep"),
        (file_of("BEGIN:X\r\nEND:X\r\n" * 10_001), "10,000 components"),
        (file_of(event("X-PAD:" + "x" * 5_000_000 + "\r\n")), "5 MB"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidError, match=reason):
        parse(data, zone="UTC")


def test_an_unknown_timeline_zone_is_invalid() -> None:
    with pytest.raises(InvalidError, match="timezone"):
        parse(file_of(event()), zone="Mars/Olympus")


def many_searches() -> bytes:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:z{n}\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nTZOFFSETFROM:+0137\r\n"
        "TZOFFSETTO:+0137\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    use = "BEGIN:VEVENT\r\nUID:{n}\r\nDTSTART;TZID=z{n}:20260101T000000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
    return file_of(*(zone.format(n=number) + use.format(n=number) for number in range(3300)))


HOSTILE = {
    "a bare line of 5 MB": lambda: b"BEGIN:VCALENDAR\r\n" + b"a" * 4_900_000,
    "quotes without end": lambda: file_of(event("X-A;" + '"a' * 2_000_000 + "\r\n")),
    "blanks": lambda: b"BEGIN:VCALENDAR\r\n" + b" \t" * 2_400_000 + b"\r\nEND:VCALENDAR",
    "line ends": lambda: b"BEGIN:VCALENDAR" + b"\r\n" * 2_400_000 + b"END:VCALENDAR",
    "carriage returns": lambda: b"BEGIN:VCALENDAR" + b"\r" * 4_800_000 + b"END:VCALENDAR",
    "parameters": lambda: file_of(event("DTSTART" + ";A=B" * 1_200_000 + ":20260101\r\n")),
    "exceptions": lambda: file_of(event("RRULE:FREQ=DAILY\r\nEXDATE:" + "20260301T080000Z," * 280_000 + "\r\n")),
    "exceptions of a long month": lambda: file_of(
        event("RRULE:FREQ=MONTHLY;COUNT=900000\r\nEXDATE;VALUE=DATE:" + "21991231," * 500_000 + "\r\n")
    ),
    "added dates": lambda: file_of(event("RDATE:" + "20260301T080000Z," * 280_000 + "\r\n")),
    "overrides of many events": lambda: file_of(
        *(
            event("RRULE:FREQ=MONTHLY;COUNT=999999\r\n", uid=f"{number}")
            + event("RECURRENCE-ID;TZID=Europe/Paris:21981231T090000\r\n", uid=f"{number}")
            for number in range(4_900)
        )
    ),
    "overrides of one event": lambda: file_of(
        event("RRULE:FREQ=DAILY\r\nRDATE:" + ",".join(f"2026{m:02}{d:02}T111111Z" for m in range(1, 13) for d in range(1, 29))),
        *(event("RECURRENCE-ID:20270301T111111Z\r\n") for _ in range(9_000)),
    ),
    "zones to search for": many_searches,
    "an endless number": lambda: file_of(event("RRULE:FREQ=DAILY;COUNT=" + "9" * 4_000_000 + "\r\n")),
    "a deep JSON": lambda: file_of(event("X-STOA-OVERRIDE:" + "[" * 2_000_000 + "\r\n")),
    "escapes": lambda: file_of(event("DESCRIPTION:" + "\\\\" * 2_000_000 + "\r\n")),
    "a rule by the second in a zone": lambda: file_of(
        "BEGIN:VTIMEZONE\r\nTZID:evil\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nTZOFFSETFROM:+0100\r\n"
        "TZOFFSETTO:+0100\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
        "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=evil:20260101T000000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_takes_the_reader_down(name: str) -> None:
    data = HOSTILE[name]()
    assert len(data) <= 5_000_000
    survives(data)


def test_one_files_zones_do_not_change_the_next() -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Home\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0900\r\n"
        "TZOFFSETTO:+0900\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    use = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Home:20260101T000000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
    assert parse(file_of(zone, use), zone="UTC").sessions[0].zone == "Asia/Tokyo"
    assert parse(file_of(use), zone="UTC").sessions == []
