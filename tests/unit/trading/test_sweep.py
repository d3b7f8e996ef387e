"""A sweep's row is the pair's own run, to the cent."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from tests.unit.trading.markets import EURUSD, bars_of, eurusd

from stoa.trading.engine import cross_commands, run_rows, sweep_crosses
from stoa.trading.errors import NoDataError, TooLargeError, TradingInvalidError
from stoa.trading.model import MOST_STEPS, Terms


def wandering(seed, count, stride=60, around=110_000):
    rng = np.random.default_rng(seed)
    closes = np.maximum(1000, around + np.cumsum(rng.integers(-stride, stride + 1, count)))
    opens = np.concatenate([closes[:1], closes[:-1]]) + rng.integers(-stride, stride, count)
    highs = np.maximum(opens, closes) + rng.integers(0, stride, count)
    lows = np.minimum(opens, closes) - rng.integers(0, stride, count)
    return bars_of(opens, highs, lows, closes)


def outcome(ledger):
    done = ledger.positions["status"] != 0
    commission = -int(ledger.transactions["amount"][ledger.transactions["type"] == 2].sum())
    pnl = int(ledger.positions["realized_pnl"].sum())
    return int(done.sum()), int(ledger.balance[-1]), int(ledger.equity[-1]), pnl, commission


PAIRS = [(fast, slow) for fast in (1, 2, 5, 9, 20) for slow in (3, 10, 21, 50, 200) if fast < slow]


def strict(level, balance):
    """Terms on which positions are soon taken away."""
    instrument = replace(EURUSD, liquidation_level=Decimal(level))
    return Terms.of(
        instrument, initial_balance=Decimal(balance), leverage=Decimal(100), spread_pts=3, slippage_pts=1
    )


ACCOUNTS = [
    (eurusd(), 10),
    (eurusd(spread=0, slippage=0, commission="0"), 10),
    (eurusd(balance="500"), 10),  # runs out of margin
    (strict("95", "20000"), 1500),  # is stopped out
    (strict("120", "20000"), 1700),  # at once
    (eurusd(balance="2300", leverage="2"), 1),
]


@pytest.mark.parametrize(("terms", "lots"), ACCOUNTS)
@pytest.mark.parametrize("seed", range(4))
def test_every_pair_equals_its_run(terms, lots, seed):
    bars = wandering(seed, 700, stride=(4, 60)[seed % 2])
    rows = sweep_crosses(bars, terms, PAIRS, lots=lots)
    assert rows[["fast", "slow"]].tolist() == PAIRS
    found = rows[["trades", "balance", "equity", "realized_pnl", "commission"]].tolist()
    runs = [run_rows(terms, bars, cross_commands(bars, fast, slow, lots=lots)) for fast, slow in PAIRS]
    assert found == [outcome(ledger) for ledger in runs]


def test_the_sweep_meets_liquidations_and_refusals():
    """Else the comparison above would leave them untested."""
    runs = [
        run_rows(terms, wandering(seed, 700), cross_commands(wandering(seed, 700), fast, slow, lots=lots))
        for seed in (1, 3)
        for terms, lots in ACCOUNTS
        for fast, slow in PAIRS
    ]
    assert sum(int((each.positions["status"] == 2).sum()) for each in runs) > 10
    assert sum(int((each.orders["status"] == 3).sum()) for each in runs) > 10


def test_a_cross_needs_the_averages_to_pass_each_other():
    """Averages that meet and part again on the same side have not crossed."""
    closes = [10, 10, 12, 12, 11, 12, 14, 10, 10]
    bars = bars_of(closes, closes, closes, closes)
    rows = cross_commands(bars, 1, 2, lots=1)
    opens = rows[rows[:, 0] == 0]
    # closes against the mean of the last two: = > = < > > < = : above at 2, below at 4, above at 5, below at 7
    assert opens[:, 1].tolist() == [4, 5, 7]
    assert opens[:, 3].tolist() == [1, 0, 1]
    assert all(left <= right for left, right in pairwise(rows[:, 1].tolist()))


def test_bars_too_few_for_the_average_trade_nothing():
    bars = wandering(0, 20)
    assert sweep_crosses(bars, eurusd(), [(5, 50)])["trades"].tolist() == [0]
    assert len(cross_commands(bars, 5, 50, lots=1)) == 0


@pytest.mark.parametrize("pairs", [[], [(0, 5)], [(5, 5)], [(9, 3)], [(-1, 4)]])
def test_impossible_pairs_are_refused(pairs):
    with pytest.raises(TradingInvalidError, match="pairs"):
        sweep_crosses(wandering(0, 20), eurusd(), pairs)


@pytest.mark.parametrize("lots", [0, -1, 10**9])
def test_impossible_lots_are_refused(lots):
    with pytest.raises(TradingInvalidError, match="lots"):
        sweep_crosses(wandering(0, 20), eurusd(), [(2, 5)], lots=lots)


def test_what_is_too_large_is_refused():
    wild = bars_of(*[[1, MOST_STEPS] * 2000] * 4)
    with pytest.raises(TooLargeError, match="pairs"):
        sweep_crosses(wild, eurusd(), [(2, 3999)])
    with pytest.raises(TooLargeError, match="lots"):
        sweep_crosses(wild, eurusd(balance="10000000", leverage="1000000"), [(2, 5)], lots=10**6)
    with pytest.raises(NoDataError):
        sweep_crosses(wild[:0], eurusd(), [(2, 5)])
    assert EURUSD.point * 10 == EURUSD.pip_size
