"""What can be asked of a session, and the protocol's messages as commands.

``command_from("request-kick", {"memberId": …})`` is ``Kick(…)``. A message of the wrong shape raises
MissionInvalidError (10001) with every fault and its field, before anything of the session is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stoa.missions.errors import MissionInvalidError
from stoa.missions.html import clean_html
from stoa.missions.model import Accessibility, Cheats, Person, Role
from stoa.missions.reading import Faults, Reader

MAX_CHAT = 2000
MAX_INVITED = 10_000
SELECTABLE = (Accessibility.PUBLIC, Accessibility.ID_REQUIRED, Accessibility.INVITE_ONLY)
PRE_EXECUTION = "pre-execution"


@dataclass(frozen=True, slots=True)
class Join:
    person: Person


@dataclass(frozen=True, slots=True)
class Quit:
    pass


@dataclass(frozen=True, slots=True)
class Start:
    pass


@dataclass(frozen=True, slots=True)
class End:
    pass


@dataclass(frozen=True, slots=True)
class Reset:
    pass


@dataclass(frozen=True, slots=True)
class Destroy:
    """Deletion, in any state. Who may is ``rules.check_delete``'s to say."""


@dataclass(frozen=True, slots=True)
class UpdateConfig:
    """Only what is not None changes."""

    name: str | None = None
    accessibility: Accessibility | None = None
    auto_assign: bool | None = None
    infinite_resources: bool | None = None
    effects_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Kick:
    member_id: str


@dataclass(frozen=True, slots=True)
class Ban:
    member_id: str


@dataclass(frozen=True, slots=True)
class Unban:
    user_id: str


@dataclass(frozen=True, slots=True)
class AssignForce:
    member_id: str
    force_id: str | None


@dataclass(frozen=True, slots=True)
class AssignRole:
    member_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class Invite:
    """The users who may join an invite-only session, in place of those named before."""

    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenNode:
    node_id: str


@dataclass(frozen=True, slots=True)
class ExecuteAction:
    action_id: str
    cheats: Cheats = field(default_factory=Cheats)


@dataclass(frozen=True, slots=True)
class SendOutput:
    """The node's text for those who look before they act, to the asker alone."""

    node_id: str


@dataclass(frozen=True, slots=True)
class SendChat:
    channel_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Complete:
    """A timer's word that something is due. It completes whatever is; nothing is due twice."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a target environment's script asks for, in the words of a built-in target."""

    target_id: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EffectResult:
    """What a target environment answered to an ``effect_requested``; ``failure`` is the reason where it did not."""

    effect_id: str
    execution_id: str
    changes: tuple[Change, ...] = ()
    failure: str | None = None


Command = (
    Join
    | Quit
    | Start
    | End
    | Reset
    | Destroy
    | UpdateConfig
    | Kick
    | Ban
    | Unban
    | AssignForce
    | AssignRole
    | Invite
    | OpenNode
    | ExecuteAction
    | SendOutput
    | SendChat
    | Complete
    | EffectResult
)

Maker = Callable[[Reader, Person], Command]


def command_from(method: str, data: Any, *, person: Person) -> Command:
    """The command in a message's ``method`` and ``data``; ``person`` is who sent it."""
    if method not in _MAKERS:
        raise MissionInvalidError.field("method", "is not a known request.")
    known, make = _MAKERS[method]
    faults = Faults()
    command = make(Reader(data, "", faults, known=known), person)
    if faults:
        raise invalid_message(faults)
    return command


def invites_from(body: Any) -> Invite:
    """The body of ``PUT …/invitations``: ``{"userIds": […]}``."""
    faults = Faults()
    at = Reader(body, "", faults, known={"userIds"})
    listed = at.list_of("userIds", high=MAX_INVITED)
    for index, one in enumerate(listed):
        if not isinstance(one, str) or not 0 < len(one) <= 64:
            at.fault(f"userIds[{index}]", "must be a user's id.")
    if faults:
        raise invalid_message(faults)
    return Invite(tuple(dict.fromkeys(listed)))


def invalid_message(faults: Faults) -> MissionInvalidError:
    first = faults.tuple()[0]
    where = f"{first.field}: " if first.field else ""
    return MissionInvalidError(f"{where}{first.message}", faults=faults.tuple())


