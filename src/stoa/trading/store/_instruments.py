"""Instruments: what can be traded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Row,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from stoa.kernel.pages import Page
from stoa.trading.model import Instrument
from stoa.trading.store._exact import Exact, as_number
from stoa.trading.store._tables import metadata

instruments = Table(
    "trading_instruments",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("symbol", String(32), nullable=False, unique=True),
    Column("display_name", String(200), nullable=False),
    Column("pip_size", Exact, nullable=False),
    Column("step", Exact, nullable=False, comment="stored candles count in it: it stays while there are any"),
    Column("contract_size", Exact, nullable=False),
    Column("liquidation_level", Exact, nullable=False),
    Column("enabled", Boolean, nullable=False),
    sqlite_autoincrement=True,
)

SORTS: Final[Mapping[str, ColumnElement[Any]]] = {
    column.name: as_number(column) for column in instruments.columns
}


def get_instrument(connection: Connection, instrument_id: int) -> Instrument | None:
    row = connection.execute(_BY_ID, {"key": instrument_id}).first()
    return None if row is None else _instrument(row)


_BY_ID = select(instruments).where(instruments.c.id == bindparam("key"))


def instrument_named(connection: Connection, symbol: str) -> Instrument | None:
    row = connection.execute(select(instruments).where(instruments.c.symbol == symbol)).first()
    return None if row is None else _instrument(row)


def list_instruments(
    connection: Connection,
    *,
    text: str | None = None,
    enabled: bool | None = None,
    sort: str = "symbol",
    descending: bool = False,
    page: int = 1,
    limit: int = 20,
) -> Page[Instrument]:
    """``text`` is looked for in symbols and names, whatever its case; ``sort`` is one of SORTS."""
    wanted: list[ColumnElement[bool]] = []
    if text is not None:
        columns = (instruments.c.symbol, instruments.c.display_name)
        wanted.append(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    if enabled is not None:
        wanted.append(instruments.c.enabled == enabled)
    total = connection.execute(select(func.count()).select_from(instruments).where(*wanted)).scalar_one()
    key = SORTS[sort].desc() if descending else SORTS[sort].asc()
    query = select(instruments).where(*wanted).order_by(key, instruments.c.id)
    rows = connection.execute(query.offset((page - 1) * limit).limit(limit))
    return Page([_instrument(row) for row in rows], total)


def insert_instrument(connection: Connection, instrument: Instrument) -> int:
    """Its number; that of the value is passed over. Raises IntegrityError where the symbol is taken."""
    result = connection.execute(insert(instruments).values(_values(instrument)))
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def update_instrument(connection: Connection, instrument: Instrument) -> None:
    mine = instruments.c.id == instrument.id
    connection.execute(update(instruments).where(mine).values(_values(instrument)))


def delete_instrument(connection: Connection, instrument_id: int) -> None:
    connection.execute(delete(instruments).where(instruments.c.id == instrument_id))


def _values(instrument: Instrument) -> dict[str, Any]:
    return {entry.name: getattr(instrument, entry.name) for entry in fields(instrument) if entry.name != "id"}


def _instrument(row: Row[Any]) -> Instrument:
    return Instrument(
        row.id, row.symbol, row.display_name, row.pip_size, row.step, row.contract_size, row.liquidation_level,
        row.enabled,
    )  # fmt: skip
