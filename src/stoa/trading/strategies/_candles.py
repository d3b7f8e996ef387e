"""Whatever holds candles, as bars: through the same checks as the import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from stoa.trading.candles import Bars, from_parquet, joined, prepare
from stoa.trading.model import Timeframe

Candles: TypeAlias = Bars | str | os.PathLike[str] | pl.DataFrame | Mapping[str, Any] | Any
_COLUMNS = ("open", "high", "low", "close", "volume")


def bars_of(candles: Candles, timeframe: Timeframe, step: Decimal) -> Bars:
    """Raises CandlesRefusedError with the lines that are no candles."""
    if isinstance(candles, Bars):
        return candles
    with TemporaryDirectory(prefix="stoa-candles-") as folder:
        path = Path(candles) if isinstance(candles, (str, os.PathLike)) else _written(candles, Path(folder))
        prepared = prepare(path, Path(folder), timeframe=timeframe, step=step)
        return joined(
            [from_parquet(chunk.path.read_bytes(), timeframe) for chunk in prepared.chunks], timeframe
        )


def _written(frame: Any, folder: Path) -> Path:
    """A frame of Polars or pandas, or a mapping, as a file that the import reads."""
    path = folder / "given.parquet"
    columns = {str(name).lower(): frame[name] for name in getattr(frame, "columns", frame)}
    starts = columns.get("ts", getattr(frame, "index", None))
    if starts is None:
        raise TypeError("Candles have a column ts, or an index of times.")
    times = np.asarray(starts)
    if np.issubdtype(times.dtype, np.datetime64):
        times = times.astype("datetime64[s]").astype(np.int64)
    chosen = {name: np.asarray(columns[name]) for name in _COLUMNS if name in columns}
    pl.DataFrame({"ts": times, "volume": np.zeros(len(times)), **chosen}).write_parquet(path)
    return path
