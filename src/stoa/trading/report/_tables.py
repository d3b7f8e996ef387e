"""The tables: metrics with their definitions, months, trades, terms."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from stoa.trading.metrics import (
    LIQUIDATED,
    METRICS,
    OPEN,
    Account,
    Group,
    Value,
    duration_text,
    monthly_returns,
)
from stoa.trading.model import Terms
from stoa.trading.report._numbers import NONE, decimals_of, gained, moment, money, percent, shown, signed

MOST_ROWS = 500
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def metrics_tables(worse: Mapping[str, Value], better: Mapping[str, Value] | None) -> str:
    return "".join(_metrics_table(group, worse, better) for group in Group)


def _metrics_table(group: Group, worse: Mapping[str, Value], better: Mapping[str, Value] | None) -> str:
    rows = []
    for metric in (each for each in METRICS if each.group is group):
        booked = shown(metric, worse[metric.key])
        other = None if better is None else shown(metric, better[metric.key])
        beside = f"<small>or {other}</small>" if other is not None and other != booked else ""
        rows.append(
            f'<tr><th scope="row">{metric.title}</th><td class="n">{booked}{beside}</td><td class="about">{escape(metric.about)}</td></tr>'
        )
    return f'<table class="metrics"><caption>{group}</caption><tbody>{"".join(rows)}</tbody></table>'


def months_table(account: Account) -> str:
    months = monthly_returns(account.starts, account.equities)
    most = max((abs(change) for change in months.values()), default=0.0) or 1.0
    heads = "".join(f'<th scope="col">{name}</th>' for name in (*_MONTHS, "Year"))
    rows = []
    for year in sorted({year for year, _ in months}):
        known = [months.get((year, month)) for month in range(1, 13)]
        whole = float(np.prod([1 + change for change in known if change is not None])) - 1
        cells = "".join(_month(change, most) for change in known)
        rows.append(f'<tr><th scope="row">{year}</th>{cells}<td class="n whole">{_share(whole)}</td></tr>')
    return f'<table class="months"><thead><tr><th scope="col"></th>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _month(change: float | None, most: float) -> str:
    if change is None:
        return f'<td class="n none">{NONE}</td>'
    kind = "gain" if change >= 0 else "loss"
    return f'<td class="n {kind}" style="--heat:{abs(change) / most:.2f}">{_share(change)}</td>'


def _share(change: float) -> str:
    return signed(f"{100 * change:.2f}")


def trades_table(account: Account, terms: Terms) -> str:
    """The last MOST_ROWS positions, the latest first; open ones on top."""
    positions, places = account.positions, decimals_of(terms.step)
    kept = positions.where(np.arange(len(positions)) >= len(positions) - MOST_ROWS)
    columns = (getattr(kept, name).tolist() for name in _COLUMNS)
    rows = [_trade(dict(zip(_COLUMNS, row, strict=True)), places) for row in zip(*columns, strict=True)]
    heads = "".join(f'<th scope="col"{kind}>{head}</th>' for head, kind in _HEADS)
    return f'<table class="trades"><thead><tr>{heads}</tr></thead><tbody>{"".join(reversed(rows))}</tbody></table>'


_COLUMNS = (
    "number", "status", "side", "lots", "opened_at", "closed_at", "entry_price", "exit_price", "pnl", "commission", "ambiguous",
)  # fmt: skip
_RIGHT = ' class="n"'
_HEADS = (
    ("#", _RIGHT), ("Side", ""), ("Lots", _RIGHT), ("Opened (UTC)", ""), ("Held", _RIGHT), ("Entry", _RIGHT),
    ("Exit", _RIGHT), ("P&amp;L", _RIGHT), ("Commission", _RIGHT), ("Net", _RIGHT), ("", ""),
)  # fmt: skip


def _trade(row: Mapping[str, float], places: int) -> str:
    is_open = row["status"] == OPEN
    net = row["pnl"] - row["commission"]
    side = '<span class="side buy">BUY</span>' if row["side"] > 0 else '<span class="side sell">SELL</span>'
    said = [text for text, holds in (
        ("open", is_open), ("liquidated", row["status"] == LIQUIDATED), ("ambiguous", row["ambiguous"]),
    ) if holds]  # fmt: skip
    kind = "" if is_open else (" gained" if net > 0 else " lost")
    cells = (
        f'<td class="n">{row["number"]}</td><td>{side}</td><td class="n">{row["lots"]:.2f}</td>'
        f'<td class="at">{moment(int(row["opened_at"]))}</td>'
        f'<td class="n">{NONE if is_open else duration_text(row["closed_at"] - row["opened_at"])}</td>'
        f'<td class="n">{row["entry_price"]:.{places}f}</td>'
        f'<td class="n">{NONE if is_open else format(row["exit_price"], f".{places}f")}</td>'
        f'<td class="n">{NONE if is_open else money(row["pnl"])}</td><td class="n">{money(row["commission"])}</td>'
        f'<td class="n{kind}">{NONE if is_open else gained(net)}</td><td class="said">{", ".join(said)}</td>'
    )
    return f"<tr>{cells}</tr>"


def terms_table(terms: Terms) -> str:
    rows = (
        ("Initial balance", money(float(terms.initial_balance))),
        ("Leverage", f"{terms.leverage.normalize():f} : 1"),
        ("Spread", f"{terms.spread_pts} points of {terms.pip_size / 10:f}"),
        ("Slippage", f"{terms.slippage_pts} points a market fill"),
        ("Commission", f"{money(float(terms.commission_per_fill))} a fill"),
        ("Contract", f"{terms.contract_size.normalize():,f} a lot"),
        ("Liquidation", f"below {percent(float(terms.liquidation_level))} of the used margin"),
    )
    return (
        '<table class="terms"><tbody>'
        + "".join(f'<tr><th scope="row">{name}</th><td class="n">{value}</td></tr>' for name, value in rows)
        + "</tbody></table>"
    )
