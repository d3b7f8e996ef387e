"""The page itself: one file, nothing fetched, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from stoa.trading.metrics import Value, measure
from stoa.trading.report._numbers import day, gained, money, percent, signed
from stoa.trading.report._pictures import drawdown_picture, equity_picture, trades_picture
from stoa.trading.report._report import Report
from stoa.trading.report._style import STYLE
from stoa.trading.report._tables import MOST_ROWS, metrics_tables, months_table, terms_table, trades_table


def report_page(report: Report) -> str:
    """One self-contained HTML page, under 1 MB for any session. A session without a completed bar has none: ValueError."""
    if not len(report.bars):
        raise ValueError("There is nothing to show before the first bar is complete.")
    account = report.account
    worse = measure(account)
    better = None if report.better is None else measure(report.better)
    title = escape(report.title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · report</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<style>{STYLE}</style></head><body><main>{_head(report, title)}{_tiles(worse)}{_band(worse, better)}"
        f"{_equity(report)}{_prices(report)}"
        f"{_section('Returns by month', _scrolled(months_table(account), 'Returns by month'), 'Percent of the equity at each month’s beginning, UTC.')}"
        f"{_section('Metrics', metrics_tables(worse, better))}"
        f"{_trades(report)}{_section('Terms', terms_table(report.terms))}{_foot()}</main></body></html>"
    )


def _section(title: str, body: str, note: str = "") -> str:
    said = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{title}</h2>{said}{body}</section>"


def _scrolled(table: str, label: str) -> str:
    return f'<div class="scrolled" role="region" aria-label="{label}" tabindex="0">{table}</div>'


def _head(report: Report, title: str) -> str:
    account = report.account
    return (
        f'<header><p class="kind">Trading report</p><h1>{title}</h1><p class="about">{escape(report.symbol)} · '
        f"{report.bars.timeframe} · {day(account.began_at)} – {day(int(account.times[-1]))} · {len(report.bars):,} bars</p></header>"
    )


def _tiles(found: Mapping[str, Value]) -> str:
    net, growth, fall = (
        float(found[key] or 0) for key in ("net_profit", "return_percent", "max_drawdown_percent")
    )
    tiles = (
        ("Net profit", gained(net), f"on {money(float(found['initial_balance'] or 0))}", _kind(net)),
        ("Return", percent(growth), "of the equity, open positions included", _kind(growth)),
        ("Max drawdown", percent(fall), f"{money(float(found['max_equity_drawdown'] or 0))} of equity", ""),
        (
            "Sharpe ratio",
            signed(f"{found['sharpe_ratio']:.2f}"),
            f"annualised by {found['bars_per_year']:,.0f} bars a year",
            "",
        ),
        (
            "Win rate",
            f"{found['win_rate']:.1f} %",
            f"{found['winning_trades']:,} of {found['total_trades']:,} trades",
            "",
        ),
        ("Profit factor", f"{found['profit_factor']:.2f}", "before commission", ""),
    )
    shown = "".join(
        f'<div class="{kind}"><dt>{name}</dt><dd>{value}</dd><dd class="note">{note}</dd></div>'
        for name, value, note, kind in tiles
    )
    return f'<dl class="tiles">{shown}</dl>'


def _kind(value: float) -> str:
    return "gained" if value > 0 else "lost" if value < 0 else ""


def _band(worse: Mapping[str, Value], better: Mapping[str, Value] | None) -> str:
    count = int(worse["ambiguous_trades"] or 0)
    if better is None or not count:
        return '<p class="sure">No trade was ambiguous: the candles tell the order of everything that was filled.</p>'
    what = f"{count:,} trades were" if count != 1 else "One trade was"
    booked, other = (gained(float(found["net_profit"] or 0)) for found in (worse, better))
    return (
        f'<p class="band"><strong>{what} ambiguous.</strong> No stored candle tells which level was touched first, so the worse '
        f"outcome is booked: <strong>{booked}</strong> net. Under the better one it would be <strong>{other}</strong>. "
        "Where a metric would differ, that value stands below it.</p>"
    )


def _equity(report: Report) -> str:
    keys = [("equity", "equity"), ("balance", "balance"), ("base", "initial balance")]
    if report.better is not None:
        keys.append(("better", "equity under the better outcome"))
    legend = "".join(f'<span class="key {kind}">{name}</span>' for kind, name in keys)
    return _section("Equity", f'{equity_picture(report)}<p class="legend">{legend}</p>') + _section(
        "Drawdown", drawdown_picture(report), "Equity at each bar’s close below its highest earlier value."
    )


def _prices(report: Report) -> str:
    drawn, marked = trades_picture(report)
    count = len(report.account.positions)
    keys = (
        ("buy", "BUY opened"),
        ("sell", "SELL opened"),
        ("left", "closed"),
        ("won", "gained"),
        ("lost", "lost"),
    )
    legend = "".join(f'<span class="key {kind}">{name}</span>' for kind, name in keys)
    note = (
        "Bid prices."
        if marked == count
        else f"Bid prices; {marked:,} of {count:,} trades are marked, evenly chosen."
    )
    return _section("Trades on the candles", f'{drawn}<p class="legend">{legend}</p>', note)


def _trades(report: Report) -> str:
    positions = report.account.positions
    count = len(positions)
    if not count:
        return _section("Trades", "<p>No position was opened.</p>")
    table = _scrolled(trades_table(report.account, report.terms), "Trades")
    which = (
        f"The latest {MOST_ROWS:,} of {count:,}; the CSV has them all."
        if count > MOST_ROWS
        else "The latest first."
    )
    return _section("Trades", table, f"{which} P&amp;L is before commission, net is after it.")


def _foot() -> str:
    return (
        "<footer>Computed from the session’s ledger by Stoa. Candles are bid; spread and slippage are inside the prices. "
        "Sharpe, Sortino and volatility are annualised by the timeframe’s bars a year. Past results promise nothing.</footer>"
    )
