"""What can go wrong in a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stoa.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class SessionNotFoundError(NotFoundError):
    code = "schedule.session_not_found"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"There is no session {session_id}.")


class TimelineNotFoundError(NotFoundError):
    code = "schedule.timeline_not_found"

    def __init__(self, timeline_id: str) -> None:
        super().__init__(f"There is no timeline {timeline_id}.")


class OccurrenceNotFoundError(NotFoundError):
    code = "schedule.occurrence_not_found"


class InvalidScheduleError(InvalidError):
    code = "schedule.invalid"


class NotYoursError(ForbiddenError):
    code = "schedule.not_yours"


class CollisionError(ConflictError):
    """``collisions`` are (session, occurrence) pairs: the first occurrences that collide."""

    code = "schedule.conflict"

    def __init__(self, collisions: Sequence[Any]) -> None:
        names = ", ".join(repr(session.name) for session, _ in collisions[:3])
        super().__init__(f"The session collides with {names}.", collisions=collisions)


class ZoneInUseError(ConflictError):
    code = "schedule.zone_in_use"
