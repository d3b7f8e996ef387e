"""PostgreSQL: a transaction a command."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Concatenate

from sqlalchemy import Connection

from stoa.kernel.errors import UnavailableError
from stoa.platform.storage._contract import (
    MOST_TOGETHER,
    MOST_WAITING,
    Batched,
    Command,
    P,
    T,
    Waiting,
)
from stoa.platform.storage._engines import postgres_engine
from stoa.platform.storage._running import call_with, run, run_batch, run_retrying, settle


class PostgresStorage:
    """A transaction a command, in a pool of threads; batched commands gather while the one before them runs."""

    dialect = "postgresql"

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self.engine = postgres_engine(url, connections=connections)
        self._threads = ThreadPoolExecutor(connections, "stoa-sql")
        self._gathering: dict[Batched[Any, Any], deque[Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self.on_batch: Callable[[int], None] = lambda _count: None

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._in_thread(partial(run, self.engine, fn, args, kwargs))

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        loop = asyncio.get_running_loop()
        return await self._in_thread(
            partial(run_retrying, self.engine, partial(call_with, fn, args, kwargs), loop)
        )

    async def write_batched(self, batched: Batched[Command, T], command: Command) -> T:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiting = self._gathering.get(batched)
        if waiting is None:
            waiting = self._gathering[batched] = deque()
            task = asyncio.create_task(self._drain(batched, waiting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if len(waiting) >= MOST_WAITING:
            raise UnavailableError("Too many changes are waiting to be stored. Try again in a moment.")
        waiting.append(Waiting(command, batched, done))
        return await done

    async def _drain(self, batched: Batched[Any, Any], waiting: deque[Waiting]) -> None:
        while waiting:
            batch = [waiting.popleft() for _ in range(min(len(waiting), MOST_TOGETHER))]
            try:
                outcomes = await self.write(run_batch, batched, [item.call for item in batch])
            except Exception as error:  # noqa: BLE001 - handed to every caller of the batch
                outcomes = [(None, error)] * len(batch)
            self.on_batch(len(batch))
            for item, outcome in zip(batch, outcomes, strict=True):
                settle(item.done, outcome)
        del self._gathering[batched]

    async def _in_thread(self, call: Callable[[], T]) -> T:
        if self._closing:
            raise UnavailableError("The server is stopping.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def close(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._closing = True
        await asyncio.to_thread(self._threads.shutdown)
        self.engine.dispose()
