"""One account, whichever way it was reached."""

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.processes import ROOT
from tests.unit.trading.markets import candles, close, eurusd, market, new

from stoa.trading.engine import Choice, Trader, ledger_hash, run
from stoa.trading.errors import (
    InsufficientMarginError,
    NoDataError,
    OrderNotPendingError,
    PositionNotOpenError,
)
from stoa.trading.model import Command, CommandKind, FillAt, OrderType, Side

REFUSED = (InsufficientMarginError, PositionNotOpenError, OrderNotPendingError)


def stepped(seed, rng, *, restores):
    """The market of a seed, given to a Trader in pieces: (hash, what was taken, refused commands)."""
    terms, bars, commands, finer = market(seed, most_bars=30, most_commands=30)
    trader = Trader(terms)
    waiting = list(commands)
    taken, done = [], []
    at = 0
    while at < len(bars):
        step = int(rng.integers(1, 6))
        until = min([at + step, len(bars)] + [each.bar + 1 for each in waiting[:1]])
        trader.advance(bars[at:until], finer)
        at = until
        while waiting and waiting[0].bar == trader.bar:
            command = waiting.pop(0)
            try:
                trader.give(command)
                done.append(command)
            except REFUSED:
                pass
        if restores and rng.random() < 0.5:
            taken.append(trader.take())
            trader = Trader.restore(trader.snapshot())
        elif restores and rng.random() < 0.5:
            trader = Trader.restore(trader.snapshot())
    taken.append(trader.take())
    return trader.hash(), taken, (terms, bars, done, finer)


@given(seed=st.integers(0, 2**32), split=st.integers(0, 2**32), restores=st.booleans())
def test_any_split_and_any_snapshot_give_the_same_ledger(seed, split, restores):
    """The whole is run with what the trader was not refused: refused orders leave nothing behind, not even a number."""
    found, taken, (terms, bars, done, finer) = stepped(seed, np.random.default_rng(split), restores=restores)
    whole = run(terms, bars, done, finer)
    assert found == ledger_hash(whole)
    assert np.concatenate([each.fills for each in taken]).tolist() == whole.fills.tolist()
    rows = np.concatenate([each.transactions for each in taken])
    assert rows.tolist() == whole.transactions.tolist()
    assert [each.index for part in taken for each in part.transaction_values()] == list(range(len(rows)))
    assert last_rows(taken, "positions") == whole.positions.tolist()
    assert last_rows(taken, "orders") == whole.orders.tolist()


def last_rows(taken, name):
    """Each position or order as it was taken last, in order of its coming."""
    rows = {}
    for part in taken:
        rows.update({row[0]: row for row in getattr(part, name).tolist()})
    return list(rows.values())


@given(seed=st.integers(0, 2**32))
def test_a_snapshot_is_the_trader(seed):
    terms, bars, commands, finer = market(seed)
    trader = Trader(terms, choice=Choice.BETTER)
    trader.advance(bars[:1], finer)
    for command in commands:
        if command.bar == 0:
            with suppress(*REFUSED):
                trader.give(command)
    again = Trader.restore(trader.snapshot())
    assert again.snapshot() == trader.snapshot()
    assert (again.terms, again.choice, again.bar, again.balance, again.equity, again.hash()) == (
        trader.terms, trader.choice, trader.bar, trader.balance, trader.equity, trader.hash(),
    )  # fmt: skip
    again.advance(bars[1:], finer)
    trader.advance(bars[1:], finer)
    assert again.hash() == trader.hash()


def test_a_snapshot_holds_only_what_is_open():
    terms = eurusd(commission="0", spread=0, slippage=0)
    trader = Trader(terms)
    sizes = []
    for bar in range(50):
        trader.advance(candles(*["1.1"] * 50)[bar : bar + 1])
        number = trader.give(new(bar, Side.BUY))
        trader.give(close(bar, number))
        trader.take()
        sizes.append(len(trader.snapshot()))
    assert max(sizes) < sizes[0] + 50


