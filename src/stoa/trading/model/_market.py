"""Instruments, timeframes and speeds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from stoa.kernel.errors import Fault
from stoa.trading.errors import TradingInvalidError


class Timeframe(StrEnum):
    M1 = "M1"
    M5 = "M5"
    M10 = "M10"
    M15 = "M15"
    M30 = "M30"
    H1 = "H1"
    H2 = "H2"
    H4 = "H4"
    D1 = "D1"
    W1 = "W1"

    @property
    def seconds(self) -> int:
        return _SECONDS[self]


_SECONDS = {
    Timeframe.M1: 60,
    Timeframe.M5: 300,
    Timeframe.M10: 600,
    Timeframe.M15: 900,
    Timeframe.M30: 1800,
    Timeframe.H1: 3600,
    Timeframe.H2: 7200,
    Timeframe.H4: 14400,
    Timeframe.D1: 86400,
    Timeframe.W1: 604800,
}


class Speed(StrEnum):
    HALF = "0.5x"
    ONE = "1x"
    TWO = "2x"
    THREE = "3x"
    FIVE = "5x"
    TEN = "10x"
    FIFTEEN = "15x"

    @property
    def bars_in_two_seconds(self) -> int:
        """A whole number for every speed, so that positions in time are computed without floats."""
        return int(Decimal(self.value[:-1]) * 2)


@dataclass(frozen=True, slots=True)
class Instrument:
    """What is traded. ``step`` is the smallest difference of two prices, a tenth of ``pip_size`` unless said.

    A point, the unit of spread and slippage, is a tenth of ``pip_size`` whatever the step is.
    ``liquidation_level`` is equity as a percentage of used margin. Raises TradingInvalidError.
    """

    id: int
    symbol: str
    display_name: str
    pip_size: Decimal
    step: Decimal = Decimal(0)
    contract_size: Decimal = Decimal(100_000)
    liquidation_level: Decimal = Decimal(50)
    enabled: bool = True

    def __post_init__(self) -> None:
        faults = [
            Fault(name, f"must be a number above 0 with at most {_DECIMALS} decimals.")
            for name in ("pip_size", "contract_size", "liquidation_level")
            if not _is_fine(getattr(self, name))
        ]
        if not faults and self.step == 0:
            object.__setattr__(self, "step", self.point)
        if not faults and (not _is_fine(self.step, _DECIMALS + 1) or self.point % self.step != 0):
            faults.append(Fault("step", "must be above 0 and divide a tenth of pip_size."))
        if faults:
            raise TradingInvalidError.of(*faults)

    @property
    def point(self) -> Decimal:
        return self.pip_size / 10


_DECIMALS = 10


def _is_fine(value: Decimal, decimals: int = _DECIMALS) -> bool:
    if not value.is_finite() or not 0 < value <= _LARGEST:
        return False
    return value == value.quantize(Decimal(1).scaleb(-decimals))


_LARGEST = Decimal(10**12)
