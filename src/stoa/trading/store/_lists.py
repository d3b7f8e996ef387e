"""Lists: whose rows, of which session, from when to when, in which order, which page. Two statements each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, false, func, select

from stoa.kernel.clock import to_millis
from stoa.kernel.pages import Page


@dataclass(frozen=True, slots=True)
class Listing:
    """``user_id`` None is everybody's; both ends of the window belong to it. Equal sort keys follow their ids."""

    user_id: int | None = None
    session_id: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    sort: str = "created_at"
    descending: bool = True
    page: int = 1
    limit: int = 20


def page_of(
    connection: Connection, table: Table, listing: Listing, *, sorting: Mapping[str, ColumnElement[Any]]
) -> Page[Row[Any]]:
    wanted = _conditions(table, listing)
    total = connection.scalar(select(func.count()).select_from(table).where(*wanted)) or 0
    skipped = (listing.page - 1) * listing.limit
    if skipped >= total:
        return Page([], total)
    key = sorting[listing.sort]
    order = (
        [key.desc().nulls_last(), table.c.id.desc()]
        if listing.descending
        else [key.asc().nulls_last(), table.c.id]
    )
    rows = connection.execute(
        select(table).where(*wanted).order_by(*order).offset(skipped).limit(listing.limit)
    )
    return Page(rows.all(), total)


def _conditions(table: Table, listing: Listing) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if listing.user_id is not None:
        wanted.append(table.c.user_id == listing.user_id)
    if listing.session_id is not None:
        wanted.append(table.c.session_id == listing.session_id)
    if listing.start is not None:
        wanted.append(table.c.created_at >= to_millis(listing.start))
    if listing.end is not None:
        wanted.append(table.c.created_at <= to_millis(listing.end))
    if "hidden" in table.c:
        wanted.append(table.c.hidden == false())
    return wanted
