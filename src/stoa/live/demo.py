"""Demo classes: a course, one of its classes that is on now, one tomorrow, and one of yesterday that was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.ids import Ids
from stoa.live import demo_recording, service, store
from stoa.live.model import Draft, LiveSession, Status

COURSE, TITLE = "demo-drawing", "Drawing for beginners"
RECORDED = timedelta(seconds=16)
"""As long as it takes to see what a recording is."""
_log = structlog.get_logger(__name__)


def seed(
    connection: Connection,
    *,
    teacher: Actor,
    students: Sequence[Actor],
    recordings: Path,
    now: datetime,
    ids: Ids,
) -> LiveSession:
    """The class that is on now: what is there already is left as it is, and a class that is over is followed by the next.

    ``recordings`` is the folder of the media's recordings.
    """
    if store.course_of_id(connection, COURSE) is None:
        _course(connection, teacher, students, recordings, now=now, ids=ids)
    planned = [
        each
        for each in service.sessions_of(connection, teacher.id)
        if each.course_id == COURSE and each.status is not Status.ENDED
    ]
    if not any(each.starts_at > now for each in planned):
        tomorrow = Draft(COURSE, _hour(now) + timedelta(days=1), recording_enabled=True)
        service.create(connection, tomorrow, actor=teacher, now=now, ids=ids)
    on = next((each for each in planned if each.status is Status.LIVE), None)
    if on is not None:
        return on
    begun = service.create(
        connection, Draft(COURSE, _hour(now), recording_enabled=True), actor=teacher, now=now, ids=ids
    )
    return service.set_status(connection, begun.id, Status.LIVE, actor=teacher, now=now)


def _course(
    connection: Connection,
    teacher: Actor,
    students: Sequence[Actor],
    recordings: Path,
    *,
    now: datetime,
    ids: Ids,
) -> None:
    before = now - timedelta(days=7)
    service.register_course(connection, COURSE, TITLE, actor=teacher, now=before, ids=ids)
    service.enrol(connection, COURSE, [each.id for each in students], actor=teacher, now=before)
    began = _hour(now) - timedelta(days=1)
    try:
        _recorded_class(connection, [teacher, *students[:2]], recordings, began=began, ids=ids)
    except Exception:  # noqa: BLE001 - a demo without a recording is a demo all the same
        _log.exception("live_demo_not_recorded")


def _recorded_class(
    connection: Connection, people: Sequence[Actor], recordings: Path, *, began: datetime, ids: Ids
) -> None:
    """One that went as any other does. The server makes the file that people watch when it starts."""
    teacher = people[0]
    draft = Draft(COURSE, began, recording_enabled=True)
    with connection.begin_nested():
        session = service.create(connection, draft, actor=teacher, now=began - timedelta(days=1), ids=ids)
        for actor in people:
            shown, _ = service.entry(connection, session.room_name, actor=actor, now=began, ids=ids)
            service.admit(connection, shown, resume=False, now=began, ids=ids)
            service.joined(connection, session.room_name, actor.id, at=began)
        _, recording = service.begin_recording(
            connection, session.room_name, actor=teacher, now=began, ids=ids
        )
        service.recording_began(connection, session, recording, now=began)
        demo_recording.write(
            recordings / recording.recording_id, people=[each.id for each in people],
            seconds=RECORDED.total_seconds(), began=began,
        )  # fmt: skip
        service.end_recording(connection, session.room_name, actor=teacher, now=began + RECORDED)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
