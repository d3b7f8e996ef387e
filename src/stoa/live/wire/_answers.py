"""What is answered, exactly as documented, and how values become it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import asdict

from stoa.live import rules
from stoa.live.model import Attendance, ClassAttended, Course, LiveSession, Member, Recording
from stoa.web.values import InstantText, iso_millis


class SessionBody(Struct, rename="camel"):
    id: str = field(name="_id")
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


class CourseBody(Struct, rename="camel"):
    """``userIds`` are those who are enrolled; to a student, themselves alone."""

    id: str = field(name="_id")
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
