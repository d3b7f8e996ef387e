"""What a measurement is: a figure, what it found, and what was wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table. ``measured`` and ``peer`` carry their units; ``ratio`` says how the two compare."""

    figure: str
    measured: str
    wanted: str
    met: bool
    peer: str = ""
    ratio: str = ""
    note: str = ""


class Telling(Protocol):
    """Where a figure says how far it has come."""

    def about(self, text: str) -> None: ...

    def track(self, items: Iterable[T], *, total: int, text: str) -> Iterator[T]: ...


@dataclass(frozen=True, slots=True)
class Bench:
    """``folder`` is a figure's own, on a real disk, and removed after the run."""

    folder: Path
    quick: bool
    telling: Telling

    def pick(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    about: str
    measure: Callable[[Bench], list[Result]]


class NotMeasuredError(Exception):
    """What the figure needs is not here; the sentence says what."""


def seconds_of(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def quickest_seconds(call: Callable[[], object], *, times: int) -> float:
    """The quickest of ``times`` runs after one that does not count: what the rest took longer was the machine's."""
    call()
    return min(seconds_of(call) for _ in range(times))


def millis(seconds: float) -> str:
    return f"{seconds * 1000:,.3g} ms" if seconds < 1 else f"{seconds * 1000:,.0f} ms"


def times(ratio: float) -> str:
    return f"{ratio:,.1f} ×" if ratio < 100 else f"{ratio:,.0f} ×"
