"""A file's events as sessions that can be created.

What becomes of what:

* An all-day event runs from local midnight to midnight, a floating one is in the timeline's zone, and a repeated one
  keeps the zone that its file gives it. A single instant in UTC takes the timeline's zone.
* A rule on several weekdays ("every working day") becomes one session per weekday. The first keeps the UID, the
  others add the day to it; the weekdays take turns, so a COUNT is dealt out exactly.
* Each RDATE becomes a session of its own, its UID that of the event and the date; so does an occurrence that came
  without its series.
* A cancelled occurrence becomes an exception; a cancelled event is refused.
* Of several versions of one event (one UID) the newest is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import ParamSpec, TypeVar

from stoa.kernel.errors import InvalidError
from stoa.schedule.ical._events import UNTITLED, Found, restored, unseen_overrides, zone_of
from stoa.schedule.ical._foreign import Zones, known_zone
from stoa.schedule.ical._lines import OURS, Node, read
from stoa.schedule.ical._rules import Branch, RefusedError, Rule, Until, read_rule, shifted
from stoa.schedule.ical._times import Moment, date_named
from stoa.schedule.ical._values import Import, ImportedSession, Refusal
from stoa.schedule.ical._wall import local, moved_times, names, own_times, resolve
from stoa.schedule.model import Override, Series, SessionType
from stoa.schedule.recurrence import validate

MAX_SESSIONS = 10_000
MAX_DATES = 1_000
"""How many sessions the RDATEs of one event may become."""

NO_EVENTS = {
    "VTODO": "It is a task (VTODO); only events become sessions.",
    "VJOURNAL": "It is a journal entry (VJOURNAL); only events become sessions.",
    "VFREEBUSY": "It is a list of busy times (VFREEBUSY); only events become sessions.",
}
ANSWERS = frozenset({"REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"})
CANCELLED = "It is cancelled."

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(slots=True)
class _Group:
    """All that the file says under one UID."""

    masters: list[Found] = field(default_factory=list)
    changes: list[Found] = field(default_factory=list)


@dataclass(slots=True)
class _Draft:
    session: ImportedSession
    exceptions: set[date] = field(default_factory=set)
    overrides: dict[date, Override] = field(default_factory=dict)

    def finished(self) -> ImportedSession:
        overrides = tuple(self.overrides[on] for on in sorted(self.overrides))
        return replace(self.session, exceptions=frozenset(self.exceptions), overrides=overrides)


@dataclass(slots=True)
class _Drafts:
    """The sessions that one event becomes: one per branch of its rule, and one per RDATE by its start."""

    branches: list[_Draft]
    extras: dict[datetime, _Draft] = field(default_factory=dict)

    def naming(self, moment: Moment, *, lenient: bool = False) -> tuple[_Draft, date] | None:
        """Which session has an occurrence at ``moment``, and by which date it names it."""
        for draft in self.branches:
            on = date_named(draft.session.series, moment, lenient=lenient)
            if on is not None and names(draft.session.series, on):
                return draft, on
        extra = self.extras.get(moment.instant)
        return (extra, local(extra.session.start, extra.session.zone).date()) if extra else None


def parse(data: bytes, *, zone: str) -> Import:
    """Read an iCalendar file for a timeline whose zone is ``zone`` (an IANA name).

    Raises InvalidError for the field ``file`` where the file as a whole can't be taken: it is not iCalendar, is
    damaged, larger than 5 MB, nested too deep, has more than 10,000 components or makes more than 10,000 sessions.
    """
    if known_zone(zone) != zone:
        raise InvalidError.field("timezone", "must be an IANA zone name such as Europe/Paris.")
    result = Import()
    for group in _groups(read(data), result, home=zone):
        sessions = _taken((group.masters + group.changes)[0], result, _sessions, group, result)
        result.sessions.extend(sessions or [])
        if len(result.sessions) > MAX_SESSIONS:
            raise InvalidError.field("file", f"makes more than {MAX_SESSIONS:,} sessions.")
    return result


def _groups(calendars: list[Node], result: Import, *, home: str) -> list[_Group]:
    groups: dict[object, _Group] = {}
    for calendar in calendars:
        zones, method = Zones(calendar, home=home), calendar.word("METHOD")
        for child in calendar.children:
            found = Found(child, zones, home)
            if child.name in NO_EVENTS:
                _refuse(found, NO_EVENTS[child.name], result)
            elif child.name == "VEVENT" and method == "CANCEL":
                _refuse(found, CANCELLED, result)
            elif child.name == "VEVENT" and method in ANSWERS:
                _refuse(
                    found, f"It answers an invitation (METHOD:{method}) and is no event of its own.", result
                )
            elif child.name == "VEVENT":
                group = groups.setdefault(found.uid or object(), _Group())
                (group.changes if child.first("RECURRENCE-ID") else group.masters).append(found)
    return list(groups.values())


def _taken(found: Found, result: Import, take: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """What ``take`` makes, or None and a refusal."""
    try:
        return take(*args, **kwargs)
    except RefusedError as refused:
        _refuse(found, str(refused), result)
    except OverflowError:
        _refuse(found, "It reaches beyond the years that a calendar has.", result)
    return None


def _refuse(found: Found, reason: str, result: Import) -> None:
    result.refused.append(Refusal(found.uid, found.name, reason))


def _sessions(group: _Group, result: Import) -> list[ImportedSession]:
    changes = sorted(group.changes, key=lambda found: found.version)
    if not group.masters:
        alone = [_taken(found, result, _occurrence_alone, found) for found in changes]
        return [session for session in alone if session is not None]
    *older, master = sorted(group.masters, key=lambda found: found.version)
    for found in older:
        _refuse(found, "The file has a newer version of the same event (the same UID).", result)
    drafts = _drafts(master)
    for found in changes:
        _taken(found, result, _apply, found, drafts)
    sessions = [draft.finished() for draft in (*drafts.branches, *drafts.extras.values())]
    kept = [session for session in sessions if not _is_void(session)]
    if not kept:
        raise RefusedError("None of its occurrences is left: all are excluded or cancelled.")
    for session in kept:
        _check(session)
    return kept


def _check(session: ImportedSession) -> None:
    """What is taken can be created."""
    try:
        validate(session.series)
    except InvalidError as error:
        raise RefusedError(f"It can't be a session ({error.message}).") from None


def _is_void(session: ImportedSession) -> bool:
    return session.cycle is None and local(session.start, session.zone).date() in session.exceptions


def _occurrence_alone(found: Found) -> ImportedSession:
    """An occurrence without its series: an invitation to that one."""
    if found.cancelled:
        raise RefusedError(CANCELLED)
    session = _once(found)
    return replace(session, uid=f"{session.uid}/{_stamp(found.moment('RECURRENCE-ID').wall)}")


def _once(found: Found) -> ImportedSession:
    start = found.moment("DTSTART")
    series = Series(start.instant, found.end(start, repeats=False), zone_of(found, start, repeats=False))
    return _session(found, restored(found.node, series))


def _session(found: Found, series: Series) -> ImportedSession:
    name = found.name
    return ImportedSession(
        uid=found.uid,
        type=SessionType.ONE_TIME if series.cycle is None else SessionType.RECURRING,
        name=UNTITLED if name is None else name,
        description=found.description,
        zone=series.zone, start=series.start, end=series.end, cycle=series.cycle, day=series.day,
        interval=series.interval, count=series.count, until=series.until,
    )  # fmt: skip


def _drafts(master: Found) -> _Drafts:
    """The master event's sessions, its own dates left out and added."""
    if master.cancelled:
        raise RefusedError(CANCELLED)
    if master.node.first("EXRULE"):
        raise RefusedError("It leaves out occurrences by a rule (EXRULE), which is not possible here.")
    rules = master.node.lines.get("RRULE", [])
    if len(rules) > 1:
        raise RefusedError("It repeats by several rules at once, which is not possible here.")
    start = master.moment("DTSTART")
    if rules:
        drafts = _Drafts(_branches(master, start, read_rule(rules[0].value, first=start.wall.date())))
    else:
        drafts = _Drafts([_Draft(_once(master))])
    _add_dates(master, drafts)
    _leave_out(master, drafts)
    if len(drafts.branches) == 1:
        for override in unseen_overrides(master.node):
            drafts.branches[0].overrides.setdefault(override.date, override)
    return drafts


