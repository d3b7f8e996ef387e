"""Stored candles as columns: of any timeframe that is stored or can be built, of any span, at any edition.

An *edition* is what was stored of an instrument at one time: the id of its newest file then, 0 before any. Files never
change, so the candles of an edition are the same for ever, whatever is imported later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np
from sqlalchemy import Connection

from stoa.platform.files import Files
from stoa.trading.candles import (
    WEEK,
    Bars,
    aggregate,
    empty,
    floor,
    from_parquet,
    is_made_of,
    joined,
)
from stoa.trading.errors import NoDataError
from stoa.trading.market._cache import BarsCache
from stoa.trading.model import Timeframe
from stoa.trading.store import _candles as store
from stoa.trading.store._candles import CandleFile

CACHE_BYTES = 256 * 2**20
_EVER = 7_258_118_400
"""The year 2200: no candle is later."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The files of an edition, by start."""

    files: tuple[CandleFile, ...]

    def of(self, timeframe: Timeframe) -> list[CandleFile]:
        return [file for file in self.files if file.timeframe is timeframe]

    @property
    def timeframes(self) -> list[Timeframe]:
        """Those that are stored, the finest first."""
        stored = {file.timeframe for file in self.files}
        return [timeframe for timeframe in Timeframe if timeframe in stored]

    def source_of(self, timeframe: Timeframe) -> Timeframe | None:
        """The timeframe itself where it is stored, else the nearest finer one that it can be built from."""
        able = [one for one in self.timeframes if one is timeframe or is_made_of(timeframe, one)]
        return able[-1] if able else None


