"""Compiled: one account's books. Fills, exits, margin. ``reference._account`` says the same in Decimal."""

from __future__ import annotations

from typing import Any

from numba import njit

from stoa.trading.engine._columns import (
    AT,
    BALANCE,
    BALANCE_TOO_LARGE,
    BAR,
    BUY,
    CEILING,
    CHARGE,
    CLOSED,
    COMMISSION,
    DONE,
    EXPOSURE,
    FAILED,
    FAR,
    FILLED,
    HIGH,
    LIMIT,
    LIQUIDATED,
    LIQUIDATION,
    LOTS_TOO_LARGE,
    LOW,
    MARGIN_A,
    MARGIN_B,
    MOST,
    N_FILLS,
    N_OPEN,
    N_PENDING,
    N_POSITIONS,
    N_TRANSACTIONS,
    NO_MARGIN,
    NOTIONAL,
    O_DONE,
    O_LOTS,
    O_NUMBER,
    O_PRICE,
    O_SIDE,
    O_SL,
    O_STATUS,
    O_TP,
    O_TYPE,
    OFFSET,
    OPENED,
    P_AMBIGUOUS,
    P_CLOSE_NEXT,
    P_CLOSED_AT,
    P_CLOSED_BAR,
    P_COMMISSION,
    P_ENTRY,
    P_ENTRY_REASON,
    P_EXIT,
    P_EXIT_REASON,
    P_LOTS,
    P_NUMBER,
    P_OPENED_AT,
    P_OPENED_BAR,
    P_ORDINAL,
    P_PLAN,
    P_PLAN_AMBIGUOUS,
    P_PNL,
    P_SIDE,
    P_SL,
    P_SLIPPAGE,
    P_SPREAD,
    P_STATUS,
    P_TP,
    PNL,
    REJECTED,
    SELL,
    SLIPPAGE,
    SLOPE,
    SPREAD,
    STOP,
    STOP_A,
    STOP_B,
    STOP_LOSS,
    TAKE_PROFIT,
    TICK,
    Book,
)  # fmt: skip

SHARE = 8  # as in model.Terms


@njit
def book(b: Book, kind: int, number: int, ordinal: int, amount: int) -> None:
    s = b.state
    s[BALANCE] += amount
    if abs(s[BALANCE]) > s[MOST]:
        s[FAILED] = BALANCE_TOO_LARGE
    row = b.transactions[s[N_TRANSACTIONS]]
    s[N_TRANSACTIONS] += 1
    row[0], row[1], row[2], row[3] = number, kind, amount, s[BALANCE]
    row[4], row[5], row[6] = s[BAR], s[AT], ordinal


@njit
def record_fill(b: Book, i: int, reason: int, side: int, price: int) -> None:
    s, p = b.state, b.positions[i]
    row = b.fills[s[N_FILLS]]
    s[N_FILLS] += 1
    row[0], row[1], row[2], row[3], row[4] = p[P_NUMBER], s[BAR], s[AT], reason, side
    row[5], row[6], row[7], row[8] = p[P_LOTS], price, p[P_AMBIGUOUS], p[P_ORDINAL]


@njit
def remove(rows: Any, count: int, row: int) -> None:
    k = 0
    while rows[k] != row:
        k += 1
    for k in range(k, count - 1):  # noqa: B020
        rows[k] = rows[k + 1]


@njit
def equity(b: Book, bid: int) -> int:
    """Balance and what every open position would bring, as one straight line over the bid."""
    s = b.state
    return s[BALANCE] - s[OFFSET] + s[SLOPE] * bid


@njit
def stop_out(b: Book) -> tuple[int, int]:
    """(way, bid): the account is below its liquidation level at that bid and wherever the price goes on that way."""
    s = b.state
    if s[N_OPEN] == 0:
        return -1, -FAR
    slope = s[STOP_A] * s[SLOPE]
    room = s[STOP_A] * (s[BALANCE] - s[OFFSET]) - s[STOP_B] * s[NOTIONAL]
    if slope > 0:
        return -1, (-room - 1) // slope
    if slope < 0:
        return 1, room // -slope + 1
    return -1, FAR if room < 0 else -FAR


