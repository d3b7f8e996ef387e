"""Use cases of the schedule: load, decide, save, journal; each in the caller's one transaction."""

from __future__ import annotations

import heapq
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.clock import to_millis
from stoa.kernel.errors import InvalidError, StoaError
from stoa.kernel.ids import Ids
from stoa.kernel.journal import Event
from stoa.platform import journal
from stoa.platform.storage import lock
from stoa.schedule import conflicts, ical, recurrence, rules, store
from stoa.schedule.errors import CollisionError, SessionNotFoundError, TimelineNotFoundError, ZoneInUseError
from stoa.schedule.model import Occurrence, ScheduledSession, Scope, Timeline, Window

LONGEST_WINDOW = timedelta(days=366)
MOST_OCCURRENCES = 1_000
MOST_AT_ONCE = 1_000
TOLD_COLLISIONS = 10


# --- timelines ---------------------------------------------------------------------------------------------------


def create_timeline(
    connection: Connection,
    *,
    name: str,
    description: str | None,
    zone: str,
    actor: Actor,
    now: datetime,
    ids: Ids,
) -> Timeline:
    rules.may_create(actor)
    rules.refuse([*rules.text_faults(name, description), *rules.zone_fault(zone)])
    timeline = Timeline(ids.uuid(), name, description, zone, actor.id, now, feed_secret=ids.secret())
    store.insert_timeline(connection, timeline)
    _note(connection, timeline.id, "timeline.created", actor, now, name=name)
    return timeline


def get_timeline(connection: Connection, timeline_id: str) -> Timeline:
    timeline = store.get_timeline(connection, timeline_id)
    if timeline is None:
        raise TimelineNotFoundError(timeline_id)
    return timeline


def change_timeline(
    connection: Connection, timeline_id: str, changes: rules.Changes, *, actor: Actor, now: datetime
) -> Timeline:
    """Its zone stays once a session recurs in it: 09:00 in one zone is another instant in another."""
    lock(connection, f"t:{timeline_id}")
    timeline = get_timeline(connection, timeline_id)
    rules.may_change(actor, timeline.owner_id)
    changed = replace(timeline, updated_at=now, **changes)
    rules.refuse([*rules.text_faults(changed.name, changed.description), *rules.zone_fault(changed.zone)])
    if changed.zone != timeline.zone:
        sessions = store.sessions_of_timeline(connection, timeline_id)
        if any(session.cycle for session in sessions):
            raise ZoneInUseError("The timezone stays as it is while sessions recur in this timeline.")
        for session in sessions:
            store.update_session(connection, replace(session, zone=changed.zone))
    store.update_timeline(connection, changed)
    _note(connection, timeline_id, "timeline.changed", actor, now, fields=sorted(changes))
    return changed


def remove_timeline(connection: Connection, timeline_id: str, *, actor: Actor, now: datetime) -> Timeline:
    """The timeline and all its sessions."""
    lock(connection, f"t:{timeline_id}")
    timeline = get_timeline(connection, timeline_id)
    rules.may_change(actor, timeline.owner_id)
    for session in store.sessions_of_timeline(connection, timeline_id):
        _remove(connection, session, actor=actor, now=now)
    removed = replace(timeline, removed_at=now)
    store.update_timeline(connection, removed)
    _note(connection, timeline_id, "timeline.removed", actor, now)
    return removed


def renew_feed(
    connection: Connection, timeline_id: str, *, actor: Actor, now: datetime, ids: Ids
) -> Timeline:
    """A new secret for the calendar link; the old link is void at once."""
    timeline = get_timeline(connection, timeline_id)
    rules.may_change(actor, timeline.owner_id)
    renewed = replace(timeline, feed_secret=ids.secret(), updated_at=now)
    store.update_timeline(connection, renewed)
    _note(connection, timeline_id, "timeline.link_renewed", actor, now)
    return renewed


# --- sessions ----------------------------------------------------------------------------------------------------


def create_session(
    connection: Connection, timeline_id: str, draft: rules.Draft, *, actor: Actor, now: datetime, ids: Ids
) -> ScheduledSession:
    rules.may_create(actor)
    lock(connection, f"t:{timeline_id}", f"o:{actor.id}")
    timeline = store.get_timeline(connection, timeline_id)
    if timeline is None:
        raise InvalidError.field("timelineId", f"There is no timeline {timeline_id}.")
    session = rules.create(draft, timeline=timeline, actor=actor, session_id=ids.uuid(), now=now)
    refuse_collisions(connection, session)
    store.insert_session(connection, session)
    _note(connection, session.id, "session.created", actor, now, name=session.name)
    return session


def get_session(connection: Connection, session_id: str) -> ScheduledSession:
    session = store.get_session(connection, session_id)
    if session is None:
        raise SessionNotFoundError(session_id)
    return session


@dataclass(frozen=True, slots=True)
class Target:
    """What an edit means: a whole series, or a part of it that begins with (or is) the occurrence of ``day``."""

    scope: Scope = Scope.ALL
    day: date | None = None

    def required_day(self) -> date:
        if self.day is None:
            raise InvalidError.field(
                "occurrence", f"is required with scope={self.scope}: the occurrence's date."
            )
        return self.day