def test_a_refused_command_changes_nothing():
    trader = Trader(eurusd(balance="100"))
    with pytest.raises(NoDataError, match="No candle"):
        trader.give(new(0, Side.BUY))
    trader.advance(candles("1.1"))
    before = trader.snapshot()
    for command, error in [
        (new(0, Side.BUY, lots="1"), InsufficientMarginError),
        (close(0, 7), PositionNotOpenError),
        (Command(CommandKind.LIQUIDATE, 0, 7), PositionNotOpenError),
        (Command(CommandKind.CHANGE, 0, 7), PositionNotOpenError),
        (Command(CommandKind.CANCEL, 0, 7), OrderNotPendingError),
    ]:
        with pytest.raises(error):
            trader.give(command)
    assert trader.snapshot() == before


def test_a_position_is_closed_once():
    trader = Trader(eurusd())
    trader.advance(candles("1.1"))
    trader.give(new(0, Side.BUY))
    trader.give(close(0, 1))
    with pytest.raises(PositionNotOpenError):
        trader.give(close(0, 1))


def test_what_a_command_changes_is_in_the_bars_balance_at_once():
    trader = Trader(eurusd())
    trader.advance(candles("1.1", "1.1"))
    trader.give(new(1, Side.BUY))
    assert [trader.terms.money(each) for each in trader.ledger().balance] == [10000, 9993]
    trader.take()
    trader.give(close(1, 1))
    after = trader.take()
    assert (after.ts.tolist(), trader.terms.money(after.balance[0])) == ([1_704_067_200 + 3600], 9983)


@given(seed=st.integers(0, 2**32))
def test_the_next_fill_is_where_it_is_said_to_be(seed):
    terms, bars, commands, finer = market(seed, most_bars=30)
    trader = Trader(terms)
    trader.advance(bars[:1], finer)
    for command in commands:
        with suppress(*REFUSED):
            trader.give(replace(command, bar=0))
    trader.take()
    before = trader.snapshot()
    said = trader.bar_of_next_fill(bars[1:], finer)
    assert trader.snapshot() == before
    trader.advance(bars[1:], finer)
    fills = trader.take().fills["bar"].tolist()
    assert (said + 1 if said is not None else None) == (fills[0] if fills else None)


def test_nothing_open_and_nothing_pending_is_never_filled():
    trader = Trader(eurusd())
    trader.advance(candles("1.1"))
    assert not trader.has_something
    assert trader.bar_of_next_fill(candles("1.1", "9")) is None


SHOW = """
from tests.unit.trading.markets import market
from stoa.trading.engine import ledger_hash, run
print([ledger_hash(run(*market(seed))) for seed in range(40)])
"""


def test_the_hash_does_not_depend_on_the_process():
    def shown(seed):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
        done = subprocess.run(
            [sys.executable, "-c", SHOW], env=env, cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert shown("1") == shown("2")


def test_the_hash_tells_accounts_apart():
    bars = candles("1.1", "1.2", "1.3")
    hashes = {
        ledger_hash(run(terms, bars, commands))
        for terms in (eurusd(), eurusd(leverage="50"))
        for commands in ([], [new(0, Side.BUY)], [new(1, Side.BUY)], [new(0, Side.BUY), close(1)])
    }
    assert len(hashes) == 8


def test_rejected_orders_leave_no_trace_in_the_hash():
    bars = candles("1.1", "1.1")
    orders = [new(0, Side.BUY, lots="1000"), new(0, Side.SELL)]
    assert ledger_hash(run(eurusd(), bars, orders)) == ledger_hash(run(eurusd(), bars, orders[1:]))


def test_terms_are_equal_however_they_are_written():
    bars = candles("1.1")
    assert ledger_hash(run(eurusd("10000"), bars, [])) == ledger_hash(run(eurusd("10000.00"), bars, []))


def test_commands_have_to_ascend():
    with pytest.raises(ValueError, match="ascend"):
        run(eurusd(), candles("1.1", "1.1"), [new(1, Side.BUY), new(0, Side.BUY)])
    with pytest.raises(ValueError, match="bars"):
        run(eurusd(), candles("1.1", "1.1"), [new(2, Side.BUY)])


def test_a_next_open_order_of_the_last_bar_stays_pending():
    ledger = run(eurusd(), candles("1.1"), [new(0, Side.BUY, OrderType.MARKET, fill=FillAt.NEXT_OPEN)])
    assert [order.status.value for order in ledger.order_values()] == ["PENDING"]
