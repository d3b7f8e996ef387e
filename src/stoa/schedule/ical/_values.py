"""What a file gave: sessions that can be created, and what could not be taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from stoa.schedule.model import Cycle, Day, Override, Series, SessionType


@dataclass(frozen=True, slots=True)
class ImportedSession:
    """The fields of a session's creation. ``start``, ``end`` and ``until`` are aware UTC; the rest as in Series."""

    uid: str | None
    type: SessionType
    name: str
    description: str | None
    zone: str
    start: datetime
    end: datetime
    cycle: Cycle | None = None
    day: Day | None = None
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    exceptions: frozenset[date] = frozenset()
    overrides: tuple[Override, ...] = ()

    @property
    def series(self) -> Series:
        return Series(
            self.start, self.end, self.zone, self.cycle, self.day, self.interval,
            self.count, self.until, self.exceptions, self.overrides,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something in the file that was left out. ``reason`` is a sentence for whoever brought the file."""

    uid: str | None
    name: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Import:
    sessions: list[ImportedSession] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
