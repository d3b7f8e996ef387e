"""A file of 1,000,000 minutes, from CSV to stored candles."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from pathlib import Path

import numpy as np

from bench.figure import Bench, Figure, Result, millis
from stoa.kernel.clock import SystemClock
from stoa.kernel.ids import SystemIds
from stoa.platform import migrate
from stoa.platform.files import Files, open_store
from stoa.platform.storage import open_storage, sqlite_engine
from stoa.trading import market
from stoa.trading.candles import Bars, prices, synthetic
from stoa.trading.market import Market
from stoa.trading.model import Instrument, Timeframe

MOST_SECONDS = 3.0
STEP = Decimal("0.00001")
START = 1_420_416_000
"""Monday 2015-01-05."""


def measure(bench: Bench) -> list[Result]:
    """Read, checked, made whole steps of, written as Parquet to the disk, and its rows committed."""
    count = bench.pick(1_000_000, 100_000)
    bars = synthetic(1, Timeframe.M1, START, START + 2 * count * 60, price=108_500)[:count]
    path = bench.folder / "minutes.csv"
    _write(path, bars)
    runs = [_import(bench.folder / str(run), path, bars) for run in range(bench.pick(4, 2))]
    fastest = min(runs[1:])  # the first loads what the process then has
    return [
        Result(
            f"import of {count:,} M1 candles from CSV", millis(fastest), f"≤ {millis(MOST_SECONDS)}",
            fastest <= MOST_SECONDS, note=f"{path.stat().st_size / 1e6:,.0f} MB of text; the first run {millis(runs[0])}",
        )
    ]  # fmt: skip


def _write(path: Path, bars: Bars) -> None:
    times = bars.ts.astype("datetime64[s]").astype(str).tolist()
    columns = [prices(column, STEP).tolist() for column in (bars.open, bars.high, bars.low, bars.close)]
    with path.open("w") as file:
        file.write("ts,open,high,low,close,volume\n")
        for ts, opened, high, low, closed, volume in zip(times, *columns, bars.volume.tolist(), strict=True):
            file.write(f"{ts}Z,{opened:.5f},{high:.5f},{low:.5f},{closed:.5f},{volume:.0f}\n")


def _import(folder: Path, path: Path, bars: Bars) -> float:
    """Seconds; what was stored must be what was written."""
    folder.mkdir()
    url = f"sqlite:///{folder}/stoa.db"
    engine = sqlite_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    clock, ids, storage = SystemClock(), SystemIds(), open_storage(url)
    files = Files(open_store(f"{folder}/files"), clock=clock, secret=b"bench")

    async def work() -> float:
        instrument = Instrument(0, "EURUSD", "Euro", Decimal("0.0001"))
        added = await storage.write(market.add_instrument, instrument)
        began = time.perf_counter()
        await market.import_file(
            storage, files, path, instrument_id=added.id, timeframe=Timeframe.M1, clock=clock, ids=ids
        )
        took = time.perf_counter() - began
        stored = await storage.read(Market(files).bars, added.id, Timeframe.M1)
        if not np.array_equal(stored.close, bars.close) or not np.array_equal(stored.ts, bars.ts):
            raise AssertionError("What was stored is not what was written.")
        await storage.close()
        return took

    return asyncio.run(work())


FIGURES = (Figure("candles", "an import of candles", measure),)
