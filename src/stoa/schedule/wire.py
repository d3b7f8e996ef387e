"""Requests and responses of the schedule, exactly as documented, and how values become them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from stoa.schedule import ical, recurrence, rules
from stoa.schedule.model import (
    Cycle,
    Day,
    Occurrence,
    Override,
    ScheduledSession,
    SessionType,
    Timeline,
    Window,
)
from stoa.schedule.service import Happening, Imported
from stoa.web.errors import Dialect, Problem
from stoa.web.values import Instant, InstantText, iso, iso_or_none, utc

T = TypeVar("T")
Name = Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_NAME)]
Description = Annotated[str, Meta(max_length=rules.LONGEST_DESCRIPTION)]
Interval = Annotated[int, Meta(ge=1, le=recurrence.MOST_INTERVAL)]
Count = Annotated[int, Meta(ge=1, le=recurrence.MOST_COUNT)]


# --- requests ----------------------------------------------------------------------------------------------------


class OverrideBody(Struct, rename="camel"):
    """One occurrence that differs: ``date`` names it (its local date by the rule)."""

    date: date
    start_date_time: Instant | None = None
    end_date_time: Instant | None = None
    name: Name | None = None
    description: Description | None = None

    def to_value(self) -> Override:
        return Override(
            self.date, _utc_or_none(self.start_date_time, "overrides.startDateTime"),
            _utc_or_none(self.end_date_time, "overrides.endDateTime"), self.name, self.description,
        )  # fmt: skip

    @classmethod
    def of(cls, override: Override) -> OverrideBody:
        return cls(override.date, override.start, override.end, override.name, override.description)


class CreateSession(Struct, rename="camel"):
    type: SessionType
    timeline_id: Annotated[str, Meta(max_length=64)]
    name: Name
    description: Description | None = None
    start_date_time: Instant | None = None
    end_date_time: Instant | None = None
    repeat_cycle_type: Cycle | None = None
    recurring_day_of_week: Day | None = None
    interval: Interval | None = None
    count: Count | None = None
    until: Instant | None = None
    exceptions: Annotated[list[date], Meta(max_length=rules.MOST_EXCEPTIONS)] = []
    overrides: Annotated[list[OverrideBody], Meta(max_length=rules.MOST_OVERRIDES)] = []

    def to_draft(self) -> rules.Draft:
        return rules.Draft(
            type=self.type, name=self.name, description=self.description,
            start=_utc_or_none(self.start_date_time, "startDateTime"),
            end=_utc_or_none(self.end_date_time, "endDateTime"),
            cycle=self.repeat_cycle_type, day=self.recurring_day_of_week, interval=self.interval or 1,
            count=self.count, until=_utc_or_none(self.until, "until"), exceptions=frozenset(self.exceptions),
            overrides=tuple(override.to_value() for override in self.overrides),
        )  # fmt: skip


class ChangeSession(Struct, rename="camel"):
    """What is absent stays; null empties. A session stays in its timeline."""

    type: SessionType | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    start_date_time: Instant | UnsetType | None = UNSET
    end_date_time: Instant | UnsetType | None = UNSET
    repeat_cycle_type: Cycle | UnsetType | None = UNSET
    recurring_day_of_week: Day | UnsetType | None = UNSET
    interval: Interval | UnsetType | None = UNSET
    count: Count | UnsetType | None = UNSET
    until: Instant | UnsetType | None = UNSET
    exceptions: Annotated[list[date], Meta(max_length=rules.MOST_EXCEPTIONS)] | UnsetType = UNSET
    overrides: Annotated[list[OverrideBody], Meta(max_length=rules.MOST_OVERRIDES)] | UnsetType = UNSET

    def to_changes(self) -> rules.Changes:
        given = {field: getattr(self, field) for field in self.__struct_fields__}
        return {
            _FIELDS.get(field, field): _to_value(field, value)
            for field, value in given.items()
            if value is not UNSET
        }


_FIELDS = {
    "start_date_time": "start", "end_date_time": "end",
    "repeat_cycle_type": "cycle", "recurring_day_of_week": "day",
}  # fmt: skip


def _to_value(field: str, value: Any) -> Any:
    if field == "interval":
        return value or 1
    if field == "exceptions":
        return frozenset(value)
    if field == "overrides":
        return tuple(override.to_value() for override in value)
    if isinstance(value, datetime):
        return utc(value, _INSTANTS[field])
    return value


_INSTANTS = {"start_date_time": "startDateTime", "end_date_time": "endDateTime", "until": "until"}


class CreateTimeline(Struct):
    name: Name
    description: Description | None = None
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"


class ChangeTimeline(Struct):
    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    timezone: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET

    def to_changes(self) -> rules.Changes:
        given = {"name": self.name, "description": self.description, "zone": self.timezone}
        return {field: value for field, value in given.items() if value is not UNSET}


def _utc_or_none(value: datetime | None, field: str) -> datetime | None:
    return None if value is None else utc(value, field)


# --- responses ---------------------------------------------------------------------------------------------------


class PageMeta(Struct):
    skip: int
    take: int
    count: int


class Meta_(Struct, omit_defaults=True, frozen=True):  # noqa: N801 - msgspec's Meta has the name
    message: str
    meta: PageMeta | UnsetType = UNSET
    cursor: str | UnsetType = UNSET


class Wrapped(Struct, Generic[T]):
    data: T
    meta: Meta_ = Meta_("success")


def wrapped_page(items: list[T], *, skip: int, take: int, count: int) -> Wrapped[list[T]]:
    return Wrapped(items, Meta_("success", PageMeta(skip, take, count)))


def wrapped_until(items: list[T], cursor: str | None) -> Wrapped[list[T]]:
    """A page that ends with a bookmark, where there is more."""
    return Wrapped(items, Meta_("success", cursor=UNSET if cursor is None else cursor))


class OverrideOut(Struct, rename="camel"):
    date: date
    start_date_time: InstantText | None
    end_date_time: InstantText | None
    name: str | None
    description: str | None


class SessionBody(Struct, rename="camel"):
    id: str
    type: SessionType
    timeline_id: str
    name: str
    start_date_time: InstantText | None
    end_date_time: InstantText | None
    repeat_cycle_type: Cycle | None
    recurring_day_of_week: Day | None
    description: str | None
    created_at: InstantText
    updated_at: InstantText | None
    removed_at: InstantText | None
    owner_id: str
    timezone: str
    interval: int
    count: int | None
    until: InstantText | None
    exceptions: list[date]
    overrides: list[OverrideOut]

    @classmethod
    def of(cls, session: ScheduledSession) -> SessionBody:
        day = rules.effective_day(session)
        return cls(
            session.id, session.type, session.timeline_id, session.name, iso_or_none(session.start),
            iso_or_none(session.end), session.cycle, day, session.description, iso(session.created_at),
            iso_or_none(session.updated_at), iso_or_none(session.removed_at), session.owner_id, session.zone,
            session.interval, session.count, iso_or_none(session.until), sorted(session.exceptions),
            [
                OverrideOut(o.date, iso_or_none(o.start), iso_or_none(o.end), o.name, o.description)
                for o in sorted(session.overrides, key=lambda o: o.date)
            ],
        )  # fmt: skip


class TimelineBody(Struct, rename="camel"):
    """``feedUrl`` is shown to the owner and to admins only."""

    id: str
    name: str
    description: str | None
    timezone: str
    owner_id: str
    created_at: InstantText
    updated_at: InstantText | None
    removed_at: InstantText | None
    feed_url: str | None

    @classmethod
    def of(cls, timeline: Timeline, *, feed_url: str | None) -> TimelineBody:
        return cls(
            timeline.id, timeline.name, timeline.description, timeline.zone, timeline.owner_id,
            iso(timeline.created_at), iso_or_none(timeline.updated_at), iso_or_none(timeline.removed_at), feed_url,
        )  # fmt: skip


class OccurrenceBody(Struct, rename="camel"):
    """``date`` names the occurrence within its series: what ``occurrence=`` of an edit takes."""

    session_id: str
    timeline_id: str
    date: date
    start_date_time: InstantText
    end_date_time: InstantText
    name: str
    description: str | None
    is_override: bool

    @classmethod
    def of(cls, happening: Happening) -> OccurrenceBody:
        session, occurrence = happening.session, happening.occurrence
        name, description = _texts(session, occurrence)
        return cls(
            session.id, session.timeline_id, occurrence.date, iso(occurrence.start), iso(occurrence.end),
            name, description, occurrence.override is not None,
        )  # fmt: skip


def _texts(session: ScheduledSession, occurrence: Occurrence) -> tuple[str, str | None]:
    override = occurrence.override
    if override is None:
        return session.name, session.description
    name = session.name if override.name is None else override.name
    return name, session.description if override.description is None else override.description


class Busy(Struct, rename="camel"):
    start_date_time: InstantText
    end_date_time: InstantText


class FreeBusyBody(Struct, rename="camel"):
    owner_id: str
    busy: list[Busy]

    @classmethod
    def of(cls, owner: str, windows: Sequence[Window]) -> FreeBusyBody:
        return cls(owner, [Busy(iso(window.start), iso(window.end)) for window in windows])


class RefusalBody(Struct):
    uid: str | None
    name: str | None
    reason: str


class ImportBody(Struct):
    created: list[SessionBody]
    updated: list[SessionBody]
    refused: list[RefusalBody]

    @classmethod
    def of(cls, imported: Imported) -> ImportBody:
        return cls(
            [SessionBody.of(session) for session in imported.created],
            [SessionBody.of(session) for session in imported.updated],
            [_refusal(refusal) for refusal in imported.refused],
        )


def _refusal(refusal: ical.Refusal) -> RefusalBody:
    return RefusalBody(refusal.uid, refusal.name, refusal.reason)


# --- errors ------------------------------------------------------------------------------------------------------


class FieldError(Struct):
    field: str
    message: str


class ConflictOut(Struct, rename="camel"):
    session_id: str
    name: str
    start_date_time: InstantText
    end_date_time: InstantText


class ErrorMeta(Struct):
    message: str
    errors: list[FieldError]
    conflicts: list[ConflictOut] | UnsetType = UNSET


class ErrorBody(Struct):
    data: None
    meta: ErrorMeta


def error_body(problem: Problem) -> ErrorBody:
    error = problem.error
    meta = ErrorMeta(error.message, [FieldError(fault.field, fault.message) for fault in error.faults])
    if problem.status == 409:
        meta.conflicts = [
            ConflictOut(session.id, session.name, iso(occurrence.start), iso(occurrence.end))
            for session, occurrence in error.details.get("collisions", ())
        ]
    return ErrorBody(None, meta)


DIALECT = Dialect((), error_body)
