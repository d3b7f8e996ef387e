"""A timeline and its sessions as one VCALENDAR."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from icalendar import Calendar, Event, vRecur, vText

from stoa.schedule.ical._lines import plain
from stoa.schedule.ical._timezones import vtimezone
from stoa.schedule.ical._wall import (
    Shown,
    cut,
    local,
    moved_times,
    names,
    own_times,
    resolve,
    shown,
    wall_time,
)
from stoa.schedule.model import Cycle, Override, ScheduledSession, Series, Timeline

PRODID = "-//Stoa//Schedule//EN"
REFRESH = "PT15M"
YEARS_AHEAD = 15
"""How far a VTIMEZONE lists the changes of a zone that follows no yearly rule."""


def feed(timeline: Timeline, sessions: Iterable[ScheduledSession], *, now: datetime) -> bytes:
    """The timeline as an iCalendar file in UTF-8, one VEVENT per session and one per moved or renamed occurrence.

    There is no X-WR-TIMEZONE: every time names its zone, and some programs take a rule in UTC for one in that zone.

    Left out are removed sessions, and sessions without start or end: a calendar has no place for those. The bytes
    depend on ``now`` only through its year, so an unchanged timeline keeps its ETag: DTSTAMP is the last revision.
    """
    made = Calendar()
    made.add("PRODID", PRODID)
    made.add("VERSION", "2.0")
    made.add("CALSCALE", "GREGORIAN")
    _add_text(made, "X-WR-CALNAME", timeline.name)
    if timeline.description is not None:
        _add_text(made, "X-WR-CALDESC", timeline.description)
    _add_raw(made, "REFRESH-INTERVAL", REFRESH, VALUE="DURATION")
    _add_raw(made, "X-PUBLISHED-TTL", REFRESH)
    shows = [
        (session, series)
        for session in sessions
        if session.removed_at is None and (series := session.series) is not None and _has_place(series)
    ]
    for component in _vtimezones(timeline.zone, [series for _, series in shows], now=now):
        made.add_component(component)
    for session, series in shows:
        for event in _events(session, series):
            made.add_component(event)
    written: bytes = made.to_ical()
    return written


def _has_place(series: Series) -> bool:
    """Whether its years are ones that every zone's clock can show."""
    return series.start.year > 1 and series.end.year < 9999


def _vtimezones(own: str, series: list[Series], *, now: datetime) -> list[Any]:
    earliest: dict[str, int] = {own: now.year}
    for each in series:
        earliest[each.zone] = min(earliest.get(each.zone, now.year), each.start.year)
    return [
        vtimezone(zone, max(year - 1, 1900), max(now.year, year) + YEARS_AHEAD)
        for zone, year in sorted(earliest.items())
        if zone != "UTC"
    ]


def _events(session: ScheduledSession, series: Series) -> list[Event]:
    show = shown(series)
    master = _event(session, session.name, session.description)
    _add_start(master, series, show)
    _add_rule(master, series, show)
    events = [master]
    _add_exceptions(master, series)
    for override in sorted(series.overrides, key=lambda override: override.date):
        if (
            override.date in series.exceptions
            or not names(series, override.date)
            or _is_lost(series, override)
        ):
            # A calendar would show this as an occurrence, and Stoa does not: it travels unseen.
            _add_text(master, "X-STOA-OVERRIDE", _override_json(override))
        else:
            events.append(_override_event(session, series, override))
    return events


def _is_lost(series: Series, override: Override) -> bool:
    start, end = moved_times(series, override)
    return start >= end or start.year < 2 or end.year > 9998


def _event(session: ScheduledSession, name: str, description: str | None) -> Event:
    event = Event()
    revised = session.updated_at or session.created_at
    _add_text(event, "UID", session.uid or f"{session.id}@stoa")
    event.add("DTSTAMP", cut(revised))
    event.add("CREATED", cut(session.created_at))
    event.add("LAST-MODIFIED", cut(revised))
    _add_faithful(event, "SUMMARY", name)
    if description is not None:
        _add_faithful(event, "DESCRIPTION", description)
    return event


def _add_start(event: Event, series: Series, show: Shown) -> None:
    if show.wall is None or series.zone == "UTC":
        event.add("DTSTART", show.start)
        _add_text(event, "X-STOA-ZONE", series.zone)
    else:
        event.add("DTSTART", show.wall, {"TZID": series.zone})
    _add_end(event, series, show.start, show.length)
    if series.start != show.start or series.end != show.start + show.length:
        _add_text(event, "X-STOA-START", series.start.isoformat())
        _add_text(event, "X-STOA-END", series.end.isoformat())


