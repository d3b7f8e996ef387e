"""What a person sees: how far the measurements have come, and the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.figure import Result

T = TypeVar("T")


class ShownProgress:
    """A bar on a terminal; nothing elsewhere."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def about(self, text: str) -> None:
        self._progress.reset(self._task, description=text, total=None)

    def track(self, items: Iterable[T], *, total: int, text: str) -> Iterator[T]:
        self._progress.reset(self._task, description=text, total=total)
        for item in items:
            yield item
            self._progress.advance(self._task)


def table(results: Sequence[Result]) -> Table:
    shown = Table(title="Stoa against its peers", title_justify="left")
    for heading in ("figure", "measured", "peer", "ratio", "wanted", "met?"):
        shown.add_column(heading, justify="left" if heading in ("figure", "peer") else "right")
    for result in results:
        met = "[green]yes[/green]" if result.met else "[red]no[/red]"
        shown.add_row(result.figure, result.measured, result.peer, result.ratio, result.wanted, met)
    return shown


def notes(results: Sequence[Result]) -> Iterator[str]:
    return (f"{result.figure}: {result.note}." for result in results if result.note)
