"""The trades as CSV, each with everything that the ledger says of it."""

from __future__ import annotations

import csv
import io

from stoa.trading.engine import Ledger
from stoa.trading.metrics import iso
from stoa.trading.model import LOT_STEP, PositionStatus, Side

_HEADS = (
    "number", "side", "status", "quantity_lots", "opened_at", "closed_at", "entry_price", "exit_price", "sl_price", "tp_price",
    "realized_pnl", "commission_cost", "spread_cost", "slippage_cost", "net", "ambiguous",
)  # fmt: skip


def trades_csv(ledger: Ledger) -> str:
    """Every position in the order of opening, in exact decimals; RFC 4180 with a heading. What is not there is empty."""
    terms = ledger.terms
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEADS)
    sides, statuses = list(Side), list(PositionStatus)
    names = ledger.positions.dtype.names or ()
    for values in ledger.positions.tolist():
        row = dict(zip(names, values, strict=True))
        is_open = row["closed_bar"] < 0
        prices = {
            name: f"{terms.price(row[name]):f}" if row[name] else ""
            for name in ("entry_price", "exit_price", "sl", "tp")
        }
        net = row["realized_pnl"] - row["commission_cost"]
        writer.writerow((
            row["number"], sides[row["side"]], statuses[row["status"]], f"{row['lots'] * LOT_STEP:f}", iso(row["opened_ts"]),
            "" if is_open else iso(row["closed_ts"]), *prices.values(),
            *(f"{terms.money(row[name]):f}" for name in ("realized_pnl", "commission_cost", "spread_cost", "slippage_cost")),
            f"{terms.money(net):f}", "true" if row["ambiguous"] else "false",
        ))  # fmt: skip
    return out.getvalue()
