"""Bars as the bytes of a Parquet file: steps as they are in memory, so that reading is no parsing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl

from stoa.trading.candles._bars import Bars
from stoa.trading.model import Timeframe

COLUMNS = ("ts", "open", "high", "low", "close", "volume")


def write_parquet(bars: Bars, path: Path) -> None:
    frame = pl.DataFrame({name: getattr(bars, name) for name in COLUMNS})
    frame.write_parquet(path, compression="zstd", statistics=False)


def from_parquet(data: bytes, timeframe: Timeframe) -> Bars:
    """Columns that can't be written to: whoever asks for these bars may be given the same ones."""
    frame = pl.read_parquet(io.BytesIO(data), columns=list(COLUMNS))
    columns = {name: np.ascontiguousarray(frame[name].to_numpy()) for name in COLUMNS}
    for column in columns.values():
        column.flags.writeable = False
    return Bars(timeframe, **columns)
