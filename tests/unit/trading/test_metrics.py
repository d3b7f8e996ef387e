"""Rule 11: what the metrics are, number by number."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.processes import ROOT
from tests.unit.trading.accounts import BEGAN, HOUR, LIQUIDATED, OPEN, account, walk

from stoa.trading.metrics import (
    DOCUMENTED,
    METRICS,
    equity_curve_json,
    markdown,
    measure,
    monthly_returns,
    summary_json,
    thinned,
)

FLAT = [10_000.0] * 12
NEVER_NULL = {
    *DOCUMENTED, "initial_balance", "final_balance", "final_equity", "net_profit", "return_percent", "max_equity_drawdown",
    "annual_volatility_percent", "max_drawdown_percent", "max_drawdown_duration", "ulcer_index", "total_commission",
    "total_spread", "total_slippage", "liquidated_trades", "ambiguous_trades", "bars", "bars_per_year",
}  # fmt: skip


def of(*rows, equity=FLAT, **more):
    return measure(account(equity, *rows, **more))


CASES = [
    # no trade
    ([], {"total_trades": 0, "win_rate": 0, "profit_factor": 0, "avg_trade_duration": "0h 0m", "largest_win": 0,
          "largest_loss": 0, "consecutive_wins": 0, "consecutive_losses": 0, "expectancy": None, "sqn": None,
          "kelly_percent": None, "avg_win": None, "avg_loss": None, "payoff_ratio": None, "exposure_percent": 0,
          "turnover": 0, "sharpe_ratio": 0, "total_pnl": 0, "max_drawdown": 0}),
    # one trade that won, one that lost, one that did neither
    ([(46,)], {"total_trades": 1, "winning_trades": 1, "losing_trades": 0, "win_rate": 100, "profit_factor": 999,
               "largest_win": 46, "largest_loss": 0, "consecutive_wins": 1, "expectancy": 46, "sqn": None,
               "kelly_percent": None, "payoff_ratio": None, "total_pnl": 46}),
    ([(-84,)], {"win_rate": 0, "profit_factor": 0, "largest_win": 0, "largest_loss": -84, "consecutive_losses": 1,
                "avg_loss": -84, "avg_win": None, "total_pnl": -84}),
    ([(0,)], {"total_trades": 1, "winning_trades": 0, "losing_trades": 0, "win_rate": 0, "profit_factor": 0}),
    # only wins, only losses
    ([(1,), (2,), (3,)], {"profit_factor": 999, "consecutive_wins": 3, "consecutive_losses": 0, "avg_win": 2, "sqn": pytest.approx(math.sqrt(3) * 2)}),
    ([(-1,), (-2,)], {"profit_factor": 0, "consecutive_losses": 2, "largest_loss": -2, "win_rate": 0}),
    # a mixture
    ([(20,), (-10,), (5,), (5,), (-10,), (-10,), (-10,)],
     {"winning_trades": 3, "losing_trades": 4, "profit_factor": 0.75, "consecutive_wins": 2, "consecutive_losses": 3,
      "avg_win": 10, "avg_loss": -10, "payoff_ratio": 1, "win_rate": pytest.approx(300 / 7), "total_pnl": -10}),
    # a nought ends both runs
    ([(1,), (0,), (1,), (-1,), (0,), (-1,)], {"consecutive_wins": 1, "consecutive_losses": 1}),
    # a win that commission turns into a loss is a documented win, and is not expected again
    ([{"pnl": 10.0, "commission": 14.0}], {"winning_trades": 1, "expectancy": -4, "total_commission": 14, "total_pnl": 10}),
    ([{"pnl": 10.0, "commission": 14.0}, {"pnl": 30.0, "commission": 14.0}],
     {"kelly_percent": 100 * (0.5 - 0.5 / 4), "expectancy": 6}),
    # equal results have no spread
    ([(3,), (3,)], {"sqn": None}),
    # what is open is no trade, but costs and is exposed
    ([{"status": OPEN, "entry_bar": 6, "exit_bar": -1, "commission": 7.0, "spread": 2.0, "slippage": 0.5}],
     {"total_trades": 0, "total_commission": 7, "total_spread": 2, "total_slippage": 0.5, "exposure_percent": 50}),
    ([{"pnl": -5_000.0, "status": LIQUIDATED}], {"total_trades": 1, "liquidated_trades": 1, "largest_loss": -5000}),
    ([{"pnl": -5.0, "ambiguous": True}, (1,)], {"ambiguous_trades": 1}),
    # durations and exposure
    ([(1, 0, 4), (1, 2, 7)], {"avg_trade_duration": "4h 30m", "exposure_percent": pytest.approx(100 * 8 / 12)}),
    ([(1, 3, 3)], {"avg_trade_duration": "0h 0m", "exposure_percent": pytest.approx(100 / 12)}),
    ([(1, 0, 60)], {"avg_trade_duration": "60h 0m"}),
    # tenths add up exactly
    ([(0.1,), (0.2,)], {"total_pnl": 0.3}),
    ([(0.1,)] * 10, {"total_pnl": 1.0, "consecutive_wins": 10}),
    # in and out at 1.1: twice the value, once the mean equity
    ([{"pnl": 0.0, "exit_price": 1.1, "value": 11_000.0}], {"turnover": pytest.approx(2.2)}),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "wanted"), CASES, ids=range(len(CASES)))
def test_trades(rows, wanted):
    found = of(*rows)
    assert {key: found[key] for key in wanted} == wanted


CURVES = [
    (FLAT, {"sharpe_ratio": 0, "sortino_ratio": None, "annual_volatility_percent": 0, "max_drawdown": 0, "calmar_ratio": None,
            "max_drawdown_duration": "0h 0m", "ulcer_index": 0, "omega_ratio": None, "tail_ratio": None, "return_percent": 0}),
    ([10_100, 10_050, 10_200, 10_000, 10_300],
     {"max_drawdown": -200, "max_equity_drawdown": -200, "max_drawdown_percent": pytest.approx(100 * (10_000 / 10_200 - 1)),
      "max_drawdown_duration": "2h 0m", "net_profit": 300, "return_percent": pytest.approx(3), "recovery_factor": 1.5}),
    # below the beginning from the first bar on, and never back
    ([9_990, 9_980, 9_970], {"max_drawdown": -30, "max_drawdown_duration": "3h 0m", "omega_ratio": 0, "final_equity": 9970}),
    # growth without noise
    (10_000 * 1.01 ** np.arange(1, 6), {"sharpe_ratio": 0, "sortino_ratio": None, "max_drawdown": 0}),
    # all lost and more, and what comes then earns nothing
    ([5_000, -100, -50, 400], {"worst_bar_percent": pytest.approx(-102), "best_bar_percent": 0, "max_drawdown_percent": pytest.approx(-101)}),
    ([9_999.9, 9_999.8, 9_999.7], {"max_drawdown": -0.3}),
    ([10_001], {"sharpe_ratio": 0, "value_at_risk_percent": pytest.approx(0.01), "cagr_percent": None}),
    ([], {"bars": 0, "sharpe_ratio": 0, "exposure_percent": None, "value_at_risk_percent": None, "final_equity": 10_000}),
]  # fmt: skip


@pytest.mark.parametrize(("equity", "wanted"), CURVES, ids=range(len(CURVES)))
def test_curves(equity, wanted):
    found = of(equity=equity)
    assert {key: found[key] for key in wanted} == wanted


def test_the_balance_does_not_see_open_losses_and_the_equity_does():
    found = of(equity=[9_000, 10_000], balance=[10_000, 10_000])
    assert (found["max_drawdown"], found["max_equity_drawdown"]) == (0, -1000)


@pytest.mark.parametrize(
    ("bar_seconds", "yearly"),
    [(60, 362_880), (300, 72_576), (HOUR, 6_048), (14_400, 1_512), (86_400, 252), (604_800, 52)],
)
def test_the_timeframe_annualises(bar_seconds, yearly):
    found = measure(account([10_100, 10_050, 10_200], bar_seconds=bar_seconds))
    returns = np.array([0.01, 10_050 / 10_100 - 1, 10_200 / 10_050 - 1])
    assert found["bars_per_year"] == yearly
    assert found["sharpe_ratio"] == pytest.approx(
        returns.mean() / returns.std(ddof=1) * math.sqrt(yearly), rel=1e-12
    )


def test_growth_is_of_the_calendar_and_not_promised_from_a_few_days():
    year = [10_000 + 1_000 * each / 365.25 for each in range(1, 366)]
    assert measure(account(year, bar_seconds=86_400))["cagr_percent"] == pytest.approx(10, rel=1e-3)
    assert measure(account(year[:29], bar_seconds=86_400))["cagr_percent"] is None
    assert measure(account([*year[:-1], 0], bar_seconds=86_400))["cagr_percent"] == -100
    assert measure(account([1e200] * 31, bar_seconds=86_400))["cagr_percent"] is None


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_every_metric_is_found_and_is_one_sentence(metric):
    assert metric.key in of((1,), (-2,), equity=walk(1))
    assert metric.about.endswith(".")
    assert metric.about.count(". ") == 0
    assert "|" not in metric.about


def test_the_documented_keys_are_there_and_numbers():
    for found in (of(), of((1,)), of(equity=[])):
        assert list(found) == [metric.key for metric in METRICS]
        assert set(DOCUMENTED) <= set(found)
        assert [key for key in NEVER_NULL if found[key] is None] == []


def test_all_of_it_is_json():
    other = account([10_005.0] * 12, {"pnl": 5.0, "ambiguous": True})
    for found in (account(walk(1), (46,), (-84,)), account([]), other):
        json.dumps([summary_json(found, other), equity_curve_json(found)], allow_nan=False)


amounts = st.floats(-1e6, 1e6).map(lambda amount: round(amount, 2))


@given(st.lists(amounts, max_size=40), st.lists(amounts, max_size=12), st.sampled_from([1.0, 10_000.0, 1e9]))
def test_nothing_is_ever_nan_or_infinite(equity, results, initial):
    found = measure(account(equity, *((each,) for each in results), initial=initial))
    assert [
        key for key, value in found.items() if isinstance(value, float) and not math.isfinite(value)
    ] == []
    assert found["max_drawdown"] <= 0
    assert found["total_trades"] >= found["winning_trades"] + found["losing_trades"]


def test_the_curve_begins_with_the_initial_balance():
    curve = equity_curve_json(account([10_100, 10_050], balance=[10_000, 10_050]))
    assert curve == {
        "timestamps": ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z", "2024-01-01T02:00:00Z"],
        "balances": [10_000, 10_000, 10_050],
        "drawdowns": [0, 0, 0],
        "equities": [10_000, 10_100, 10_050],
        "equity_drawdowns": [0, 0, -50],
    }


def test_a_long_curve_is_thinned_and_keeps_its_extremes():
    whole = account(walk(2, bars=100_000))
    curve, found = equity_curve_json(whole, most=2_000), measure(whole)
    assert len(curve["timestamps"]) <= 2_000
    assert curve["balances"][0] == 10_000
    assert curve["balances"][-1] == found["final_balance"]
    assert min(curve["drawdowns"]) == found["max_drawdown"]
    assert max(curve["equities"]) == whole.equity.max()
    assert sorted(set(curve["timestamps"])) == curve["timestamps"]


def test_a_short_curve_is_whole():
    assert thinned((np.arange(9.0),), 9).tolist() == list(range(9))


def test_months_are_of_utc_and_compound_to_the_whole():
    whole = account(walk(3, bars=3_000))
    months = monthly_returns(whole.starts, whole.equities)
    assert list(months) == [(2024, 1), (2024, 2), (2024, 3), (2024, 4), (2024, 5)]
    assert math.prod(1 + each for each in months.values()) == pytest.approx(
        whole.equity[-1] / 10_000, rel=1e-12
    )
    assert months[2024, 1] == pytest.approx(whole.equity[31 * 24 - 1] / 10_000 - 1, rel=1e-12)
    assert monthly_returns(whole.starts[:0], whole.equities[:1]) == {}


def test_the_band_shows_what_differs_and_only_where_something_is_ambiguous():
    worse = account([*FLAT[:-1], 9990], {"pnl": -10.0, "ambiguous": True})
    better = account([*FLAT[:-1], 10020], {"pnl": 20.0, "ambiguous": True})
    assert summary_json(worse)["band"] is None
    found = summary_json(worse, better)["band"]
    assert found["total_pnl"] == {"worse": -10, "better": 20}
    assert found["winning_trades"] == {"worse": 0, "better": 1}
    assert "total_trades" not in found


def test_the_page_of_the_docs_says_what_the_table_says():
    page = (ROOT / "docs/trading.md").read_text()
    assert markdown() in page


def test_closing_is_after_the_bars_start():
    assert account([1.0]).times.tolist() == [BEGAN, BEGAN + HOUR]
