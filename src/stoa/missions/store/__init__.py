"""Tables and statements of the missions kind."""

from stoa.missions.store._documents import mission_in
from stoa.missions.store._missions import get_document, stamp_launched
from stoa.missions.store._sessions import (
    Shown,
    Snapshot,
    Standing,
    forget,
    insert_session,
    last_snapshot,
    list_sessions,
    mark_deleted,
    mission_of,
    move_members,
    save_snapshot,
    session_of,
    sessions_of,
    standing_of,
    update_session,
)
from stoa.missions.store._tables import metadata

__all__ = [
    "Shown",
    "Snapshot",
    "Standing",
    "forget",
    "get_document",
    "insert_session",
    "last_snapshot",
    "list_sessions",
    "mark_deleted",
    "metadata",
    "mission_in",
    "mission_of",
    "move_members",
    "save_snapshot",
    "session_of",
    "sessions_of",
    "stamp_launched",
    "standing_of",
    "update_session",
]
