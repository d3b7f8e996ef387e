"""Reports: an account measured at a moment, kept, shown again, or written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock
from stoa.kernel.journal import Entry
from stoa.kernel.pages import Page
from stoa.platform import journal
from stoa.trading import engine, metrics, report, store
from stoa.trading.engine import Choice
from stoa.trading.errors import NoDataError, ReportNotFoundError
from stoa.trading.market import Market
from stoa.trading.service._history import commands_of, entries, stream_of
from stoa.trading.service._market import Span, span_of
from stoa.trading.service._sessions import changeable, check_owner, found, held, seen_by
from stoa.trading.store import Listing, Report, TradingSession


@dataclass(frozen=True, slots=True)
class Written:
    """A report by hand. UNSET stays."""

    summary_json: dict[str, Any] | UnsetType = UNSET
    equity_curve_json: dict[str, Any] | UnsetType = UNSET


def generate(
    connection: Connection, market: Market, session_id: int, *, actor: Actor, clock: Clock
) -> Report:
    """The session up to its now. Raises NoDataError where nothing has been traded, TransitionRefusedError if archived."""
    play = held(connection, market, session_id, actor=actor, clock=clock)
    session = changeable(play.session)
    seq = journal.last_seq(connection, stream_of(session_id))
    measured = _measured(session, play.span, entries(connection, session_id), bar=play.bar)
    if not len(measured.account.positions):
        raise NoDataError("no data")
    row = Report(
        id=0, session_id=session_id, user_id=session.user_id, bar=play.bar, seq=seq,
        summary_json=metrics.summary_json(measured.account, measured.better),
        equity_curve_json=metrics.equity_curve_json(measured.account), created_at=play.now, updated_at=play.now,
    )  # fmt: skip
    return store.insert_report(connection, row)


def page(connection: Connection, market: Market, report_id: int, *, actor: Actor) -> str:
    """The HTML of what was measured. Raises NoDataError for a report by hand."""
    row = get_report(connection, report_id, actor=actor)
    session, told = _of(connection, row)
    measured = _measured(session, span_of(connection, market, session), told, bar=_bar(row))
    return report.report_page(measured)


def trades(connection: Connection, market: Market, report_id: int, *, actor: Actor) -> str:
    """Its trades as CSV."""
    row = get_report(connection, report_id, actor=actor)
    session, told = _of(connection, row)
    span = span_of(connection, market, session)
    ledger = engine.run(session.terms, span.bars[: _bar(row) + 1], commands_of(told), span.finer)
    return report.trades_csv(ledger)


def _bar(row: Report) -> int:
    if row.bar is None:
        raise NoDataError("The report was written by hand: there is nothing behind it to show.")
    return row.bar


def _of(connection: Connection, row: Report) -> tuple[TradingSession, Iterator[Entry]]:
    """The session, and what its journal said when the report was made."""
    session = store.get_session(connection, row.session_id)
    if session is None:
        raise ReportNotFoundError
    upto = row.seq or 0
    return session, takewhile(lambda entry: entry.seq <= upto, entries(connection, row.session_id))


def _measured(session: TradingSession, span: Span, told: Iterable[Entry], *, bar: int) -> report.Report:
    """The account measured; where candles were ambiguous, under the better outcome too."""
    commands = commands_of(told)
    bars = span.bars[: bar + 1]
    ledger = engine.run(session.terms, bars, commands, span.finer)
    better = None
    if ledger.positions["ambiguous"].any():
        better = engine.run(session.terms, bars, commands, span.finer, choice=Choice.BETTER)
    title = session.name or f"{session.instrument.symbol} {session.timeframe}"
    return report.Report.of(ledger, bars, title=title, symbol=session.instrument.symbol, better=better)


def get_report(connection: Connection, report_id: int, *, actor: Actor) -> Report:
    """Raises ReportNotFoundError, NotOwnerError."""
    row = store.get_report(connection, report_id)
    if row is None:
        raise ReportNotFoundError
    check_owner(row.user_id, actor)
    return row


def list_reports(connection: Connection, listing: Listing, *, actor: Actor) -> Page[Report]:
    if listing.session_id is not None:
        found(connection, listing.session_id, actor=actor)
    return store.list_reports(connection, seen_by(listing, actor))


def write_report(
    connection: Connection, session_id: int, written: Written, *, actor: Actor, clock: Clock
) -> Report:
    session, now = changeable(found(connection, session_id, actor=actor)), clock.now()
    assert not isinstance(written.summary_json, UnsetType)
    assert not isinstance(written.equity_curve_json, UnsetType)
    row = Report(
        id=0, session_id=session_id, user_id=session.user_id, bar=None, seq=None,
        summary_json=written.summary_json, equity_curve_json=written.equity_curve_json, created_at=now,
        updated_at=now,
    )  # fmt: skip
    return store.insert_report(connection, row)


def change_report(
    connection: Connection, report_id: int, written: Written, *, actor: Actor, clock: Clock
) -> Report:
    row = get_report(connection, report_id, actor=actor)
    changeable(found(connection, row.session_id, actor=actor))
    changes = {name: getattr(written, name) for name in written.__slots__}
    changed = {name: value for name, value in changes.items() if value is not UNSET}
    row = replace(row, **changed, updated_at=clock.now())
    store.update_report(connection, row)
    return row


def delete_report(connection: Connection, report_id: int, *, actor: Actor) -> None:
    row = get_report(connection, report_id, actor=actor)
    changeable(found(connection, row.session_id, actor=actor))
    store.delete_report(connection, report_id)
