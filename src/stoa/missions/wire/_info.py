"""Information about the server and its target environments, on the wire."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from stoa.missions.targets import Declared, declared_to


class InfoBody(Struct):
    name: str
    description: str
    version: str


class OptionBody(Struct):
    id: str = field(name="_id")
    name: str
    value: Any


class DependencyBody(Struct, rename="camel"):
    """An argument counts only where this holds of another: ``condition`` is truthy, falsy, equals or not-equals."""

    arg_id: str
    condition: str
    values: list[Any]


class ArgumentBody(Struct, rename="camel"):
    """``type`` is string, large-string, number, boolean, dropdown, force, node, action or file."""

    id: str = field(name="_id")
    name: str
    type: str
    required: bool
    default: Any | UnsetType = UNSET
    min: float | UnsetType = UNSET
    max: float | UnsetType = UNSET
    options: list[OptionBody] | UnsetType = UNSET
    dependencies: list[DependencyBody] | UnsetType = UNSET
    grouping_id: str | UnsetType = UNSET
    tooltip_description: str | UnsetType = UNSET


class TargetBody(Struct):
    id: str = field(name="_id")
    name: str
    description: str
    args: list[ArgumentBody]


class EnvironmentBody(Struct):
    id: str = field(name="_id")
    name: str
    description: str
    version: str
    targets: list[TargetBody]

    @classmethod
    def of(cls, declared: Declared) -> EnvironmentBody:
        return msgspec.convert(declared_to(declared), cls)


class MigrateBody(Struct, rename="camel"):
    target_id: str
    environment_id: str
    effect_env_version: str
    effect_args: dict[str, Any]


class MigratedBody(Struct, rename="camel"):
    resulting_version: str
    resulting_args: dict[str, Any]
