"""The protocol's requests as bodies of HTTP, one address each, and the response that each is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from stoa.missions.commands import MAX_CHAT
from stoa.missions.model import Role

Id = Annotated[str, Meta(min_length=1, max_length=64)]


class RequestBody(Struct, rename="camel", forbid_unknown_fields=True):
    def plain(self) -> dict[str, Any]:
        given: dict[str, Any] = msgspec.to_builtins(self)
        return given


class ConfigChange(RequestBody):
    """What is not given stays."""

    name: Annotated[str, Meta(max_length=175)] | UnsetType = UNSET
    accessibility: (
        Annotated[str, Meta(extra_json_schema={"enum": ["public", "id-required", "invite-only"]})] | UnsetType
    ) = UNSET
    auto_assign: bool | UnsetType = UNSET
    infinite_resources: bool | UnsetType = UNSET
    effects_enabled: bool | UnsetType = UNSET


class ConfigUpdate(RequestBody):
    config: ConfigChange


class OfMember(RequestBody):
    member_id: Id


class Unban(RequestBody):
    user_id: Id


class AssignForce(RequestBody):
    """null takes the force away."""

    member_id: Id
    force_id: Id | None


class AssignRole(RequestBody):
    member_id: Id
    role_id: Annotated[str, Meta(extra_json_schema={"enum": [str(role) for role in Role]})]


class OpenNode(RequestBody):
    node_id: Id


class CheatsBody(RequestBody):
    """Taken from managers, and passed over where others send them."""

    zero_cost: bool = False
    instantaneous: bool = False
    guaranteed_success: bool = False


class ExecuteAction(RequestBody):
    action_id: Id
    cheats: CheatsBody | UnsetType = UNSET


class SendOutput(RequestBody):
    key: Annotated[str, Meta(extra_json_schema={"const": "pre-execution"})]
    node_id: Id


class SendChat(RequestBody):
    """``channelId`` is ``all`` or a force's id; ``message`` is HTML, cleaned of what could run."""

    channel_id: Id
    message: Annotated[str, Meta(min_length=1, max_length=MAX_CHAT)]


@dataclass(frozen=True, slots=True)
class Asked:
    """``answer`` is the protocol's response; ``about`` says what the request does."""

    answer: str
    about: str
    body: type[RequestBody] | None = None

    def __post_init__(self) -> None:
        assert self.about.endswith(".")


REQUESTS: Mapping[str, Asked] = {
    "quit-session": Asked("session-quit", "Leaves the session; role and force are remembered."),
    "start-session": Asked("session-started", "Starts the exercise."),
    "end-session": Asked("session-ended", "Ends the exercise for good."),
    "reset-session": Asked("session-reset", "Begins the exercise again; it stays started."),
    "config-update": Asked("session-config-updated", "Changes the configuration.", ConfigUpdate),
    "kick": Asked("kicked", "Removes a member, who may come again.", OfMember),
    "ban": Asked("banned", "Removes a member, who may not come again.", OfMember),
    "unban": Asked("unbanned", "Lets a banned user come again.", Unban),
    "assign-force": Asked("force-assigned", "Gives a member a force.", AssignForce),
    "assign-role": Asked("role-assigned", "Gives a member a role.", AssignRole),
    "open-node": Asked("node-opened", "Opens a node.", OpenNode),
    "execute-action": Asked("action-execution-initiated", "Begins an action.", ExecuteAction),
    "send-output": Asked("output-sent", "Asks for a node's text before execution.", SendOutput),
    "send-chat-message": Asked("chat-message-sent", "Says something in a channel.", SendChat),
}
"""Without joining, which is more than a message, and ``current-session``, which changes nothing."""
