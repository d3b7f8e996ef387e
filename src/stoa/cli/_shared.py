"""What the commands share: how they tell of errors, and how they reach the settings and the database."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from stoa import server
from stoa import settings as settings_module
from stoa.kernel.errors import StoaError
from stoa.platform.storage import postgres_engine, sqlite_engine
from stoa.settings import Settings

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, highlight=False, soft_wrap=True)

DataOption = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="DIR", help="Folder of the database and files (STOA_DATA; default: data)."
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="postgresql://… instead of SQLite in the data folder (STOA_DATABASE).",
    ),
]


@contextmanager
def told() -> Generator[None]:
    """Errors as a sentence and exit code 1, not as a traceback."""
    try:
        yield
    except StoaError as error:
        err.print(f"[red]stoa:[/red] {escape(error.message)}")
        raise typer.Exit(1) from None
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        err.print(f"[red]stoa:[/red] The database can't be used: {reason} (`stoa check` says more.)")
        raise typer.Exit(1) from None


def load_settings(
    data: str | None, database: str | None, *, host: str | None = None, port: int | None = None
) -> Settings:
    """The environment's settings, with what the command line says instead."""
    given = {"STOA_DATA": data, "STOA_DATABASE": database, "STOA_HOST": host, "STOA_PORT": port}
    said = {name: str(value) for name, value in given.items() if value is not None}
    return settings_module.load({**os.environ, **said})


@contextmanager
def open_engine(settings: Settings) -> Generator[Engine]:
    url = settings.database_url
    if url.startswith("sqlite:///"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        if not folder.is_dir():
            raise server.NoFolderError(f"There is no folder {folder}. Say where the data is with --data.")
    engine = sqlite_engine(url) if url.startswith("sqlite") else postgres_engine(url, connections=2)
    try:
        yield engine
    finally:
        engine.dispose()
