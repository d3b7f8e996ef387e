"""Information about the server and its target environments, on the wire."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from stoa.missions.targets import BUILT_IN, ENVIRONMENT_ID, ENVIRONMENT_VERSION, Arg, Target

_ARG_NAMES = {
    "forceMetadata": "Force",
    "nodeMetadata": "Node",
    "actionMetadata": "Action",
    "fileMetadata": "File",
    "message": "Message",
    "blockStatus": "Block Status",
    "openNode": "Open Node",
    "access": "Access",
    "modifier": "Modifier",
    "successChance": "Probability of Success",
    "hours": "Hours",
    "minutes": "Minutes",
    "seconds": "Seconds",
    "resourceCost": "Resource Cost",
}
_ABOUT = {
    "output": "Sends a message to a force's output.",
    "block-status": "Blocks or unblocks a node and what is revealed beneath it; what runs there is aborted.",
    "award": "Adds to a force's pool of resources.",
    "open-node": "Opens a node.",
    "file-access": "Gives a force access to a file of the mission, or takes it.",
    "success-chance-mod": "Adds to the chance of success of an action, or of all of a node's, in percent points.",
    "process-time-mod": "Adds to the time that an action, or each of a node's, takes.",
    "resource-cost-mod": "Adds to what an action, or each of a node's, costs.",
}


class InfoBody(Struct):
    name: str
    description: str
    version: str


class OptionBody(Struct):
    id: str = field(name="_id")
    name: str
    value: str


class ArgumentBody(Struct):
    """``type`` is string, large-string, number, boolean, dropdown, force, node, action or file."""

    id: str = field(name="_id")
    name: str
    type: str
    required: bool
    default: Any | UnsetType = UNSET
    min: float | UnsetType = UNSET
    max: float | UnsetType = UNSET
    options: list[OptionBody] | UnsetType = UNSET

    @classmethod
    def of(cls, arg: Arg) -> ArgumentBody:
        options = [OptionBody(one, one.replace("-", " ").capitalize(), one) for one in arg.options]
        return cls(
            id=arg.id,
            name=_ARG_NAMES[arg.id],
            type=arg.kind,
            required=arg.required,
            default=UNSET if arg.default is None else arg.default,
            min=UNSET if arg.low is None else arg.low,
            max=UNSET if arg.high is None else arg.high,
            options=options or UNSET,
        )


class TargetBody(Struct):
    id: str = field(name="_id")
    name: str
    description: str
    args: list[ArgumentBody]

    @classmethod
    def of(cls, target: Target) -> TargetBody:
        args = [ArgumentBody.of(arg) for arg in target.args]
        return cls(target.id, target.name, _ABOUT[target.id], args)


class EnvironmentBody(Struct):
    id: str = field(name="_id")
    name: str
    description: str
    version: str
    targets: list[TargetBody]


def built_in() -> EnvironmentBody:
    return EnvironmentBody(
        id=ENVIRONMENT_ID,
        name=ENVIRONMENT_ID,
        description="What effects can do to the exercise itself.",
        version=ENVIRONMENT_VERSION,
        targets=[TargetBody.of(target) for target in BUILT_IN.values()],
    )


class MigrateBody(Struct, rename="camel"):
    target_id: str
    environment_id: str
    effect_env_version: str
    effect_args: dict[str, Any]


class MigratedBody(Struct, rename="camel"):
    resulting_version: str
    resulting_args: dict[str, Any]
