"""Market data as columns in memory: read from files, checked, resampled. No database."""

from stoa.trading.candles._bars import Bars
from stoa.trading.candles._exact import candle_ids, prices
from stoa.trading.candles._importing import Chunk, Prepared, Progress, prepare, write_chunks
from stoa.trading.candles._layouts import Source
from stoa.trading.candles._parquet import from_parquet
from stoa.trading.candles._resample import aggregate, empty, is_made_of, joined, resample
from stoa.trading.candles._synthetic import synthetic
from stoa.trading.candles._times import WEEK, Gap, Gaps, floor, iso
from stoa.trading.candles._zones import Zone

__all__ = [
    "WEEK", "Bars", "Chunk", "Gap", "Gaps", "Prepared", "Progress", "Source", "Zone", "aggregate", "candle_ids",
    "empty", "floor", "from_parquet", "is_made_of", "iso", "joined", "prepare", "prices", "resample", "synthetic", "write_chunks",
]  # fmt: skip
