"""The target environment that is built in: what effects can do to the exercise itself, and with which arguments."""

from __future__ import annotations

from stoa.missions.targets._declared import Arg, ArgKind, Declared, Option, Target

ENVIRONMENT_ID = "METIS"
ENVIRONMENT_VERSION = "0.2.0"
NO_CHANGE = "no-change"

_FORCE = Arg("forceMetadata", ArgKind.FORCE, "Force", required=True)
_NODE = Arg("nodeMetadata", ArgKind.NODE, "Node", required=True)
_ACTION = Arg("actionMetadata", ArgKind.ACTION, "Action", required=True)
_FILE = Arg("fileMetadata", ArgKind.FILE, "File", required=True)
_MESSAGE = Arg("message", ArgKind.LARGE_STRING, "Message", required=True)


def _choice(id_: str, name: str, *values: str) -> Arg:
    options = tuple(Option(one, one.replace("-", " ").capitalize(), one) for one in (NO_CHANGE, *values))
    return Arg(id_, ArgKind.DROPDOWN, name, required=True, default=NO_CHANGE, options=options)


def _number(id_: str, name: str, low: float | None, high: float | None) -> Arg:
    return Arg(id_, ArgKind.NUMBER, name, default=0, low=low, high=high)


METIS = Declared(
    id=ENVIRONMENT_ID,
    name=ENVIRONMENT_ID,
    version=ENVIRONMENT_VERSION,
    description="What effects can do to the exercise itself.",
    targets=(
        Target("output", "Output to Force", (_FORCE, _MESSAGE), "Sends a message to a force's output."),
        Target(
            "block-status",
            "Block Status",
            (_NODE, _choice("blockStatus", "Block Status", "block", "unblock")),
            "Blocks or unblocks a node and what is revealed beneath it; what runs there is aborted.",
        ),
        Target(
            "award",
            "Award Resources",
            (_FORCE, _number("modifier", "Modifier", 0, None)),
            "Adds to a force's pool of resources.",
        ),
        Target("open-node", "Open Node", (_NODE, _choice("openNode", "Open Node", "open")), "Opens a node."),
        Target(
            "file-access",
            "File Access",
            (_FORCE, _FILE, _choice("access", "Access", "granted", "revoked")),
            "Gives a force access to a file of the mission, or takes it.",
        ),
        Target(
            "success-chance-mod",
            "Success Chance Modifier",
            (_ACTION, _number("successChance", "Probability of Success", -100, 100)),
            "Adds to the chance of success of an action, or of all of a node's, in percent points.",
        ),
        Target(
            "process-time-mod",
            "Process Time Modifier",
            (
                _ACTION,
                _number("hours", "Hours", -1, 1),
                _number("minutes", "Minutes", -59, 59),
                _number("seconds", "Seconds", -59, 59),
            ),
            "Adds to the time that an action, or each of a node's, takes.",
        ),
        Target(
            "resource-cost-mod",
            "Resource Cost Modifier",
            (_ACTION, _number("resourceCost", "Resource Cost", None, None)),
            "Adds to what an action, or each of a node's, costs.",
        ),
    ),
)
