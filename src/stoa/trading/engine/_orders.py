"""Compiled: what a trader asks for. ``reference._run`` says the same."""

from __future__ import annotations

from typing import Any

from numba import njit

from stoa.trading.engine._book import (
    afford,
    enter,
    entry_price,
    leave,
    remove,
)  # fmt: skip
from stoa.trading.engine._columns import (
    BAR,
    C_KIND,
    C_LOTS,
    C_NEXT,
    C_NUMBER,
    C_PRICE,
    C_SIDE,
    C_SL,
    C_TP,
    C_TYPE,
    CANCELLED,
    CLOSING,
    DO_CANCEL,
    DO_CHANGE,
    DO_CLOSE,
    DO_LIQUIDATE,
    DO_OPEN,
    DO_STOP,
    DONE,
    LAST_NUMBER,
    LIQUIDATION,
    LOTS_TOO_LARGE,
    MARKET,
    N_OPEN,
    N_ORDERS,
    N_PENDING,
    NOT_OPEN,
    NOT_PENDING,
    O_DONE,
    O_LOTS,
    O_NUMBER,
    O_PLACED,
    O_PRICE,
    O_SIDE,
    O_SL,
    O_STATUS,
    O_TP,
    O_TYPE,
    P_CLOSE_NEXT,
    P_SL,
    P_TP,
    PENDING,
    QUEUED,
    SESSION_STOP,
    Book,
)  # fmt: skip


@njit
def find(rows: Any, count: int, table: Any, number: int) -> int:
    for k in range(count):
        if table[rows[k], 0] == number:
            return int(rows[k])
    return -1


@njit
def place(b: Book, command: Any, close: int, strict: bool) -> int:
    """A new order. ``strict``: nothing is left behind where it can't be filled; else it stays as REJECTED."""
    s = b.state
    now = command[C_TYPE] == MARKET and command[C_NEXT] == 0
    side, lots = command[C_SIDE], command[C_LOTS]
    price = 0 if command[C_TYPE] == MARKET else command[C_PRICE]
    if strict:
        wanted = entry_price(b, side, command[C_TYPE], price, close)
        verdict = afford(b, side, lots, wanted, close)
        if verdict == LOTS_TOO_LARGE or (now and verdict != DONE):
            return verdict
    j = s[N_ORDERS]
    b.pending[s[N_PENDING]] = j
    s[N_ORDERS] += 1
    s[N_PENDING] += 1
    s[LAST_NUMBER] += 1
    row = b.orders[j]
    row[O_NUMBER], row[O_SIDE], row[O_TYPE], row[O_STATUS] = s[LAST_NUMBER], side, command[C_TYPE], PENDING
    row[O_LOTS], row[O_PRICE], row[O_SL], row[O_TP] = lots, price, command[C_SL], command[C_TP]
    row[O_PLACED], row[O_DONE] = s[BAR], -1
    if now:
        enter(b, j, close)
    elif command[C_TYPE] == MARKET:
        s[QUEUED] = 1
    return DONE


@njit
def cancel(b: Book, j: int) -> None:
    s = b.state
    remove(b.pending, s[N_PENDING], j)
    s[N_PENDING] -= 1
    b.orders[j, O_STATUS], b.orders[j, O_DONE] = CANCELLED, s[BAR]


@njit
def carry_out(b: Book, command: Any, close: int, strict: bool) -> int:
    s = b.state
    kind = command[C_KIND]
    if kind == DO_OPEN:
        return place(b, command, close, strict)
    if kind == DO_STOP:
        while s[N_OPEN] > 0:
            leave(b, b.open[0], SESSION_STOP, close)
        while s[N_PENDING] > 0:
            cancel(b, b.pending[0])
        return DONE
    return carry_out_on(b, command, close)


@njit
def carry_out_on(b: Book, command: Any, close: int) -> int:
    """What is done to the position or order that the command names."""
    s = b.state
    kind = command[C_KIND]
    i = find(b.open, s[N_OPEN], b.positions, command[C_NUMBER])
    j = find(b.pending, s[N_PENDING], b.orders, command[C_NUMBER])
    if kind == DO_CANCEL:
        if j < 0:
            return NOT_PENDING
        cancel(b, j)
    elif kind == DO_CHANGE:
        if i >= 0:
            b.positions[i, P_SL], b.positions[i, P_TP] = command[C_SL], command[C_TP]
        elif j >= 0:
            b.orders[j, O_SL], b.orders[j, O_TP] = command[C_SL], command[C_TP]
        else:
            return NOT_OPEN
    elif i < 0:
        return NOT_OPEN
    elif kind == DO_CLOSE and command[C_NEXT]:
        b.positions[i, P_CLOSE_NEXT] = 1
        s[QUEUED] = 1
    else:
        leave(b, i, LIQUIDATION if kind == DO_LIQUIDATE else CLOSING, close)
    return DONE
