"""Activity sessions: who was where in an application, and for how long. Frozen values.

Durations are whole milliseconds (``_ms``) and are cut to seconds only where they are answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ListMode(StrEnum):
    """Whose sessions the list shows: everybody's to everybody, as documented, or one's own."""

    ALL = "all"
    SELF = "self"


class GroupBy(StrEnum):
    PAGE = "page"
    USER = "user"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Path:
    """Where a user is: a view, and perhaps a tab in it. ``members`` is the list as it is stored and answered."""

    members: tuple[str, ...]

    @property
    def view(self) -> str:
        return self.members[0]

    @property
    def tab(self) -> str | None:
        """None where there is no tab; a blank one is none, since ``""`` names a view's untabbed time."""
        return (self.members[1] or None) if len(self.members) == 2 else None


@dataclass(frozen=True, slots=True)
class Ping:
    """One keepalive or session-hide (which is a visible one).

    ``claim_ms`` is how long the page says it was visible since its last report; None where the client keeps to the
    document. ``age_ms`` is how long ago that time ended, where the report had to wait. ``seq`` counts a client's pings and ``client`` tells the clients of one login apart.
    """

    path: Path
    visible: bool = True
    claim_ms: int | None = None
    age_ms: int = 0
    seq: int | None = None
    client: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    """Time in one place. ``tab`` is None for a view without one."""

    view: str
    tab: str | None
    ms: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What counting needs to know of a session; times are milliseconds since the epoch.

    ``free_ms`` is time that passed, that nobody has counted, and that a late report may still claim.
    """

    start_ms: int
    last_ping_ms: int
    last_visible_ping_ms: int
    last_visible_path: tuple[str, ...] = ()
    visible_ms: int = 0
    free_ms: int = 0


@dataclass(frozen=True, slots=True)
class ActivitySession:
    """``beaker_id`` is the document's ``id_beaker_session``; ``visible_ms`` is always the sum of ``counters``."""

    id: str
    beaker_id: str
    login_id: str
    user_id: str
    username: str
    start_at: datetime
    last_ping_at: datetime
    last_visible_ping_at: datetime
    last_visible_path: tuple[str, ...]
    visible_ms: int
    counters: tuple[Counter, ...] = ()


@dataclass(frozen=True, slots=True)
class Pinged:
    """What a keepalive did. ``credited_ms`` may be below 0 where a late invisible ping takes time back."""

    session_id: str
    at: datetime
    credited_ms: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """Which sessions to list; None does not filter. Times are seconds since the epoch, as the document's."""

    usernames: tuple[str, ...] = ()
    active: bool | None = None
    started_after: float | None = None
    stopped_before: float | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A part of the list. ``next_cursor`` is None at its end, and where no limit was asked for."""

    items: tuple[ActivitySession, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class StatsRow:
    """``key`` is a view, a username or a UTC date. ``sessions`` counts those begun; None for pages."""

    key: str
    visible_ms: int
    sessions: int | None


@dataclass(frozen=True, slots=True)
class Export:
    """All that is kept about one user's activity. ``days`` is the same time as the sessions' counters, by date."""

    user_id: str
    username: str
    sessions: tuple[ActivitySession, ...]
    days: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Erased:
    sessions: int
    visible_ms: int
