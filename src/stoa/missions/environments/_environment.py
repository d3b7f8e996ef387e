"""An environment as its author writes it: what it declares, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stoa.missions.environments._context import Context
from stoa.missions.targets import Declared, version_of

GROUP = "stoa.target_environments"
Script = Callable[[Context], None]


@dataclass(frozen=True, slots=True)
class Migration:
    """How ``target_id``'s arguments of an effect older than ``version`` become those of ``version``."""

    version: str
    target_id: str
    change: Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Environment(Declared):
    """``scripts`` has one for each target, by the target's id."""

    scripts: Mapping[str, Script]
    migrations: tuple[Migration, ...] = field(default=())

    def __post_init__(self) -> None:
        super().__post_init__()
        if set(self.scripts) != set(self.by_id):
            raise ValueError("Every target has one script, and every script is a target's.")

    def migrated(self, target_id: str, version: str, args: dict[str, Any]) -> dict[str, Any]:
        """The arguments of an effect that was written for ``version``, as the targets take them now."""
        begun = version_of(version)
        if begun is None:
            return args
        for one in sorted(self.migrations, key=lambda one: version_of(one.version) or ()):
            if one.target_id == target_id and begun < (version_of(one.version) or ()):
                args = one.change(args)
        return args
