"""A mission as it is written, and a session of one as it is played. All values are frozen.

The mission's half is ``_mission``: forces, nodes, actions, effects, files on one tree of prototypes. The session's half
is ``_session``: configuration, members, roles, executions, outputs, chat.
"""

from stoa.missions.model._mission import (
    DEFAULT_FORCE_NAMES,
    Action,
    Effect,
    Force,
    Mission,
    MissionFile,
    Node,
    Prototype,
    Stamps,
    Trigger,
)
from stoa.missions.model._session import (
    ALL_CHANNEL,
    GRANTS,
    Accessibility,
    Assignment,
    ChatMessage,
    Cheats,
    Execution,
    Member,
    MemberPermission,
    Numbers,
    Output,
    OutputKind,
    Person,
    Request,
    Role,
    SessionConfig,
    SessionState,
    Status,
)

__all__ = [
    "ALL_CHANNEL",
    "DEFAULT_FORCE_NAMES",
    "GRANTS",
    "Accessibility",
    "Action",
    "Assignment",
    "ChatMessage",
    "Cheats",
    "Effect",
    "Execution",
    "Force",
    "Member",
    "MemberPermission",
    "Mission",
    "MissionFile",
    "Node",
    "Numbers",
    "Output",
    "OutputKind",
    "Person",
    "Prototype",
    "Request",
    "Role",
    "SessionConfig",
    "SessionState",
    "Stamps",
    "Status",
    "Trigger",
]
