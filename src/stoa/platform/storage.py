"""Storage runs plain functions on a connection: ``read(fn, …)`` and ``write(fn, …)``, each in one transaction.

On SQLite one writer thread commits many waiting commands together: each has a savepoint, so that one failure is
nobody else's, and each is answered only after the shared commit. On PostgreSQL every command has its own transaction
in a pool of threads, and the database groups commits by itself.

A command that comes very often can be a ``Batched`` one: all that wait are handed to one function in one call, so
that it can load and save them with a constant number of statements.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine, Transaction, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from stoa.kernel.errors import StoaError, UnavailableError

P = ParamSpec("P")
T = TypeVar("T")
Command = TypeVar("Command")

MOST_WAITING = 20_000
"""Commands that may wait for the writer; the next one is refused, so that a flood ends in errors and not in memory."""
MOST_TOGETHER = 256
"""Commands in one commit: bounds how long the first of them waits for the last."""
GATHERING = 0.0005
LONGEST_GATHERING = 0.005
"""Seconds: once commands come together, the writer waits for more as long as each stretch of the first brings some."""
_AFTER_COMMIT = "stoa_after_commit"
_RETRIED = ("40001", "40P01")  # PostgreSQL: serialization failure, deadlock


@dataclass(frozen=True, slots=True, eq=False)
class Batched(Generic[Command, T]):
    """``run(connection, commands)`` answers one result or StoaError per command, in order.

    One connection-wide failure fails all commands of the batch.
    """

    run: Callable[[Connection, Sequence[Command]], Sequence[T | StoaError]]


class Storage(Protocol):
    dialect: str

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


def open_storage(url: str) -> SqliteStorage | PostgresStorage:
    """A storage for ``sqlite:///path`` or ``postgresql://…``."""
    if url.startswith("sqlite"):
        return SqliteStorage(url)
    return PostgresStorage(with_driver(url))