def change_session(
    connection: Connection, session_id: str, changes: rules.Changes, *, target: Target, actor: Actor,
    now: datetime, ids: Ids,
) -> ScheduledSession:  # fmt: skip
    """The session after the change; for ``following`` the new session that the later part has become."""
    session = _for_change(connection, session_id, actor)
    if target.scope is Scope.ALL:
        changed = rules.change(session, changes, now=now)
    elif target.scope is Scope.THIS:
        changed = rules.change_one(session, target.required_day(), changes, now=now)
    else:
        return _change_following(
            connection, session, changes, target.required_day(), actor=actor, now=now, ids=ids
        )
    refuse_collisions(connection, changed)
    store.update_session(connection, changed)
    _note(connection, session_id, "session.changed", actor, now, scope=target.scope, fields=sorted(changes))
    return changed


def _change_following(
    connection: Connection, session: ScheduledSession, changes: rules.Changes, day: date, *, actor: Actor,
    now: datetime, ids: Ids,
) -> ScheduledSession:  # fmt: skip
    parts = rules.split(session, day, session_id=ids.uuid(), now=now)
    after = rules.change(parts.after, changes, now=now)
    if parts.before is None:
        refuse_collisions(connection, after)
        store.update_session(connection, after)
    else:
        after = replace(after, updated_at=None)
        store.update_session(connection, parts.before)
        refuse_collisions(connection, after)
        store.insert_session(connection, after)
        _note(connection, after.id, "session.created", actor, now, name=after.name, split_from=session.id)
    _note(
        connection, session.id, "session.changed", actor, now, scope=Scope.FOLLOWING, fields=sorted(changes)
    )
    return after


def remove_session(
    connection: Connection, session_id: str, *, target: Target, actor: Actor, now: datetime, ids: Ids
) -> ScheduledSession:
    """The removed session, or the series that is left of it."""
    session = _for_change(connection, session_id, actor)
    if target.scope is Scope.THIS:
        left = rules.leave_out(session, target.required_day(), now=now)
    elif target.scope is Scope.FOLLOWING:
        parts = rules.split(session, target.required_day(), session_id=ids.uuid(), now=now)
        if parts.before is None:
            return _remove(connection, session, actor=actor, now=now)
        left = parts.before
    else:
        return _remove(connection, session, actor=actor, now=now)
    store.update_session(connection, left)
    _note(connection, session_id, "session.cut", actor, now, scope=target.scope)
    return left


def remove_sessions(
    connection: Connection, session_ids: Sequence[str], *, actor: Actor, now: datetime
) -> int:
    """All of them or none. Raises SessionNotFoundError for the first that is not there."""
    if len(session_ids) > MOST_AT_ONCE:
        raise InvalidError.field("body", f"must have at most {MOST_AT_ONCE} ids.")
    wanted = list(dict.fromkeys(session_ids))
    found = {session.id: session for session in store.get_sessions(connection, wanted)}
    for session_id in wanted:
        if session_id not in found:
            raise SessionNotFoundError(session_id)
        rules.may_change(actor, found[session_id].owner_id)
    for session in found.values():
        _remove(connection, session, actor=actor, now=now)
    return len(found)


def _remove(
    connection: Connection, session: ScheduledSession, *, actor: Actor, now: datetime
) -> ScheduledSession:
    removed = rules.remove(session, now=now)
    store.update_session(connection, removed)
    _note(connection, session.id, "session.removed", actor, now)
    return removed


def _for_change(connection: Connection, session_id: str, actor: Actor) -> ScheduledSession:
    """The session, once nobody else can change it or what it might collide with."""
    session = get_session(connection, session_id)
    rules.may_change(actor, session.owner_id)
    lock(connection, *store.holders(session))
    return get_session(connection, session_id)


def refuse_collisions(connection: Connection, session: ScheduledSession) -> None:
    """Raises CollisionError with the first occurrences that collide. The caller holds the session's locks."""
    series = session.series
    if series is None:
        return
    found = conflicts.conflicts(series, store.rivals(connection, session))
    if found:
        found.sort(key=lambda pair: (pair[1].start, pair[0]))
        told = found[:TOLD_COLLISIONS]
        rivals = {rival.id: rival for rival in store.get_sessions(connection, [key for key, _ in told])}
        raise CollisionError([(rivals[key], collision.other) for key, collision in told])


# --- what happens when -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Happening:
    """An occurrence with the session that it belongs to."""

    session: ScheduledSession
    occurrence: Occurrence

    @property
    def key(self) -> tuple[int, str, str]:
        return to_millis(self.occurrence.start), self.session.id, self.occurrence.date.isoformat()


