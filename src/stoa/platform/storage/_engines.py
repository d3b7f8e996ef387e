"""Connections: how they begin, lock and tell of a commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import QueuePool

from stoa.platform.storage._contract import (
    AFTER_COMMIT,
)


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
    connection.info.setdefault(AFTER_COMMIT, []).append(callback)


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
