"""The names of what can happen in a session. An event's ``data`` is plain JSON; ``request`` in it is the message that
caused it, with who sent it.
"""

from __future__ import annotations

from typing import Final

LAUNCHED: Final = "missions.launched"
DESTROYED: Final = "missions.destroyed"
STARTED: Final = "missions.started"
ENDED: Final = "missions.ended"
RESET: Final = "missions.reset"
CONFIG_UPDATED: Final = "missions.config_updated"
MEMBER_JOINED: Final = "missions.member_joined"
MEMBER_QUIT: Final = "missions.member_quit"
MEMBER_KICKED: Final = "missions.member_kicked"
MEMBER_BANNED: Final = "missions.member_banned"
USER_UNBANNED: Final = "missions.user_unbanned"
USERS_INVITED: Final = "missions.users_invited"
FORCE_ASSIGNED: Final = "missions.force_assigned"
ROLE_ASSIGNED: Final = "missions.role_assigned"
NODE_OPENED: Final = "missions.node_opened"
BLOCK_CHANGED: Final = "missions.block_changed"
EXECUTION_INITIATED: Final = "missions.execution_initiated"
EXECUTION_COMPLETED: Final = "missions.execution_completed"
EXECUTION_ABORTED: Final = "missions.execution_aborted"
RESOURCES_AWARDED: Final = "missions.resources_awarded"
ACTION_MODIFIED: Final = "missions.action_modified"
FILE_ACCESS_CHANGED: Final = "missions.file_access_changed"
OUTPUT_SENT: Final = "missions.output_sent"
PRE_EXECUTION_ASKED: Final = "missions.pre_execution_asked"
CHAT_SENT: Final = "missions.chat_sent"
EFFECT_REQUESTED: Final = "missions.effect_requested"
EFFECT_ENACTED: Final = "missions.effect_enacted"
EFFECT_FAILED: Final = "missions.effect_failed"
