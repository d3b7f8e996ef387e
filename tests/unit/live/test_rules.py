"""Who may do what with a class, and how attendance adds up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.errors import InvalidError, StoaError
from stoa.live import rules, wire
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
    Course,
    LiveSession,
    Member,
    Participant,
    Recording,
    RecordingStatus,
    Role,
    Status,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def actor(user_id, access=AccessLevel.STUDENT):
    return Actor(1, user_id, user_id, user_id.title(), access, frozenset(), "login", NOW)


INES, TOM = actor("ines", AccessLevel.INSTRUCTOR), actor("tom", AccessLevel.INSTRUCTOR)
LEA, ADA = actor("lea"), actor("ada", AccessLevel.ADMIN)
SESSION = LiveSession("id", "algebra", "room", Status.SCHEDULED, NOW, None, "ines", True, 2, NOW, NOW)
COURSE = Course("algebra", "Algebra", "ines", ("lea",), NOW, NOW)
RECORDING = Recording("r", "id", "rec", None, None, RecordingStatus.PROCESSING, NOW, None, NOW, NOW)


@pytest.mark.parametrize(("who", "owner"), [(INES, True), (TOM, False), (LEA, False), (ADA, True)], ids=str)
def test_the_owner_is_the_sessions_instructor_and_every_admin(who, owner):
    assert rules.is_owner(SESSION, who) is owner


@pytest.mark.parametrize(("who", "course", "fine"), [
    (INES, None, True), (TOM, None, True), (ADA, None, True), (LEA, None, False), (INES, COURSE, True), (TOM, COURSE, False),
])  # fmt: skip
def test_who_creates(who, course, fine):
    if fine:
        rules.check_may_create(who, course)
    else:
        with pytest.raises(NotAuthorizedError, match="create"):
            rules.check_may_create(who, course)


@pytest.mark.parametrize("course_id", ["", "  ", "a\0b"])
def test_a_course_has_a_name(course_id):
    with pytest.raises(InvalidError, match="courseId"):
        rules.check_course_id(course_id)


@pytest.mark.parametrize(("before", "after", "fine"), [
    (before, after, list(Status).index(before) <= list(Status).index(after)) for before in Status for after in Status
])  # fmt: skip
def test_a_session_goes_forward_only(before, after, fine):
    if fine:
        rules.check_change(before, after)
    else:
        with pytest.raises(StatusConflictError, match="can't become"):
            rules.check_change(before, after)


def test_a_status_is_one_of_three():
    assert [rules.status_from(text) for text in ("scheduled", "live", "ended")] == list(Status)
    with pytest.raises(StatusInvalidError, match="Must be one of: scheduled, live, ended"):
        rules.status_from("over")


def enter(user_id, *, session=SESSION, course=None, member=None):
    rules.check_may_enter(session, user_id=user_id, is_owner=user_id == "ines", course=course, member=member)


def test_who_enters():
    enter("anybody")
    enter("lea", course=COURSE)
    enter("ines", course=replace(COURSE, instructor_id="tom"))
    enter("tom", course=replace(COURSE, instructor_id="tom"))
    with pytest.raises(NotAuthorizedError, match="join session:room"):
        enter("rod", course=COURSE)
    with pytest.raises(SessionEndedError, match="ended"):
        enter("ines", session=replace(SESSION, status=Status.ENDED))
    with pytest.raises(BannedError, match="any more"):
        enter("lea", course=COURSE, member=Member("id", "lea", "Lea", Role.STUDENT, banned=True))


def test_a_room_is_full_with_its_last_place():
    rules.check_room(SESSION, 1)
    rules.check_room(replace(SESSION, max_participants=None), 10_000)
    with pytest.raises(RoomFullError, match="full"):
        rules.check_room(SESSION, 2)


@pytest.mark.parametrize(("session", "running", "error"), [
    (replace(SESSION, recording_enabled=False), None, RecordingDisabledError),
    (replace(SESSION, status=Status.ENDED), None, SessionEndedError),
    (SESSION, RECORDING, RecordingStateError),
], ids=["disabled", "ended", "running"])  # fmt: skip
def test_what_is_not_recorded(session, running, error):
    rules.check_may_record(SESSION, None)
    with pytest.raises(StoaError, match=r"\w") as raised:
        rules.check_may_record(session, running)
    assert type(raised.value) is error


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def stay(user_id, joined, left):
    begin = None if joined is None else at(joined)
    return Participant(
        f"{user_id}{joined}", "id", user_id, Role.STUDENT, begin, None if left is None else at(left), False, True, True,
        NOW, NOW,
    )  # fmt: skip


def test_seconds_add_up_over_all_intervals():
    stays = [stay("lea", 0, 30.6), stay("rod", 5, None), stay("lea", 60, 70.6), stay("una", None, None)]
    found = rules.attendance(stays, {"lea": "Lea"}, now=at(100))
    assert [(one.participant.user_id, one.name, one.total_seconds) for one in found] == [
        ("lea", "Lea", 41), ("rod", "", 95), ("lea", "Lea", 41),
    ]  # fmt: skip


def test_a_recording_lasts_whole_seconds_and_never_less_than_none():
    assert rules.recorded_seconds(RECORDING, at(3600.9)) == 3600
    assert rules.recorded_seconds(RECORDING, at(-1)) == 0


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_name_is_a_formula(name):
    row = wire.ParticipantBody("u", name, "student", "t", None, False, True, True, 1)
    assert f",'{name}," in wire.csv_of([row])
