"""The journal's words: what happened, in one ordered stream per session."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, before it has a place. ``data`` is plain JSON."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place: ``seq`` counts from 1 within ``stream``, without gaps."""

    stream: str
    seq: int
    at: datetime
    type: str
    actor_id: str | None
    data: dict[str, Any]
