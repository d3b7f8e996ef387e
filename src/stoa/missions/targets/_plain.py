"""Declarations as plain JSON, in the words of the API, and back: an environment is declared by another process."""

from __future__ import annotations

from typing import Any

from stoa.kernel.errors import InvalidError
from stoa.missions.reading import Faults, Reader
from stoa.missions.targets._declared import (
    Arg,
    ArgKind,
    Condition,
    Declared,
    Dependency,
    Option,
    Target,
    version_of,
)

_MOST = 200
_NAME = 175
_ENVIRONMENT = ("_id", "name", "description", "version", "targets")
_TARGET = ("_id", "name", "description", "args")
_ARG = (
    *("_id", "name", "type", "required", "default", "min", "max", "options", "dependencies"),
    *("groupingId", "tooltipDescription"),
)


def declared_to(declared: Declared) -> dict[str, Any]:
    targets = [
        {
            "_id": target.id,
            "name": target.name,
            "description": target.description,
            "args": [_arg_to(arg) for arg in target.args],
        }
        for target in declared.targets
    ]
    return {
        "_id": declared.id,
        "name": declared.name,
        "description": declared.description,
        "version": declared.version,
        "targets": targets,
    }


def _arg_to(arg: Arg) -> dict[str, Any]:
    sometimes = {
        "default": arg.default,
        "min": arg.low,
        "max": arg.high,
        "options": [
            {"_id": one.id or str(one.value), "name": one.name or str(one.value), "value": one.value}
            for one in arg.options
        ],
        "dependencies": [
            {"argId": one.arg_id, "condition": str(one.condition), "values": list(one.values)}
            for one in arg.dependencies
        ],
        "groupingId": arg.grouping_id,
        "tooltipDescription": arg.tooltip,
    }
    always = {"_id": arg.id, "name": arg.name or arg.id, "type": str(arg.kind), "required": arg.required}
    return always | {key: value for key, value in sometimes.items() if value not in (None, "", [])}


def declared_from(plain: Any) -> Declared:
    """Raises InvalidError with everything that is wrong with the declaration."""
    faults = Faults()
    at = Reader(plain, "", faults, known=_ENVIRONMENT)
    declared = Declared(
        id=at.ident("_id"),
        name=at.text("name", limit=_NAME, empty=False),
        version=at.text("version"),
        description=at.text("description", default=""),
        targets=tuple(_target(one) for one in at.objects("targets", known=_TARGET, high=_MOST, low=1)),
    )
    if version_of(declared.version) is None:
        at.fault("version", "must be three numbers such as 1.0.0.")
    if len(declared.by_id) < len(declared.targets):
        at.fault("targets", "must each have an id of its own.")
    if faults:
        told = faults.tuple()
        raise InvalidError("; ".join(f"{one.field} {one.message}" for one in told), faults=told)
    return declared


def _target(at: Reader) -> Target:
    args = tuple(_arg(one) for one in at.objects("args", known=_ARG, high=_MOST))
    known = {arg.id for arg in args}
    if len(known) < len(args):
        at.fault("args", "must each have an id of its own.")
    for index, arg in enumerate(args):
        if any(one.arg_id not in known for one in arg.dependencies):
            at.fault(f"args[{index}].dependencies", "must be on arguments of the same target.")
    return Target(
        at.ident("_id"), at.text("name", limit=_NAME, empty=False), args, at.text("description", default="")
    )


def _arg(at: Reader) -> Arg:
    kind = _one_of(at, "type", ArgKind)
    options = tuple(_option(one) for one in at.objects("options", known=_OPTION, high=_MOST, default=None))
    if kind is ArgKind.DROPDOWN and not options:
        at.fault("options", "is required of a dropdown.")
    return Arg(
        id=at.ident("_id"),
        kind=kind,
        name=at.text("name", limit=_NAME),
        required=at.flag("required", default=False),
        default=at.raw("default"),
        low=_bound(at, "min"),
        high=_bound(at, "max"),
        options=options,
        dependencies=tuple(
            _dependency(one)
            for one in at.objects("dependencies", known=_DEPENDENCY, high=_MOST, default=None)
        ),
        grouping_id=at.text("groupingId", default="", limit=_NAME),
        tooltip=at.text("tooltipDescription", default=""),
    )


_OPTION = ("_id", "name", "value")
_DEPENDENCY = ("argId", "condition", "values")


def _option(at: Reader) -> Option:
    return Option(at.raw("value"), at.text("name", limit=_NAME), at.text("_id", limit=_NAME))


def _dependency(at: Reader) -> Dependency:
    values = at.list_of("values", high=_MOST, default=None)
    return Dependency(at.ident("argId"), _one_of(at, "condition", Condition), tuple(values))


def _bound(at: Reader, key: str) -> float | None:
    return at.number(key, low=-(2**53)) if at.has(key) else None


def _one_of(at: Reader, key: str, words: Any) -> Any:
    word = at.text(key)
    if word in words._value2member_map_:
        return words(word)
    if at.has(key):
        at.fault(key, f"must be one of {', '.join(words)}.")
    return next(iter(words))
