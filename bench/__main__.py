"""``python -m bench [--only NAME] [--quick]``: measures, and prints one table. Ends in 1 where a figure is missed."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.figure import Bench, Figure, NotMeasuredError, Result
from bench.figures import FIGURES
from bench.report import ShownProgress, notes, table


def run(
    only: Annotated[list[str] | None, typer.Option(help="One figure (may be given again).")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer and shorter rounds.")] = False,
) -> None:
    """Measure each headline figure against its peer."""
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    results = _measured(_chosen(only), console, quick=quick)
    console.print(table(results))
    for note in notes(results):
        console.print(f"  {note}", soft_wrap=True)
    raise typer.Exit(0 if all(result.met for result in results) else 1)


def _chosen(only: Sequence[str] | None) -> list[Figure]:
    known = {figure.name: figure for figure in FIGURES}
    for name in only or ():
        if name not in known:
            raise typer.BadParameter(f"{name} is none of {', '.join(known)}.", param_hint="--only")
    return [known[name] for name in only or known]


def _measured(figures: Sequence[Figure], console: Console, *, quick: bool) -> list[Result]:
    results: list[Result] = []
    with ShownProgress(console) as progress:
        for figure in figures:
            progress.about(figure.about)
            with tempfile.TemporaryDirectory(prefix="stoa-bench-") as folder:
                try:
                    results += figure.measure(Bench(Path(folder), quick, progress))
                except NotMeasuredError as error:
                    console.print(f"{figure.name}: not measured. {error}")
    return results


if __name__ == "__main__":
    typer.run(run)
