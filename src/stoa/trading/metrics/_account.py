"""What is measured: an account bar by bar, and its positions as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

OPEN, CLOSED, LIQUIDATED = 0, 1, 2
"""A position's status in ``Positions.status``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Positions as columns of one length, in the order of closing, those that are still open last.

    ``side`` is +1 for BUY, −1 for SELL. ``pnl`` is realized and before commission, 0 while open; ``commission``, ``spread``
    and ``slippage`` are ≥ 0, in money. ``entry_bar`` and ``exit_bar`` count the session's bars from 0 (−1: open),
    ``opened_at`` and ``closed_at`` are epoch seconds. ``value`` is lots × contract size × entry price.
    """

    number: Integers
    status: Integers
    side: Integers
    lots: Floats
    value: Floats
    entry_price: Floats
    exit_price: Floats
    entry_bar: Integers
    exit_bar: Integers
    opened_at: Integers
    closed_at: Integers
    pnl: Floats
    commission: Floats
    spread: Floats
    slippage: Floats
    ambiguous: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.number)

    def where(self, kept: NDArray[np.bool_]) -> Self:
        return type(self)(**{name: getattr(self, name)[kept] for name in self.__slots__})

    @property
    def closed(self) -> Self:
        return self.where(self.status != OPEN)

    @property
    def net(self) -> Floats:
        """Result after commission."""
        return self.pnl - self.commission


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account over completed bars: ``starts`` in epoch seconds, ``balance`` and ``equity`` at each bar's close, in money."""

    began_at: int
    initial_balance: float
    bar_seconds: int
    starts: Integers
    balance: Floats
    equity: Floats
    positions: Positions

    @property
    def times(self) -> Integers:
        """When each point of a curve is: the beginning, then every bar's close; epoch seconds."""
        return np.concatenate(((self.began_at,), self.starts + self.bar_seconds))

    @property
    def balances(self) -> Floats:
        return np.concatenate(((self.initial_balance,), self.balance))

    @property
    def equities(self) -> Floats:
        return np.concatenate(((self.initial_balance,), self.equity))
