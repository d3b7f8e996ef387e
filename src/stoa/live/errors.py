"""What can go wrong with a class.

- ``SessionNotFoundError``, ``CourseNotFoundError``, ``ParticipantNotFoundError``, ``NotRecordedError``, ``RecordingGoneError``
- ``NotAuthorizedError``      (forbidden) not the session's owner, or not one of the course
- ``BannedError``             (forbidden) may not come back
- ``TokenRefusedError``       (forbidden) a token that is no good, was used, or is void
- ``StatusInvalidError``      (invalid)
- ``RecordingDisabledError``  (conflict; 400 as documented)
- ``RecordingStateError``     (conflict) recorded already, or not at all
- ``SessionEndedError``, ``RoomFullError``, ``StatusConflictError``, ``CourseTakenError`` (conflict)
- ``ElsewhereError``         (conflict) the room lives at another node of this house
- ``SignallingElsewhereError`` (conflict) the provider has signalling of its own
- ``ProviderError``           the provider failed: 500 with the documented sentence, the cause is in the log
"""

from __future__ import annotations

from typing import ClassVar

from stoa.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, StoaError


class SessionNotFoundError(NotFoundError):
    code: ClassVar[str] = "live.session_not_found"

    def __init__(self) -> None:
        super().__init__("Session not found")


class CourseNotFoundError(NotFoundError):
    code: ClassVar[str] = "live.course_not_found"

    def __init__(self) -> None:
        super().__init__("Course not found")


class ParticipantNotFoundError(NotFoundError):
    code: ClassVar[str] = "live.participant_not_found"

    def __init__(self) -> None:
        super().__init__("Participant not found")


class NotRecordedError(NotFoundError):
    code: ClassVar[str] = "live.not_recorded"

    def __init__(self) -> None:
        super().__init__("This session has not been recorded")


class RecordingGoneError(NotFoundError):
    code: ClassVar[str] = "live.recording_gone"

    def __init__(self) -> None:
        super().__init__("There is no such recording")


class NotAuthorizedError(ForbiddenError):
    code: ClassVar[str] = "live.not_authorized"


class BannedError(ForbiddenError):
    code: ClassVar[str] = "live.banned"

    def __init__(self) -> None:
        super().__init__("You may not join this session any more")


class TokenRefusedError(ForbiddenError):
    code: ClassVar[str] = "live.token_refused"


class StatusInvalidError(InvalidError):
    code: ClassVar[str] = "live.status_invalid"


class RecordingDisabledError(ConflictError):
    code: ClassVar[str] = "live.recording_disabled"

    def __init__(self) -> None:
        super().__init__("Recording is not enabled for this session")


class RecordingStateError(ConflictError):
    code: ClassVar[str] = "live.recording_state"


class SessionEndedError(ConflictError):
    code: ClassVar[str] = "live.session_ended"

    def __init__(self) -> None:
        super().__init__("This session has ended")


class RoomFullError(ConflictError):
    code: ClassVar[str] = "live.room_full"

    def __init__(self) -> None:
        super().__init__("This session is full")


class StatusConflictError(ConflictError):
    code: ClassVar[str] = "live.status_conflict"


class CourseTakenError(ConflictError):
    code: ClassVar[str] = "live.course_taken"

    def __init__(self, message: str = "There is a course of this id already") -> None:
        super().__init__(message)


class ProviderError(StoaError):
    code: ClassVar[str] = "live.provider"


class SignallingElsewhereError(ConflictError):
    code: ClassVar[str] = "live.signalling_elsewhere"

    def __init__(self) -> None:
        super().__init__("This room's media is not signalled here: use what `entry` gave you.")


class ElsewhereError(ConflictError):
    """``url`` is where that node is reached."""

    code: ClassVar[str] = "live.elsewhere"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"This room is at another node: join at {url}." if url else "This room is at another node."
        )
        self.url = url
