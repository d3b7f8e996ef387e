"""The compiled engine says what the reference says, over generated markets and order lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.trading.agreement import differences
from tests.unit.trading.markets import market

from stoa.trading.engine import Trader, command_rows, run

BATCH = 5_000
BATCHES = 20  # 100,000 markets


@given(seed=st.integers(0, 2**32), better=st.booleans())
def test_engine_and_reference_agree(seed, better):
    assert differences(*market(seed), better=better) == []


@pytest.mark.parametrize("better", [False, True])
def test_engine_and_reference_agree_over_a_sample(better):
    wrong = [seed for seed in range(300) if differences(*market(seed), better=better)]
    assert wrong == []


@pytest.mark.long
@pytest.mark.parametrize("batch", range(BATCHES))
def test_engine_and_reference_agree_over_a_hundred_thousand(batch):
    seeds = range(1_000_000 + batch * BATCH, 1_000_000 + (batch + 1) * BATCH)
    wrong = [seed for seed in seeds if differences(*market(seed), better=seed % 2 == 1)]
    assert wrong == []


def broken_books(seed):
    """The bars at which the sum of the transactions is not the balance."""
    terms, bars, commands, finer = market(seed, most_bars=40, most_commands=40)
    ledger = run(terms, bars, commands, finer)
    rows = ledger.transactions
    sums = [int(rows["amount"][rows["bar"] <= bar].sum()) for bar in range(len(bars))]
    steps = rows["amount"].cumsum()
    return [bar for bar in range(len(bars)) if sums[bar] != ledger.balance[bar]] + [
        place for place in range(len(rows)) if steps[place] != rows["balance_after"][place]
    ]


def test_the_sum_of_the_transactions_is_the_balance_at_every_bar():
    assert [seed for seed in range(300) if broken_books(seed)] == []


@pytest.mark.long
def test_the_sum_of_the_transactions_is_the_balance_in_ten_thousand_histories():
    assert [seed for seed in range(10_000, 20_000) if broken_books(seed)] == []


def test_generated_markets_meet_everything():
    """A generator that no longer makes some kind of fill would let its rule go untested."""
    seen = set()
    for seed in range(400):
        ledger = run(*market(seed))
        seen |= {fill.reason.value for fill in ledger.fill_values()}
        seen |= {order.status.value for order in ledger.order_values()}
        seen |= {"ambiguous" for position in ledger.position_values() if position.ambiguous}
    assert seen == {
        "MARKET", "LIMIT", "STOP", "CLOSE", "STOP_LOSS", "TAKE_PROFIT", "LIQUIDATION", "SESSION_STOP",
        "PENDING", "FILLED", "CANCELLED", "REJECTED", "ambiguous",
    }  # fmt: skip


def test_an_empty_market_keeps_the_deposit():
    terms, bars, _, _ = market(1)
    trader = Trader(terms)
    trader.play(bars[:0], None, command_rows([]))
    assert (trader.bar, trader.balance, len(trader.ledger().transactions)) == (
        -1,
        terms.units(terms.initial_balance),
        1,
    )
