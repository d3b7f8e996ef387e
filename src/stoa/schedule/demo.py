"""Demo timelines and a month of sessions, as two teachers would plan them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.ids import Ids
from stoa.schedule import rules, service, store
from stoa.schedule.model import Cycle, Day, Override, SessionType, Timeline

_WEEKLY = (
    # name, weekday, begins, minutes, every so many weeks
    ("Morning Yoga", Day.MONDAY, time(9), 60, 1),
    ("Strength Basics", Day.WEDNESDAY, time(18, 30), 75, 1),
    ("Weekly Yoga Class", Day.FRIDAY, time(9), 60, 1),
    ("Team Retrospective", Day.THURSDAY, time(16), 45, 2),
)


def seed(connection: Connection, *, teachers: Sequence[Actor], now: datetime, ids: Ids) -> None:
    """Does nothing where there is a timeline already."""
    if store.list_timelines(connection, skip=0, take=1).total:
        return
    for teacher, (name, zone) in zip(
        teachers, (("Paris Studio", "Europe/Paris"), ("New York Cohort", "America/New_York")), strict=False
    ):
        timeline = service.create_timeline(
            connection, name=name, description="Demo data.", zone=zone, actor=teacher, now=now, ids=ids
        )
        _fill(connection, timeline, teacher=teacher, now=now, ids=ids)


def _fill(connection: Connection, timeline: Timeline, *, teacher: Actor, now: datetime, ids: Ids) -> None:
    zone = ZoneInfo(timeline.zone)
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday() + 14)
    drafts = [
        _draft(name, _at(monday + timedelta(days=list(Day).index(day)), begins, zone), minutes, day, interval)
        for name, day, begins, minutes, interval in _WEEKLY
    ]
    drafts.append(_moved_once(drafts[0], monday + timedelta(days=14), zone))
    del drafts[0]
    for week in range(4):
        begin = _at(monday + timedelta(days=7 * week + 5), time(11), zone)
        drafts.append(
            rules.Draft(
                SessionType.ONE_TIME,
                f"Workshop {week + 1}",
                "One Saturday, one subject.",
                begin,
                begin + timedelta(hours=2),
            )
        )
    for draft in drafts:
        service.create_session(connection, timeline.id, draft, actor=teacher, now=now, ids=ids)


def _draft(name: str, start: datetime, minutes: int, day: Day, interval: int) -> rules.Draft:
    return rules.Draft(
        SessionType.RECURRING,
        name,
        None,
        start,
        start + timedelta(minutes=minutes),
        Cycle.WEEKLY,
        day,
        interval,
    )


def _moved_once(draft: rules.Draft, day: date, zone: ZoneInfo) -> rules.Draft:
    """The series with one occurrence an hour later, so that the calendar shows what an override is."""
    begin = _at(day, time(10, 30), zone)
    override = Override(day, begin, begin + timedelta(hours=1), f"{draft.name} (later today)")
    return rules.Draft(
        draft.type, draft.name, draft.description, draft.start, draft.end, draft.cycle, draft.day, draft.interval,
        overrides=(override,),
    )  # fmt: skip


def _at(day: date, begins: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, begins, zone)
