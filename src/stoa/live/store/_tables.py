"""The tables of live."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table

metadata = MetaData()

sessions = Table(
    "live_sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("course_id", String(128), nullable=False),
    Column("room_name", String(64), nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
    Column("created_by", String(24), nullable=False),
    Column("recording_enabled", Boolean, nullable=False),
    Column("max_participants", Integer),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger, comment="its recordings and its attendance are kept"),
    Column("node", String(36), comment="the media node that has the room"),
    Index("ix_live_sessions_created_by", "created_by", "starts_at"),
    Index("ix_live_sessions_course", "course_id", "created_by"),
    Index("ix_live_sessions_node", "node"),
)
members = Table(
    "live_members",
    metadata,
    Column("session_id", String(36), primary_key=True),
    Column("user_id", String(24), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("mic_allowed", Boolean, nullable=False),
    Column("camera_allowed", Boolean, nullable=False),
    Column("banned", Boolean, nullable=False),
    Column("generation", Integer, nullable=False, comment="tokens of an earlier one are void"),
)
participants = Table(
    "live_participants",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("session_id", String(36), nullable=False),
    Column("user_id", String(24), nullable=False),
    Column("role", String(16), nullable=False),
    Column("joined_at", BigInteger, comment="none while only a place is kept"),
    Column("left_at", BigInteger),
    Column("was_kicked", Boolean, nullable=False),
    Column("mic_allowed", Boolean, nullable=False),
    Column("camera_allowed", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_live_participants_user", "session_id", "user_id"),
    Index("ix_live_participants_role", "session_id", "role"),
    Index("ix_live_participants_of_user", "user_id"),
)
recordings = Table(
    "live_recordings",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("session_id", String(36), nullable=False),
    Column("recording_id", String(64), nullable=False),
    Column("s3_key", String(512)),
    Column("duration", Integer, comment="seconds"),
    Column("status", String(16), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("stopped_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("progress", Float, comment="of the file that people watch, 0 to 1"),
    Column("reason", String(300), comment="why it could not be made"),
    Index("ix_live_recordings_session", "session_id", "started_at"),
    Index("ix_live_recordings_recording", "recording_id"),
)
courses = Table(
    "live_courses",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("title", String(255), nullable=False),
    Column("instructor_id", String(24), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
enrolments = Table(
    "live_enrolments",
    metadata,
    Column("course_id", String(128), primary_key=True),
    Column("user_id", String(24), primary_key=True),
    Index("ix_live_enrolments_user", "user_id"),
)
used_tokens = Table(
    "live_used_tokens",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
nodes = Table(
    "live_nodes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("url", String(512), nullable=False),
    Column("beats", Integer, nullable=False, comment="counts up while the node lives and has rooms"),
)
errands = Table(
    "live_errands",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("node", String(36), nullable=False, index=True),
    Column("room_name", String(64), nullable=False),
    Column("failed", Boolean, nullable=False),
)
