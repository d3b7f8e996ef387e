"""What the server tells of itself, and the target environments that effects can call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from stoa.kernel.errors import Fault, InvalidError, NotFoundError
from stoa.missions.targets import BUILT_IN, ENVIRONMENT_ID, ENVIRONMENT_VERSION

CHANGELOG = "CHANGELOG.md"


class NoChangelogError(NotFoundError):
    code: ClassVar[str] = "missions.no_changelog"

    def __init__(self) -> None:
        super().__init__("This installation came without its changelog.")


class TargetNotFoundError(NotFoundError):
    code: ClassVar[str] = "missions.target_not_found"


class EffectVersionError(InvalidError):
    code: ClassVar[str] = "missions.effect_version"


@cache
def changelog() -> str:
    """The changelog as Markdown: from the package, or from the checkout that runs. Raises NoChangelogError."""
    for place in (files("stoa") / CHANGELOG, Path(__file__).parents[4] / CHANGELOG):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise NoChangelogError


def migrated_args(
    *, environment_id: str, target_id: str, version: str, args: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """(version, arguments) that an effect of an older environment has with the current one.

    The built-in targets take the same arguments in every version until now: they stay as they are. Raises
    TargetNotFoundError, or EffectVersionError for a version that is none or is newer than the environment.
    """
    if environment_id != ENVIRONMENT_ID or target_id not in BUILT_IN:
        raise TargetNotFoundError("There is no such target environment, or no such target in it.")
    if _numbers(version) > _numbers(ENVIRONMENT_VERSION):
        reason = f"must be at most {ENVIRONMENT_VERSION}, which is the environment's version."
        raise _wrong_version(reason)
    return ENVIRONMENT_VERSION, dict(args)


def _numbers(version: str) -> tuple[int, ...]:
    pieces = version.split(".")
    if len(pieces) != 3 or not all(
        piece.isascii() and piece.isdigit() and len(piece) < 10 for piece in pieces
    ):
        raise _wrong_version("must be a version such as 0.2.0.")
    return tuple(int(piece) for piece in pieces)


def _wrong_version(reason: str) -> EffectVersionError:
    return EffectVersionError(f"effectEnvVersion: {reason}", faults=(Fault("effectEnvVersion", reason),))
