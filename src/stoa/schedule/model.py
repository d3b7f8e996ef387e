"""Timelines, sessions and the rule by which a session recurs. Frozen values; times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class SessionType(StrEnum):
    ONE_TIME = "ONE_TIME"
    RECURRING = "RECURRING"


class Cycle(StrEnum):
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


class Day(StrEnum):
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class Scope(StrEnum):
    """How much of a series an edit or a deletion means."""

    THIS = "this"
    FOLLOWING = "following"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Override:
    """One occurrence that differs from its series.

    ``date`` is the local date (in the series' zone) on which the rule put the occurrence: its name for good.
    ``start`` and ``end`` are instants; None keeps the rule's own.
    """

    date: date
    start: datetime | None = None
    end: datetime | None = None
    name: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """When something happens: once (``cycle`` is None) or by a rule, in wall-clock time of ``zone``.

    ``start`` and ``end`` are the instants that the caller gave. The rule's own first occurrence has the wall-clock
    time of ``start`` in ``zone``; for WEEKLY its date is the first ``day`` on or after the start's local date, else
    it is the start's local date. Every occurrence lasts exactly ``end - start`` of elapsed time, as RFC 5545 says
    of DTEND, so that a clock change can shift an end on the wall but never turn an occurrence inside out.
    ``count`` counts the rule's occurrences before ``exceptions`` are left out, as RFC 5545 does; ``until`` is the
    last instant at which one may start (inclusive). ``interval`` ≥ 1 counts cycles.
    ``exceptions`` are local dates that the rule names but that do not happen.
    """

    start: datetime
    end: datetime
    zone: str
    cycle: Cycle | None = None
    day: Day | None = None
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    exceptions: frozenset[date] = frozenset()
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """``date`` is the local date by which the rule names it; start and end are where it really is."""

    date: date
    start: datetime
    end: datetime
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    id: str
    name: str
    description: str | None
    zone: str
    owner_id: str
    created_at: datetime
    updated_at: datetime | None = None
    removed_at: datetime | None = None
    feed_secret: str = ""


@dataclass(frozen=True, slots=True)
class ScheduledSession:
    """A session of a timeline. Without ``start`` or ``end`` it has no time yet and never collides."""

    id: str
    timeline_id: str
    owner_id: str
    type: SessionType
    name: str
    description: str | None
    zone: str
    start: datetime | None
    end: datetime | None
    cycle: Cycle | None
    day: Day | None
    interval: int
    count: int | None
    until: datetime | None
    exceptions: frozenset[date]
    overrides: tuple[Override, ...]
    created_at: datetime
    updated_at: datetime | None = None
    removed_at: datetime | None = None
    uid: str | None = None

    @property
    def series(self) -> Series | None:
        if self.start is None or self.end is None:
            return None
        return Series(
            self.start, self.end, self.zone, self.cycle, self.day, self.interval,
            self.count, self.until, self.exceptions, self.overrides,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start
