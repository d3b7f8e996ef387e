"""Decisions about timelines and sessions. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from stoa.kernel.actor import Actor
from stoa.kernel.errors import Fault, InvalidError
from stoa.schedule import recurrence
from stoa.schedule.errors import InvalidScheduleError, NotYoursError, OccurrenceNotFoundError
from stoa.schedule.model import Cycle, Day, Occurrence, Override, ScheduledSession, SessionType, Timeline

LONGEST_NAME = 255
LONGEST_DESCRIPTION = 10_000
LONGEST_UID = 255
MOST_EXCEPTIONS = 1_000
MOST_OVERRIDES = 1_000


@dataclass(frozen=True, slots=True)
class Draft:
    """What a caller wants a session to be. The session's zone, owner and times of creation are not theirs to say."""

    type: SessionType
    name: str
    description: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    cycle: Cycle | None = None
    day: Day | None = None
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    exceptions: frozenset[date] = frozenset()
    overrides: tuple[Override, ...] = ()
    zone: str | None = None
    uid: str | None = None


Changes = dict[str, Any]
"""Fields of a Draft by name, only those that change."""


def create(
    draft: Draft, *, timeline: Timeline, actor: Actor, session_id: str, now: datetime
) -> ScheduledSession:
    """A session of ``timeline``. Raises InvalidScheduleError with every fault found, or NotYoursError."""
    may_create(actor)
    values = {entry.name: getattr(draft, entry.name) for entry in fields(draft)}
    values["zone"] = draft.zone or timeline.zone
    return checked(
        ScheduledSession(id=session_id, timeline_id=timeline.id, owner_id=actor.id, created_at=now, **values)
    )


def change(session: ScheduledSession, changes: Changes, *, now: datetime) -> ScheduledSession:
    """The session with ``changes``; a new start without a new end keeps the length."""
    return checked(replace(session, updated_at=now, **_with_end(session.start, session.end, changes)))


def change_one(session: ScheduledSession, day: date, changes: Changes, *, now: datetime) -> ScheduledSession:
    """One occurrence moved, renamed or described anew: an override of its date."""
    for name in changes:
        if name not in _OF_ONE:
            raise InvalidError.field(
                _WIRE.get(name, name), "belongs to the whole series, not to one occurrence."
            )
    occurrence = occurrence_on(session, day)
    before = occurrence.override or Override(day)
    changes = _with_end(occurrence.start, occurrence.end, changes)
    override = replace(before, **changes)
    others = tuple(other for other in session.overrides if other.date != day)
    return checked(replace(session, overrides=(*others, override), updated_at=now))


def leave_out(session: ScheduledSession, day: date, *, now: datetime) -> ScheduledSession:
    """The series without the occurrence of ``day``."""
    occurrence_on(session, day)
    others = tuple(other for other in session.overrides if other.date != day)
    return checked(replace(session, exceptions=session.exceptions | {day}, overrides=others, updated_at=now))


@dataclass(frozen=True, slots=True)
class Split:
    """A series cut in two before one occurrence; ``before`` is None where that was the first."""

    before: ScheduledSession | None
    after: ScheduledSession


def split(session: ScheduledSession, day: date, *, session_id: str, now: datetime) -> Split:
    """``after`` begins with the occurrence of ``day`` and is a session of its own."""
    occurrence_on(session, day)
    series = session.series
    assert series is not None
    first, rest = recurrence.split(series, day)
    if first is None or rest is None:
        return Split(None, session)
    before = replace(
        session, count=first.count, until=first.until, exceptions=first.exceptions,
        overrides=first.overrides, updated_at=now,
    )  # fmt: skip
    after = replace(
        session, id=session_id, start=rest.start, end=rest.end, count=rest.count, until=rest.until,
        exceptions=rest.exceptions, overrides=rest.overrides, created_at=now, updated_at=None, uid=None,
    )  # fmt: skip
    return Split(before, after)


def remove(session: ScheduledSession, *, now: datetime) -> ScheduledSession:
    return replace(session, removed_at=now)


def occurrence_on(session: ScheduledSession, day: date) -> Occurrence:
    """The occurrence that the rule puts on ``day``. Raises OccurrenceNotFoundError."""
    series = session.series
    found = None if series is None or series.cycle is None else recurrence.occurrence_on(series, day)
    if found is None:
        raise OccurrenceNotFoundError(f"The session {session.id} has no occurrence on {day.isoformat()}.")
    return found


