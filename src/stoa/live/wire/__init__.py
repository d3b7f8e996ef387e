"""Requests and responses of live, exactly as documented."""

from stoa.live.wire._answers import (
    AccessLink,
    CourseBody,
    MemberBody,
    ParticipantBody,
    RecordingBody,
    RecordingDetails,
    SessionBody,
    Started,
    Stopped,
    StudentBody,
    Token,
)
from stoa.live.wire._errors import (
    DIALECT,
    NOT_FOUND,
    PATHS,
    ErrorBody,
    MessageBody,
)
from stoa.live.wire._requests import (
    CreateCourse,
    CreateSession,
    Enrol,
    Permissions,
    SetStatus,
)
from stoa.live.wire._sheets import (
    classes_csv,
    csv_of,
)

__all__ = [
    "DIALECT",
    "NOT_FOUND",
    "PATHS",
    "AccessLink",
    "CourseBody",
    "CreateCourse",
    "CreateSession",
    "Enrol",
    "ErrorBody",
    "MemberBody",
    "MessageBody",
    "ParticipantBody",
    "Permissions",
    "RecordingBody",
    "RecordingDetails",
    "SessionBody",
    "SetStatus",
    "Started",
    "Stopped",
    "StudentBody",
    "Token",
    "classes_csv",
    "csv_of",
]
