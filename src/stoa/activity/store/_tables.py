"""Activity's tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text, text

metadata = MetaData()
_Number = BigInteger().with_variant(Integer, "sqlite")

sessions = Table(
    "activity_sessions",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("beaker_id", Text, nullable=False),
    Column("login_id", Text, nullable=False),
    Column("user_id", String(24), nullable=False, index=True),
    Column("username", Text, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("last_ping_ms", BigInteger, nullable=False),
    Column("last_visible_ping_ms", BigInteger, nullable=False),
    Column("last_visible_path", Text, nullable=False),
    Column("visible_ms", BigInteger, nullable=False),
    Column("free_ms", BigInteger, nullable=False),
    Column("is_current", Boolean, nullable=False),
    Index("activity_sessions_newest", "start_ms", "id"),
    Index("activity_sessions_of_a_name", "username", "start_ms"),
    Index("activity_sessions_by_ping", "last_ping_ms"),
    Index(
        "activity_sessions_one_a_login",
        "beaker_id",
        unique=True,
        sqlite_where=text("is_current"),
        postgresql_where=text("is_current"),
    ),
)

counters = Table(
    "activity_counters",
    metadata,
    Column("session", _Number, primary_key=True, autoincrement=False),
    Column("view", Text, primary_key=True),
    Column("tab", Text, primary_key=True, comment="blank for a view without one"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

clients = Table(
    "activity_clients",
    metadata,
    Column("session", _Number, primary_key=True, autoincrement=False),
    Column("client", String(64), primary_key=True),
    Column("high", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("slots", Text, nullable=False),
    sqlite_with_rowid=False,
)

daily_pages = Table(
    "activity_daily_pages",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("view", Text, primary_key=True),
    Column("ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

daily_users = Table(
    "activity_daily_users",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("user_id", String(24), primary_key=True),
    Column("username", Text, nullable=False),
    Column("ms", BigInteger, nullable=False),
    Column("begun", BigInteger, nullable=False),
    Index("activity_daily_users_of_one", "user_id"),
    sqlite_with_rowid=False,
)
