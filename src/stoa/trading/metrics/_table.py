"""The one table of metrics: what each is called, its unit, and what it means. Pages and docs are made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    MONEY = "money"
    PERCENT = "%"
    RATIO = "ratio"
    COUNT = "count"
    TIME = "time"


class Group(StrEnum):
    RESULT = "Result"
    TRADES = "Trades"
    RISK = "Return and risk"
    COSTS = "Costs and use"


@dataclass(frozen=True, slots=True)
class Metric:
    """``about`` is one sentence; ``key`` is its name in ``summary_json``."""

    key: str
    title: str
    group: Group
    unit: Unit
    about: str


def _metrics(group: Group, *rows: tuple[str, str, Unit, str]) -> Iterator[Metric]:
    return (Metric(key, title, group, unit, about) for key, title, unit, about in rows)


METRICS: tuple[Metric, ...] = (
    *_metrics(
        Group.RESULT,
        ("initial_balance", "Initial balance", Unit.MONEY, "What the account began with."),
        ("final_balance", "Final balance", Unit.MONEY, "The sum of all transactions up to the last bar."),
        ("final_equity", "Final equity", Unit.MONEY, "Final balance plus what the open positions would bring at the last bar's close."),
        ("total_pnl", "Total P&L", Unit.MONEY, "Sum of the realized P&L of all closed positions, before commission."),
        ("net_profit", "Net profit", Unit.MONEY, "Final balance less initial balance: the total P&L after all commission."),
        ("return_percent", "Return", Unit.PERCENT, "Final equity over initial balance, less one."),
        ("max_drawdown", "Max drawdown (balance)", Unit.MONEY, "Deepest fall of the balance below its highest earlier value; it doesn't see open losses."),
        ("max_equity_drawdown", "Max drawdown (equity)", Unit.MONEY, "Deepest fall of the equity, open positions included, below its highest earlier value at a bar's close."),
    ),
    *_metrics(
        Group.TRADES,
        ("total_trades", "Trades", Unit.COUNT, "Positions that were closed or liquidated."),
        ("winning_trades", "Winning trades", Unit.COUNT, "Trades whose realized P&L, before commission, is above zero."),
        ("losing_trades", "Losing trades", Unit.COUNT, "Trades whose realized P&L, before commission, is below zero."),
        ("win_rate", "Win rate", Unit.PERCENT, "Winning trades over all trades."),
        ("profit_factor", "Profit factor", Unit.RATIO, "Sum of the winning trades' P&L over the sum of the losing trades' losses; 999 without losses, 0 without profits."),
        ("avg_trade_duration", "Average duration", Unit.TIME, "Mean time from a position's opening to its closing."),
        ("largest_win", "Largest win", Unit.MONEY, "Highest realized P&L of one trade, before commission; 0 without a win."),
        ("largest_loss", "Largest loss", Unit.MONEY, "Lowest realized P&L of one trade, before commission; 0 without a loss."),
        ("avg_win", "Average win", Unit.MONEY, "Mean realized P&L of the winning trades."),
        ("avg_loss", "Average loss", Unit.MONEY, "Mean realized P&L of the losing trades."),
        ("payoff_ratio", "Payoff ratio", Unit.RATIO, "Average win over average loss, without its sign."),
        ("consecutive_wins", "Wins in a row", Unit.COUNT, "Longest run of winning trades, in the order of closing."),
        ("consecutive_losses", "Losses in a row", Unit.COUNT, "Longest run of losing trades, in the order of closing."),
        ("expectancy", "Expectancy", Unit.MONEY, "Mean result of a trade after commission."),
        ("sqn", "SQN", Unit.RATIO, "System quality number: the square root of the number of trades times their mean result after commission over its sample standard deviation."),
        ("kelly_percent", "Kelly criterion", Unit.PERCENT, "Share of trades that win after commission, less the share that lose over the ratio of average win to average loss after commission."),
        ("best_trade_percent", "Best trade", Unit.PERCENT, "Highest result of a trade after commission, over its value at entry."),
        ("worst_trade_percent", "Worst trade", Unit.PERCENT, "Lowest result of a trade after commission, over its value at entry."),
        ("liquidated_trades", "Liquidated", Unit.COUNT, "Positions that were closed because the margin no longer held."),
        ("ambiguous_trades", "Ambiguous", Unit.COUNT, "Positions, also open ones, for which no stored candle tells what was touched first; the worse outcome is booked."),
    ),
    *_metrics(
        Group.RISK,
        ("sharpe_ratio", "Sharpe ratio", Unit.RATIO, "Mean over sample standard deviation of the equity's returns per bar, times the square root of the timeframe's bars a year; risk-free rate 0; 0 where nothing moves."),
        ("sortino_ratio", "Sortino ratio", Unit.RATIO, "As the Sharpe ratio, over the root mean square of the falling bars' returns, counted over all bars."),
        ("annual_volatility_percent", "Volatility a year", Unit.PERCENT, "Sample standard deviation of the returns per bar, times the square root of the timeframe's bars a year."),
        ("cagr_percent", "CAGR", Unit.PERCENT, "Compound growth of the equity a year of 365.25 days of the calendar; left out under 30 days."),
        ("calmar_ratio", "Calmar ratio", Unit.RATIO, "CAGR over the max drawdown in percent, without its sign."),
        ("max_drawdown_percent", "Max drawdown", Unit.PERCENT, "Deepest fall of the equity below its highest earlier value, over that value."),
        ("max_drawdown_duration", "Longest drawdown", Unit.TIME, "Longest time of the calendar from a peak of the equity until it is reached again, or the end."),
        ("recovery_factor", "Recovery factor", Unit.RATIO, "Final equity less initial balance, over the max drawdown of the equity without its sign."),
        ("ulcer_index", "Ulcer index", Unit.PERCENT, "Root mean square of the equity's drawdown in percent over all bars."),
        ("value_at_risk_percent", "VaR 95 %, a bar", Unit.PERCENT, "Fifth percentile of the returns per bar, as they happened."),
        ("conditional_value_at_risk_percent", "CVaR 95 %, a bar", Unit.PERCENT, "Mean of the worst twentieth of the returns per bar."),
        ("omega_ratio", "Omega ratio", Unit.RATIO, "Sum of the rising bars' returns over the sum of the falling bars', without its sign."),
        ("tail_ratio", "Tail ratio", Unit.RATIO, "95th over fifth percentile of the returns per bar, without signs."),
        ("best_bar_percent", "Best bar", Unit.PERCENT, "Highest return of the equity in one bar."),
        ("worst_bar_percent", "Worst bar", Unit.PERCENT, "Lowest return of the equity in one bar."),
    ),
    *_metrics(
        Group.COSTS,
        ("total_commission", "Commission", Unit.MONEY, "Commission of all fills, also of positions that are still open."),
        ("total_spread", "Spread cost", Unit.MONEY, "What the spread cost all positions; it is inside the prices already."),
        ("total_slippage", "Slippage cost", Unit.MONEY, "What slippage cost all positions; it is inside the prices already."),
        ("exposure_percent", "Exposure", Unit.PERCENT, "Share of the bars in which a position was open, from its entry's bar to its exit's."),
        ("turnover", "Turnover", Unit.RATIO, "Value of all fills, openings and closings, over the mean equity."),
        ("bars", "Bars", Unit.COUNT, "Bars of the session's timeframe that were completed."),
        ("bars_per_year", "Bars a year", Unit.COUNT, "What annualises: 252 days of 24 hours, of which the timeframe takes its part; 52 for W1."),
    ),
)  # fmt: skip

DOCUMENTED = (
    "total_trades", "winning_trades", "losing_trades", "win_rate", "total_pnl", "max_drawdown", "sharpe_ratio",
    "profit_factor", "avg_trade_duration", "largest_win", "largest_loss", "consecutive_wins", "consecutive_losses",
)  # fmt: skip
"""The document's own keys, in its order. They are never null; the others are null where they mean nothing."""


def markdown() -> str:
    """The table as docs/trading.md shows it."""
    rows = (f"| `{each.key}` | {each.title} | {each.unit} | {each.about} |" for each in METRICS)
    return "\n".join(("| key | name | unit | meaning |", "|---|---|---|---|", *rows))
