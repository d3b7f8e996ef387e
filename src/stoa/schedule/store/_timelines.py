"""Statements on timelines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    func,
    insert,
    select,
    update,
)

from stoa.kernel.clock import from_millis, to_millis
from stoa.kernel.pages import Page
from stoa.schedule.model import (
    Timeline,
)
from stoa.schedule.store._rows import instant, millis
from stoa.schedule.store._tables import timelines


def insert_timeline(connection: Connection, timeline: Timeline) -> None:
    connection.execute(insert(timelines), _timeline_values(timeline))


def update_timeline(connection: Connection, timeline: Timeline) -> None:
    connection.execute(_UPDATE_TIMELINE, {"key": timeline.id} | _timeline_values(timeline))


_UPDATE_TIMELINE = update(timelines).where(timelines.c.id == bindparam("key"))


def get_timeline(connection: Connection, timeline_id: str) -> Timeline | None:
    row = connection.execute(_GET_TIMELINE, {"id": timeline_id}).one_or_none()
    return None if row is None else _timeline(row)


_GET_TIMELINE = select(timelines).where(timelines.c.id == bindparam("id"), timelines.c.removed_at.is_(None))


def list_timelines(connection: Connection, *, skip: int, take: int) -> Page[Timeline]:
    total = connection.execute(_COUNT_TIMELINES).scalar_one()
    rows = connection.execute(_LIST_TIMELINES.offset(skip).limit(take))
    return Page([_timeline(row) for row in rows], total)


_COUNT_TIMELINES = select(func.count()).select_from(timelines).where(timelines.c.removed_at.is_(None))
_LIST_TIMELINES = (
    select(timelines)
    .where(timelines.c.removed_at.is_(None))
    .order_by(timelines.c.created_at.desc(), timelines.c.id)
)


def _timeline_values(timeline: Timeline) -> dict[str, Any]:
    return {
        "id": timeline.id, "name": timeline.name, "description": timeline.description, "zone": timeline.zone,
        "owner_id": timeline.owner_id, "feed_secret": timeline.feed_secret,
        "created_at": to_millis(timeline.created_at), "updated_at": millis(timeline.updated_at),
        "removed_at": millis(timeline.removed_at),
    }  # fmt: skip


def _timeline(row: Row[Any]) -> Timeline:
    return Timeline(
        row.id, row.name, row.description, row.zone, row.owner_id, from_millis(row.created_at),
        instant(row.updated_at), instant(row.removed_at), row.feed_secret,
    )  # fmt: skip
