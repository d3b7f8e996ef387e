"""What a run of a strategy leaves: the ledger, and everything that is read from it when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stoa.trading import engine, metrics, report
from stoa.trading.candles import Bars
from stoa.trading.engine import Choice, Ledger
from stoa.trading.errors import InsufficientMarginError
from stoa.trading.metrics import Account, Value
from stoa.trading.model import Command, OrderStatus, Terms
from stoa.trading.strategies._commands import Rows, commands_from

_REJECTED = list(OrderStatus).index(OrderStatus.REJECTED)
_NO_MARGIN = str(InsufficientMarginError())


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order that the margin didn't allow, after or in bar ``bar``."""

    bar: int
    message: str


@dataclass(frozen=True)
class Result:
    """``commands`` are what a trader would have had to do: a replay of them has the same ``ledger_hash``."""

    symbol: str
    title: str
    terms: Terms
    bars: Bars
    finer: Bars | None
    command_rows: Rows
    ledger: Ledger
    refused_at_once: Sequence[int] = ()
    """Bars after which an order was refused and never placed."""

    @cached_property
    def commands(self) -> list[Command]:
        return commands_from(self.command_rows)

    @cached_property
    def refused(self) -> list[Refusal]:
        orders = self.ledger.orders
        rejected = orders[orders["status"] == _REJECTED]["done_bar"].tolist()
        return [Refusal(bar, _NO_MARGIN) for bar in sorted((*rejected, *self.refused_at_once))]

    @cached_property
    def ledger_hash(self) -> str:
        """One for one account: of its terms, fills and transactions."""
        return engine.ledger_hash(self.ledger)

    @cached_property
    def account(self) -> Account:
        """Balance and equity per bar, and the positions, in money."""
        return metrics.account_of(self.ledger, self.bars.timeframe)

    @cached_property
    def better(self) -> Ledger | None:
        """The ledger as if every ambiguous bar had gone the trader's way; None where none was."""
        if not self.ledger.positions["ambiguous"].any():
            return None
        return engine.run_rows(self.terms, self.bars, self.command_rows, self.finer, choice=Choice.BETTER)

    @cached_property
    def metrics(self) -> dict[str, Value]:
        """Every metric by its key; docs/trading.md and the page define them."""
        return metrics.measure(self.account)

    def summary_json(self) -> dict[str, Any]:
        """As a report's ``summary_json``."""
        better = self.better
        return metrics.summary_json(
            self.account, None if better is None else metrics.account_of(better, self.bars.timeframe)
        )

    def equity_curve_json(self) -> dict[str, list[Any]]:
        """As a report's ``equity_curve_json``."""
        return metrics.equity_curve_json(self.account)

    def report_page(self) -> str:
        """The HTML page, as a replay's."""
        return report.report_page(
            report.Report.of(self.ledger, self.bars, title=self.title, symbol=self.symbol, better=self.better)
        )

    def trades_csv(self) -> str:
        return report.trades_csv(self.ledger)
