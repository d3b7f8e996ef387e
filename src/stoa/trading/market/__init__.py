"""Market data: instruments, the import of candles, and stored candles as columns."""

from stoa.trading.market._columns import CACHE_BYTES, Market, Shelf, edition_of
from stoa.trading.market._imports import Imported, add_bars, import_file, remove_candles, sweep
from stoa.trading.market._instruments import (
    InstrumentChange,
    InUse,
    add_instrument,
    change_instrument,
    delete_instrument,
    find_instrument,
)

__all__ = [
    "CACHE_BYTES", "Imported", "InUse", "InstrumentChange", "Market", "Shelf", "add_bars", "add_instrument",
    "change_instrument", "delete_instrument", "edition_of", "find_instrument", "import_file", "remove_candles", "sweep",
]  # fmt: skip
