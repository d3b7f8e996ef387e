"""An engine's ledger, read as what is measured."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stoa.trading.engine import Ledger
from stoa.trading.metrics._account import OPEN, Account, Floats, Positions
from stoa.trading.model import LOT_STEP, Timeframe


def floats(counted: NDArray[Any], unit: Decimal) -> Floats:
    """Whole numbers of a unit as the floats nearest to them: one rounding each, below 2⁵³."""
    over, under = unit.as_integer_ratio()
    return (counted.astype(np.int64) * over) / float(under)


def account_of(ledger: Ledger, timeframe: Timeframe) -> Account:
    """The whole ledger of a session of that timeframe, which began with its first bar."""
    unit = ledger.terms.money_unit
    starts = ledger.ts
    return Account(
        began_at=int(starts[0]) if len(starts) else 0,
        initial_balance=float(ledger.terms.initial_balance),
        bar_seconds=timeframe.seconds,
        starts=starts,
        balance=floats(ledger.balance, unit),
        equity=floats(ledger.equity, unit),
        positions=_positions(ledger),
    )


def _positions(ledger: Ledger) -> Positions:
    terms, rows = ledger.terms, ledger.positions
    open_ = rows["status"] == OPEN
    rows = rows[np.lexsort((rows["number"], rows["closed_ts"], rows["closed_bar"], open_))]
    lots = floats(rows["lots"], LOT_STEP)
    entry_price = floats(rows["entry_price"], terms.step)
    money = {
        name: floats(rows[name], terms.money_unit)
        for name in ("realized_pnl", "commission_cost", "spread_cost", "slippage_cost")
    }
    return Positions(
        number=rows["number"].astype(np.int64),
        status=rows["status"].astype(np.int64),
        side=1 - 2 * rows["side"].astype(np.int64),
        lots=lots,
        value=lots * float(terms.contract_size) * entry_price,
        entry_price=entry_price,
        exit_price=floats(rows["exit_price"], terms.step),
        entry_bar=rows["opened_bar"].astype(np.int64),
        exit_bar=rows["closed_bar"].astype(np.int64),
        opened_at=rows["opened_ts"].astype(np.int64),
        closed_at=rows["closed_ts"].astype(np.int64),
        pnl=money["realized_pnl"],
        commission=money["commission_cost"],
        spread=money["spread_cost"],
        slippage=money["slippage_cost"],
        ambiguous=rows["ambiguous"].astype(np.bool_),
    )
