"""Numbers as people read them: thousands apart, a true minus, as many decimals as mean something."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

from stoa.trading.metrics import Metric, Unit, Value

NONE = "–"


def money(value: float) -> str:
    return signed(f"{value:,.2f}")


def gained(value: float) -> str:
    """Money with its sign said."""
    return f"+{value:,.2f}" if value > 0 else money(value)


def percent(value: float) -> str:
    return signed(f"{value:,.2f} %")


def signed(text: str) -> str:
    """A true minus, and none before nothing but noughts."""
    if text.startswith("-") and not any(digit in text for digit in "123456789"):
        text = text[1:]
    return text.replace("-", "−", 1) if text.startswith("-") else text


def shown(metric: Metric, value: Value) -> str:
    """A metric's value in its unit."""
    if value is None:
        return NONE
    if isinstance(value, str):
        return value
    if metric.unit is Unit.MONEY:
        return money(value)
    if metric.unit is Unit.PERCENT:
        small = 0 < abs(value) < 0.1
        return signed(f"{value:,.4f} %") if small else percent(value)
    if metric.unit is Unit.COUNT:
        return f"{value:,.0f}"
    return signed(f"{value:,.3f}")


def decimals_of(step: Decimal) -> int:
    """How many decimals a price needs."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d %b %Y}".lstrip("0")


def round_steps(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) inside low … high, ascending."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [(first + each) * step for each in range(count)]