def with_driver(url: str) -> str:
    """The address with the driver that is installed here: ``postgres://…`` becomes ``postgresql+psycopg://…``."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def lock(connection: Connection, *keys: str) -> None:
    """Holds ``keys`` until the transaction ends, against every other command that asks for one of them.

    SQLite has one writer and needs nothing. The order is fixed, so two commands can't wait for one another.
    """
    if connection.dialect.name == "postgresql":
        for key in sorted(keys):
            connection.execute(_ADVISORY_LOCK, {"key": key})


_ADVISORY_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


def after_commit(connection: Connection, callback: Callable[[], None]) -> None:
    """Has ``callback`` called on the event loop once this command is committed; never if it is rolled back."""
    connection.info.setdefault(_AFTER_COMMIT, []).append(callback)


def sqlite_engine(url: str, *, read_only: bool = False) -> Engine:
    """An engine whose transactions are its own: BEGIN IMMEDIATE for a writer, so that it never has to upgrade a lock."""
    engine = create_engine(
        url, connect_args={"check_same_thread": False, "timeout": 30.0}, poolclass=QueuePool, pool_size=8
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=wal", "synchronous=full", "foreign_keys=on", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only=on")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def postgres_engine(url: str, *, connections: int) -> Engine:
    return create_engine(with_driver(url), pool_size=connections, max_overflow=0, pool_pre_ping=True)


Outcome = tuple[Any, BaseException | None]


@dataclass(slots=True)
class _Waiting:
    """A command and the future that its caller awaits; ``batched`` ones carry their argument in ``call``."""

    call: Any
    batched: Batched[Any, Any] | None
    done: asyncio.Future[Any]


class SqliteStorage:
    """One writer thread with group commit, and readers beside it (write-ahead log: neither waits for the other)."""

    dialect = "sqlite"

    def __init__(self, url: str, *, readers: int = 4) -> None:
        self.engine = sqlite_engine(url)
        self._read_engine = sqlite_engine(url, read_only=True)
        self._readers = ThreadPoolExecutor(readers, "stoa-read")
        self._waiting: deque[_Waiting] = deque()
        self._wake = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: threading.Thread | None = None
        self._closing = False
        self.on_batch: Callable[[int], None] = lambda _count: None

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, partial(_run, self._read_engine, fn, args, kwargs)
        )

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return cast(T, await self._enqueue(partial(_call, fn, args, kwargs), None))

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
        self._waiting.append(_Waiting(call, batched, done))
        if not self._wake.is_set():
            self._wake.set()
        return done

    def _write_for_ever(self) -> None:
        connection = self.engine.connect()
        batch: list[_Waiting] = []
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                if len(batch) > 1:
                    self._gather()
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
                outcomes, callbacks = _commit_together(connection, batch)
                assert self._loop is not None
                with suppress(RuntimeError):  # the loop is gone: nobody is left to be told
                    self._loop.call_soon_threadsafe(self._settle, batch, outcomes, callbacks)
            if self._closing:
                connection.close()
                return

    def _gather(self) -> None:
        """Waits while more commands come: a commit costs the same for many as for one."""
        count, until = 0, time.monotonic() + LONGEST_GATHERING
        while count < len(self._waiting) < MOST_TOGETHER and time.monotonic() < until:
            count = len(self._waiting)
            time.sleep(GATHERING)

    def _settle(
        self, batch: list[_Waiting], outcomes: list[Outcome], callbacks: list[Callable[[], None]]
    ) -> None:
        self.on_batch(len(batch))
        for waiting, outcome in zip(batch, outcomes, strict=True):
            _settle(waiting.done, outcome)
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


class PostgresStorage:
    """A transaction a command, in a pool of threads; batched commands gather while the one before them runs."""

    dialect = "postgresql"

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self.engine = postgres_engine(url, connections=connections)
        self._threads = ThreadPoolExecutor(connections, "stoa-sql")
        self._gathering: dict[Batched[Any, Any], deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self.on_batch: Callable[[int], None] = lambda _count: None

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._in_thread(partial(_run, self.engine, fn, args, kwargs))

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        loop = asyncio.get_running_loop()
        return await self._in_thread(
            partial(_run_retrying, self.engine, partial(_call, fn, args, kwargs), loop)
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
        waiting.append(_Waiting(command, batched, done))
        return await done

    async def _drain(self, batched: Batched[Any, Any], waiting: deque[_Waiting]) -> None:
        while waiting:
            batch = [waiting.popleft() for _ in range(min(len(waiting), MOST_TOGETHER))]
            try:
                outcomes = await self.write(_run_batch, batched, [item.call for item in batch])
            except Exception as error:  # noqa: BLE001 - handed to every caller of the batch
                outcomes = [(None, error)] * len(batch)
            self.on_batch(len(batch))
            for item, outcome in zip(batch, outcomes, strict=True):
                _settle(item.done, outcome)
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


def _call(fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any], connection: Connection) -> T:
    return fn(connection, *args, **kwargs)


def _run(engine: Engine, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    try:
        with engine.connect() as connection, connection.begin():
            return fn(connection, *args, **kwargs)
    except OperationalError as error:
        raise UnavailableError("The database does not answer.") from error


def _run_retrying(engine: Engine, call: Callable[[Connection], T], loop: asyncio.AbstractEventLoop) -> T:
    """Runs ``call`` in a transaction; a deadlock or a serialization failure is tried again, up to five times.

    What waits for the commit is called from here: the caller may have gone away meanwhile.
    """
    for attempt in range(5):
        try:
            with engine.connect() as connection:
                connection.info.pop(_AFTER_COMMIT, None)
                with connection.begin():
                    result = call(connection)
                for callback in connection.info.pop(_AFTER_COMMIT, []):
                    loop.call_soon_threadsafe(callback)
                return result
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state in _RETRIED and attempt < 4:
                continue
            if state is None or state.startswith(
                ("08", "57", "53")
            ):  # connection lost, shutting down, no room
                raise UnavailableError("The database does not answer.") from error
            raise
    raise AssertionError("unreachable")


def _run_batch(connection: Connection, batched: Batched[Any, Any], commands: Sequence[Any]) -> list[Outcome]:
    results = batched.run(connection, commands)
    return [(None, result) if isinstance(result, StoaError) else (result, None) for result in results]


def _commit_together(
    connection: Connection, batch: list[_Waiting]
) -> tuple[list[Outcome], list[Callable[[], None]]]:
    """Runs every command, each behind a savepoint, and commits once. If the commit fails, all of them have failed."""
    outcomes: list[Outcome] = [(None, None)] * len(batch)
    callbacks: list[Callable[[], None]] = []
    steps = _steps(batch)
    try:
        with connection.begin() as transaction:
            for indexes, call in steps:
                if len(steps) == 1:
                    found = _alone(connection, call, len(indexes), transaction)
                else:
                    found = _behind_savepoint(connection, call, len(indexes))
                for index, outcome in zip(indexes, found, strict=True):
                    outcomes[index] = outcome
                callbacks += connection.info.pop(_AFTER_COMMIT, [])
    except Exception as error:  # noqa: BLE001 - handed to every caller
        failure = UnavailableError("The change could not be stored.")
        failure.__cause__ = error
        return [(None, failure)] * len(batch), []
    return outcomes, callbacks


def _steps(batch: list[_Waiting]) -> list[tuple[list[int], Callable[[Connection], list[Outcome]]]]:
    """The batch's commands in order, with all of one ``Batched`` gathered at the first of them."""
    steps: list[tuple[list[int], Callable[[Connection], list[Outcome]]]] = []
    gathered: dict[Batched[Any, Any], tuple[list[int], list[Any]]] = {}
    for index, waiting in enumerate(batch):
        if waiting.batched is None:
            steps.append(([index], partial(_run_one, waiting.call)))
        elif waiting.batched in gathered:
            indexes, commands = gathered[waiting.batched]
            indexes.append(index)
            commands.append(waiting.call)
        else:
            gathered[waiting.batched] = ([index], [waiting.call])
            indexes, commands = gathered[waiting.batched]
            steps.append((indexes, partial(_run_batch, batched=waiting.batched, commands=commands)))
    return steps


def _run_one(call: Callable[[Connection], Any], connection: Connection) -> list[Outcome]:
    return [(call(connection), None)]


def _behind_savepoint(
    connection: Connection, call: Callable[[Connection], list[Outcome]], count: int
) -> list[Outcome]:
    try:
        with connection.begin_nested():
            return call(connection)
    except Exception as error:  # noqa: BLE001 - handed to the caller
        connection.info.pop(_AFTER_COMMIT, None)
        return [(None, error)] * count


def _alone(
    connection: Connection, call: Callable[[Connection], list[Outcome]], count: int, transaction: Transaction
) -> list[Outcome]:
    """What is alone in its transaction needs no savepoint: all of it can go."""
    try:
        return call(connection)
    except Exception as error:  # noqa: BLE001 - handed to the caller
        connection.info.pop(_AFTER_COMMIT, None)
        transaction.rollback()
        return [(None, error)] * count


def _settle(future: asyncio.Future[Any], outcome: Outcome) -> None:
    if future.done():
        return  # the caller went away; what it asked for is stored all the same
    result, error = outcome
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
