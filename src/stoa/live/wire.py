"""Requests and responses of live, exactly as documented, and how values become them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from stoa.kernel.errors import InvalidError, MalformedError, UnauthenticatedError
from stoa.live import rules
from stoa.live.errors import RecordingDisabledError
from stoa.live.model import Attendance, ClassAttended, Course, Draft, LiveSession, Member, Recording
from stoa.web.errors import Dialect, Problem
from stoa.web.values import Instant, InstantText, iso_millis, utc

CourseId = Annotated[str, Meta(max_length=rules.LONGEST_COURSE_ID, description="Any text that is not empty.")]
UserId = Annotated[str, Meta(min_length=1, max_length=24, pattern=r"^[ -~]*$(?!\n)")]


# --- requests ----------------------------------------------------------------------------------------------------


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


class CreateCourse(Struct, rename={"course_id": "_id"}):
    """``_id`` is any text without slashes; it is made where it is absent."""

    title: Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_TITLE, pattern=r"^[^\x00]*$(?!\n)")]
    course_id: CourseId | None = None


class Enrol(Struct, rename="camel"):
    user_ids: Annotated[list[UserId], Meta(max_length=rules.MOST_STUDENTS)]


# --- answers -----------------------------------------------------------------------------------------------------


class SessionBody(Struct, rename={"id": "_id"} | {
    name: name.split("_")[0] + "".join(piece.title() for piece in name.split("_")[1:])
    for name in ("course_id", "room_name", "starts_at", "ends_at", "created_by", "recording_enabled", "max_participants",
                 "created_at", "updated_at")
}):  # fmt: skip
    id: str
    course_id: str
    room_name: str
    status: str
    starts_at: InstantText
    ends_at: InstantText | None
    created_by: str
    recording_enabled: bool
    max_participants: int | None
    created_at: InstantText
    updated_at: InstantText

    @classmethod
    def of(cls, session: LiveSession) -> SessionBody:
        return cls(
            session.id, session.course_id, session.room_name, session.status.value, iso_millis(session.starts_at),
            None if session.ends_at is None else iso_millis(session.ends_at), session.created_by,
            session.recording_enabled, session.max_participants, iso_millis(session.created_at),
            iso_millis(session.updated_at),
        )  # fmt: skip


class Started(Struct, rename="camel"):
    recording_id: str
    started_at: InstantText

    @classmethod
    def of(cls, recording: Recording) -> Started:
        return cls(recording.recording_id, iso_millis(recording.started_at))


class Stopped(Struct, rename="camel"):
    """``duration`` is in whole seconds."""

    recording_id: str
    stopped_at: InstantText
    duration: int

    @classmethod
    def of(cls, recording: Recording) -> Stopped:
        assert recording.stopped_at is not None
        return cls(recording.recording_id, iso_millis(recording.stopped_at), recording.duration or 0)


class AccessLink(Struct, rename="camel"):
    url: str
    expires_at: InstantText


class RecordingBody(Struct, rename="camel"):
    """``status`` is ``in-progress``, ``processing`` (while its file is made), ``finished`` or ``failed``.

    There are links once it is finished.
    """

    recording_id: str
    started_at: InstantText
    stopped_at: InstantText | None
    duration: int | None
    status: str
    download_link: str | None
    access_link: AccessLink | None

    @classmethod
    def of(cls, recording: Recording, link: AccessLink | None) -> RecordingBody:
        return cls(
            recording.recording_id, iso_millis(recording.started_at),
            None if recording.stopped_at is None else iso_millis(recording.stopped_at), recording.duration,
            rules.word_of(recording), None if link is None else link.url, link,
        )  # fmt: skip


class RecordingDetails(RecordingBody, rename="camel"):
    """``progress`` goes from 0 to 1 while the file is made; ``reason`` says why it could not be.

    ``tracksLink`` is there from the stop on, the others once it is finished.
    """

    progress: float | None
    reason: str | None
    poster_link: str | None
    waveform_link: str | None
    tracks_link: str | None

    @classmethod
    def told(
        cls, recording: Recording, link: AccessLink | None, *, poster: str | None, waveform: str | None,
        tracks: str | None,
    ) -> RecordingDetails:  # fmt: skip
        documented = asdict(RecordingBody.of(recording, link)) | {"access_link": link}
        return cls(
            **documented, progress=recording.progress, reason=recording.reason, poster_link=poster,
            waveform_link=waveform, tracks_link=tracks,
        )  # fmt: skip


class Token(Struct):
    token: str


class ParticipantBody(Struct, rename="camel"):
    """One interval of somebody in the session; ``totalSeconds`` are of all of theirs."""

    user_id: str
    name: str
    role: str
    joined_at: InstantText
    left_at: InstantText | None
    was_kicked: bool
    mic_allowed: bool
    camera_allowed: bool
    total_seconds: int

    @classmethod
    def of(cls, attendance: Attendance) -> ParticipantBody:
        one = attendance.participant
        assert one.joined_at is not None
        return cls(
            one.user_id, attendance.name, one.role.value, iso_millis(one.joined_at),
            None if one.left_at is None else iso_millis(one.left_at), one.was_kicked, one.mic_allowed,
            one.camera_allowed, attendance.total_seconds,
        )  # fmt: skip


class IntervalBody(Struct, rename="camel"):
    """A time in which they were in. ``leftAt`` is null while they are."""

    joined_at: InstantText
    left_at: InstantText | None
    was_kicked: bool


class ClassBody(Struct, rename="camel"):
    """How a student was in one class. Seconds; ``share`` is of the class's length, from 0 to 1.

    ``lengthSeconds`` and ``share`` are null where nobody ever came, and ``lateBySeconds`` where the student did not.
    """

    session_name: str
    course_id: str
    status: str
    starts_at: InstantText
    ends_at: InstantText | None
    length_seconds: int | None
    present_seconds: int
    share: float | None
    late_by_seconds: int | None
    was_kicked: bool
    intervals: list[IntervalBody]

    @classmethod
    def of(cls, one: ClassAttended) -> ClassBody:
        session = one.session
        intervals = [
            IntervalBody(
                iso_millis(each.joined_at),
                None if each.left_at is None else iso_millis(each.left_at),
                each.was_kicked,
            )
            for each in one.intervals
            if each.joined_at is not None
        ]
        return cls(
            session.room_name, session.course_id, session.status.value, iso_millis(session.starts_at),
            None if session.ends_at is None else iso_millis(session.ends_at), one.length, one.present,
            None if one.share is None else round(one.share, 4), one.late,
            any(each.was_kicked for each in one.intervals), intervals,
        )  # fmt: skip


class StudentBody(Struct, rename="camel"):
    """``held`` counts the classes that anybody came to, ``attended`` those that the student came to.

    ``share`` is ``presentSeconds`` of the length of all that were held; null where none was.
    """

    user_id: str
    name: str
    held: int
    attended: int
    length_seconds: int
    present_seconds: int
    share: float | None
    classes: list[ClassBody]

    @classmethod
    def of(cls, user_id: str, name: str, classes: Sequence[ClassAttended]) -> StudentBody:
        held = [one for one in classes if one.length is not None]
        length, present = sum(one.length or 0 for one in held), sum(one.present for one in held)
        share = round(present / length, 4) if length else None
        attended = sum(bool(one.intervals) for one in held)
        return cls(
            user_id, name, len(held), attended, length, present, share, [ClassBody.of(one) for one in classes]
        )


_CLASS_COLUMNS = (
    "sessionName", "courseId", "status", "startsAt", "endsAt", "lengthSeconds", "presentSeconds", "share",
    "lateBySeconds", "wasKicked", "firstJoinedAt", "lastLeftAt", "times",
)  # fmt: skip


def classes_csv(classes: Sequence[ClassBody]) -> str:
    """One line a class; ``times`` counts how often they came."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_CLASS_COLUMNS)
    for one in classes:
        first, last = (one.intervals[0], one.intervals[-1]) if one.intervals else (None, None)
        cells = [
            one.session_name, _plain(one.course_id), one.status, one.starts_at, one.ends_at, one.length_seconds,
            one.present_seconds, one.share, one.late_by_seconds, _word(one.was_kicked),
            first and first.joined_at, last and last.left_at, len(one.intervals),
        ]  # fmt: skip
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()


