"""How candles come into the house: the objects first, what leads to them after, and nothing half.

A key is noted as an orphan before its object is written, and taken from the orphans in the transaction that stores
the file's row. What a killed import leaves behind is found there, and removed by a later one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from stoa.kernel.clock import Clock
from stoa.kernel.errors import ConflictError, StoaError, UnavailableError
from stoa.kernel.ids import Ids
from stoa.platform.files import Files
from stoa.platform.storage import Storage, lock
from stoa.trading.candles import (
    Bars,
    Chunk,
    Gaps,
    Prepared,
    Progress,
    Source,
    Zone,
    iso,
    prepare,
    write_chunks,
)
from stoa.trading.errors import CandlesRefusedError
from stoa.trading.market._instruments import find_instrument
from stoa.trading.model import Instrument, Timeframe
from stoa.trading.store import _candles as store
from stoa.trading.store._candles import CandleFile

FORGOTTEN = timedelta(hours=1)
"""An import that began so long ago is not going on any more."""
MOST_SWEPT = 1_000
_TYPE = "application/vnd.apache.parquet"


class ImportOvertakenError(ConflictError):
    """What the file was checked against is not so any more."""

    code = "trading.import_overtaken"


@dataclass(frozen=True, slots=True)
class Imported:
    """``start`` and ``end`` are the first and the last bar's starts, in epoch seconds."""

    source: Source
    count: int
    start: int
    end: int
    gaps: Gaps


async def import_file(  # noqa: PLR0913 - the house's parts, and all that can be said of a file
    storage: Storage,
    files: Files,
    path: Path,
    *,
    instrument_id: int,
    timeframe: Timeframe,
    clock: Clock,
    ids: Ids,
    zone: Zone | None = None,
    progress: Progress = lambda _read: None,
) -> Imported:
    """Stores a file's candles, all or none. Reading, checking and writing run in threads.

    ``zone`` is that of times which say none (None: UTC). Raises InstrumentNotFoundError, CandlesRefusedError,
    TradingInvalidError where a ``zone`` is said and the file says its own, ImportOvertakenError.
    """
    instrument, taken = await storage.read(_before, instrument_id, timeframe)
    with TemporaryDirectory(prefix="stoa-candles-") as folder:
        prepared = await asyncio.to_thread(
            prepare, path, Path(folder), timeframe=timeframe, step=instrument.step, stored=taken, zone=zone,
            progress=progress,
        )  # fmt: skip
        rows = _rows(prepared.chunks, instrument_id, timeframe, ids)
        forgotten = await storage.write(_begin, rows, now=clock.now())
        try:
            await asyncio.to_thread(_put, files, prepared.chunks, rows)
            await storage.write(_commit, instrument, rows)
        except Exception:  # of one that was cancelled, a thread may go on: that is left to a later import
            with suppress(StoaError):
                await sweep(storage, files, [row.key for row in rows])
            raise
    with suppress(StoaError):
        await sweep(storage, files, forgotten)
    return _imported(prepared)


def add_bars(
    connection: Connection, files: Files, instrument_id: int, bars: Bars, *, ids: Ids, now: datetime
) -> None:
    """Stores bars that are right already and overlap nothing, in the transaction of ``connection``."""
    with TemporaryDirectory(prefix="stoa-candles-") as folder:
        chunks = write_chunks(bars, Path(folder))
        rows = _rows(chunks, instrument_id, bars.timeframe, ids)
        _begin(connection, rows, now=now)
        _put(files, chunks, rows)
    _commit(connection, find_instrument(connection, instrument_id), rows)


def remove_candles(
    connection: Connection, instrument_id: int, timeframe: Timeframe, *, now: datetime
) -> list[str]:
    """Forgets the stored candles of a timeframe. The keys of what is to be removed now, with ``sweep``."""
    _lock(connection, instrument_id)
    rows = [row for row in store.files_of(connection, instrument_id) if row.timeframe is timeframe]
    if rows:
        store.insert_orphans(connection, [row.key for row in rows], at=now)
        store.delete_files(connection, [row.id for row in rows])
    return [row.key for row in rows]


async def sweep(storage: Storage, files: Files, keys: Sequence[str]) -> None:
    """Removes the objects of those keys that are orphans, and then the note of them. What is stored stays."""
    if keys:
        condemned = await storage.write(store.condemn_orphans, keys)
        await asyncio.to_thread(_remove, files, condemned)
        await storage.write(store.delete_orphans, condemned)


def _before(
    connection: Connection, instrument_id: int, timeframe: Timeframe
) -> tuple[Instrument, list[tuple[int, int]]]:
    """The instrument, and the spans that are stored of the timeframe."""
    stored = store.files_of(connection, instrument_id)
    spans = [(file.start, file.end) for file in stored if file.timeframe is timeframe]
    return find_instrument(connection, instrument_id), spans


def _rows(chunks: Sequence[Chunk], instrument_id: int, timeframe: Timeframe, ids: Ids) -> list[CandleFile]:
    """Files not yet stored, under keys that nothing had before."""
    return [
        CandleFile(
            instrument_id, timeframe, chunk.start, chunk.end, chunk.count,
            f"trading/candles/{instrument_id}/{timeframe}/{ids.uuid()}.parquet",
        )
        for chunk in chunks
    ]  # fmt: skip


def _begin(connection: Connection, rows: Sequence[CandleFile], *, now: datetime) -> list[str]:
    """Notes the keys that objects are about to have; the keys that an import of long ago left."""
    forgotten = store.orphans_before(connection, now - FORGOTTEN, most=MOST_SWEPT)
    store.insert_orphans(connection, [row.key for row in rows], at=now)
    return forgotten


def _put(files: Files, chunks: Sequence[Chunk], rows: Sequence[CandleFile]) -> None:
    for chunk, row in zip(chunks, rows, strict=True):
        files.write(row.key, chunk.path.read_bytes(), content_type=_TYPE)


def _commit(connection: Connection, checked: Instrument, rows: Sequence[CandleFile]) -> None:
    _lock(connection, checked.id)
    instrument, taken = _before(connection, checked.id, rows[0].timeframe)
    if instrument.step != checked.step:
        raise ImportOvertakenError("The instrument's step has been changed meanwhile. Import the file again.")
    for row in rows:
        for start, end in taken:
            if row.start <= end and start <= row.end:
                raise CandlesRefusedError(
                    f"Candles from {iso(start)} to {iso(end)} have been stored meanwhile."
                )
    if store.adopt_orphans(connection, [row.key for row in rows]) != len(rows):
        raise UnavailableError("The import took too long, and what it wrote has been removed. Try it again.")
    store.insert_files(connection, rows)


def _lock(connection: Connection, instrument_id: int) -> None:
    lock(connection, f"trading:candles:{instrument_id}")


def _remove(files: Files, keys: Sequence[str]) -> None:
    for key in keys:
        files.remove(key)


def _imported(prepared: Prepared) -> Imported:
    start, end = prepared.span
    return Imported(prepared.source, prepared.count, start, end, prepared.gaps)
