"""What a report is about."""

from __future__ import annotations

from dataclasses import dataclass

from stoa.trading.candles import Bars
from stoa.trading.engine import Ledger
from stoa.trading.metrics import Account, account_of
from stoa.trading.model import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``bars`` are the completed ones, as many as the account's. ``better``: as if ambiguous bars had gone the trader's way;
    needed where a position is ambiguous, else None.
    """

    title: str
    symbol: str
    terms: Terms
    bars: Bars
    account: Account
    better: Account | None = None

    def __post_init__(self) -> None:
        if self.better is None and self.account.positions.ambiguous.any():
            raise ValueError("A report on ambiguous positions shows both outcomes.")

    @classmethod
    def of(
        cls, ledger: Ledger, bars: Bars, *, title: str, symbol: str, better: Ledger | None = None
    ) -> Report:
        """Of a whole ledger over ``bars``; ``better`` is the same commands' under ``Choice.BETTER``."""
        return cls(
            title=title,
            symbol=symbol,
            terms=ledger.terms,
            bars=bars,
            account=account_of(ledger, bars.timeframe),
            better=None if better is None else account_of(better, bars.timeframe),
        )
