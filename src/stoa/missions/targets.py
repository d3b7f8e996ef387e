"""The target environment that is built in: what effects can do to the exercise itself, and with which arguments.

An argument's ``kind`` is one of ``string, large-string, number, boolean, dropdown, force, node, action, file``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ENVIRONMENT_ID = "METIS"
ENVIRONMENT_VERSION = "0.2.0"
NO_CHANGE = "no-change"


@dataclass(frozen=True, slots=True)
class Arg:
    id: str
    kind: str
    required: bool = False
    default: Any = None
    low: float | None = None
    high: float | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    id: str
    name: str
    args: tuple[Arg, ...]


_FORCE = Arg("forceMetadata", "force", required=True)
_NODE = Arg("nodeMetadata", "node", required=True)
_ACTION = Arg("actionMetadata", "action", required=True)


def _choice(name: str, *options: str) -> Arg:
    return Arg(name, "dropdown", required=True, default=NO_CHANGE, options=(NO_CHANGE, *options))


def _number(name: str, low: float | None, high: float | None) -> Arg:
    return Arg(name, "number", default=0, low=low, high=high)


BUILT_IN: dict[str, Target] = {
    target.id: target
    for target in (
        Target("output", "Output to Force", (_FORCE, Arg("message", "large-string", required=True))),
        Target("block-status", "Block Status", (_NODE, _choice("blockStatus", "block", "unblock"))),
        Target("award", "Award Resources", (_FORCE, _number("modifier", 0, None))),
        Target("open-node", "Open Node", (_NODE, _choice("openNode", "open"))),
        Target(
            "file-access",
            "File Access",
            (
                _FORCE,
                Arg("fileMetadata", "file", required=True),
                _choice("access", "granted", "revoked"),
            ),
        ),
        Target(
            "success-chance-mod", "Success Chance Modifier", (_ACTION, _number("successChance", -100, 100))
        ),
        Target(
            "process-time-mod",
            "Process Time Modifier",
            (_ACTION, _number("hours", -1, 1), _number("minutes", -59, 59), _number("seconds", -59, 59)),
        ),
        Target("resource-cost-mod", "Resource Cost Modifier", (_ACTION, _number("resourceCost", None, None))),
    )
}
