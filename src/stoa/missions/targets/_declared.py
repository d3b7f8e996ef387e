"""What a target environment says of itself: its targets, and the arguments that each takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ArgKind(StrEnum):
    """``force``, ``node``, ``action`` and ``file`` are objects that name one of the mission's by id or local key."""

    STRING = "string"
    LARGE_STRING = "large-string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DROPDOWN = "dropdown"
    FORCE = "force"
    NODE = "node"
    ACTION = "action"
    FILE = "file"


class Condition(StrEnum):
    """``equals``: is one of the dependency's values; ``not-equals``: is none of them."""

    TRUTHY = "truthy"
    FALSY = "falsy"
    EQUALS = "equals"
    NOT_EQUALS = "not-equals"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a dropdown; ``value`` is what stands in the effect's arguments."""

    value: Any
    name: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Dependency:
    """An argument counts only where this holds of another."""

    arg_id: str
    condition: Condition = Condition.TRUTHY
    values: tuple[Any, ...] = ()

    def holds(self, args: Mapping[str, Any]) -> bool:
        value = args.get(self.arg_id)
        match self.condition:
            case Condition.TRUTHY:
                return bool(value)
            case Condition.FALSY:
                return not value
            case Condition.EQUALS:
                return value in self.values
            case _:
                return value not in self.values


@dataclass(frozen=True, slots=True)
class Arg:
    """``low`` and ``high`` bound a number. Arguments of one ``grouping_id`` are shown together."""

    id: str
    kind: ArgKind
    name: str = ""
    required: bool = False
    default: Any = None
    low: float | None = None
    high: float | None = None
    options: tuple[Option, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    grouping_id: str = ""
    tooltip: str = ""

    @property
    def values(self) -> tuple[Any, ...]:
        return tuple(option.value for option in self.options)

    def counts(self, args: Mapping[str, Any]) -> bool:
        return all(one.holds(args) for one in self.dependencies)


@dataclass(frozen=True, slots=True)
class Target:
    id: str
    name: str
    args: tuple[Arg, ...] = ()
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A target environment without what it does. ``version`` is three numbers: ``1.0.0``."""

    id: str
    name: str
    version: str
    targets: tuple[Target, ...]
    description: str = ""
    by_id: Mapping[str, Target] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {target.id: target for target in self.targets})


Environments = Mapping[str, Declared]
"""Those that are there, by their ids."""


def version_of(text: str) -> tuple[int, ...] | None:
    """The three numbers of ``1.0.0``; None for what is no version."""
    pieces = text.split(".")
    if len(pieces) != 3 or not all(one.isascii() and one.isdigit() and len(one) < 10 for one in pieces):
        return None
    return tuple(map(int, pieces))
