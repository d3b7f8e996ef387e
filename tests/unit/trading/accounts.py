"""Accounts made of numbers, for what measures and shows them."""

import numpy as np

from stoa.trading.metrics import CLOSED, LIQUIDATED, OPEN, Account, Positions

HOUR = 3600
BEGAN = 1_704_067_200  # 2024-01-01T00:00:00Z
_COLUMNS = dict.fromkeys(
    ("number", "status", "side", "entry_bar", "exit_bar", "opened_at", "closed_at"), np.int64
)


def positions(*rows, bar_seconds=HOUR):
    """Rows of (pnl, entry bar, exit bar) or dicts of columns; what is left out is 0.1 lots bought at 1.1 without costs."""
    made = [_position(number, row, bar_seconds) for number, row in enumerate(rows, start=1)]
    return Positions(
        **{
            name: np.array(
                [each[name] for each in made],
                dtype=_COLUMNS.get(name, bool if name == "ambiguous" else float),
            )
            for name in Positions.__slots__
        }
    )


def _position(number, row, bar_seconds):
    given = row if isinstance(row, dict) else dict(zip(("pnl", "entry_bar", "exit_bar"), row, strict=False))
    entry, leaving = given.get("entry_bar", number), given.get("exit_bar", number + 1)
    plain = {
        "number": number, "status": CLOSED, "side": 1, "lots": 0.1, "value": 11_000.0, "entry_price": 1.1,
        "exit_price": 1.1 + given.get("pnl", 0) / 10_000, "entry_bar": entry, "exit_bar": leaving,
        "opened_at": BEGAN + (entry + 1) * bar_seconds, "closed_at": BEGAN + (leaving + 1) * bar_seconds,
        "pnl": 0.0, "commission": 0.0, "spread": 0.0, "slippage": 0.0, "ambiguous": False,
    }  # fmt: skip
    return plain | given


def account(equity, *rows, initial=10_000.0, balance=None, bar_seconds=HOUR):
    equity = np.asarray(equity, float)
    return Account(
        began_at=BEGAN,
        initial_balance=initial,
        bar_seconds=bar_seconds,
        starts=BEGAN + bar_seconds * np.arange(len(equity)),
        balance=equity if balance is None else np.asarray(balance, float),
        equity=equity,
        positions=positions(*rows, bar_seconds=bar_seconds),
    )


def walk(seed, bars=2_000, initial=10_000.0, volatility=0.002, drift=0.00005):
    """An equity curve that wanders."""
    chance = np.random.default_rng(seed)
    return initial * np.cumprod(1 + chance.normal(drift, volatility, bars))


__all__ = ("BEGAN", "CLOSED", "HOUR", "LIQUIDATED", "OPEN", "account", "positions", "walk")
