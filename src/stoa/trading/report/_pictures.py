"""The three pictures: equity, drawdown, and the trades on the candles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stoa.trading.metrics import OPEN, Floats, Positions, drawdown_shares_of, floats
from stoa.trading.report._drawing import WIDTH, Frame, area, line, number, path, picture, steps
from stoa.trading.report._numbers import day, decimals_of, moment, money, percent, signed
from stoa.trading.report._report import Report

MOST_MARKS = 1_000
_MANY = 150
"""From here on marks are drawn smaller."""
_MOST_CANDLES = 250
_COLUMNS = 500


def equity_picture(report: Report) -> str:
    account, better = report.account, report.better
    equities, balances = account.equities, account.balances
    others = () if better is None else (better.equities,)
    frame = Frame.around(len(equities) - 1, equities, balances, *others)
    base = path(
        "base", f"M0,{number(float(frame.y(np.array([account.initial_balance]))[0]))}H{number(WIDTH)}"
    )
    drawn = [
        path("under", area(frame, equities, frame.low)),
        base,
        path("balance", steps(frame, balances)),
        *(path("better", line(frame, other)) for other in others),
        path("equity", line(frame, equities)),
    ]
    about = (
        f"The equity went from {money(equities[0])} to {money(equities[-1])}, "
        f"at its lowest {money(equities.min())} and at its highest {money(equities.max())}."
    )
    return picture(
        frame,
        drawn,
        name="equity",
        title="Equity and balance over time",
        about=about,
        times=account.times,
        label=_amount(frame),
    )


def drawdown_picture(report: Report) -> str:
    account = report.account
    falls = 100 * drawdown_shares_of(account.equities)
    frame = Frame.around(len(falls) - 1, falls, np.array([-0.01]), top=0.0)
    worst = int(falls.argmin())
    at = f"{number(float(frame.x(np.array([worst]))[0]))},{number(float(frame.y(falls[worst : worst + 1])[0]))}"
    drawn = [
        path("fallen", area(frame, falls, 0.0)),
        path("fall", line(frame, falls)),
        path("worst", f"M{at}h0"),
    ]
    about = f"At its worst the equity was {percent(falls[worst])} below its highest earlier value, {moment(int(account.times[worst]))} UTC."
    return picture(
        frame, drawn, name="drawdown", title="Drawdown of the equity over time", about=about, times=account.times,
        label=lambda value: signed(f"{value:.3g} %"),
    )  # fmt: skip


def trades_picture(report: Report) -> tuple[str, int]:
    """The picture, and how many of the trades are marked in it."""
    step, positions = report.terms.step, report.account.positions
    high, low = floats(report.bars.high, step), floats(report.bars.low, step)
    frame = Frame.around(len(high), high, low)
    candles = _candles(report, frame) if len(high) <= _MOST_CANDLES else _columns(frame, high, low)
    marked = _evenly(positions, MOST_MARKS)
    places = decimals_of(step)
    about = (
        f"Bid prices of {report.symbol} between {low.min():.{places}f} and {high.max():.{places}f}, "
        f"{day(int(report.bars.ts[0]))} to {day(int(report.account.times[-1]))}, with {len(marked)} trades."
    )
    drawn = picture(
        frame, [*candles, *_marks(frame, marked)], name="prices", title="Trades on the candles", about=about,
        times=report.account.times, label=lambda value: f"{value:,.{places}f}",
    )  # fmt: skip
    return drawn, len(marked)


def _amount(frame: Frame) -> Callable[[float], str]:
    places = 0 if frame.high - frame.low > 20 else 2
    return lambda value: signed(f"{value:,.{places}f}")


def _candles(report: Report, frame: Frame) -> list[str]:
    step, bars = report.terms.step, report.bars
    opened, closed = frame.y(floats(bars.open, step)), frame.y(floats(bars.close, step))
    top, bottom = frame.y(floats(bars.high, step)), frame.y(floats(bars.low, step))
    xs = frame.x(np.arange(1, len(bars) + 1))
    half = 0.32 * WIDTH / frame.last
    drawn = []
    for kind, chosen in (("up", bars.close >= bars.open), ("down", bars.close < bars.open)):
        rows = np.column_stack((xs, top, bottom, opened, closed))[chosen].tolist()
        wicks = "".join(f"M{number(x)},{number(a)}V{number(b)}" for x, a, b, _, _ in rows)
        bodies = "".join(
            f"M{number(x - half)},{number(o)}H{number(x + half)}V{number(c if abs(c - o) > 1 else o + 1)}H{number(x - half)}Z"
            for x, _, _, o, c in rows
        )
        drawn += [path(f"wick {kind}", wicks), path(f"body {kind}", bodies)]
    return drawn


def _columns(frame: Frame, high: Floats, low: Floats) -> list[str]:
    """Too many for candles: from the lowest to the highest price of every column of pixels."""
    edges = np.unique(np.linspace(0, len(high), _COLUMNS + 1).astype(np.int64))
    tops, bottoms = np.maximum.reduceat(high, edges[:-1]), np.minimum.reduceat(low, edges[:-1])
    xs = frame.x((edges[:-1] + edges[1:] + 1) / 2)
    rows = zip(xs.tolist(), frame.y(tops).tolist(), frame.y(bottoms).tolist(), strict=True)
    return [path("range", "".join(f"M{number(x)},{number(a)}V{number(max(b, a + 0.5))}" for x, a, b in rows))]


def _evenly(positions: Positions, most: int) -> Positions:
    kept = np.zeros(len(positions), np.bool_)
    kept[np.linspace(0, len(positions) - 1, min(most, len(positions))).astype(np.int64)] = True
    return positions.where(kept)


def _marks(frame: Frame, positions: Positions) -> list[str]:
    entered, left = frame.x(positions.entry_bar + 1), frame.x(positions.exit_bar + 1)
    entry, leaving = frame.y(positions.entry_price), frame.y(positions.exit_price)
    closed = positions.status != OPEN
    size = " many" if len(positions) > _MANY else ""
    won, lost = closed & (positions.net > 0), closed & (positions.net <= 0)
    return [
        path("held won", _joined(entered[won], entry[won], left[won], leaving[won])),
        path("held lost", _joined(entered[lost], entry[lost], left[lost], leaving[lost])),
        path(f"left{size}", _dots(left[closed], leaving[closed])),
        path(f"buy{size}", _dots(entered[positions.side > 0], entry[positions.side > 0])),
        path(f"sell{size}", _dots(entered[positions.side < 0], entry[positions.side < 0])),
    ]


def _joined(x1: Floats, y1: Floats, x2: Floats, y2: Floats) -> str:
    rows = zip(x1.tolist(), y1.tolist(), x2.tolist(), y2.tolist(), strict=True)
    return "".join(f"M{number(a)},{number(b)}L{number(c)},{number(d)}" for a, b, c, d in rows)


def _dots(xs: Floats, ys: Floats) -> str:
    return "".join(f"M{number(x)},{number(y)}h0" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
