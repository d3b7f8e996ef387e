"""All metrics of an account, as the table defines them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from stoa.trading.metrics._account import LIQUIDATED, OPEN, Account, Floats, Positions
from stoa.trading.metrics._series import (
    bars_per_year,
    drawdown_shares_of,
    drawdowns_of,
    duration_text,
    longest_drawdown,
    longest_run,
    returns_of,
)
from stoa.trading.metrics._table import DOCUMENTED, METRICS

Value: TypeAlias = float | int | str | None
Metrics: TypeAlias = Mapping[str, Value]

_NO_LOSSES = 999.0
_YEAR_SECONDS = 365.25 * 86_400
_LEAST_SECONDS = 30 * 86_400
_WORST_SHARE = 0.05
_NOISE = 1e-12
_LARGEST_EXPONENT = 700
"""Beyond it a growth is no number any more."""


def measure(account: Account) -> dict[str, Value]:
    """Every key of the table. What means nothing is None (0 for the document's own keys); nothing is ever NaN or infinite."""
    closed = account.positions.closed
    with np.errstate(over="ignore", invalid="ignore"):  # what has no number is left out below
        found = {**_result(account, closed), **_trades(closed), **_risk(account), **_costs(account)}
    return {metric.key: _clean(metric.key, found[metric.key]) for metric in METRICS}


def _clean(key: str, value: Value) -> Value:
    if isinstance(value, float):
        value = value + 0.0 if math.isfinite(value) else None
    return 0.0 if value is None and key in DOCUMENTED else value


def _money(values: Floats | tuple[float, ...]) -> float:
    """The exact sum: no amount has more than eight decimals."""
    return round(math.fsum(values), 8)


def _over(value: float, by: float) -> float | None:
    return value / by if by else None


def _mean(values: Floats) -> float | None:
    return math.fsum(values) / len(values) if len(values) else None


def _spread_of(values: Floats) -> float:
    """Sample standard deviation; 0 where there is none but the noise of floating point."""
    if len(values) < 2:
        return 0.0
    deviation = float(values.std(ddof=1))
    return deviation if deviation > _NOISE * float(np.abs(values).max()) else 0.0


def _result(account: Account, closed: Positions) -> dict[str, Value]:
    balances, equities = account.balances, account.equities
    return {
        "initial_balance": account.initial_balance,
        "final_balance": float(balances[-1]),
        "final_equity": float(equities[-1]),
        "total_pnl": _money(closed.pnl),
        "net_profit": _money((float(balances[-1]), -account.initial_balance)),
        "return_percent": 100
        * _money((float(equities[-1]), -account.initial_balance))
        / account.initial_balance,
        "max_drawdown": float(drawdowns_of(balances).min()),
        "max_equity_drawdown": float(drawdowns_of(equities).min()),
    }


def _trades(closed: Positions) -> dict[str, Value]:
    pnl, count = closed.pnl, len(closed)
    wins, losses = pnl[pnl > 0], pnl[pnl < 0]
    gained, lost = math.fsum(wins), -math.fsum(losses)
    avg_win, avg_loss = _mean(wins), _mean(losses)
    duration = _mean((closed.closed_at - closed.opened_at).astype(np.float64))
    return {
        "total_trades": count,
        "winning_trades": len(wins),
        "losing_trades": len(losses),
        "win_rate": 100 * len(wins) / count if count else 0.0,
        "profit_factor": gained / lost if lost else (_NO_LOSSES if gained else 0.0),
        "avg_trade_duration": duration_text(duration or 0),
        "largest_win": float(wins.max(initial=0.0)),
        "largest_loss": float(losses.min(initial=0.0)),
        "avg_win": avg_win,
        "avg_loss": avg_loss,
        "payoff_ratio": avg_win / -avg_loss if avg_win and avg_loss else None,
        "consecutive_wins": longest_run(pnl > 0),
        "consecutive_losses": longest_run(pnl < 0),
        "liquidated_trades": int((closed.status == LIQUIDATED).sum()),
        **_after_commission(closed),
    }


def _after_commission(closed: Positions) -> dict[str, Value]:
    net, count = closed.net, len(closed)
    mean, shares = _mean(net), net / closed.value
    return {
        "expectancy": mean,
        "sqn": None if mean is None else _over(math.sqrt(count) * mean, _spread_of(net)),
        "kelly_percent": _kelly_percent(net),
        "best_trade_percent": 100 * float(shares.max()) if count else None,
        "worst_trade_percent": 100 * float(shares.min()) if count else None,
    }


def _kelly_percent(net: Floats) -> float | None:
    won, lost = _mean(net[net > 0]), _mean(net[net < 0])
    if won is None or lost is None:
        return None
    winning = int((net > 0).sum()) / int((net != 0).sum())
    return 100 * (winning - (1 - winning) / (won / -lost))


def _risk(account: Account) -> dict[str, Value]:
    equities, returns = account.equities, returns_of(account.equities)
    yearly = bars_per_year(account.bar_seconds)
    mean, deviation = float(returns.mean()) if len(returns) else 0.0, _spread_of(returns)
    shares = drawdown_shares_of(equities)
    worst_share = float(shares.min())
    cagr = _cagr_percent(account)
    gained = _money((float(equities[-1]), -account.initial_balance))
    return {
        "sharpe_ratio": mean / deviation * math.sqrt(yearly) if deviation else 0.0,
        "sortino_ratio": _over(mean * math.sqrt(yearly), _downside(returns)),
        "annual_volatility_percent": 100 * deviation * math.sqrt(yearly),
        "cagr_percent": cagr,
        "calmar_ratio": None if cagr is None else _over(cagr, -100 * worst_share),
        "max_drawdown_percent": 100 * worst_share,
        "max_drawdown_duration": duration_text(longest_drawdown(equities, account.times)),
        "recovery_factor": _over(gained, -float(drawdowns_of(equities).min())),
        "ulcer_index": 100 * math.sqrt(float(np.square(shares[1:]).mean())) if len(returns) else 0.0,
        **_tails(returns),
    }


def _downside(returns: Floats) -> float:
    return math.sqrt(float(np.square(np.minimum(returns, 0.0)).mean())) if len(returns) else 0.0


def _cagr_percent(account: Account) -> float | None:
    seconds = int(account.times[-1]) - account.began_at
    if seconds < _LEAST_SECONDS:
        return None
    growth = max(float(account.equities[-1]) / account.initial_balance, 0.0)
    if not growth:
        return -100.0
    exponent = math.log(growth) * _YEAR_SECONDS / seconds
    return 100 * math.expm1(exponent) if exponent < _LARGEST_EXPONENT else None


def _tails(returns: Floats) -> dict[str, Value]:
    if not len(returns):
        return dict.fromkeys(_TAILS)
    low, high = (
        float(each) for each in np.percentile(returns, (100 * _WORST_SHARE, 100 - 100 * _WORST_SHARE))
    )
    worst = int((len(returns) - 1) * _WORST_SHARE)
    rising, falling = float(returns[returns > 0].sum()), -float(returns[returns < 0].sum())
    return {
        "value_at_risk_percent": 100 * low,
        "conditional_value_at_risk_percent": 100 * float(np.partition(returns, worst)[: worst + 1].mean()),
        "omega_ratio": _over(rising, falling),
        "tail_ratio": _over(abs(high), abs(low)),
        "best_bar_percent": 100 * float(returns.max()),
        "worst_bar_percent": 100 * float(returns.min()),
    }


_TAILS = (
    "value_at_risk_percent", "conditional_value_at_risk_percent", "omega_ratio", "tail_ratio", "best_bar_percent",
    "worst_bar_percent",
)  # fmt: skip


def _costs(account: Account) -> dict[str, Value]:
    positions, bars = account.positions, len(account.starts)
    mean_equity = float(account.equities.mean())
    return {
        "ambiguous_trades": int(positions.ambiguous.sum()),
        "total_commission": _money(positions.commission),
        "total_spread": _money(positions.spread),
        "total_slippage": _money(positions.slippage),
        "exposure_percent": _exposure_percent(positions, bars),
        "turnover": _turned_over(positions) / mean_equity if mean_equity > 0 else None,
        "bars": bars,
        "bars_per_year": bars_per_year(account.bar_seconds),
    }


def _exposure_percent(positions: Positions, bars: int) -> float | None:
    if not bars:
        return None
    edges = np.zeros(bars + 1, np.int64)
    np.add.at(edges, np.clip(positions.entry_bar, 0, bars - 1), 1)
    last = np.where(positions.status == OPEN, bars - 1, np.clip(positions.exit_bar, 0, bars - 1))
    np.add.at(edges, last + 1, -1)
    return 100 * float((np.cumsum(edges[:-1]) > 0).mean())


def _turned_over(positions: Positions) -> float:
    closed = positions.closed
    leaving = closed.value * closed.exit_price / closed.entry_price
    return math.fsum(positions.value) + math.fsum(leaving)
