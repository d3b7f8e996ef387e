"""``stoa live``: what an operator does about classes."""

from __future__ import annotations

from typing import Annotated

import typer

from stoa import server
from stoa.cli._shared import DatabaseOption, DataOption, load_settings, open_engine, out, told
from stoa.kernel.clock import SystemClock
from stoa.live import service

live_app = typer.Typer(no_args_is_help=True, help="Live classes: make a recording's file again.")


@live_app.callback()
def _live() -> None:
    """Keeps `compose` a command of its own."""


@live_app.command("compose")
def compose(
    recording: Annotated[str, typer.Argument(metavar="ID", help="The recording's id.")],
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Have a recording's file made again, after that failed. The running server does it within seconds."""
    with told(), open_engine(load_settings(data, database)) as engine:
        server.prepare(engine)
        with engine.begin() as connection:
            service.compose_again(connection, recording, actor=None, now=SystemClock().now())
        out.print(f"The file of {recording} is to be made again.")
