"""How good a participant's network is, in words that people are shown."""

from __future__ import annotations

from enum import StrEnum


class Quality(StrEnum):
    GOOD = "good"
    LOW = "low"
    VERY_LOW = "very-low"


def quality(*, loss: float, round_trip: float, jitter: float) -> Quality:
    """``loss`` is a share, the others are seconds. The worst of the three decides."""
    if loss > 0.10 or round_trip > 0.6 or jitter > 0.15:
        return Quality.VERY_LOW
    if loss > 0.03 or round_trip > 0.3 or jitter > 0.06:
        return Quality.LOW
    return Quality.GOOD
