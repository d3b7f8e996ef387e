"""What can go wrong, in words that no protocol owns.

``StoaError``
  - ``InvalidError``          a value that breaks its rules, each named by its field
  - ``MalformedError``        input that can't be read at all (broken JSON, no such encoding)
  - ``UnauthenticatedError``  nobody is signed in, or the proof is no good
  - ``ForbiddenError``        somebody is, but may not
  - ``NotFoundError``
  - ``ConflictError``         the state of things does not allow it now
  - ``TooLargeError``
  - ``RateLimitedError``      try again after ``retry_after`` seconds
  - ``UnavailableError``      a part that is needed does not answer

A kind's ``errors.py`` subclasses these and gives each its stable ``code`` (``schedule.conflict``).
Which HTTP status and which body each becomes is decided in ``web`` and in each kind's ``wire``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field. ``field`` is a dotted path; empty for the whole input."""

    field: str
    message: str


class StoaError(Exception):
    """The base of every error that a caller may be told about."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, faults: tuple[Fault, ...] = (), **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.faults = faults
        self.details = details


class InvalidError(StoaError):
    code = "invalid"

    @classmethod
    def field(cls, name: str, message: str) -> InvalidError:
        """The common case: one field is wrong. The sentence names it."""
        return cls(f"{name}: {message}", faults=(Fault(name, message),))


class MalformedError(StoaError):
    code = "malformed"


class UnauthenticatedError(StoaError):
    code = "unauthenticated"


class ForbiddenError(StoaError):
    code = "forbidden"


class NotFoundError(StoaError):
    code = "not_found"


class ConflictError(StoaError):
    code = "conflict"


class TooLargeError(StoaError):
    code = "too_large"


class RateLimitedError(StoaError):
    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class UnavailableError(StoaError):
    code = "unavailable"
