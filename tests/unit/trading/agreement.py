"""Whether the compiled engine and the reference say the same."""

from stoa.trading import engine, reference
from stoa.trading.engine import Choice


def differences(terms, bars, commands, finer, *, better=False):
    """What differs between engine and reference, in words; empty where they agree."""
    ledger = engine.run(terms, bars, commands, finer, choice=Choice.BETTER if better else Choice.WORSE)
    account = reference.run(terms, bars, commands, finer, better=better)
    said = [
        ("fills", [fill_of(each) for each in ledger.fill_values()], [plain_fill(each) for each in account.fills]),
        (
            "transactions",
            [(t.type, t.position, t.amount, t.balance_after, t.bar, t.at) for t in ledger.transaction_values()],
            [(t.type, t.number, t.amount, t.balance_after, t.bar, t.at) for t in account.transactions],
        ),
        ("positions", [position_of(each) for each in ledger.position_values()], [plain_position(p) for p in account.positions]),
        (
            "orders",
            [(o.number, o.side, o.type, o.status, o.quantity_lots, o.price, o.sl_price, o.tp_price, o.placed_bar, o.done_bar) for o in ledger.order_values()],
            [(o.number, o.side, o.type, o.status, o.lots, o.price, o.sl, o.tp, o.placed_bar, o.done_bar) for o in account.orders],
        ),
        ("balance", [terms.money(each) for each in ledger.balance], account.balances),
        ("equity", [terms.money(each) for each in ledger.equity], account.equities),
    ]  # fmt: skip
    return [
        f"{name}:\n  engine    {ours}\n  reference {theirs}" for name, ours, theirs in said if ours != theirs
    ]


def fill_of(fill):
    return (
        fill.number,
        fill.bar,
        fill.at,
        fill.reason,
        fill.side,
        fill.quantity_lots,
        fill.price,
        fill.ambiguous,
    )


def plain_fill(fill):
    return (fill.number, fill.bar, fill.at, fill.reason, fill.side, fill.lots, fill.price, fill.ambiguous)


def position_of(p):
    return (
        p.number, p.side, p.status, p.quantity_lots, p.entry_price, p.exit_price, p.sl_price, p.tp_price, p.opened_at,
        p.closed_at, p.opened_bar, p.closed_bar, p.realized_pnl, p.commission_cost, p.slippage_cost, p.spread_cost,
        p.ambiguous, p.entry_reason, p.exit_reason,
    )  # fmt: skip


def plain_position(p):
    return (
        p.number, p.side, p.status, p.lots, p.entry, p.exit, p.sl, p.tp, p.opened_at,
        p.closed_at, p.opened_bar, p.closed_bar, p.pnl, p.commission, p.slippage, p.spread,
        p.ambiguous, p.entry_reason, p.exit_reason,
    )  # fmt: skip
