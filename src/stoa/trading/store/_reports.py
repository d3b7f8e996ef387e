"""Reports: what was measured of a session at a moment, or written by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from stoa.kernel.clock import from_millis, to_millis
from stoa.kernel.pages import Page
from stoa.trading.store._account_tables import reports
from stoa.trading.store._lists import Listing, page_of


@dataclass(frozen=True, slots=True)
class Report:
    """``bar`` is the last one that it tells of, ``seq`` the journal's last number then; None for one by hand."""

    id: int
    session_id: int
    user_id: int
    bar: int | None
    seq: int | None
    summary_json: dict[str, Any]
    equity_curve_json: dict[str, Any]
    created_at: datetime
    updated_at: datetime


SORTS = {name: reports.c[name] for name in ("id", "session_id", "created_at", "updated_at")}


def insert_report(connection: Connection, report: Report) -> Report:
    key = connection.execute(insert(reports), _columns(report)).inserted_primary_key
    assert key is not None
    return replace(report, id=key[0])


def update_report(connection: Connection, report: Report) -> None:
    connection.execute(update(reports).where(reports.c.id == report.id), _columns(report))


def get_report(connection: Connection, report_id: int) -> Report | None:
    row = connection.execute(select(reports).where(reports.c.id == report_id)).one_or_none()
    return None if row is None else _report(row)


def list_reports(connection: Connection, listing: Listing) -> Page[Report]:
    page = page_of(connection, reports, listing, sorting=SORTS)
    return Page([_report(row) for row in page.items], page.total)


def delete_report(connection: Connection, report_id: int) -> None:
    connection.execute(delete(reports).where(reports.c.id == report_id))


def forget_reports(connection: Connection, session_id: int, *, after_bar: int) -> None:
    """Those that tell of bars which a session has gone back before."""
    connection.execute(delete(reports).where(reports.c.session_id == session_id, reports.c.bar > after_bar))


def _columns(report: Report) -> dict[str, Any]:
    return {
        "session_id": report.session_id, "user_id": report.user_id, "bar": report.bar,
        "seq": report.seq, "summary_json": report.summary_json, "equity_curve_json": report.equity_curve_json,
        "created_at": to_millis(report.created_at), "updated_at": to_millis(report.updated_at),
    }  # fmt: skip


def _report(row: Row[Any]) -> Report:
    return Report(
        row.id, row.session_id, row.user_id, row.bar, row.seq, row.summary_json, row.equity_curve_json,
        from_millis(row.created_at), from_millis(row.updated_at),
    )  # fmt: skip