def _add_end(event: Event, series: Series, start: datetime, length: timedelta) -> None:
    """DTEND, or DURATION in exact hours where a wall time would say something else.

    It would where the end's means another instant, and in a series whose first occurrence spans a clock change: many
    programs add the first one's length on the wall to all the others.
    """
    zone, end = series.zone, start + length
    wall = local(end, zone)
    agrees = resolve(wall, zone) == end and (series.cycle is None or wall - local(start, zone) == length)
    if event["DTSTART"].params.get("TZID") is None:
        event.add("DTEND", end)
    elif agrees:
        event.add("DTEND", wall, {"TZID": zone})
    else:
        hours, rest = divmod(int(length.total_seconds()), 3600)
        _add_raw(event, "DURATION", f"PT{hours}H{rest // 60}M{rest % 60}S")


def _add_rule(event: Event, series: Series, show: Shown) -> None:
    if series.cycle is None:
        return
    rule: dict[str, list[Any]] = {"FREQ": [series.cycle.value]}
    if series.interval != 1:
        rule["INTERVAL"] = [series.interval]
    if series.count is not None:
        rule["COUNT"] = [series.count]
    if show.until is not None:
        rule["UNTIL"] = [show.until]
    if series.cycle is Cycle.WEEKLY and series.day is not None:
        rule["BYDAY"] = [series.day.value[:2]]
    if series.cycle is Cycle.MONTHLY and show.wall is not None:
        rule["BYMONTHDAY"] = [show.wall.day]
    event.add("RRULE", vRecur(rule))
    if series.until is not None and series.until != show.until:
        _add_text(event, "X-STOA-UNTIL", series.until.isoformat())


def _add_exceptions(event: Event, series: Series) -> None:
    for on in sorted(series.exceptions):
        _add_named(event, "EXDATE", series, on)


def _add_named(event: Event, name: str, series: Series, on: date) -> None:
    """A property that names an occurrence by the wall time at which the rule put it."""
    wall = datetime.combine(on, wall_time(series))
    if series.zone == "UTC":
        event.add(name, wall.replace(tzinfo=UTC))
    else:
        event.add(name, wall, {"TZID": series.zone})


def _override_event(session: ScheduledSession, series: Series, override: Override) -> Event:
    name = session.name if override.name is None else override.name
    description = session.description if override.description is None else override.description
    event = _event(session, name, description)
    _add_named(event, "RECURRENCE-ID", series, override.date)
    start, end = moved_times(series, override)
    once = Series(start, end, series.zone)
    _add_start(event, once, shown(once))
    own = own_times(series, override.date)
    fields = {
        "START": override.start,
        "END": override.end,
        "NAME": override.name,
        "DESCRIPTION": override.description,
    }
    sets = [key for key, value in fields.items() if value is not None]
    if (start, end) == own and not sets:
        sets = ["NOTHING"]
    _add_raw(event, "X-STOA-SETS", ",".join(sets))
    return event


def _override_json(override: Override) -> str:
    return json.dumps(
        {
            "date": override.date.isoformat(),
            "start": override.start and override.start.isoformat(),
            "end": override.end and override.end.isoformat(),
            "name": override.name,
            "description": override.description,
        }
    )


class _Text(vText):
    """TEXT escaped as RFC 5545 says. icalendar 7.3 takes a backslash before a capital N for a line break."""

    def to_ical(self) -> bytes:
        text = str(self).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
        return text.encode()


class _Raw(vText):
    """A value that is already in iCalendar's own form."""

    def to_ical(self) -> bytes:
        return str(self).encode()


def _add_text(component: Calendar | Event, name: str, text: str) -> None:
    component.add(name, _Text(plain(text)))


def _add_faithful(event: Event, name: str, text: str) -> None:
    """TEXT, with a copy in JSON beside it where iCalendar can't carry it as it is."""
    _add_text(event, name, text)
    if plain(text) != text or not text:
        _add_text(event, f"X-STOA-{name}", json.dumps(text))


def _add_raw(component: Calendar | Event, name: str, value: str, **parameters: str) -> None:
    component.add(name, _Raw(value, params=parameters or None))
