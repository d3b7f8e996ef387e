"""What every list takes: a page, a window of dates, an order."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter

from stoa.kernel.clock import to_millis
from stoa.kernel.errors import InvalidError
from stoa.trading.store import Listing
from stoa.web.values import parse_instant

Id = Annotated[int, PathParameter(ge=1, le=2**53)]
Date = Annotated[str | None, QueryParameter(max_length=40, schema_extra={"format": "date-time"})]
PageNumber = Annotated[int, QueryParameter(ge=1, le=2**31 - 1)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
From = Annotated[str | None, QueryParameter(name="from", max_length=40, schema_extra={"format": "date-time"})]
To = Annotated[str | None, QueryParameter(name="to", max_length=40, schema_extra={"format": "date-time"})]
Sort = Annotated[str, QueryParameter(max_length=64, description="One of the object's own fields.")]


class Direction(StrEnum):
    ASC = "asc"
    DESC = "desc"


Order = Annotated[Direction, QueryParameter()]


Wanted = NamedDependency[Listing]
"""What ``listed_by`` makes of a query."""


def listed_by(sorts: Collection[str]) -> dict[str, Provide]:
    """The dependency ``wanted``: what is asked of a list that can be sorted by these fields."""

    def wanted(
        start_date: Date = None,
        end_date: Date = None,
        page: PageNumber = 1,
        limit: Limit = 20,
        sort: Sort = "created_at",
        order: Order = Direction.DESC,
    ) -> Listing:
        """Raises InvalidError for a field that can't be sorted by, and for dates that are none."""
        if sort not in sorts:
            raise InvalidError.field("sort", f"must be one of {', '.join(sorts)}.")
        start, end = _instant(start_date, "start_date"), _instant(end_date, "end_date", is_end=True)
        return Listing(None, None, start, end, sort, order is Direction.DESC, page, limit)

    return {"wanted": Provide(wanted, sync_to_thread=False)}


def starts_between(first: str | None, last: str | None) -> tuple[int, int]:
    """The epoch seconds from which and before which candles start that ``from`` and ``to``, both included, ask for."""
    begin, end = _instant(first, "from"), _instant(last, "to", is_end=True)
    return (
        0 if begin is None else -(-to_millis(begin) // 1000),
        _ALWAYS if end is None else to_millis(end) // 1000 + 1,
    )


_ALWAYS = 2**40


def _instant(text: str | None, field: str, *, is_end: bool = False) -> datetime | None:
    """A date alone is the whole day, UTC."""
    if text is None:
        return None
    clock = "23:59:59.999" if is_end else "00:00:00"
    return parse_instant(f"{text.strip()}T{clock}Z" if len(text.strip()) == 10 else text, field)
