"""Tables and statements of the schedule.

``schedule_slots`` is the coarse net for conflicts: two sessions that ever meet share a slot (see ``conflicts``), so a
new session is compared only with those that share one with it under the same timeline or owner.
"""

from stoa.schedule.store._rivals import rivals
from stoa.schedule.store._sessions import (
    by_uids,
    get_session,
    get_sessions,
    insert_session,
    insert_sessions,
    list_sessions,
    sessions_in,
    sessions_of_timeline,
    update_session,
)
from stoa.schedule.store._tables import holders, metadata
from stoa.schedule.store._timelines import get_timeline, insert_timeline, list_timelines, update_timeline

__all__ = [
    "by_uids",
    "get_session",
    "get_sessions",
    "get_timeline",
    "holders",
    "insert_session",
    "insert_sessions",
    "insert_timeline",
    "list_sessions",
    "list_timelines",
    "metadata",
    "rivals",
    "sessions_in",
    "sessions_of_timeline",
    "update_session",
    "update_timeline",
]
