"""Requests and responses of activity, exactly as documented, and how values become them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from stoa.activity import rules, tally
from stoa.activity.errors import SessionNotValidError
from stoa.activity.model import ActivitySession, Export, Ping, StatsRow
from stoa.kernel.clock import to_millis
from stoa.web.errors import Dialect, Problem
from stoa.web.values import InstantText, iso

PathText = Annotated[
    list[str] | str, Meta(description='`["view", "tab"]`, `["view"]` or the text `"[view,tab]"`.')
]
Client = Annotated[
    str,
    Meta(
        max_length=rules.MAX_CLIENT,
        pattern=r"^[ -~]*$(?!\n)",
        description="Tells the pages of one login apart.",
    ),
]
Seq = Annotated[
    int, Meta(ge=0, le=rules.MAX_SEQ, description="Numbers a client's pings: the same one counts once.")
]
VisibleMs = Annotated[
    int, Meta(ge=0, le=rules.MAX_SEQ, description="How long the page was visible since its last report.")
]

AgeMs = Annotated[
    int,
    Meta(ge=0, le=rules.MAX_SEQ, description="How long ago that time ended, where the report had to wait."),
]


class Hide(Struct):
    """What the page was when it was left. Counts like a visible keepalive."""

    path: PathText
    client: Client | None = None
    seq: Seq | None = None
    visible_ms: VisibleMs | None = None
    age_ms: AgeMs = 0

    def to_ping(self, *, visible: bool = True) -> Ping:
        return Ping(
            tally.parse_path(self.path), visible=visible, claim_ms=self.visible_ms, age_ms=self.age_ms, seq=self.seq,
            client=self.client or "",
        )  # fmt: skip


class Keepalive(Hide, kw_only=True):
    visible: bool


class Described(Struct):
    description: str


class KeepaliveAnswer(Struct):
    """``time`` is in whole seconds since the epoch; ``paths`` is the path as it was sent."""

    description: str
    time: int
    visible: bool
    paths: PathText


class SessionBody(Struct):
    """Times are whole seconds since the epoch. A view's time is a number, or an object of its tabs' seconds."""

    _id: str
    id_beaker_session: str
    username: str
    start: int
    last_ping: int
    last_visible_ping: int
    last_visible_path: list[str]
    visible_duration: int
    tab_duration: dict[str, int | dict[str, int]]

    @classmethod
    def of(cls, session: ActivitySession) -> SessionBody:
        return cls(
            session.id, session.beaker_id, session.username, to_millis(session.start_at) // 1000,
            to_millis(session.last_ping_at) // 1000, to_millis(session.last_visible_ping_at) // 1000,
            list(session.last_visible_path), tally.visible_duration(session.counters),
            tally.tab_duration(session.counters),
        )  # fmt: skip


class StatsBody(Struct):
    """``key`` is a page's view, a username or a date (UTC), as ``group_by`` asked."""

    key: str
    visible_duration: int
    sessions: int | None

    @classmethod
    def of(cls, row: StatsRow) -> StatsBody:
        return cls(row.key, row.visible_ms // 1000, row.sessions)


class Stats(Struct):
    group_by: str
    stats: list[StatsBody]


class ExportBody(Struct):
    user_id: str
    username: str
    exported_at: InstantText
    sessions: list[SessionBody]
    days: dict[str, int]

    @classmethod
    def of(cls, export: Export, *, now: datetime) -> ExportBody:
        return cls(
            export.user_id, export.username, iso(now), [SessionBody.of(session) for session in export.sessions],
            {day: millis // 1000 for day, millis in export.days.items()},
        )  # fmt: skip


class ErasedBody(Struct):
    sessions: int
    visible_duration: int


class ErrorBody(Struct):
    name: str
    description: str


def error_body(problem: Problem) -> ErrorBody:
    error = problem.error
    return ErrorBody("" if isinstance(error, SessionNotValidError) else error.code, error.message)


DIALECT = Dialect((), error_body, {SessionNotValidError: 400})
