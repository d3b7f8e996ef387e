"""Runs commands in transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Transaction
from sqlalchemy.exc import DBAPIError, OperationalError

from stoa.kernel.errors import StoaError, UnavailableError
from stoa.platform.storage._contract import (
    AFTER_COMMIT,
    Batched,
    Outcome,
    T,
    Waiting,
)

_RETRIED = ("40001", "40P01")  # PostgreSQL: serialization failure, deadlock


def call_with(
    fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any], connection: Connection
) -> T:
    return fn(connection, *args, **kwargs)


def run(engine: Engine, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    try:
        with engine.connect() as connection, connection.begin():
            return fn(connection, *args, **kwargs)
    except OperationalError as error:
        raise UnavailableError("The database does not answer.") from error


def run_retrying(engine: Engine, call: Callable[[Connection], T], loop: asyncio.AbstractEventLoop) -> T:
    """Runs ``call`` in a transaction; a deadlock or a serialization failure is tried again, up to five times.

    What waits for the commit is called from here: the caller may have gone away meanwhile.
    """
    for attempt in range(5):
        try:
            with engine.connect() as connection:
                connection.info.pop(AFTER_COMMIT, None)
                with connection.begin():
                    result = call(connection)
                for callback in connection.info.pop(AFTER_COMMIT, []):
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


def run_batch(connection: Connection, batched: Batched[Any, Any], commands: Sequence[Any]) -> list[Outcome]:
    results = batched.run(connection, commands)
    return [(None, result) if isinstance(result, StoaError) else (result, None) for result in results]


def commit_together(
    connection: Connection, batch: list[Waiting]
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
                callbacks += connection.info.pop(AFTER_COMMIT, [])
    except Exception as error:  # noqa: BLE001 - handed to every caller
        failure = UnavailableError("The change could not be stored.")
        failure.__cause__ = error
        return [(None, failure)] * len(batch), []
    return outcomes, callbacks


def _steps(batch: list[Waiting]) -> list[tuple[list[int], Callable[[Connection], list[Outcome]]]]:
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
            steps.append((indexes, partial(run_batch, batched=waiting.batched, commands=commands)))
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
        connection.info.pop(AFTER_COMMIT, None)
        return [(None, error)] * count


def _alone(
    connection: Connection, call: Callable[[Connection], list[Outcome]], count: int, transaction: Transaction
) -> list[Outcome]:
    """What is alone in its transaction needs no savepoint: all of it can go."""
    try:
        return call(connection)
    except Exception as error:  # noqa: BLE001 - handed to the caller
        connection.info.pop(AFTER_COMMIT, None)
        transaction.rollback()
        return [(None, error)] * count


def settle(future: asyncio.Future[Any], outcome: Outcome) -> None:
    if future.done():
        return  # the caller went away; what it asked for is stored all the same
    result, error = outcome
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
