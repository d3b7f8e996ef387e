"""The schedule's tables."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from stoa.schedule.model import (
    ScheduledSession,
)

metadata = MetaData()

timelines = Table(
    "schedule_timelines",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("zone", String(64), nullable=False),
    Column("owner_id", String(24), nullable=False),
    Column("feed_secret", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger),
    Column("removed_at", BigInteger),
)

sessions = Table(
    "schedule_sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("timeline_id", String(36), nullable=False),
    Column("owner_id", String(24), nullable=False),
    Column("type", String(16), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("zone", String(64), nullable=False),
    Column("start_at", BigInteger),
    Column("end_at", BigInteger),
    Column("cycle", String(8)),
    Column("day", String(9)),
    Column("interval", Integer, nullable=False),
    Column("count", Integer),
    Column("until_at", BigInteger),
    Column("exceptions", Text),
    Column("overrides", Text),
    Column("uid", String(255)),
    Column("first_start", BigInteger),
    Column("last_end", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger),
    Column("removed_at", BigInteger),
    Index("ix_schedule_sessions_timeline", "timeline_id", "start_at"),
    Index("ix_schedule_sessions_owner", "owner_id", "first_start"),
    Index("ix_schedule_sessions_bounds", "first_start", "last_end"),
    Index("ix_schedule_sessions_uid", "timeline_id", "uid"),
)

slots = Table(
    "schedule_slots",
    metadata,
    Column("holder", String(40), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("last_end", BigInteger, primary_key=True),
    Column("session_id", String(36), primary_key=True),
    Column("first_start", BigInteger, nullable=False),
    Index("ix_schedule_slots_session", "session_id"),
    sqlite_with_rowid=False,
)

FOR_EVER = 2**62
"""``last_end`` of a series without an end: later than every instant there is."""


def holders(session: ScheduledSession) -> tuple[str, str]:
    """Whose time a session takes: its timeline's and its owner's. Also the keys to lock."""
    return f"t:{session.timeline_id}", f"o:{session.owner_id}"