def _branches(master: Found, start: Moment, rule: Rule) -> list[_Draft]:
    zone = zone_of(master, start, repeats=True)
    length = master.end(start, repeats=True) - start.instant
    until = _until_instant(rule.until, zone)
    made: list[_Draft] = []
    for branch in rule.branches:
        first = resolve(shifted(start.wall, branch), start.zone)
        series = _series(branch, first, first + length, zone, until)
        if len(rule.branches) == 1:
            series = restored(master.node, series)
        if made and until is not None and first > until:
            continue
        session = _session(master, series)
        made.append(_Draft(replace(session, uid=_branch_uid(session.uid, branch)) if made else session))
    return made


def _series(branch: Branch, start: datetime, end: datetime, zone: str, until: datetime | None) -> Series:
    return Series(start, end, zone, branch.cycle, branch.day, branch.interval, branch.count, until)


def _branch_uid(uid: str | None, branch: Branch) -> str | None:
    return f"{uid}/{branch.day}" if uid else None


def _until_instant(until: Until | None, zone: str) -> datetime | None:
    return resolve(until.wall, "UTC" if until.utc else zone) if until else None


def _add_dates(master: Found, drafts: _Drafts) -> None:
    """RDATE: occurrences beside the rule, each a session of its own unless the rule has it anyway."""
    first = drafts.branches[0].session
    for moment in master.moments("RDATE"):
        if drafts.naming(moment) is not None:
            continue
        if len(drafts.extras) == MAX_DATES:
            raise RefusedError(f"It adds more than {MAX_DATES:,} dates to its rule (RDATE).")
        start = moment.instant
        uid = f"{first.uid}/{_stamp(moment.wall)}" if first.uid else None
        once = Series(start, start + (first.end - first.start), first.zone)
        drafts.extras[start] = _Draft(replace(_session(master, once), uid=uid))


