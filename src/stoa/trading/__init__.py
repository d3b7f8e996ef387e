"""Trading: deterministic replays of markets that can be traded, with an exact ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stoa.trading.strategies import Context, Result, backtest

__all__ = ("Context", "Result", "backtest")


def __getattr__(name: str) -> object:
    """What a script needs is loaded when it is asked for, so that a server doesn't pay for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stoa.trading import strategies  # noqa: PLC0415

    return getattr(strategies, name)
