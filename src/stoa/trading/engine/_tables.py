"""Commands, candles and tables as the compiled loop takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from stoa.kernel.errors import Fault
from stoa.trading.candles import Bars
from stoa.trading.engine import _columns as col
from stoa.trading.engine._ledger import Ints
from stoa.trading.errors import TooLargeError, TradingInvalidError
from stoa.trading.model import (
    LOT_STEP,
    MOST_LOTS,
    MOST_STEPS,
    Command,
    CommandKind,
    FillAt,
    OrderType,
    Side,
    Terms,
    Timeframe,
)

_NONE = np.zeros(0, np.int64)
_NO_BARS = Bars(Timeframe.M1, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))
_KINDS = {kind: place for place, kind in enumerate(CommandKind)}
_SIDES = {side: place for place, side in enumerate(Side)}
_TYPES = {type_: place for place, type_ in enumerate(OrderType)}


def command_rows(commands: Iterable[Command]) -> Ints:
    """int64 columns: kind bar number side type lots price sl tp next; None is 0, enumerations are places."""
    rows = [
        (
            _KINDS[command.kind],
            command.bar,
            command.number,
            _SIDES[command.side] if command.side else 0,
            _TYPES[command.type] if command.type else 0,
            command.lots,
            command.price or 0,
            command.sl or 0,
            command.tp or 0,
            command.fill is FillAt.NEXT_OPEN,
        )
        for command in commands
    ]
    try:
        return np.array(rows, np.int64).reshape(len(rows), len(col.COMMAND))
    except OverflowError:
        raise TooLargeError.of(Fault("commands", "hold a number that 64 bits do not.")) from None


def check_commands(rows: Ints) -> None:
    """Raises TradingInvalidError for quantities and prices that no account can have."""
    new = rows[rows[:, col.C_KIND] == col.DO_OPEN]
    most = int(MOST_LOTS / LOT_STEP)
    if bool(((new[:, col.C_LOTS] < 1) | (new[:, col.C_LOTS] > most)).any()):
        raise TradingInvalidError.of(Fault("quantity_lots", f"must be from {LOT_STEP} to {MOST_LOTS}."))
    for name, column in (("price", col.C_PRICE), ("sl_price", col.C_SL), ("tp_price", col.C_TP)):
        if bool(((rows[:, column] < 0) | (rows[:, column] > MOST_STEPS)).any()):
            raise TradingInvalidError.of(Fault(name, f"must be from 1 to {MOST_STEPS} steps."))
    if bool(((new[:, col.C_TYPE] != col.MARKET) & (new[:, col.C_PRICE] == 0)).any()):
        raise TradingInvalidError.of(Fault("price", "is needed for a limit or stop order."))


def new_book(terms: Terms, *, better: bool) -> col.Book:
    state = np.zeros(len(col.STATE), np.int64)
    state[col.BAR] = -1
    state[col.DOWN], state[col.UP] = -col.FAR, col.FAR
    state[col.TICK], state[col.SPREAD], state[col.SLIPPAGE] = terms.tick, terms.spread, terms.slippage
    state[col.COMMISSION] = terms.units(terms.commission_per_fill)
    state[col.MARGIN_A], state[col.MARGIN_B] = terms.margin
    state[col.STOP_A], state[col.STOP_B] = terms.stop_out
    state[col.MOST], state[col.BETTER] = terms.most_money, better
    balance = terms.units(terms.initial_balance)
    state[col.BALANCE], state[col.N_TRANSACTIONS] = balance, 1
    widths = (col.POSITION_WIDTH, len(col.ORDER), len(col.FILL))
    positions, orders, fills = (np.zeros((0, width), np.int64) for width in widths)
    return col.Book(
        state,
        positions,
        orders,
        fills,
        np.array([[-1, col.DEPOSIT, balance, balance, 0, 0, -1]], np.int64),
        np.zeros(0, np.int64),
        np.zeros(0, np.int64),
    )


def terms_of(texts: Sequence[str]) -> Terms:
    fields = zip(Terms.__dataclass_fields__, texts, strict=True)
    values: dict[str, Any] = {
        name: int(text) if name.endswith("_pts") else Decimal(text) for name, text in fields
    }
    return Terms(**values)


def used(book: col.Book) -> list[Ints]:
    counts = (col.N_POSITIONS, col.N_ORDERS, col.N_FILLS, col.N_TRANSACTIONS, col.N_OPEN, col.N_PENDING)
    return [table[: book.state[count]] for table, count in zip(book[1:], counts, strict=True)]


def compacted(book: col.Book) -> col.Book:
    """Only what is open and pending."""
    state = book.state
    n_open, n_pending = int(state[col.N_OPEN]), int(state[col.N_PENDING])
    positions, orders = book.positions[book.open[:n_open]], book.orders[book.pending[:n_pending]]
    state[col.N_POSITIONS], state[col.N_ORDERS] = n_open, n_pending
    state[col.N_FILLS] = state[col.N_TRANSACTIONS] = 0
    return col.Book(
        state,
        positions,
        orders,
        book.fills[:0],
        book.transactions[:0],
        np.arange(n_open),
        np.arange(n_pending),
    )


def room(table: Ints, rows: int) -> Ints:
    if len(table) >= rows:
        return table
    wider = np.zeros((max(rows, 2 * len(table), 8), *table.shape[1:]), np.int64)
    wider[: len(table)] = table
    return wider


def columns(bars: Bars) -> col.Columns:
    return col.Columns(bars.ts, bars.open, bars.high, bars.low, bars.close, bars.timeframe.seconds)


def only_finer(bars: Bars, finer: Bars | None) -> Bars:
    if finer is None or finer.timeframe.seconds >= bars.timeframe.seconds:
        return _NO_BARS
    return finer