@njit
def is_below(b: Book, bid: int) -> bool:
    way, level = stop_out(b)
    return way * (bid - level) >= 0


@njit
def entry_price(b: Book, side: int, kind: int, wanted: int, bid: int) -> int:
    s = b.state
    market = bid + s[SPREAD] if side == BUY else bid
    if kind == LIMIT:
        return wanted
    if kind == STOP:
        market = max(wanted, market) if side == BUY else min(wanted, market)
    return market + s[SLIPPAGE] if side == BUY else market - s[SLIPPAGE]


@njit
def afford(b: Book, side: int, lots: int, price: int, bid: int) -> int:
    """DONE where the account could open this at ``price``, else why not."""
    s = b.state
    worth = s[TICK] * lots
    most = s[MOST] // SHARE
    if s[EXPOSURE] + worth > most // max(price, bid + s[SPREAD] + s[SLIPPAGE], 1):
        return LOTS_TOO_LARGE
    notional = s[NOTIONAL] + worth * price
    if notional > most:
        return LOTS_TOO_LARGE
    gain = worth * (bid - price) if side == BUY else worth * (price - bid - s[SPREAD])
    after = equity(b, bid) + gain - s[COMMISSION]
    return DONE if after * s[MARGIN_A] >= notional * s[MARGIN_B] else NO_MARGIN


@njit
def enter(b: Book, j: int, bid: int) -> int:
    """Fills the pending order in row ``j``; the position's row, or -1 and the order REJECTED."""
    s, order = b.state, b.orders[j]
    side, kind, lots = order[O_SIDE], order[O_TYPE], order[O_LOTS]
    price = entry_price(b, side, kind, order[O_PRICE], bid)
    verdict = afford(b, side, lots, price, bid)
    if s[EXPOSURE] + s[TICK] * lots > s[MOST] // max(s[CEILING], 1):
        verdict = LOTS_TOO_LARGE
    remove(b.pending, s[N_PENDING], j)
    s[N_PENDING] -= 1
    order[O_STATUS] = FILLED if verdict == DONE else REJECTED
    order[O_DONE] = s[BAR]
    if verdict != DONE:
        return -1
    i = s[N_POSITIONS]
    b.open[s[N_OPEN]] = i
    s[N_POSITIONS] += 1
    s[N_OPEN] += 1
    worth = s[TICK] * lots
    p = b.positions[i]
    p[:] = 0
    p[P_NUMBER], p[P_SIDE], p[P_LOTS], p[P_ENTRY] = order[O_NUMBER], side, lots, price
    p[P_SL], p[P_TP], p[P_OPENED_BAR], p[P_OPENED_AT] = order[O_SL], order[O_TP], s[BAR], s[AT]
    p[P_CLOSED_BAR], p[P_CLOSED_AT], p[P_ENTRY_REASON], p[P_EXIT_REASON] = -1, -1, kind, -1
    p[P_COMMISSION], p[P_SPREAD], p[P_ORDINAL] = s[COMMISSION], s[SPREAD] * worth, s[OPENED]
    p[P_SLIPPAGE] = 0 if kind == LIMIT else s[SLIPPAGE] * worth
    s[OPENED] += 1
    weigh(b, i, 1)
    record_fill(b, i, kind, side, price)
    charge(b, i)
    return i


@njit
def weigh(b: Book, i: int, sign: int) -> None:
    """Adds an open position to the sums, or (-1) takes it out."""
    s, p = b.state, b.positions[i]
    worth = s[TICK] * p[P_LOTS] * sign
    s[EXPOSURE] += worth
    s[NOTIONAL] += worth * p[P_ENTRY]
    if p[P_SIDE] == BUY:
        s[SLOPE] += worth
        s[OFFSET] += worth * p[P_ENTRY]
    else:
        s[SLOPE] -= worth
        s[OFFSET] -= worth * (p[P_ENTRY] - s[SPREAD])


