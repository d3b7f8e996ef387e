"""Values as rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Table

from stoa.kernel.clock import from_millis, to_millis


def values_of(record: Any, table: Table) -> dict[str, Any]:
    """The fields of a frozen value as the row has them: they bear the columns' names."""
    return {column.name: _stored(getattr(record, column.name)) for column in table.c}


def instant(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)


def _stored(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    return to_millis(value) if isinstance(value, datetime) else value