def methods() -> tuple[str, ...]:
    return tuple(_MAKERS)


def _join(at: Reader, person: Person) -> Command:
    at.ident("sessionId")
    return Join(person)


def _config(at: Reader, _: Person) -> Command:
    inner = Reader(
        at.raw("config"),
        "config",
        at.faults,
        known={"name", "accessibility", "autoAssign", "infiniteResources", "effectsEnabled"},
    )
    name = inner.text("name", limit=175) if "name" in inner else None
    chosen = None
    if "accessibility" in inner:
        chosen = inner.text("accessibility")
        if chosen not in SELECTABLE:
            inner.fault("accessibility", f"must be one of {', '.join(SELECTABLE)}.")
            chosen = SELECTABLE[0]
    flags = [
        inner.flag(key, default=True) if key in inner else None
        for key in ("autoAssign", "infiniteResources", "effectsEnabled")
    ]
    accessibility = None if chosen is None else Accessibility(chosen)
    return UpdateConfig((name or "").strip() or None, accessibility, *flags)


def _assign_force(at: Reader, _: Person) -> Command:
    if "forceId" not in at:
        at.fault("forceId", "is required; null takes the force away.")
    return AssignForce(at.ident("memberId"), at.ident("forceId") if at.has("forceId") else None)


def _assign_role(at: Reader, _: Person) -> Command:
    member_id, role = at.ident("memberId"), at.text("roleId")
    if role not in Role._value2member_map_:
        if at.has("roleId"):
            at.fault("roleId", f"must be one of {', '.join(Role)}.")
        role = Role.PARTICIPANT
    return AssignRole(member_id, Role(role))


def _execute(at: Reader, _: Person) -> Command:
    cheats = Cheats()
    if "cheats" in at:
        inner = Reader(
            at.raw("cheats"),
            "cheats",
            at.faults,
            known={"zeroCost", "instantaneous", "guaranteedSuccess"},
        )
        cheats = Cheats(
            inner.flag("zeroCost", default=False),
            inner.flag("instantaneous", default=False),
            inner.flag("guaranteedSuccess", default=False),
        )
    return ExecuteAction(at.ident("actionId"), cheats)


def _send_output(at: Reader, _: Person) -> Command:
    if at.text("key") != PRE_EXECUTION and at.has("key"):
        at.fault("key", f"must be {PRE_EXECUTION!r}.")
    return SendOutput(at.ident("nodeId"))


def _chat(at: Reader, _: Person) -> Command:
    message = clean_html(at.text("message", limit=MAX_CHAT, empty=False)).strip()
    if at.has("message") and not message:
        at.fault("message", "must not be empty.")
    return SendChat(at.ident("channelId"), message)


_MAKERS: dict[str, tuple[frozenset[str], Maker]] = {
    "request-join-session": (frozenset({"sessionId"}), _join),
    "request-quit-session": (frozenset(), lambda _at, _person: Quit()),
    "request-start-session": (frozenset(), lambda _at, _person: Start()),
    "request-end-session": (frozenset(), lambda _at, _person: End()),
    "request-reset-session": (frozenset(), lambda _at, _person: Reset()),
    "request-config-update": (frozenset({"config"}), _config),
    "request-kick": (frozenset({"memberId"}), lambda at, _: Kick(at.ident("memberId"))),
    "request-ban": (frozenset({"memberId"}), lambda at, _: Ban(at.ident("memberId"))),
    "request-unban": (frozenset({"userId"}), lambda at, _: Unban(at.ident("userId"))),
    "request-assign-force": (frozenset({"memberId", "forceId"}), _assign_force),
    "request-assign-role": (frozenset({"memberId", "roleId"}), _assign_role),
    "request-open-node": (frozenset({"nodeId"}), lambda at, _: OpenNode(at.ident("nodeId"))),
    "request-execute-action": (frozenset({"actionId", "cheats"}), _execute),
    "request-send-output": (frozenset({"key", "nodeId"}), _send_output),
    "request-send-chat-message": (frozenset({"channelId", "message"}), _chat),
}