def _leave_out(master: Found, drafts: _Drafts) -> None:
    """EXDATE. One that names no occurrence leaves out nothing, but is kept where it could name one."""
    alone = drafts.branches[0] if len(drafts.branches) == 1 and drafts.branches[0].session.cycle else None
    for moment in master.moments("EXDATE"):
        on = date_named(alone.session.series, moment, lenient=True) if alone else None
        beside = moment.instant in drafts.extras
        named = (alone, on) if alone and on and not beside else drafts.naming(moment, lenient=True)
        if named is not None:
            named[0].exceptions.add(named[1])


def _apply(found: Found, drafts: _Drafts) -> None:
    """A changed or cancelled occurrence."""
    line = found.node.first("RECURRENCE-ID")
    if line is not None and line.parameters.get("RANGE"):
        raise RefusedError(
            "It changes an occurrence and all that follow (RANGE), which is not possible here."
        )
    named = drafts.naming(found.moment("RECURRENCE-ID"))
    if named is None:
        raise RefusedError("It changes an occurrence that its series does not have.")
    draft, on = named
    if found.cancelled:
        draft.exceptions.add(on)
    elif draft.session.cycle is None:
        changed = _once(found)
        draft.session = replace(
            draft.session,
            start=changed.start,
            end=changed.end,
            name=changed.name,
            description=changed.description,
        )
    else:
        override = _override(found, draft.session, on)
        if override != Override(on) or found.node.first(f"{OURS}SETS"):
            draft.overrides[on] = override


def _override(found: Found, session: ImportedSession, on: date) -> Override:
    """What the occurrence has that its series would not give it. X-STOA-SETS says what Stoa had set on purpose."""
    series = session.series
    start, end = own_times(series, on)
    if found.node.first("DTSTART"):
        moment = found.moment("DTSTART")
        once = restored(found.node, Series(moment.instant, found.end(moment, repeats=True), series.zone))
        start, end = once.start, once.end
    sets = found.node.word(f"{OURS}SETS").split(",")
    moved = Override(on, start=start if "START" in sets or start != own_times(series, on)[0] else None)
    if "END" in sets or end != moved_times(series, moved)[1]:
        moved = replace(moved, end=end)
    name, description = found.name, found.description
    if name is not None and ("NAME" in sets or name != session.name):
        moved = replace(moved, name=name)
    if "DESCRIPTION" in sets or description != session.description:
        moved = replace(moved, description=description or "")
    return moved


def _stamp(wall: datetime) -> str:
    return f"{wall:%Y%m%dT%H%M%S}"