class Market:
    """The stored candles of a process. Its functions read files: not for the event loop (``storage.read`` is).

    What they answer is shared and can't be written to. ``cache_bytes`` bounds what is kept in memory.
    """

    def __init__(self, files: Files, *, cache_bytes: int = CACHE_BYTES) -> None:
        self.files = files
        self.cache = BarsCache(cache_bytes)

    def columns(
        self,
        connection: Connection,
        instrument_id: int,
        timeframe: Timeframe,
        start: int | None = None,
        end: int | None = None,
        *,
        edition: int | None = None,
    ) -> tuple[Bars, Bars | None]:
        """The bars that start in [start, end), and the finest stored ones below them. Raises NoDataError.

        Without an ``edition`` the newest.
        """
        shelf = self.shelf(connection, instrument_id, edition)
        if shelf.source_of(timeframe) is None:
            raise NoDataError(f"No candles are stored that {timeframe} can be made of.")
        finer = self._finer(shelf, timeframe, start, end)
        return self._bars(shelf, timeframe, start, end), finer

    def bars(
        self,
        connection: Connection,
        instrument_id: int,
        timeframe: Timeframe,
        start: int | None = None,
        end: int | None = None,
        *,
        edition: int | None = None,
    ) -> Bars:
        """The same without the finer ones; none where there are none."""
        return self._bars(self.shelf(connection, instrument_id, edition), timeframe, start, end)

    def page(
        self,
        connection: Connection,
        instrument_id: int,
        timeframe: Timeframe,
        span: tuple[int, int],
        *,
        skip: int,
        take: int,
        descending: bool = False,
    ) -> tuple[Bars, int]:
        """Some of the bars that start in ``span``, and how many there are. Files outside of the page are not read."""
        shelf = self.shelf(connection, instrument_id)
        parts: list[tuple[int, Callable[[], Bars]]] = []
        if shelf.source_of(timeframe) is not timeframe:
            built = self._bars(shelf, timeframe, *span)
            parts.append((len(built), lambda: built))
        else:
            parts = [self._part(file, *span) for file in _overlapping(shelf.of(timeframe), *span)]
        total = sum(count for count, _ in parts)
        first, stop = (max(total - skip - take, 0), total - skip) if descending else (skip, skip + take)
        found, passed = list[Bars](), 0
        for count, read in parts:
            begin, end = max(first - passed, 0), min(stop - passed, count)
            if begin < end:
                found.append(read()[begin:end])
            passed += count
        bars = joined(found, timeframe)
        return bars[::-1] if descending else bars, total

    def _part(self, file: CandleFile, start: int, end: int) -> tuple[int, Callable[[], Bars]]:
        """How many of a file's bars are in the span, and how to get them."""
        if start <= file.start and file.end < end:
            return file.count, lambda: self._object(file)
        bars = self._object(file).between(start, end)
        return len(bars), lambda: bars

    def shelf(self, connection: Connection, instrument_id: int, edition: int | None = None) -> Shelf:
        return Shelf(store.files_of(connection, instrument_id, upto=edition))

    def _finer(self, shelf: Shelf, timeframe: Timeframe, start: int | None, end: int | None) -> Bars | None:
        for finer in shelf.timeframes:
            if is_made_of(timeframe, finer):
                found = self._bars(shelf, finer, start, end)
                if len(found):
                    return found
        return None

    def _bars(self, shelf: Shelf, timeframe: Timeframe, start: int | None, end: int | None) -> Bars:
        source = shelf.source_of(timeframe)
        if source is None:
            return empty(timeframe)
        lowest = min(max(start or 0, 0), _EVER)
        highest = _EVER if end is None else max(min(end, _EVER), lowest)
        files = shelf.of(source)
        if source is timeframe:
            near = _overlapping(files, *_years(lowest, highest))
            return self._joined(near).between(lowest, highest) if near else empty(timeframe)
        over = _over(files[-1].end + source.seconds, timeframe)
        low, high = _weeks(*_years(lowest, highest))
        near = _overlapping(files, low, high)
        key = timeframe, min(high, over), tuple(file.id for file in near)
        made = self.cache.get(key, partial(self._built, near, timeframe, low, min(high, over)))
        return made.between(lowest, highest)

    def _built(self, files: Sequence[CandleFile], timeframe: Timeframe, low: int, high: int) -> Bars:
        """Made file by file, so that the finest candles of decades are never in memory together."""
        parts = [aggregate(self._fetch(file), timeframe) for file in files]
        return _frozen(aggregate(joined(parts, timeframe), timeframe).between(low, high))

    def _joined(self, files: Sequence[CandleFile]) -> Bars:
        if len(files) == 1:
            return self._object(files[0])
        key = tuple(file.id for file in files)
        return self.cache.get(
            key, lambda: _frozen(joined([self._fetch(file) for file in files], files[0].timeframe))
        )

    def _object(self, file: CandleFile) -> Bars:
        return self.cache.get(file.id, partial(self._fetch, file))

    def _fetch(self, file: CandleFile) -> Bars:
        """Not kept: parts of something that is."""
        kept = self.cache.find(file.id)
        return from_parquet(self.files.read(file.key), file.timeframe) if kept is None else kept


def edition_of(connection: Connection, instrument_id: int) -> int:
    """The newest edition of an instrument's candles."""
    return store.newest_file(connection, instrument_id)


def _overlapping(files: Sequence[CandleFile], start: int, end: int) -> list[CandleFile]:
    return [file for file in files if file.start < end and file.end >= start]


def _years(start: int, end: int) -> tuple[int, int]:
    """The whole years around a span: spans of the same years are cut from the same columns, which sessions share."""
    return _new_year(start, 0), _new_year(max(start, end - 1), 1)


def _weeks(start: int, end: int) -> tuple[int, int]:
    """The whole weeks around a span: bars of any timeframe lie inside of it or outside."""
    low, high = floor(np.array([start, end + WEEK - 1]), Timeframe.W1).tolist()
    return low, high


def _new_year(seconds: int, later: int) -> int:
    year = datetime.fromtimestamp(seconds, UTC).year + later
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


def _over(end: int, timeframe: Timeframe) -> int:
    """The end of the last bar that is over at ``end``."""
    return int(floor(np.array([end]), timeframe)[0])


def _frozen(bars: Bars) -> Bars:
    for column in (bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume):
        column.flags.writeable = False
    return bars
