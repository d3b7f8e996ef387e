"""Storage runs plain functions on a connection: ``read(fn, …)`` and ``write(fn, …)``, each in one transaction.

On SQLite one writer thread commits many waiting commands together: each has a savepoint, so that one failure is
nobody else's, and each is answered only after the shared commit. On PostgreSQL every command has its own transaction
in a pool of threads, and the database groups commits by itself.

A command that comes very often can be a ``Batched`` one: all that wait are handed to one function in one call, so
that it can load and save them with a constant number of statements.
"""

from __future__ import annotations

from stoa.platform.storage._contract import Batched, Storage
from stoa.platform.storage._engines import after_commit, lock, postgres_engine, sqlite_engine
from stoa.platform.storage._postgres import PostgresStorage
from stoa.platform.storage._sqlite import SqliteStorage

__all__ = [
    "Batched", "PostgresStorage", "SqliteStorage", "Storage", "after_commit", "lock", "open_storage",
    "postgres_engine", "sqlite_engine",
]  # fmt: skip


def open_storage(url: str) -> SqliteStorage | PostgresStorage:
    """A storage for ``sqlite:///path`` or ``postgresql://…``."""
    if url.startswith("sqlite"):
        return SqliteStorage(url)
    return PostgresStorage(url)
