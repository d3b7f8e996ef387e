"""What is sent."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from stoa.live import rules
from stoa.live.model import Draft
from stoa.web.values import Instant, utc

CourseId = Annotated[str, Meta(max_length=rules.LONGEST_COURSE_ID, description="Any text that is not empty.")]
UserId = Annotated[str, Meta(min_length=1, max_length=24, pattern=r"^[ -~]*$(?!\n)")]


class CreateSession(Struct, rename="camel"):
    course_id: CourseId
    starts_at: Instant
    recording_enabled: bool | None = None
    max_participants: Annotated[int, Meta(ge=1, le=rules.MOST_PARTICIPANTS)] | None = None

    def to_draft(self) -> Draft:
        return Draft(
            self.course_id,
            utc(self.starts_at, "startsAt"),
            bool(self.recording_enabled),
            self.max_participants,
        )


class SetStatus(Struct):
    status: Annotated[str, Meta(max_length=64, description="scheduled, live or ended.")]


class Permissions(Struct, rename="camel"):
    """What is absent stays. Who is banned is thrown out, and gets no token until they are not."""

    mic_allowed: bool | None = None
    camera_allowed: bool | None = None
    banned: bool | None = None


class CreateCourse(Struct):
    """``_id`` is any text without slashes; it is made where it is absent."""

    title: Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_TITLE, pattern=r"^[^\x00]*$(?!\n)")]
    course_id: CourseId | None = field(default=None, name="_id")


class Enrol(Struct, rename="camel"):
    user_ids: Annotated[list[UserId], Meta(max_length=rules.MOST_STUDENTS)]
