"""A session's lifecycle, and where it stands in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stoa.kernel.lifecycle import Lifecycle
from stoa.trading.model._market import Speed


class Status(StrEnum):
    DRAFT = "DRAFT"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    ARCHIVED = "ARCHIVED"


ACTIVE = frozenset({Status.RUNNING, Status.PAUSED})


class Action(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    ARCHIVE = "archive"
    COMPLETE = "complete"
    ADVANCE = "advance"
    SEEK = "seek"
    FORK = "fork"
    CHANGE = "change"
    TRADE = "trade"


LIFECYCLE: Lifecycle[Status, Action] = Lifecycle(
    {
        (Status.DRAFT, Action.START): Status.RUNNING,
        (Status.DRAFT, Action.ADVANCE): Status.PAUSED,  # stepping a draft starts and pauses it
        (Status.DRAFT, Action.CHANGE): Status.DRAFT,
        (Status.RUNNING, Action.PAUSE): Status.PAUSED,
        (Status.RUNNING, Action.STOP): Status.COMPLETED,
        (Status.RUNNING, Action.COMPLETE): Status.COMPLETED,
        (Status.RUNNING, Action.SEEK): Status.RUNNING,
        (Status.RUNNING, Action.FORK): Status.RUNNING,
        (Status.RUNNING, Action.CHANGE): Status.RUNNING,
        (Status.RUNNING, Action.TRADE): Status.RUNNING,
        (Status.PAUSED, Action.RESUME): Status.RUNNING,
        (Status.PAUSED, Action.STOP): Status.COMPLETED,
        (Status.PAUSED, Action.COMPLETE): Status.COMPLETED,
        (Status.PAUSED, Action.ADVANCE): Status.PAUSED,
        (Status.PAUSED, Action.SEEK): Status.PAUSED,
        (Status.PAUSED, Action.FORK): Status.PAUSED,
        (Status.PAUSED, Action.CHANGE): Status.PAUSED,
        (Status.PAUSED, Action.TRADE): Status.PAUSED,
        (Status.COMPLETED, Action.ARCHIVE): Status.ARCHIVED,
        (Status.COMPLETED, Action.SEEK): Status.PAUSED,  # back before its end it is not complete any more
        (Status.COMPLETED, Action.FORK): Status.COMPLETED,
        (Status.COMPLETED, Action.CHANGE): Status.COMPLETED,
        (Status.ARCHIVED, Action.FORK): Status.ARCHIVED,  # a copy changes nothing in it
    }
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a session stands: at ``at`` it had completed ``bar`` (an index into its span; -1 in a draft).

    While ``status`` is RUNNING the position moves on by the clock up to ``last_bar``; else it stays.
    A started session has its first bar complete, so that there is a price.
    """

    status: Status
    bar: int
    at: datetime
    speed: Speed
    last_bar: int
