"""What a handler may reach: the house it runs in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, cast

import litestar
from litestar.datastructures import State

from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock
from stoa.kernel.ids import Ids
from stoa.kernel.launching import Launchers
from stoa.platform.storage import Storage

Request: TypeAlias = litestar.Request[Actor, Any, State]
"""A request whose ``user`` is the Actor; only routes behind a guard have one."""

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class House:
    """``public_url`` is where others reach the server. ``parts`` are what one room alone needs (its policy, its token keys), found by their type."""

    storage: Storage
    clock: Clock
    ids: Ids
    launchers: Launchers = field(default_factory=Launchers)
    parts: dict[type[Any], Any] = field(default_factory=dict)
    public_url: str = "http://127.0.0.1:8000"

    def part(self, of: type[Part]) -> Part:
        return cast(Part, self.parts[of])


def house_of(request: Request) -> House:
    return cast(House, request.app.state["house"])
