"""Who may do what with a class, which states follow which, and how attendance adds up. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from stoa.kernel.actor import Actor
from stoa.kernel.errors import InvalidError
from stoa.live.errors import (
    BannedError,
    NotAuthorizedError,
    RecordingDisabledError,
    RecordingStateError,
    RoomFullError,
    SessionEndedError,
    StatusConflictError,
    StatusInvalidError,
)
from stoa.live.model import (
    Attendance,
    ClassAttended,
    Course,
    LiveSession,
    Member,
    Participant,
    Recording,
    RecordingStatus,
    Role,
    Status,
)

LONGEST_COURSE_ID, LONGEST_TITLE = 128, 255
MOST_PARTICIPANTS, MOST_STUDENTS = 10_000, 5_000
LONGEST_CHAT = 4_000
TOKEN_LIFETIME = timedelta(seconds=60)
_SECOND = timedelta(seconds=1)


def is_owner(session: LiveSession, actor: Actor) -> bool:
    return actor.is_admin or actor.id == session.created_by


def check_owner(session: LiveSession, actor: Actor, *, to: str) -> None:
    """``to`` is what was asked for, in the document's words: ``delete``, ``record``, …"""
    if not is_owner(session, actor):
        raise NotAuthorizedError(f"Not authorized to {to} session:{session.room_name}")


def role_of(actor: Actor) -> Role:
    return Role.INSTRUCTOR if actor.teaches else Role.STUDENT


def check_may_create(actor: Actor, course: Course | None) -> None:
    if not actor.teaches:
        raise NotAuthorizedError("Only instructors and admins create sessions and courses")
    if course is not None and course.instructor_id != actor.id:
        raise NotAuthorizedError(f"Not authorized to create a session of course:{course.id}")


def check_course_id(course_id: str) -> None:
    """Any text that is not empty."""
    if not course_id.strip() or "\0" in course_id:
        raise InvalidError.field("courseId", "is required.")


def check_own_course_id(course_id: str) -> None:
    """It has to fit into an address: ``/courses/<id>``."""
    if not course_id.strip() or {"/", "\0"} & set(course_id) or course_id in (".", ".."):
        raise InvalidError.field("_id", "must be a text without slashes, and not empty.")


def shown_course(course: Course, actor: Actor) -> Course:
    """Of those who are enrolled a student sees only themselves."""
    if actor.is_admin or course.instructor_id == actor.id:
        return course
    return replace(course, students=tuple(each for each in course.students if each == actor.id))


def check_own_course(course: Course, actor: Actor) -> None:
    if not actor.is_admin and course.instructor_id != actor.id:
        raise NotAuthorizedError(f"Not authorized to change course:{course.id}")


def may_see_course(course: Course, actor: Actor) -> bool:
    return actor.is_admin or course.instructor_id == actor.id or actor.id in course.students


def status_from(text: str) -> Status:
    try:
        return Status(text)
    except ValueError:
        raise StatusInvalidError(f"Invalid status. Must be one of: {', '.join(Status)}") from None


def check_change(before: Status, after: Status) -> None:
    """A session goes forward only; to say again what it is changes nothing."""
    order = list(Status)
    if order.index(after) < order.index(before):
        raise StatusConflictError(f"The session is {before}: it can't become {after} again")


def check_may_enter(
    session: LiveSession, *, user_id: str, is_owner: bool, course: Course | None, member: Member | None
) -> None:
    """For a token, and again when it is used. A full room is another matter: see ``check_room``."""
    if session.status is Status.ENDED:
        raise SessionEndedError
    if member is not None and member.banned:
        raise BannedError
    if is_owner or course is None or user_id == course.instructor_id or user_id in course.students:
        return
    raise NotAuthorizedError(f"Not authorized to join session:{session.room_name}")


def check_room(session: LiveSession, others: int) -> None:
    """``others`` are those who are in the room or have a place in it, besides who asks."""
    if session.max_participants is not None and others >= session.max_participants:
        raise RoomFullError


def check_may_record(session: LiveSession, running: Recording | None) -> None:
    if not session.recording_enabled:
        raise RecordingDisabledError
    if session.status is Status.ENDED:
        raise SessionEndedError
    if running is not None:
        raise RecordingStateError("This session is being recorded already")


def recorded_seconds(recording: Recording, stopped_at: datetime) -> int:
    return max(stopped_at - recording.started_at, timedelta(0)) // _SECOND


def word_of(recording: Recording) -> str:
    """Its status in the words of the document; ``processing`` while its file is made."""
    if recording.status is RecordingStatus.COMPLETED:
        return "finished"
    if recording.status is RecordingStatus.FAILED:
        return "failed"
    return "in-progress" if recording.stopped_at is None else "processing"


def attendance(
    participants: Sequence[Participant], names: Mapping[str, str], *, now: datetime
) -> list[Attendance]:
    """Intervals with each person's whole seconds, over all of them. Places that nobody took are left out."""
    taken = [one for one in participants if one.joined_at is not None]
    totals = totals_of(taken, now=now)
    return [Attendance(one, names.get(one.user_id, ""), totals[one.user_id]) for one in taken]


def totals_of(participants: Iterable[Participant], *, now: datetime) -> dict[str, int]:
    spans: defaultdict[str, timedelta] = defaultdict(timedelta)
    for one in participants:
        if one.joined_at is not None:
            spans[one.user_id] += max((one.left_at or now) - one.joined_at, timedelta(0))
    return {user_id: span // _SECOND for user_id, span in spans.items()}


Span = tuple[datetime, datetime]


def class_span(session: LiveSession, everybody: Iterable[Participant], *, now: datetime) -> Span | None:
    """When a class was held: from its start, or from when the first came where that was later, until it ended; while it
    has not, until the last left, or now. One that was held before its time began with the first. None: nobody came.
    """
    spans = _spans(everybody, now=now)
    if not spans:
        return None
    first, last = min(begin for begin, _ in spans), max(end for _, end in spans)
    end = max(session.ends_at or last, first)
    begin = max(session.starts_at, first)
    return (begin, end) if begin < end else (first, end)


def class_attended(
    session: LiveSession, everybody: Sequence[Participant], user_id: str, *, now: datetime
) -> ClassAttended:
    """Times that overlap count once; what was before or after the class does not count."""
    mine = tuple(one for one in everybody if one.user_id == user_id and one.joined_at is not None)
    held = class_span(session, everybody, now=now)
    if held is None:
        return ClassAttended(session, None, 0, None, ())
    begin, end = held
    present, until = timedelta(0), begin
    for joined, left in sorted(_spans(mine, now=now)):
        here = max(joined, until)
        present += max(min(left, end) - here, timedelta(0))
        until = max(until, left)
    late = max(min(one.joined_at for one in mine if one.joined_at) - begin, timedelta(0)) if mine else None
    return ClassAttended(
        session, (end - begin) // _SECOND, present // _SECOND, None if late is None else late // _SECOND, mine
    )


def check_may_see_attendance(user_id: str, actor: Actor) -> None:
    """One's own; who teaches sees that of their own classes, and admins all."""
    if actor.id != user_id and not actor.teaches:
        raise NotAuthorizedError("Not authorized to see this attendance")


def may_see_class_of(session: LiveSession, user_id: str, actor: Actor) -> bool:
    return actor.id == user_id or is_owner(session, actor)


def _spans(participants: Iterable[Participant], *, now: datetime) -> list[Span]:
    """Of those whose media came. A time that ends before it begins is none."""
    return [
        (one.joined_at, max(one.left_at or now, one.joined_at))
        for one in participants
        if one.joined_at is not None
    ]
