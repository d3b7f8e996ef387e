"""Which sessions could collide with one."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    select,
)

from stoa.schedule import conflicts
from stoa.schedule.model import (
    ScheduledSession,
    Series,
)
from stoa.schedule.store._rows import bounds, series_of
from stoa.schedule.store._tables import holders, sessions, slots


def rivals(connection: Connection, session: ScheduledSession) -> list[tuple[str, Series]]:
    """Ids and series that could collide with ``session``: they share a holder and a slot with it, their bounds meet.

    Only what says when they are is read: of many candidates few collide.
    """
    series = session.series
    if series is None:
        return []
    first, last = bounds(session)
    own = conflicts.slots(series)
    values: dict[str, Any] = {
        "holders": list(holders(session)),
        "first": first,
        "last": last,
        "id": session.id,
    }
    if conflicts.ALWAYS not in own:
        values["slots"] = sorted(own | {conflicts.ALWAYS})
    ids = connection.execute(_rival_ids("slots" in values), values).scalars().all()
    if not ids:
        return []
    return [series_of(row) for row in connection.execute(_GET_SERIES, {"ids": ids}).all()]


_GET_SERIES = select(
    *(
        sessions.c[name]
        for name in (
            "id", "start_at", "end_at", "zone", "cycle", "day", "interval", "count", "until_at", "exceptions",
            "overrides",
        )
    )
).where(sessions.c.id.in_(bindparam("ids", expanding=True)), sessions.c.start_at.is_not(None))  # fmt: skip


@cache
def _rival_ids(by_slot: bool) -> Select[Any]:
    statement = select(slots.c.session_id).where(
        slots.c.holder.in_(bindparam("holders", expanding=True)),
        slots.c.last_end > bindparam("first"),
        slots.c.first_start < bindparam("last"),
        slots.c.session_id != bindparam("id"),
    )
    if by_slot:
        statement = statement.where(slots.c.slot.in_(bindparam("slots", expanding=True)))
    return statement.distinct()
