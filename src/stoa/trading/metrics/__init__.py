"""What an account's history is worth: every metric with its definition, curves, months. Pure numbers; nothing is stored here."""

from stoa.trading.metrics._account import CLOSED, LIQUIDATED, OPEN, Account, Floats, Integers, Positions
from stoa.trading.metrics._json import MOST_POINTS, band, equity_curve_json, summary_json
from stoa.trading.metrics._ledger import account_of, floats
from stoa.trading.metrics._measure import Metrics, Value, measure
from stoa.trading.metrics._series import (
    bars_per_year,
    drawdown_shares_of,
    drawdowns_of,
    duration_text,
    iso,
    monthly_returns,
    returns_of,
    thinned,
)
from stoa.trading.metrics._table import DOCUMENTED, METRICS, Group, Metric, Unit, markdown

__all__ = (
    "CLOSED", "DOCUMENTED", "LIQUIDATED", "METRICS", "MOST_POINTS", "OPEN", "Account", "Floats", "Group", "Integers", "Metric", "Metrics",
    "Positions", "Unit", "Value", "account_of", "band", "bars_per_year", "drawdown_shares_of", "drawdowns_of", "duration_text",
    "equity_curve_json", "floats", "iso", "markdown", "measure", "monthly_returns", "returns_of", "summary_json", "thinned",
)  # fmt: skip
