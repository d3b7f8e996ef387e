"""Databases to measure on: SQLite in the figure's folder, and PostgreSQL where it answers."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from bench.people import url_of
from stoa.platform import migrate
from stoa.platform.storage import postgres_engine, sqlite_engine

POSTGRES = "postgresql+psycopg://root@127.0.0.1:5432/test"


@contextmanager
def sqlite(folder: Path) -> Generator[Engine]:
    engine = sqlite_engine(url_of(folder))
    migrate.upgrade(engine)
    yield engine
    engine.dispose()


@contextmanager
def postgres() -> Generator[Engine | None]:
    """A database of this run's own; None where there is no PostgreSQL."""
    name = f"stoa_bench_{secrets.token_hex(6)}"
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 2})
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError:
        yield None
        return
    engine = postgres_engine(POSTGRES.rpartition("/")[0] + f"/{name}", connections=1)
    try:
        migrate.upgrade(engine)
        yield engine
    finally:
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


def analyse(connection: Connection) -> None:
    """What a database does by itself after a while: counts, so that it chooses its indexes well."""
    connection.execute(text("ANALYZE"))
