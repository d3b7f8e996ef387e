"""Requests and responses of the missions kind."""

from stoa.missions.wire._errors import DIALECT, PATHS, ErrorBody, ErrorDetail, ErrorField, code_of
from stoa.missions.wire._requests import REQUESTS, Asked, RequestBody
from stoa.missions.wire._sessions import (
    MEDIA_TYPES,
    DeletionRefusedError,
    InvitationsBody,
    JournalFormat,
    LaunchBody,
    LaunchedBody,
    SessionBody,
    StateBody,
    journal_text,
)

__all__ = [
    "DIALECT",
    "MEDIA_TYPES",
    "PATHS",
    "REQUESTS",
    "Asked",
    "DeletionRefusedError",
    "ErrorBody",
    "ErrorDetail",
    "ErrorField",
    "InvitationsBody",
    "JournalFormat",
    "LaunchBody",
    "LaunchedBody",
    "RequestBody",
    "SessionBody",
    "StateBody",
    "code_of",
    "journal_text",
]
