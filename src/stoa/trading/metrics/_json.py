"""``summary_json`` and ``equity_curve_json``, as documented and with what the document has no word for."""

from __future__ import annotations

from typing import Any

from stoa.trading.metrics._account import Account
from stoa.trading.metrics._measure import Value, measure
from stoa.trading.metrics._series import drawdowns_of, iso, thinned

MOST_POINTS = 10_000


def summary_json(account: Account, better: Account | None = None) -> dict[str, Any]:
    """All metrics by key, and under ``band`` the same under the better outcome of ambiguous bars, where there are any.

    ``better`` is the account that would have been; without ambiguous trades it isn't needed and ``band`` is null.
    """
    return {**measure(account), "band": None if better is None else band(measure(account), measure(better))}


def band(worse: dict[str, Value], better: dict[str, Value]) -> dict[str, dict[str, Value]]:
    """Only the metrics that differ: key → ``{"worse", "better"}``. What is booked is the worse."""
    return {key: {"worse": worse[key], "better": better[key]} for key in worse if worse[key] != better[key]}


def equity_curve_json(account: Account, *, most: int = MOST_POINTS) -> dict[str, list[Any]]:
    """Columns of one length that begin at the session's start with its initial balance, then a point at each bar's close.

    ``balances`` and their ``drawdowns`` are the booked money; ``equities`` and ``equity_drawdowns`` count open positions
    too. Beyond ``most`` points, those are kept at which a column is lowest or highest in its stretch of time.
    """
    balances, equities, times = account.balances, account.equities, account.times
    drawdowns, equity_drawdowns = drawdowns_of(balances), drawdowns_of(equities)
    kept = thinned((balances, drawdowns, equities, equity_drawdowns), most)
    return {
        "timestamps": [iso(seconds) for seconds in times[kept].tolist()],
        "balances": balances[kept].tolist(),
        "drawdowns": drawdowns[kept].tolist(),
        "equities": equities[kept].tolist(),
        "equity_drawdowns": equity_drawdowns[kept].tolist(),
    }
