"""What a script is given, and what it may ask of the exercise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Reference = str | Mapping[str, Any] | None
"""An id, or an object as arguments of the kinds force, node, action and file are. None is the effect's own."""


class EffectFailedError(Exception):
    """The effect can't be done. The reason is journalled and told to the managers: put no secret in it."""


class TryAgainError(Exception):
    """It can't be done now. The script is called again after ``after`` seconds, or when its turn comes by itself."""

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Context:
    """``args`` are the effect's. ``call_id`` names this call: where it has to be made again it is the same, so what was
    done already can be told. ``attempt`` counts from 1. ``session``, ``mission``, ``force``, ``node``, ``action`` and
    ``effect`` are ``{"_id", "name"}``. ``settings`` are what the server's settings say for this environment. The script
    has ``seconds`` before its process is killed.
    """

    target_id: str
    args: Mapping[str, Any]
    call_id: str
    attempt: int
    seconds: float
    session: Mapping[str, str]
    mission: Mapping[str, str]
    force: Mapping[str, str]
    node: Mapping[str, str]
    action: Mapping[str, str]
    effect: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)

    def send_output(self, message: str, *, force: Reference = None) -> None:
        """``message`` is HTML; what could run is taken out."""
        self._ask("sendOutput", force=force, message=message)

    def block_node(self, node: Reference = None) -> None:
        self._ask("blockNode", node=node)

    def unblock_node(self, node: Reference = None) -> None:
        self._ask("unblockNode", node=node)

    def open_node(self, node: Reference = None) -> None:
        self._ask("openNode", node=node)

    def modify_success_chance(self, operand: float, *, action: Reference = None) -> None:
        """``operand`` is -1…1. A reference to a node means all of its actions, here and below."""
        self._ask("modifySuccessChance", action=action, operand=operand)

    def modify_process_time(self, operand: int, *, action: Reference = None) -> None:
        """``operand`` is milliseconds."""
        self._ask("modifyProcessTime", action=action, operand=operand)

    def modify_resource_cost(self, operand: float, *, action: Reference = None) -> None:
        self._ask("modifyResourceCost", action=action, operand=operand)

    def modify_resource_pool(self, operand: float, *, force: Reference = None) -> None:
        """``operand`` is not negative."""
        self._ask("modifyResourcePool", force=force, operand=operand)

    def grant_file_access(self, file: Reference, *, force: Reference = None) -> None:
        self._ask("grantFileAccess", file=file, force=force)

    def revoke_file_access(self, file: Reference, *, force: Reference = None) -> None:
        self._ask("revokeFileAccess", file=file, force=force)

    def _ask(self, call: str, **given: Any) -> None:
        said = {name: value for name, value in given.items() if value is not None}
        self.calls.append({"call": call, **said})
