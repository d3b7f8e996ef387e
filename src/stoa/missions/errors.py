"""What can go wrong with missions. ``number`` is the code that the socket's protocol gives it.

- ``MissionInvalidError``      10001  a mission, a message or a value that breaks its rules, each fault with its path
- ``MissionUnreadableError``   10001  a file that is no JSON document, or is nested too deep
- ``MissionTooLargeError``     10001  a file that is more than one may be
- ``SessionNotFoundError``     20000
- ``AlreadyInSessionError``    20001
- ``JoinRefusedError``         20002  no role to join in, not invited, or the session is full
- ``BannedError``              20003
- ``StateConflictError``       20004
- ``NotPermittedError``        20005
- ``LateJoinError``            20006
- ``NodeNotFoundError``        20100
- ``NotOpenableError``         20101
- ``NotExecutableError``       20102
- ``NotRevealedError``         20103
- ``ActionNotFoundError``      20200
- ``TooFewResourcesError``     20201
- ``NodeBusyError``            20202
- ``MemberNotFoundError``      20400
- ``ChannelNotFoundError``     20500
"""

from __future__ import annotations

from typing import ClassVar

from stoa.kernel.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    MalformedError,
    NotFoundError,
    StoaError,
    TooLargeError,
)

INVALID_DATA = 10001
EFFECT_FAILED = 20300


class MissionInvalidError(InvalidError):
    code: ClassVar[str] = "missions.invalid"
    number: ClassVar[int] = INVALID_DATA


class MissionUnreadableError(MalformedError):
    code: ClassVar[str] = "missions.unreadable"
    number: ClassVar[int] = INVALID_DATA


class MissionTooLargeError(TooLargeError):
    code: ClassVar[str] = "missions.too_large"
    number: ClassVar[int] = INVALID_DATA


class SessionNotFoundError(NotFoundError):
    code: ClassVar[str] = "missions.session_not_found"
    number: ClassVar[int] = 20000

    def __init__(self) -> None:
        super().__init__("There is no such session.")


class AlreadyInSessionError(ConflictError):
    code: ClassVar[str] = "missions.already_in_session"
    number: ClassVar[int] = 20001

    def __init__(self) -> None:
        super().__init__("You are already in a session.")


class JoinRefusedError(ForbiddenError):
    code: ClassVar[str] = "missions.join_refused"
    number: ClassVar[int] = 20002


class BannedError(ForbiddenError):
    code: ClassVar[str] = "missions.banned"
    number: ClassVar[int] = 20003

    def __init__(self) -> None:
        super().__init__("You are banned from this session.")


class StateConflictError(ConflictError):
    code: ClassVar[str] = "missions.state_conflict"
    number: ClassVar[int] = 20004


class NotPermittedError(ForbiddenError):
    code: ClassVar[str] = "missions.not_permitted"
    number: ClassVar[int] = 20005


class LateJoinError(ConflictError):
    code: ClassVar[str] = "missions.late_join"
    number: ClassVar[int] = 20006

    def __init__(self) -> None:
        super().__init__("The session has started, and no force is assigned to you.")


class NodeNotFoundError(NotFoundError):
    code: ClassVar[str] = "missions.node_not_found"
    number: ClassVar[int] = 20100

    def __init__(self) -> None:
        super().__init__("There is no such node in this session.")


class NotOpenableError(ConflictError):
    code: ClassVar[str] = "missions.not_openable"
    number: ClassVar[int] = 20101

    def __init__(self) -> None:
        super().__init__("The node can not be opened.")


class NotExecutableError(ConflictError):
    code: ClassVar[str] = "missions.not_executable"
    number: ClassVar[int] = 20102


class NotRevealedError(ConflictError):
    code: ClassVar[str] = "missions.not_revealed"
    number: ClassVar[int] = 20103

    def __init__(self) -> None:
        super().__init__("The node is not revealed.")


class ActionNotFoundError(NotFoundError):
    code: ClassVar[str] = "missions.action_not_found"
    number: ClassVar[int] = 20200

    def __init__(self) -> None:
        super().__init__("There is no such action in this session.")


class TooFewResourcesError(ConflictError):
    code: ClassVar[str] = "missions.too_few_resources"
    number: ClassVar[int] = 20201

    def __init__(self) -> None:
        super().__init__("The force has too few resources for this action.")


class NodeBusyError(ConflictError):
    code: ClassVar[str] = "missions.node_busy"
    number: ClassVar[int] = 20202

    def __init__(self) -> None:
        super().__init__("Another action is running on this node.")


class MemberNotFoundError(NotFoundError):
    code: ClassVar[str] = "missions.member_not_found"
    number: ClassVar[int] = 20400

    def __init__(self) -> None:
        super().__init__("There is no such member in this session.")


class ChannelNotFoundError(NotFoundError):
    code: ClassVar[str] = "missions.channel_not_found"
    number: ClassVar[int] = 20500

    def __init__(self) -> None:
        super().__init__("There is no such chat channel for you.")


def number_of(error: StoaError) -> int:
    """The protocol's number for any error that a caller may be told about; 10000 for one that has none."""
    if isinstance(error, InvalidError):
        return INVALID_DATA
    number: int = getattr(error, "number", 10000)
    return number
