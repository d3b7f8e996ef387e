"""A session of a mission as it is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stoa.kernel.lifecycle import Lifecycle

ALL_CHANNEL = "all"


class SessionState(StrEnum):
    UNSTARTED = "unstarted"
    STARTED = "started"
    ENDED = "ended"


class SessionAction(StrEnum):
    START = "start"
    RESET = "reset"
    END = "end"


LIFECYCLE = Lifecycle(
    {
        (SessionState.UNSTARTED, SessionAction.START): SessionState.STARTED,
        # A reset is for an exercise that goes on: it plays from the mission's start at once.
        (SessionState.STARTED, SessionAction.RESET): SessionState.STARTED,
        (SessionState.STARTED, SessionAction.END): SessionState.ENDED,
    }
)


class Accessibility(StrEnum):
    PUBLIC = "public"
    ID_REQUIRED = "id-required"
    INVITE_ONLY = "invite-only"
    TESTING = "testing"


class MemberPermission(StrEnum):
    FORCE_ASSIGNABLE = "forceAssignable"
    ROLE_ASSIGNABLE = "roleAssignable"
    MANIPULATE_NODES = "manipulateNodes"
    CONFIGURE_SESSIONS = "configureSessions"
    MANAGE_MEMBERS = "manageSessionMembers"
    START_END = "startEndSessions"
    COMPLETE_VISIBILITY = "completeVisibility"
    CHEATS = "cheats"


class Role(StrEnum):
    PARTICIPANT = "participant"
    OBSERVER_LIMITED = "observer_limited"
    OBSERVER = "observer"
    MANAGER = "manager"


GRANTS: Mapping[Role, frozenset[MemberPermission]] = {
    Role.PARTICIPANT: frozenset(
        {
            MemberPermission.FORCE_ASSIGNABLE,
            MemberPermission.MANIPULATE_NODES,
            MemberPermission.ROLE_ASSIGNABLE,
        }
    ),
    Role.OBSERVER_LIMITED: frozenset({MemberPermission.FORCE_ASSIGNABLE, MemberPermission.ROLE_ASSIGNABLE}),
    Role.OBSERVER: frozenset({MemberPermission.COMPLETE_VISIBILITY}),
    Role.MANAGER: frozenset(
        {
            MemberPermission.MANIPULATE_NODES,
            MemberPermission.CONFIGURE_SESSIONS,
            MemberPermission.MANAGE_MEMBERS,
            MemberPermission.START_END,
            MemberPermission.COMPLETE_VISIBILITY,
            MemberPermission.CHEATS,
        }
    ),
}


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """``capacity`` is how many members may be in at once; None sets no limit."""

    accessibility: Accessibility = Accessibility.PUBLIC
    auto_assign: bool = True
    infinite_resources: bool = False
    effects_enabled: bool = True
    name: str | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A user as the others in a session see them."""

    id: str
    username: str
    first_name: str = ""
    last_name: str = ""
    access: str = "student"
    express_permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    id: str
    person: Person
    role: Role
    force_id: str | None = None

    def may(self, permission: MemberPermission) -> bool:
        return permission in GRANTS[self.role]

    @property
    def sees_all(self) -> bool:
        return MemberPermission.COMPLETE_VISIBILITY in GRANTS[self.role]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is remembered of a user for the next time they join."""

    role: Role | None = None
    force_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """The message that caused something; it is told with what it caused. ``data`` is plain JSON."""

    method: str
    data: dict[str, Any]
    request_id: str | None = None


class Status(StrEnum):
    EXECUTING = "executing"
    SUCCESS = "success"
    FAILURE = "failure"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Cheats:
    zero_cost: bool = False
    instantaneous: bool = False
    guaranteed_success: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """``start_ms``, ``end_ms`` and ``aborted_ms`` are milliseconds since the epoch."""

    id: str
    action_id: str
    node_id: str
    start_ms: int
    end_ms: int
    status: Status = Status.EXECUTING
    aborted_ms: int | None = None
    guaranteed: bool = False
    request: dict[str, Any] | None = None


class OutputKind(StrEnum):
    INTRO = "intro"
    CUSTOM = "custom"
    PRE_EXECUTION = "pre-execution"
    EXECUTION_STARTED = "execution-started"
    EXECUTION_SUCCEEDED = "execution-succeeded"
    EXECUTION_FAILED = "execution-failed"


@dataclass(frozen=True, slots=True)
class Output:
    """``message`` is sanitised HTML. ``user_id`` is set where only that user may see it."""

    id: str
    force_id: str
    kind: OutputKind
    prefix: str
    message: str
    time_ms: int
    node_id: str | None = None
    execution_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChatMessage:
    id: str
    channel_id: str
    sender_id: str
    sender_username: str
    sender_force_id: str | None
    message: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """An action's numbers as they are now, modifiers included."""

    chance: float
    process_ms: float
    cost: float
