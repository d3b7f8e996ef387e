"""SQLite: one writer with group commit."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Concatenate, cast

from sqlalchemy import Connection

from stoa.kernel.errors import UnavailableError
from stoa.platform.storage._contract import (
    MOST_TOGETHER,
    MOST_WAITING,
    Batched,
    Command,
    Outcome,
    P,
    T,
    Waiting,
)
from stoa.platform.storage._engines import sqlite_engine
from stoa.platform.storage._running import call_with, commit_together, run, settle

GATHERING = 0.0005
LONGEST_GATHERING = 0.005
"""Seconds: once commands come together, the writer waits for more as long as each stretch of the first brings some."""


class SqliteStorage:
    """One writer thread with group commit, and readers beside it (write-ahead log: neither waits for the other)."""

    dialect = "sqlite"

    def __init__(self, url: str, *, readers: int = 4) -> None:
        self.engine = sqlite_engine(url)
        self._read_engine = sqlite_engine(url, read_only=True)
        self._readers = ThreadPoolExecutor(readers, "stoa-read")
        self._waiting: deque[Waiting] = deque()
        self._wake = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: threading.Thread | None = None
        self._closing = False
        self.on_batch: Callable[[int], None] = lambda _count: None

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, partial(run, self._read_engine, fn, args, kwargs)
        )

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return cast(T, await self._enqueue(partial(call_with, fn, args, kwargs), None))

    async def write_batched(self, batched: Batched[Command, T], command: Command) -> T:
        return cast(T, await self._enqueue(command, batched))

    def _enqueue(self, call: Any, batched: Batched[Any, Any] | None) -> asyncio.Future[Any]:
        if self._closing:
            raise UnavailableError("The server is stopping.")
        if len(self._waiting) >= MOST_WAITING:
            raise UnavailableError("Too many changes are waiting to be stored. Try again in a moment.")
        loop = asyncio.get_running_loop()
        if self._writer is None:
            self._loop = loop
            self._writer = threading.Thread(target=self._write_for_ever, name="stoa-write", daemon=True)
            self._writer.start()
        done: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(Waiting(call, batched, done))
        if not self._wake.is_set():
            self._wake.set()
        return done

    def _write_for_ever(self) -> None:
        connection = self.engine.connect()
        batch: list[Waiting] = []
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                if len(batch) > 1:
                    self._gather()
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
                outcomes, callbacks = commit_together(connection, batch)
                assert self._loop is not None
                with suppress(RuntimeError):  # the loop is gone: nobody is left to be told
                    self._loop.call_soon_threadsafe(self._answer, batch, outcomes, callbacks)
            if self._closing:
                connection.close()
                return

    def _gather(self) -> None:
        """Waits while more commands come: a commit costs the same for many as for one."""
        count, until = 0, time.monotonic() + LONGEST_GATHERING
        while count < len(self._waiting) < MOST_TOGETHER and time.monotonic() < until:
            count = len(self._waiting)
            time.sleep(GATHERING)

    def _answer(
        self, batch: list[Waiting], outcomes: list[Outcome], callbacks: list[Callable[[], None]]
    ) -> None:
        self.on_batch(len(batch))
        for waiting, outcome in zip(batch, outcomes, strict=True):
            settle(waiting.done, outcome)
        for callback in callbacks:
            callback()

    async def close(self) -> None:
        """Stores what was accepted, then stops."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await asyncio.to_thread(self._writer.join)
        self._readers.shutdown(wait=True)
        await asyncio.sleep(0)
        self.engine.dispose()
        self._read_engine.dispose()