@njit
def charge(b: Book, i: int) -> None:
    if b.state[COMMISSION] != 0:
        book(b, CHARGE, b.positions[i, P_NUMBER], b.positions[i, P_ORDINAL], -b.state[COMMISSION])


@njit
def leave(b: Book, i: int, reason: int, bid: int) -> None:
    """Closes the open position in row ``i`` while the bid is ``bid``."""
    s, p = b.state, b.positions[i]
    buy = p[P_SIDE] == BUY
    price = bid if buy else bid + s[SPREAD]
    if reason == STOP_LOSS:
        price = min(p[P_SL], price) if buy else max(p[P_SL], price)
    if reason == TAKE_PROFIT:
        price = p[P_TP]
    else:
        price += -s[SLIPPAGE] if buy else s[SLIPPAGE]
        p[P_SLIPPAGE] += s[SLIPPAGE] * s[TICK] * p[P_LOTS]
    weigh(b, i, -1)
    remove(b.open, s[N_OPEN], i)
    s[N_OPEN] -= 1
    p[P_STATUS] = LIQUIDATED if reason == LIQUIDATION else CLOSED
    p[P_EXIT], p[P_EXIT_REASON], p[P_CLOSED_BAR], p[P_CLOSED_AT] = price, reason, s[BAR], s[AT]
    gain = price - p[P_ENTRY] if buy else p[P_ENTRY] - price
    p[P_PNL] = gain * s[TICK] * p[P_LOTS]
    p[P_COMMISSION] += s[COMMISSION]
    p[P_CLOSE_NEXT] = p[P_PLAN] = p[P_PLAN_AMBIGUOUS] = 0
    record_fill(b, i, reason, SELL if buy else BUY, price)
    book(b, PNL, p[P_NUMBER], p[P_ORDINAL], p[P_PNL])
    charge(b, i)


@njit
def exit_way(b: Book, i: int, reason: int) -> int:
    up = (b.positions[i, P_SIDE] == BUY) == (reason == TAKE_PROFIT)
    return 1 if up else -1


@njit
def exit_level(b: Book, i: int, reason: int) -> int:
    """The bid at which the position's stop-loss or take-profit is touched."""
    price = b.positions[i, P_TP] if reason == TAKE_PROFIT else b.positions[i, P_SL]
    if price == 0:
        return exit_way(b, i, reason) * FAR
    return price if b.positions[i, P_SIDE] == BUY else price - b.state[SPREAD]


@njit
def is_touched(b: Book, i: int, reason: int, bid: int) -> bool:
    return exit_way(b, i, reason) * (bid - exit_level(b, i, reason)) >= 0


@njit
def is_touched_inside(b: Book, i: int, reason: int) -> bool:
    s = b.state
    return is_touched(b, i, reason, s[LOW]) or is_touched(b, i, reason, s[HIGH])


@njit
def entry_way(b: Book, j: int) -> int:
    up = (b.orders[j, O_SIDE] == BUY) == (b.orders[j, O_TYPE] == STOP)
    return 1 if up else -1


@njit
def entry_level(b: Book, j: int) -> int:
    """The bid at which the pending order is reached; a market order, which waits for an open, never is."""
    price = b.orders[j, O_PRICE]
    if price == 0:
        return entry_way(b, j) * FAR
    return price - b.state[SPREAD] if b.orders[j, O_SIDE] == BUY else price


@njit
def liquidate_worst(b: Book, bid: int, flag: int) -> None:
    """``flag``: 1 the position is ambiguous, 0 only if its take-profit lies in the candle too, -1 it is not."""
    s = b.state
    worst, least = -1, FAR
    for k in range(s[N_OPEN]):
        i = b.open[k]
        p = b.positions[i]
        gain = bid - p[P_ENTRY] if p[P_SIDE] == BUY else p[P_ENTRY] - bid - s[SPREAD]
        gain *= s[TICK] * p[P_LOTS]
        if gain < least:
            worst, least = i, gain
    if flag == 1 or (flag == 0 and is_touched_inside(b, worst, TAKE_PROFIT)):
        b.positions[worst, P_AMBIGUOUS] = 1
    leave(b, worst, LIQUIDATION, bid)
