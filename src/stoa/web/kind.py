"""What a kind gives to the composition root, and what it gets from it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from litestar import Router
from litestar.types import ControllerRouterHandler
from sqlalchemy import MetaData

from stoa.platform.realtime import Namespace, Realtime
from stoa.platform.timers import Handler
from stoa.web.errors import Dialect
from stoa.web.house import House
from stoa.web.shortcut import Shortcut


@asynccontextmanager
async def nothing(_house: House) -> AsyncGenerator[None]:
    yield


def nothing_due(_house: House) -> Mapping[str, Handler]:
    return {}


def no_namespaces(_house: House, _realtime: Realtime) -> Sequence[Namespace]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """``prefix`` is where the house serves it; a server that serves it alone leaves the prefix out.

    ``paths`` are its first path segments below the prefix, for its error dialect. ``due_handlers`` are what it does
    when its timers fall due, by their kinds; ``alongside`` runs while the server does, and has begun before anything falls
    due. ``namespaces`` are its live connections.
    """

    name: str
    title: str
    about: str
    prefix: str
    paths: tuple[str, ...]
    handlers: Sequence[ControllerRouterHandler]
    dialect: Dialect
    tables: MetaData
    parts: dict[type[Any], Any] = field(default_factory=dict)
    shortcuts: tuple[Shortcut, ...] = ()
    due_handlers: Callable[[House], Mapping[str, Handler]] = nothing_due
    alongside: Callable[[House], AbstractAsyncContextManager[None]] = nothing
    namespaces: Callable[[House, Realtime], Sequence[Namespace]] = no_namespaces

    def router(self, *, alone: bool) -> Router:
        return Router("/" if alone else self.prefix or "/", route_handlers=self.handlers, tags=[self.title])

    def placed_dialect(self, *, alone: bool) -> Dialect:
        prefix = "" if alone else self.prefix
        return Dialect(
            tuple(prefix + path for path in self.paths), self.dialect.body, self.dialect.statuses, self.name
        )

    def placed_shortcuts(self, *, alone: bool) -> list[Shortcut]:
        prefix = "" if alone else self.prefix
        return [replace(each, path=prefix + each.path) for each in self.shortcuts]