class MemberBody(Struct, rename="camel"):
    """What somebody may do in a session."""

    user_id: str
    role: str
    mic_allowed: bool
    camera_allowed: bool
    banned: bool

    @classmethod
    def of(cls, member: Member) -> MemberBody:
        return cls(
            member.user_id, member.role.value, member.mic_allowed, member.camera_allowed, member.banned
        )


class CourseBody(Struct, rename={"id": "_id", "instructor_id": "instructorId", "user_ids": "userIds",
                                 "created_at": "createdAt", "updated_at": "updatedAt"}):  # fmt: skip
    """``userIds`` are those who are enrolled; to a student, themselves alone."""

    id: str
    title: str
    instructor_id: str
    user_ids: list[str]
    created_at: InstantText
    updated_at: InstantText

    @classmethod
    def of(cls, course: Course) -> CourseBody:
        return cls(
            course.id, course.title, course.instructor_id, list(course.students), iso_millis(course.created_at),
            iso_millis(course.updated_at),
        )  # fmt: skip


_COLUMNS = (
    "userId", "name", "role", "joinedAt", "leftAt", "wasKicked", "micAllowed", "cameraAllowed", "totalSeconds",
)  # fmt: skip


def csv_of(rows: Sequence[ParticipantBody]) -> str:
    """A name that a spreadsheet would take for a formula is quoted for it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([
            row.user_id, _plain(row.name), row.role, row.joined_at, row.left_at or "", _word(row.was_kicked),
            _word(row.mic_allowed), _word(row.camera_allowed), row.total_seconds,
        ])  # fmt: skip
    return text.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def _word(value: bool) -> str:
    return "true" if value else "false"


# --- errors ------------------------------------------------------------------------------------------------------


class ErrorBody(Struct):
    """400 of a request that is wrong, 401 and 500."""

    error: str


class MessageBody(Struct):
    """Everything else."""

    message: str


NOT_FOUND = b'"Session not found"'
"""What GET of an unknown name answers, with status 500: so the document has it."""
_REQUIRED = frozenset({"courseId", "startsAt"})


def error_body(problem: Problem) -> ErrorBody | MessageBody:
    error = problem.error
    if isinstance(error, UnauthenticatedError):
        return ErrorBody("Authentication required")
    if isinstance(error, InvalidError) and any(
        _is_missing(fault.field, fault.message) for fault in error.faults
    ):
        return ErrorBody("courseId and startsAt are required")
    if isinstance(error, InvalidError | MalformedError) or problem.status >= 500:
        return ErrorBody(error.message)
    return MessageBody(error.message)


def _is_missing(field: str, message: str) -> bool:
    return field in _REQUIRED and (message == "is required." or message.endswith("got null."))


PATHS = ("/sessions", "/students", "/courses", "/recordings", "/join", "/webhooks")
DIALECT = Dialect(PATHS, error_body, {RecordingDisabledError: 400})
