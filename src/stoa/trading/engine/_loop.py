"""Compiled: bars and commands. ``reference._candle`` and ``reference._run`` say the same, one price at a time."""

from __future__ import annotations

from numba import njit

from stoa.trading.engine._book import (
    enter,
    entry_level,
    entry_way,
    exit_level,
    exit_way,
    is_below,
    is_touched,
    is_touched_inside,
    leave,
    liquidate_worst,
    stop_out,
)  # fmt: skip
from stoa.trading.engine._columns import (
    AT,
    BETTER,
    CEILING,
    CLOSING,
    DOWN,
    EXPOSURE,
    FAILED,
    FAR,
    HIGH,
    LOW,
    MARKET,
    MOST,
    N_OPEN,
    N_PENDING,
    O_TYPE,
    P_AMBIGUOUS,
    P_CLOSE_NEXT,
    P_PLAN,
    P_PLAN_AMBIGUOUS,
    P_STATUS,
    PRICE_TOO_LARGE,
    QUEUED,
    SLOPE,
    STOP_LOSS,
    TAKE_PROFIT,
    UP,
    Book,
)  # fmt: skip

EXIT, STOPPED, ENTRY = 1, 2, 3


@njit
def play_open(b: Book, bid: int, opens_bar: bool) -> None:
    s = b.state
    s[LOW] = s[HIGH] = bid
    if opens_bar and s[QUEUED]:
        k = 0
        while k < s[N_OPEN]:
            if b.positions[b.open[k], P_CLOSE_NEXT]:
                leave(b, b.open[k], CLOSING, bid)
            else:
                k += 1
        k = 0
        while k < s[N_PENDING]:
            if b.orders[b.pending[k], O_TYPE] == MARKET:
                enter(b, b.pending[k], bid)
            else:
                k += 1
        s[QUEUED] = 0
    while something_at_open(b, bid):
        pass


@njit
def something_at_open(b: Book, bid: int) -> bool:
    s = b.state
    for k in range(s[N_OPEN]):
        for reason in (STOP_LOSS, TAKE_PROFIT):
            if is_touched(b, b.open[k], reason, bid):
                leave(b, b.open[k], reason, bid)
                return True
    if is_below(b, bid):
        liquidate_worst(b, bid, 0)
        return True
    for k in range(s[N_PENDING]):
        j = b.pending[k]
        if entry_way(b, j) * (bid - entry_level(b, j)) >= 0:
            enter(b, j, bid)
            return True
    return False


@njit
def plan(b: Book, i: int) -> None:
    """Which level of a position counts that was open when the candle began."""
    p = b.positions[i]
    sl, tp = is_touched_inside(b, i, STOP_LOSS), is_touched_inside(b, i, TAKE_PROFIT)
    if sl and tp:
        p[P_PLAN] = TAKE_PROFIT if b.state[BETTER] else STOP_LOSS
    elif sl or tp:
        p[P_PLAN] = STOP_LOSS if sl else TAKE_PROFIT
    else:
        p[P_PLAN] = 0
    p[P_PLAN_AMBIGUOUS] = sl and tp


@njit
def plan_entered(b: Book, i: int, bid: int, way: int, close: int) -> None:
    """The same for one that was opened inside, at ``bid`` while the price moved ``way``."""
    p = b.positions[i]
    ahead, behind = STOP_LOSS, TAKE_PROFIT
    if exit_way(b, i, STOP_LOSS) != way:
        ahead, behind = TAKE_PROFIT, STOP_LOSS
    preferred = TAKE_PROFIT if b.state[BETTER] else STOP_LOSS
    reaches_ahead, reaches_behind = is_touched_inside(b, i, ahead), is_touched_inside(b, i, behind)
    surely_behind = is_touched(b, i, behind, close)
    if reaches_behind and behind == preferred:
        p[P_PLAN_AMBIGUOUS] = reaches_ahead or not surely_behind
        walk_back(b, i, behind, bid, -way)
    elif reaches_ahead:
        p[P_PLAN] = ahead
        p[P_PLAN_AMBIGUOUS] = reaches_behind
    elif reaches_behind and surely_behind:
        p[P_PLAN] = behind
    elif reaches_behind:
        p[P_AMBIGUOUS] = 1


@njit
def walk_back(b: Book, i: int, behind: int, bid: int, way: int) -> None:
    """From an entry back to the level behind it, unless a stop-out comes first."""
    level = exit_level(b, i, behind)
    while b.positions[i, P_STATUS] == 0:
        distance = max(0, way * (level - bid))
        below = stop_out_distance(b, bid, way)
        bid += way * min(distance, below)
        if distance <= below:
            exit_planned(b, i, behind, bid)
        else:
            liquidate_worst(b, bid, 1)


