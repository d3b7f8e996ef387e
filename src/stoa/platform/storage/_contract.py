"""What storage promises, and the words for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from stoa.kernel.errors import StoaError

P = ParamSpec("P")
T = TypeVar("T")
Command = TypeVar("Command")

MOST_WAITING = 20_000
"""Commands that may wait for the writer; the next one is refused, so that a flood ends in errors and not in memory."""
MOST_TOGETHER = 256
"""Commands in one commit: bounds how long the first of them waits for the last."""
AFTER_COMMIT = "stoa_after_commit"


@dataclass(frozen=True, slots=True, eq=False)
class Batched(Generic[Command, T]):
    """``run(connection, commands)`` answers one result or StoaError per command, in order.

    One connection-wide failure fails all commands of the batch.
    """

    run: Callable[[Connection, Sequence[Command]], Sequence[T | StoaError]]


class Storage(Protocol):
    dialect: str
    engine: Engine

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Answers after the commit. Raises what ``fn`` raised, with nothing of it kept."""
        ...

    async def write_batched(self, batched: Batched[Command, T], command: Command) -> T: ...

    async def close(self) -> None: ...


Outcome = tuple[Any, BaseException | None]


@dataclass(slots=True)
class Waiting:
    """A command and the future that its caller awaits; ``batched`` ones carry their argument in ``call``."""

    call: Any
    batched: Batched[Any, Any] | None
    done: asyncio.Future[Any]
