"""A file of candles made ready to be stored: checked as a whole, cut into objects, and reported on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np

from stoa.trading.candles._bars import Bars
from stoa.trading.candles._checks import Checks
from stoa.trading.candles._layouts import Source
from stoa.trading.candles._parquet import write_parquet
from stoa.trading.candles._reading import read_batches
from stoa.trading.candles._resample import joined
from stoa.trading.candles._times import Gaps
from stoa.trading.candles._zones import Zone
from stoa.trading.errors import CandlesRefusedError
from stoa.trading.model import Timeframe

Progress = Callable[[int], None]
"""Told how many bytes of the file are behind us."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bars that are kept together: one Parquet file. ``start`` and ``end`` are its first and last bar's starts."""

    path: Path
    start: int
    end: int
    count: int


@dataclass(frozen=True, slots=True)
class Prepared:
    source: Source
    timeframe: Timeframe
    chunks: Sequence[Chunk]
    gaps: Gaps

    @property
    def count(self) -> int:
        return sum(chunk.count for chunk in self.chunks)

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last bar's starts."""
        return self.chunks[0].start, self.chunks[-1].end


def prepare(
    path: Path,
    folder: Path,
    *,
    timeframe: Timeframe,
    step: Decimal,
    stored: Sequence[tuple[int, int]] = (),
    zone: Zone | None = None,
    progress: Progress = lambda _read: None,
) -> Prepared:
    """Reads the file of candles at ``path`` and writes its chunks into ``folder``.

    Memory is bounded whatever the file's size. ``stored`` are spans that it may not reach into. Times that
    say no zone are those of ``zone``, or UTC. Raises CandlesRefusedError with the first lines that are bad and their
    count, TradingInvalidError for a ``zone`` where the file says its own.
    """
    source, batches = read_batches(path, zone)
    checks, gaps, writer = Checks(timeframe, step, stored), Gaps(timeframe), _Writer(folder, timeframe)
    for batch in batches:
        bars = checks.take(batch)
        if bars is not None:
            gaps.take(bars.ts)
            writer.take(bars)
        progress(batch.read)
    checks.done()
    chunks = writer.done()
    if not chunks:
        raise CandlesRefusedError("The file has no candles.")
    return Prepared(source, timeframe, chunks, gaps)


def write_chunks(bars: Bars, folder: Path) -> list[Chunk]:
    """Chunks of what is in memory already."""
    writer = _Writer(folder, bars.timeframe)
    writer.take(bars)
    return writer.done()


class _Writer:
    """One chunk a month of M1, a year of any other timeframe: tens of thousands of bars at most."""

    def __init__(self, folder: Path, timeframe: Timeframe) -> None:
        self._folder = folder
        self._timeframe = timeframe
        self._unit = "M" if timeframe is Timeframe.M1 else "Y"
        self._period: int | None = None
        self._parts: list[Bars] = []
        self._chunks: list[Chunk] = []

    def take(self, bars: Bars) -> None:
        periods = bars.ts.astype("datetime64[s]").astype(f"datetime64[{self._unit}]").astype(np.int64)
        bounds = [0, *(np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist(), len(bars)]
        for begin, end in pairwise(bounds):
            if periods[begin] != self._period:
                self._write()
                self._period = int(periods[begin])
            self._parts.append(bars[begin:end])

    def done(self) -> list[Chunk]:
        self._write()
        return self._chunks

    def _write(self) -> None:
        if not self._parts:
            return
        bars = joined(self._parts, self._timeframe)
        path = self._folder / f"{len(self._chunks)}.parquet"
        write_parquet(bars, path)
        self._chunks.append(Chunk(path, int(bars.ts[0]), int(bars.ts[-1]), len(bars)))
        self._parts = []