def occurrences(
    connection: Connection, window: Window, *, session_id: str | None = None, timeline_id: str | None = None,
    after: tuple[int, str, str] | None = None, limit: int = MOST_OCCURRENCES,
) -> list[Happening]:  # fmt: skip
    """What happens in ``window``, by start; at most ``limit + 1``, so that the caller sees whether there is more."""
    refuse_long(window)
    if session_id is not None:
        sessions = [get_session(connection, session_id)]
    else:
        if timeline_id is not None:
            get_timeline(connection, timeline_id)
        sessions = store.sessions_in(connection, window, timeline_id=timeline_id)
    found = (happening for session in sessions for happening in _expanded(session, window))
    if after is not None:
        found = (happening for happening in found if happening.key > after)
    return heapq.nsmallest(limit + 1, found, key=lambda happening: happening.key)


def _expanded(session: ScheduledSession, window: Window) -> Iterable[Happening]:
    series = session.series
    if series is None:
        return ()
    return (Happening(session, occurrence) for occurrence in recurrence.occurrences(series, window))


def free_busy(connection: Connection, owners: Sequence[str], window: Window) -> dict[str, list[Window]]:
    """For each owner the stretches of ``window`` that are taken, merged and in order."""
    refuse_long(window)
    taken: dict[str, list[tuple[datetime, datetime]]] = {owner: [] for owner in owners}
    for session in store.sessions_in(connection, window, owners=owners):
        if session.series is not None:
            taken[session.owner_id] += [
                (max(found.start, window.start), min(found.end, window.end))
                for found in recurrence.occurrences(session.series, window)
            ]
    return {owner: merged(intervals) for owner, intervals in taken.items()}


def merged(intervals: list[tuple[datetime, datetime]]) -> list[Window]:
    """Touching and overlapping intervals as one."""
    result: list[Window] = []
    for start, end in sorted(intervals):
        if result and start <= result[-1].end:
            if end > result[-1].end:
                result[-1] = Window(result[-1].start, end)
        else:
            result.append(Window(start, end))
    return result


def refuse_long(window: Window) -> None:
    if window.end <= window.start:
        raise InvalidError.field("to", "must be after from.")
    if window.length > LONGEST_WINDOW:
        raise InvalidError.field("to", f"must be at most {LONGEST_WINDOW.days} days after from.")


# --- calendars ---------------------------------------------------------------------------------------------------


def feed(connection: Connection, timeline_id: str, secret: str, *, now: datetime) -> bytes:
    """The timeline as iCalendar, for whoever knows the link. A wrong secret is told like a wrong timeline."""
    timeline = store.get_timeline(connection, timeline_id)
    if timeline is None or not hmac.compare_digest(timeline.feed_secret.encode(), secret.encode()):
        raise TimelineNotFoundError(timeline_id)
    return ical.feed(timeline, store.sessions_of_timeline(connection, timeline_id), now=now)


@dataclass(frozen=True, slots=True)
class Imported:
    created: list[ScheduledSession]
    updated: list[ScheduledSession]
    refused: list[ical.Refusal]


def import_calendar(
    connection: Connection, timeline_id: str, found: ical.Import, *, actor: Actor, now: datetime, ids: Ids
) -> Imported:
    """Takes what can be taken. A session whose uid is known here is brought up to date instead of doubled."""
    lock(connection, f"t:{timeline_id}", f"o:{actor.id}")
    timeline = get_timeline(connection, timeline_id)
    rules.may_create(actor)
    known = store.by_uids(connection, timeline_id, [own_uid(item.uid) for item in found.sessions])
    result = Imported([], [], list(found.refused))
    for item in found.sessions:
        try:
            existing = known.get(own_uid(item.uid))
            if existing is None:
                session = rules.create(
                    _draft(item), timeline=timeline, actor=actor, session_id=ids.uuid(), now=now
                )
                refuse_collisions(connection, session)
                store.insert_session(connection, session)
                result.created.append(session)
            else:
                rules.may_change(actor, existing.owner_id)
                session = rules.change(existing, _changes(item), now=now)
                refuse_collisions(connection, session)
                store.update_session(connection, session)
                result.updated.append(session)
        except StoaError as error:
            result.refused.append(ical.Refusal(item.uid, item.name, error.message))
    _note(
        connection, timeline_id, "timeline.imported", actor, now,
        created=len(result.created), updated=len(result.updated), refused=len(result.refused),
    )  # fmt: skip
    return result


def own_uid(uid: str | None) -> str:
    """The session's id, where the uid is one that this server's own feed gave."""
    return (uid or "").removesuffix("@stoa")


def _draft(item: ical.ImportedSession) -> rules.Draft:
    return rules.Draft(**_changes(item), uid=item.uid)


def _changes(item: ical.ImportedSession) -> dict[str, Any]:
    return {
        "type": item.type, "name": item.name, "description": item.description, "start": item.start, "end": item.end,
        "cycle": item.cycle, "day": item.day, "interval": item.interval, "count": item.count, "until": item.until,
        "exceptions": item.exceptions, "overrides": item.overrides, "zone": item.zone,
    }  # fmt: skip


def _note(connection: Connection, subject: str, event: str, actor: Actor, now: datetime, **data: Any) -> None:
    journal.append(connection, f"schedule:{subject}", Event(event, data), actor_id=actor.id, at=now)
