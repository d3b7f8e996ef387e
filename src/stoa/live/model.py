"""Classes, who was in them, and what was recorded of them. Frozen values; times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"


class Role(StrEnum):
    INSTRUCTOR = "instructor"
    STUDENT = "student"


class RecordingStatus(StrEnum):
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LiveSession:
    """``room_name`` is its name in every address. ``max_participants`` None: as many as come.

    ``node`` is the media node that has the room, where a provider binds rooms to nodes and anybody was in it yet.
    """

    id: str
    course_id: str
    room_name: str
    status: Status
    starts_at: datetime
    ends_at: datetime | None
    created_by: str
    recording_enabled: bool
    max_participants: int | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a session is created from."""

    course_id: str
    starts_at: datetime
    recording_enabled: bool = False
    max_participants: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who asked to join a session, and what they may do in it.

    ``generation`` counts how often their tokens were made void: a token of an earlier one is no good.
    """

    session_id: str
    user_id: str
    name: str
    role: Role
    mic_allowed: bool = True
    camera_allowed: bool = True
    banned: bool = False
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Participant:
    """One interval in which somebody was in a session: the document's SessionParticipant.

    ``joined_at`` is None until their media arrives; until then it is a place that is kept for them. ``left_at`` is None
    while they are in.
    """

    id: str
    session_id: str
    user_id: str
    role: Role
    joined_at: datetime | None
    left_at: datetime | None
    was_kicked: bool
    mic_allowed: bool
    camera_allowed: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Attendance:
    """An interval with the person's name and the whole seconds that they were in, over all of their intervals."""

    participant: Participant
    name: str
    total_seconds: int


@dataclass(frozen=True, slots=True)
class ClassAttended:
    """How somebody was in one class. ``length`` is the class's, in whole seconds, None where it was never held;
    ``present`` theirs within it. ``late`` is by how many seconds they came after its begin, None where they did not.
    """

    session: LiveSession
    length: int | None
    present: int
    late: int | None
    intervals: tuple[Participant, ...]

    @property
    def share(self) -> float | None:
        """From 0 to 1."""
        if self.length is None:
            return None
        return self.present / self.length if self.length else float(bool(self.intervals))


@dataclass(frozen=True, slots=True)
class Recording:
    """``duration`` is in whole seconds; None, like ``stopped_at``, while it runs.

    ``progress`` is how much of the file that people watch is made, 0 to 1; ``reason`` why it could not be.
    """

    id: str
    session_id: str
    recording_id: str
    s3_key: str | None
    duration: int | None
    status: RecordingStatus
    started_at: datetime
    stopped_at: datetime | None
    created_at: datetime
    updated_at: datetime
    progress: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Who is to be named in a recording, and when they were in: (joined, left), None up to the end."""

    user_id: str
    name: str
    times: tuple[tuple[datetime, datetime | None], ...]


@dataclass(frozen=True, slots=True)
class Course:
    """``students`` are the users who are enrolled, by their ids in order."""

    id: str
    title: str
    instructor_id: str
    students: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Pass:
    """What a token to join says: who, where, as what. ``token_id`` is used once."""

    user_id: str
    name: str
    room_name: str
    role: Role
    is_owner: bool
    generation: int
    token_id: str
    expires_at: datetime
