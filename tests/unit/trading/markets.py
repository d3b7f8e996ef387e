"""Generated markets: small prices and accounts, so that every level, gap, margin and tie is met often."""

from decimal import Decimal

import numpy as np

from stoa.trading.candles import Bars
from stoa.trading.model import (
    Command,
    CommandKind,
    FillAt,
    Instrument,
    OrderType,
    Side,
    Terms,
    Timeframe,
)

PARTS = 5  # M1 candles in an M5 bar
SIDES, TYPES = list(Side), list(OrderType)


def bars_of(opens, highs, lows, closes, timeframe=Timeframe.M5, ts=None):
    ts = np.arange(len(opens)) * timeframe.seconds if ts is None else ts
    return Bars(
        timeframe, np.asarray(ts), *map(np.asarray, (opens, highs, lows, closes)), np.ones(len(opens))
    )


def walked(rng, count, around):
    """Candles that gap and wander about."""
    steps = rng.integers(-3, 4, (count, 4))
    gaps = np.where(rng.random(count) < 0.1, rng.integers(-12, 13, count), 0)
    opens, highs, lows, closes = [], [], [], []
    last = around
    for (first, up, down, body), gap in zip(steps.tolist(), gaps.tolist(), strict=True):
        start = max(5, last + (first if gap else 0) + gap)
        end = max(5, start + body)
        opens.append(start)
        closes.append(end)
        highs.append(max(start, end) + abs(up))
        lows.append(max(1, min(start, end) - abs(down)))
        last = end
    return bars_of(opens, highs, lows, closes, Timeframe.M1)


def joined(finer):
    """The M5 bars of M1 candles."""
    parts = [
        np.asarray(column).reshape(-1, PARTS) for column in (finer.open, finer.high, finer.low, finer.close)
    ]
    opens, highs, lows, closes = parts
    return bars_of(opens[:, 0], highs.max(1), lows.min(1), closes[:, -1], Timeframe.M5)


def market(seed, most_bars=14, most_commands=12):
    """(terms, bars, commands, finer or None): the same for the same seed."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, most_bars))
    around = int(rng.integers(20, 120))
    finer = None
    if rng.random() < 0.4:
        whole = walked(rng, count * PARTS, around)
        bars = joined(whole)
        keep = rng.random(len(whole)) < (1.0 if rng.random() < 0.6 else 0.9)
        finer = bars_of(
            *(getattr(whole, name)[keep] for name in ("open", "high", "low", "close")),
            Timeframe.M1,
            whole.ts[keep],
        )
    else:
        walk = walked(rng, count, around)
        bars = bars_of(walk.open, walk.high, walk.low, walk.close)
    return terms_of(rng), bars, commands_of(rng, bars, int(rng.integers(1, most_commands))), finer


def terms_of(rng):
    finest = rng.random() < 0.2
    instrument = Instrument(
        1,
        "TEST",
        "Test",
        pip_size=Decimal(1),
        step=Decimal("0.05") if finest else Decimal("0.1"),
        contract_size=Decimal(int(rng.choice([1, 100, 1000]))),
        liquidation_level=Decimal(str(rng.choice(["50", "20", "80", "99.5", "120"]))),
    )
    return Terms.of(
        instrument,
        initial_balance=Decimal(str(rng.choice(["10", "50.5", "400", "10000", "99.99999999"]))),
        leverage=Decimal(str(rng.choice(["1", "30", "100", "33.3", "0.5"]))),
        spread_pts=int(rng.integers(0, 4)),
        slippage_pts=int(rng.integers(0, 3)),
        commission_per_fill=Decimal(str(rng.choice(["0", "0.07", "7", "1.25"]))),
    )


def commands_of(rng, bars, count):
    at = np.sort(rng.integers(0, len(bars), count)).tolist()
    placed = 0
    commands = []
    for bar in at:
        command = command_of(rng, bar, int(bars.close[bar]), placed)
        placed += command.kind is CommandKind.OPEN
        commands.append(command)
    return commands


def command_of(rng, bar, close, placed):
    kind = rng.choice(
        ["open"] * 7 + ["close", "change", "cancel", "liquidate", "stop"] if placed else ["open"]
    )
    if kind == "stop" and rng.random() < 0.6:
        kind = "open"
    fill = FillAt.NEXT_OPEN if rng.random() < 0.3 else FillAt.NOW
    if kind != "open":
        number = int(rng.integers(1, placed + 1))
        side = SIDES[rng.integers(2)]
        sl, tp = levels_of(rng, side, close)
        return Command(
            CommandKind(kind), bar, number, sl=sl, tp=tp, fill=fill if kind == "close" else FillAt.NOW
        )
    side, type_ = SIDES[rng.integers(2)], TYPES[rng.integers(3)]
    away = int(rng.integers(0, 9)) * (1 if (side is Side.BUY) == (type_ is OrderType.STOP) else -1)
    price = max(1, close + away)
    sl, tp = levels_of(rng, side, price if type_ is not OrderType.MARKET else close)
    return Command(
        kind=CommandKind.OPEN,
        bar=bar,
        side=side,
        type=type_,
        lots=int(rng.choice([1, 7, 10, 50, 100, 300])),
        price=price if type_ is not OrderType.MARKET else None,
        sl=sl,
        tp=tp,
        fill=fill if type_ is OrderType.MARKET else FillAt.NOW,
    )


def levels_of(rng, side, price):
    sign = 1 if side is Side.BUY else -1
    sl = max(1, price - sign * int(rng.integers(1, 8))) if rng.random() < 0.6 else None
    tp = max(1, price + sign * int(rng.integers(1, 8))) if rng.random() < 0.6 else None
    return sl, tp


EURUSD = Instrument(1, "EURUSD", "Euro against US dollar", pip_size=Decimal("0.0001"))


def eurusd(balance="10000", leverage="100", spread=20, slippage=5, commission="7.0"):
    """Terms as in the document's example: 20 points of spread, 5 of slippage, 7.0 a fill."""
    return Terms.of(
        EURUSD,
        initial_balance=Decimal(balance),
        leverage=Decimal(leverage),
        spread_pts=spread,
        slippage_pts=slippage,
        commission_per_fill=Decimal(commission),
    )


def steps(price):
    return int(Decimal(price) / EURUSD.step)


def candles(*rows, timeframe=Timeframe.H1, start=1_704_067_200):
    """EUR/USD candles from texts: "1.1234" for one that stands still, "1.1 1.2 1.0 1.15" for open, high, low, close."""
    prices = [[steps(text) for text in row.split()] for row in rows]
    columns = zip(*(row if len(row) == 4 else row * 4 for row in prices), strict=True)
    return bars_of(*columns, timeframe, start + np.arange(len(rows)) * timeframe.seconds)


def new(bar, side, kind=OrderType.MARKET, *, lots="0.1", price=None, sl=None, tp=None, fill=FillAt.NOW):
    return Command(
        CommandKind.OPEN,
        bar,
        side=side,
        type=kind,
        lots=int(Decimal(lots) * 100),
        price=price and steps(price),
        sl=sl and steps(sl),
        tp=tp and steps(tp),
        fill=fill,
    )


def close(bar, number=1, fill=FillAt.NOW):
    return Command(CommandKind.CLOSE, bar, number, fill=fill)
