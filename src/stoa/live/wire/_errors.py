"""What is answered where something is wrong, odd codes included."""

from __future__ import annotations

from msgspec import Struct

from stoa.kernel.errors import InvalidError, MalformedError, UnauthenticatedError
from stoa.live.errors import RecordingDisabledError
from stoa.web.errors import Dialect, Problem


class ErrorBody(Struct):
    """400 of a request that is wrong, 401 and 500."""

    error: str


class MessageBody(Struct):
    """Everything else."""

    message: str


NOT_FOUND = b'"Session not found"'
"""What GET of an unknown name answers, with status 500: so the document has it."""
_REQUIRED = frozenset({"courseId", "startsAt"})


def error_body(problem: Problem) -> ErrorBody | MessageBody:
    error = problem.error
    if isinstance(error, UnauthenticatedError):
        return ErrorBody("Authentication required")
    if isinstance(error, InvalidError) and any(
        _is_missing(fault.field, fault.message) for fault in error.faults
    ):
        return ErrorBody("courseId and startsAt are required")
    if isinstance(error, InvalidError | MalformedError) or problem.status >= 500:
        return ErrorBody(error.message)
    return MessageBody(error.message)


def _is_missing(field: str, message: str) -> bool:
    return field in _REQUIRED and (message == "is required." or message.endswith("got null."))


PATHS = ("/sessions", "/students", "/courses", "/recordings", "/join", "/webhooks")
DIALECT = Dialect(PATHS, error_body, {RecordingDisabledError: 400})
