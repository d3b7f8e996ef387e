"""Rule 11: equal to quantstats, empyrical-reloaded and backtesting.py to 1e-9, where those are right."""

import warnings

import numpy as np
import pandas as pd
import pytest
from tests.unit.trading.accounts import HOUR, account, walk

from stoa.trading.metrics import bars_per_year, measure

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical
    import quantstats.stats as quantstats
    from backtesting import _stats as backtesting
    from backtesting.test import EURUSD, GOOG

YEARLY = bars_per_year(HOUR)
HELD = 10_000 + 10_000 * (EURUSD.Close.to_numpy() - EURUSD.Open.iloc[0])
CURVES = {
    "calm": walk(1),
    "wild": walk(2, volatility=0.02, drift=0),
    "falling": walk(3, drift=-0.0004),
    "rising": walk(4, drift=0.0005),
    "short": walk(5, bars=800),
    "eurusd": HELD,
    "goog": GOOG.Close.to_numpy() * 100,
}
NET = {
    seed: np.round(np.random.default_rng(seed).normal(2, 40, 150), 2)
    + np.where(np.arange(150) % 29, 0.0, 55.5)
    for seed in range(3)
}


def close(value):
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.fixture(params=CURVES.values(), ids=CURVES)
def curve(request):
    return account(request.param)


@pytest.fixture
def returns(curve):
    points = curve.equities
    index = pd.to_datetime(curve.starts, unit="s")
    return pd.Series(points[1:] / points[:-1] - 1, index=index)


def test_empyrical(curve, returns):
    found, how = measure(curve), {"annualization": YEARLY}
    assert found["sharpe_ratio"] == close(empyrical.sharpe_ratio(returns, **how))
    assert found["sortino_ratio"] == close(empyrical.sortino_ratio(returns, **how))
    assert found["annual_volatility_percent"] == close(100 * empyrical.annual_volatility(returns, **how))
    assert found["max_drawdown_percent"] == close(100 * empyrical.max_drawdown(returns))
    assert found["value_at_risk_percent"] == close(100 * empyrical.value_at_risk(returns))
    assert found["conditional_value_at_risk_percent"] == close(
        100 * empyrical.conditional_value_at_risk(returns)
    )
    assert found["omega_ratio"] == close(empyrical.omega_ratio(returns))
    assert found["tail_ratio"] == close(empyrical.tail_ratio(returns))


def test_quantstats(curve, returns):
    found = measure(curve)
    assert found["sharpe_ratio"] == close(quantstats.sharpe(returns, periods=YEARLY))
    assert found["sortino_ratio"] == close(quantstats.sortino(returns, periods=YEARLY))
    assert found["annual_volatility_percent"] == close(100 * quantstats.volatility(returns, periods=YEARLY))
    assert found["max_drawdown_percent"] == close(100 * quantstats.max_drawdown(returns))
    assert found["conditional_value_at_risk_percent"] == close(
        100 * quantstats.cvar(returns, method="historical")
    )
    assert found["omega_ratio"] == close(quantstats.omega(returns))
    assert found["tail_ratio"] == close(quantstats.tail_ratio(returns))
    assert found["best_bar_percent"] == close(100 * quantstats.best(returns))
    assert found["worst_bar_percent"] == close(100 * quantstats.worst(returns))


def test_growth_counts_the_calendar_where_they_count_bars(curve, returns):
    """Both annualise by a number of bars; told the calendar's own, they agree."""
    if len(returns) * HOUR < 30 * 86_400:
        pytest.skip("too short to be annualised")
    yearly = 365.25 * 86_400 / HOUR
    found = measure(curve)
    assert found["cagr_percent"] == close(100 * quantstats.cagr(returns, periods=yearly))
    assert found["cagr_percent"] == close(100 * empyrical.cagr(returns, annualization=yearly))
    assert found["calmar_ratio"] == close(quantstats.calmar(returns, periods=yearly))
    assert found["calmar_ratio"] == close(empyrical.calmar_ratio(returns, annualization=yearly))


def test_the_ulcer_index_is_a_mean_over_all_bars(curve, returns):
    """quantstats divides by one bar less than there are; Martin's index is a plain mean."""
    count = len(returns)
    assert measure(curve)["ulcer_index"] == close(
        100 * quantstats.ulcer_index(returns) * np.sqrt((count - 1) / count)
    )


def test_value_at_risk_is_what_happened_not_a_bell(curve, returns):
    """quantstats fits a normal distribution, which market returns don't have."""
    assert measure(curve)["value_at_risk_percent"] == close(100 * returns.quantile(0.05))
    assert measure(curve)["value_at_risk_percent"] != close(100 * quantstats.value_at_risk(returns))


@pytest.mark.parametrize("seed", NET)
def test_trades_by_quantstats(seed):
    """Its statistics of periods, given one period a trade. Results are shares, lest it take them for prices."""
    results, shares = NET[seed], pd.Series(NET[seed] / 10_000)
    found = measure(account(10_000 + results.cumsum(), *((each,) for each in results)))
    assert found["profit_factor"] == close(quantstats.profit_factor(shares))
    assert found["payoff_ratio"] == close(quantstats.payoff_ratio(shares))
    assert found["kelly_percent"] == close(100 * quantstats.kelly_criterion(shares))
    assert found["win_rate"] == close(100 * quantstats.win_rate(shares))
    assert found["consecutive_wins"] == quantstats.consecutive_wins(shares)
    assert found["consecutive_losses"] == quantstats.consecutive_losses(shares)
    assert found["expectancy"] == close(10_000 * shares.mean())


@pytest.mark.parametrize("seed", NET)
def test_trades_by_backtesting(seed):
    results = NET[seed]
    bars = 800
    equity = np.concatenate(((10_000.0,), walk(seed, bars=bars)))
    rows = [
        {"pnl": each, "entry_bar": 5 * number, "exit_bar": 5 * number + 3}
        for number, each in enumerate(results)
    ]
    ours = account(equity[1:], *rows)
    theirs = backtesting.compute_stats(
        pd.DataFrame({
            "EntryBar": ours.positions.entry_bar, "ExitBar": ours.positions.exit_bar, "PnL": results,
            "ReturnPct": results / ours.positions.value, "Duration": pd.to_timedelta(3 * HOUR, unit="s"),
        }),
        equity,
        pd.DataFrame({"Close": equity}, index=pd.to_datetime(ours.times, unit="s")),
        None,
    )  # fmt: skip
    found = measure(ours)
    assert found["sqn"] == close(theirs["SQN"])
    assert found["kelly_percent"] == close(100 * theirs["Kelly Criterion"])
    assert found["win_rate"] == close(theirs["Win Rate [%]"])
    assert found["best_trade_percent"] == close(theirs["Best Trade [%]"])
    assert found["worst_trade_percent"] == close(theirs["Worst Trade [%]"])
    assert found["exposure_percent"] == close(
        theirs["Exposure Time [%]"] * (bars + 1) / bars
    )  # its curve has one point more
    assert found["max_drawdown_percent"] == close(theirs["Max. Drawdown [%]"])
    assert found["return_percent"] == close(theirs["Return [%]"])
    assert found["cagr_percent"] == close(theirs["CAGR [%]"])
    hours = theirs["Max. Drawdown Duration"].total_seconds() / 3600
    assert found["max_drawdown_duration"] == f"{hours:.0f}h 0m"
