"""What the server tells of itself, and the target environments that effects can call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from stoa.kernel.errors import Fault, InvalidError, NotFoundError
from stoa.missions.errors import MissionInvalidError
from stoa.missions.reading import NOT_BOUNDED, bounded
from stoa.missions.targets import Declared, Environments, version_of

CHANGELOG = "CHANGELOG.md"
MAX_ARGS_BYTES = 256 * 1024
"""What an environment's process makes of them is three times as long at most, and then its answer can be read."""


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


def environment_to_migrate_in(
    environments: Environments, *, environment_id: str, target_id: str, version: str, args: Mapping[str, Any]
) -> Declared:
    """The environment that an effect's arguments are to be brought up to.

    Raises TargetNotFoundError, EffectVersionError for a version that is none or is newer than the environment, and
    MissionInvalidError for arguments that no effect could have.
    """
    environment = environments.get(environment_id)
    if environment is None or target_id not in environment.by_id:
        raise TargetNotFoundError("There is no such target environment, or no such target in it.")
    numbers = version_of(version)
    if numbers is None:
        raise _wrong_version("must be a version such as 0.2.0.")
    if numbers > (version_of(environment.version) or ()):
        raise _wrong_version(f"must be at most {environment.version}, which is the environment's version.")
    if not bounded(args) or len(msgspec.json.encode(args)) > MAX_ARGS_BYTES:
        raise MissionInvalidError.field("effectArgs", NOT_BOUNDED)
    return environment


def _wrong_version(reason: str) -> EffectVersionError:
    return EffectVersionError(f"effectEnvVersion: {reason}", faults=(Fault("effectEnvVersion", reason),))
