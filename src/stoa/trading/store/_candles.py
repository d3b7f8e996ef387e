"""Where an instrument's candles are: the spans of its objects in the file store, and objects that nothing leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from stoa.kernel.clock import to_millis
from stoa.trading.model import Timeframe
from stoa.trading.store._instruments import instruments
from stoa.trading.store._tables import metadata

_Number = BigInteger().with_variant(Integer, "sqlite")


@dataclass(frozen=True, slots=True)
class CandleFile:
    """An object with ``count`` bars that start from ``start`` to ``end``, both included, in epoch seconds.

    It never changes, and no two of a timeframe overlap. ``id`` is 0 before it is stored, and grows: the files up to
    one are what was stored at one time.
    """

    instrument_id: int
    timeframe: Timeframe
    start: int
    end: int
    count: int
    key: str
    id: int = 0


files = Table(
    "trading_candle_files",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("instrument_id", _Number, ForeignKey(instruments.c.id), nullable=False),
    Column("timeframe", String(4), nullable=False),
    Column("first_ts", BigInteger, nullable=False, comment="start of the first bar, seconds since the epoch"),
    Column("last_ts", BigInteger, nullable=False, comment="start of the last bar"),
    Column("bars", Integer, nullable=False),
    Column("key", String(200), nullable=False, unique=True),
    Index("trading_candle_files_of_one", "instrument_id", "timeframe", "first_ts"),
    sqlite_autoincrement=True,
)

orphans = Table(
    "trading_candle_orphans",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("since", BigInteger, nullable=False, comment="milliseconds since the epoch", index=True),
)


def files_of(
    connection: Connection, instrument_id: int, *, upto: int | None = None
) -> tuple[CandleFile, ...]:
    """By start; with ``upto`` only those with that id and before."""
    rows = connection.execute(_FILES, {"instrument": instrument_id, "upto": _ALL if upto is None else upto})
    return tuple(map(_file, rows))


_ALL = 2**62
_FILES = (
    select(files)
    .where(files.c.instrument_id == bindparam("instrument"), files.c.id <= bindparam("upto"))
    .order_by(files.c.first_ts)
)


def newest_file(connection: Connection, instrument_id: int) -> int:
    """Its id; 0 where there is none."""
    query = select(func.max(files.c.id)).where(files.c.instrument_id == instrument_id)
    return connection.execute(query).scalar() or 0


def insert_files(connection: Connection, stored: Sequence[CandleFile]) -> None:
    connection.execute(insert(files), [_values(one) for one in stored])


def delete_files(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(delete(files).where(files.c.id.in_(ids)))


def insert_orphans(connection: Connection, keys: Sequence[str], *, at: datetime) -> None:
    connection.execute(insert(orphans), [{"key": key, "since": to_millis(at)} for key in keys])


def adopt_orphans(connection: Connection, keys: Sequence[str]) -> int:
    """Takes those from the orphans that are not condemned. How many they were."""
    mine = orphans.c.key.in_(keys), orphans.c.since != _CONDEMNED
    return connection.execute(delete(orphans).where(*mine)).rowcount


def condemn_orphans(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Those that are orphans still, and from now on are nothing else: their objects may be removed."""
    mine = orphans.c.key.in_(keys)
    connection.execute(update(orphans).where(mine).values(since=_CONDEMNED))
    return list(connection.execute(select(orphans.c.key).where(mine)).scalars())


_CONDEMNED = 0


def delete_orphans(connection: Connection, keys: Sequence[str]) -> None:
    connection.execute(delete(orphans).where(orphans.c.key.in_(keys)))


def orphans_before(connection: Connection, at: datetime, *, most: int) -> list[str]:
    query = select(orphans.c.key).where(orphans.c.since < to_millis(at)).order_by(orphans.c.since)
    return list(connection.execute(query.limit(most)).scalars())


def _values(one: CandleFile) -> dict[str, Any]:
    return {
        "instrument_id": one.instrument_id, "timeframe": one.timeframe.value, "first_ts": one.start,
        "last_ts": one.end, "bars": one.count, "key": one.key,
    }  # fmt: skip


def _file(row: Row[Any]) -> CandleFile:
    return CandleFile(
        row.instrument_id, Timeframe(row.timeframe), row.first_ts, row.last_ts, row.bars, row.key, row.id
    )
