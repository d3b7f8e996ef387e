"""The use cases of missions: plain functions on a connection, each one transaction."""

from stoa.missions.service._folding import MEMO, Folded, stream_of
from stoa.missions.service._review import Moment, journal_lines, state_at, viewer_of
from stoa.missions.service._sessions import (
    EXECUTION,
    FORGET,
    Done,
    command,
    complete_due,
    current,
    destroy,
    folded,
    forget,
    join,
    launch,
    list_sessions,
    member_view,
    person_of,
    session_of,
)

__all__ = [
    "EXECUTION",
    "FORGET",
    "MEMO",
    "Done",
    "Folded",
    "Moment",
    "command",
    "complete_due",
    "current",
    "destroy",
    "folded",
    "forget",
    "join",
    "journal_lines",
    "launch",
    "list_sessions",
    "member_view",
    "person_of",
    "session_of",
    "state_at",
    "stream_of",
    "viewer_of",
]
