"""Steps as prices, and candles' numbers."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from stoa.trading.candles._bars import Bars
from stoa.trading.model import Timeframe

_ORDER = {timeframe: place for place, timeframe in enumerate(Timeframe)}


def scale_of(step: Decimal) -> tuple[int, int]:
    """(unit, scale): the step is the whole number ``unit`` divided by ``scale``, a power of ten."""
    exponent = step.normalize().as_tuple().exponent
    scale = 10 ** max(0, -int(exponent))
    return int(step * scale), scale


def prices(steps: NDArray[np.int64], step: Decimal) -> NDArray[np.float64]:
    """The doubles nearest to the prices, which print as them."""
    unit, scale = scale_of(step)
    numbers: NDArray[np.float64] = steps * unit / float(scale)
    return numbers


def candle_ids(bars: Bars, instrument_id: int) -> NDArray[np.int64]:
    """A number for every candle of every instrument: the instrument, the minute it starts, the timeframe."""
    ids: NDArray[np.int64] = (instrument_id << 32) | (bars.ts // 60 << 4) | _ORDER[bars.timeframe]
    return ids