@njit
def exit_planned(b: Book, i: int, reason: int, bid: int) -> None:
    if b.positions[i, P_PLAN_AMBIGUOUS]:
        b.positions[i, P_AMBIGUOUS] = 1
    leave(b, i, reason, bid)


@njit
def stop_out_distance(b: Book, bid: int, way: int) -> int:
    """How far the price may move ``way`` until the account is below its level: 0 if it is, FAR if never."""
    at, level = stop_out(b)
    if at * (bid - level) >= 0:
        return 0
    return min(way * (level - bid), FAR) if at == way else FAR


@njit
def nearest(b: Book, bid: int, way: int) -> tuple[int, int, int]:
    """(distance, what, its row) of what comes first when the price moves ``way``: exits, the stop-out, entries."""
    s = b.state
    best, what, row = FAR, 0, -1
    for k in range(s[N_OPEN]):
        i = b.open[k]
        reason = b.positions[i, P_PLAN]
        if reason != 0 and exit_way(b, i, reason) == way:
            distance = max(0, way * (exit_level(b, i, reason) - bid))
            if distance < best:
                best, what, row = distance, EXIT, i
    distance = stop_out_distance(b, bid, way)
    if distance < best:
        best, what, row = distance, STOPPED, -1
    for k in range(s[N_PENDING]):
        j = b.pending[k]
        if entry_way(b, j) == way:
            distance = max(0, way * (entry_level(b, j) - bid))
            if distance < best:
                best, what, row = distance, ENTRY, j
    return best, what, row


@njit
def walk(b: Book, start: int, end: int, way: int, close: int) -> None:
    bid = start
    while True:
        distance, what, row = nearest(b, bid, way)
        if distance > way * (end - bid):
            return
        bid += way * distance
        if what == EXIT:
            exit_planned(b, row, b.positions[row, P_PLAN], bid)
        elif what == STOPPED:
            liquidate_worst(b, bid, 0)
        else:
            entered = enter(b, row, bid)
            if entered >= 0:
                plan_entered(b, entered, bid, way, close)


@njit
def walk_stop_outs(b: Book, start: int, end: int, way: int) -> None:
    bid = start
    while True:
        distance = stop_out_distance(b, bid, way)
        if distance > way * (end - bid):
            return
        bid += way * distance
        liquidate_worst(b, bid, 1)


@njit
def play_candle(b: Book, o: int, h: int, l: int, c: int, starts: int, ends: int, opens_bar: bool) -> None:  # noqa: E741
    s = b.state
    if l > s[DOWN] and h < s[UP] and not (opens_bar and s[QUEUED]):
        return
    if s[EXPOSURE] > 0 and h > s[MOST] // s[EXPOSURE]:
        s[FAILED] = PRICE_TOO_LARGE
        return
    s[AT], s[CEILING] = starts, h
    play_open(b, o, opens_bar)
    s[AT], s[LOW], s[HIGH] = ends, l, h
    for k in range(s[N_OPEN]):
        plan(b, b.open[k])
    first = 1 if s[SLOPE] < 0 else -1
    if s[BETTER]:
        first = -first
    turn, end = (l, h) if first < 0 else (h, l)
    walk(b, o, turn, first, c)
    walk(b, turn, end, -first, c)
    k = 0
    while k < s[N_OPEN]:
        i = b.open[k]
        if b.positions[i, P_PLAN] != 0:
            exit_planned(b, i, b.positions[i, P_PLAN], exit_level(b, i, b.positions[i, P_PLAN]))
        else:
            k += 1
    if not s[BETTER]:
        walk_stop_outs(b, c, turn, first)
        walk_stop_outs(b, turn, end, -first)
    while is_below(b, c):
        liquidate_worst(b, c, 0)
    s[CEILING] = 0
    watch(b)


@njit
def watch(b: Book) -> None:
    """The nearest bids below and above at which anything can happen, until something does."""
    s = b.state
    down, up = -FAR, FAR
    for k in range(s[N_OPEN]):
        for reason in (STOP_LOSS, TAKE_PROFIT):
            level = exit_level(b, b.open[k], reason)
            if exit_way(b, b.open[k], reason) > 0:
                up = min(up, level)
            else:
                down = max(down, level)
    for k in range(s[N_PENDING]):
        level = entry_level(b, b.pending[k])
        if entry_way(b, b.pending[k]) > 0:
            up = min(up, level)
        else:
            down = max(down, level)
    way, level = stop_out(b)
    if way > 0:
        up = min(up, level)
    else:
        down = max(down, level)
    if s[EXPOSURE] > 0:
        up = min(up, s[MOST] // s[EXPOSURE] + 1)
    s[DOWN], s[UP] = down, up