def effective_day(session: ScheduledSession) -> Day | None:
    """The weekday of a WEEKLY session: as given, or its start's in its zone."""
    if session.cycle is not Cycle.WEEKLY or session.day is not None or session.start is None:
        return session.day
    return list(Day)[session.start.astimezone(ZoneInfo(session.zone)).weekday()]


def may_create(actor: Actor) -> None:
    if not actor.teaches:
        raise NotYoursError("Only instructors and admins create here.")


def may_change(actor: Actor, owner_id: str) -> None:
    if not (actor.is_admin or actor.id == owner_id):
        raise NotYoursError("Only the owner or an admin changes this.")


def checked(session: ScheduledSession) -> ScheduledSession:
    """The session, if nothing in it breaks a rule; else InvalidScheduleError with every fault."""
    faults = [*_text_faults(session), *_rule_faults(session)]
    series = session.series
    if not faults and series is not None:
        try:
            recurrence.validate(series)
        except InvalidError as error:
            faults = [
                Fault(_WIRE.get(fault.field, fault.field), f"{fault.message}.") for fault in error.faults
            ]
    refuse(faults)
    return session


def refuse(faults: Iterable[Fault]) -> None:
    found = tuple(faults)
    if found:
        raise InvalidScheduleError(
            "; ".join(f"{fault.field}: {fault.message}" for fault in found), faults=found
        )


def zone_fault(zone: str) -> list[Fault]:
    if zone in available_timezones():
        return []
    return [Fault("timezone", "is not an IANA time zone name, for example Europe/Paris.")]


def text_faults(name: str, description: str | None) -> list[Fault]:
    faults = []
    if not name.strip():
        faults.append(Fault("name", "must not be empty."))
    if len(name) > LONGEST_NAME:
        faults.append(Fault("name", f"must have at most {LONGEST_NAME} characters."))
    if description is not None and len(description) > LONGEST_DESCRIPTION:
        faults.append(Fault("description", f"must have at most {LONGEST_DESCRIPTION} characters."))
    return faults


def _text_faults(session: ScheduledSession) -> list[Fault]:
    faults = text_faults(session.name, session.description)
    if session.uid is not None and len(session.uid) > LONGEST_UID:
        faults.append(Fault("uid", f"must have at most {LONGEST_UID} characters."))
    for override in session.overrides:
        faults += [
            Fault(f"overrides.{fault.field}", fault.message)
            for fault in text_faults("-" if override.name is None else override.name, override.description)
        ]
    return faults


def _rule_faults(session: ScheduledSession) -> list[Fault]:
    if session.type is SessionType.ONE_TIME:
        return [
            Fault(_WIRE[name], "belongs to a RECURRING session only.")
            for name in _OF_RECURRING
            if getattr(session, name) not in (None, (), frozenset(), 1)
        ]
    faults = [
        Fault(_WIRE[name], "is required for a RECURRING session.")
        for name in ("cycle", "start", "end")
        if getattr(session, name) is None
    ]
    if len(session.exceptions) > MOST_EXCEPTIONS:
        faults.append(Fault("exceptions", f"can be at most {MOST_EXCEPTIONS} dates."))
    if len(session.overrides) > MOST_OVERRIDES:
        faults.append(Fault("overrides", f"can be at most {MOST_OVERRIDES}."))
    return faults


def _with_end(start: datetime | None, end: datetime | None, changes: Changes) -> Changes:
    moved = changes.get("start")
    if moved is not None and "end" not in changes and start is not None and end is not None:
        return changes | {"end": moved + (end - start)}
    return changes


_OF_ONE = frozenset({"start", "end", "name", "description"})
_OF_RECURRING = ("cycle", "day", "interval", "count", "until", "exceptions", "overrides")
_WIRE = {
    "type": "type", "start": "startDateTime", "end": "endDateTime", "cycle": "repeatCycleType",
    "day": "recurringDayOfWeek", "interval": "interval", "count": "count", "until": "until",
    "exceptions": "exceptions", "overrides": "overrides", "zone": "timezone",
}  # fmt: skip
"""A fault is told by the name that the caller wrote."""
