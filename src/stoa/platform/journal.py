"""The append-only log of what happened: one ordered stream per session, kept beside what it tells about.

An entry is stored in the transaction that made it true, and handed to the listeners after that transaction's commit,
so nobody hears of something that did not happen. The stream's counter is a row of its own: whoever raises it holds it
until the commit, so numbers have no gaps and become visible in their order, on either database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    bindparam,
    insert,
    select,
)
from sqlalchemy import (
    delete as sql_delete,
)
from sqlalchemy.dialects import postgresql, sqlite

from stoa.kernel.clock import from_millis, to_millis
from stoa.kernel.journal import Entry, Event
from stoa.platform.storage import after_commit

if TYPE_CHECKING:
    from datetime import datetime

metadata = MetaData()

journal = Table(
    "journal",
    metadata,
    Column("stream", String(128), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False, comment="milliseconds since the epoch"),
    Column("type", String(64), nullable=False),
    Column("actor_id", String(64)),
    Column("data", JSON, nullable=False),
    sqlite_with_rowid=False,
)
journal_streams = Table(
    "journal_streams",
    metadata,
    Column("stream", String(128), primary_key=True),
    Column("seq", Integer, nullable=False, comment="the last number given"),
    sqlite_with_rowid=False,
)

Listener = Callable[[Sequence[Entry]], None]
"""Called on the event loop with the entries of one append, after their commit. It must not block.

On PostgreSQL two appends to one stream may be heard in the other order: ``seq`` tells which came first.
"""

_listeners: WeakKeyDictionary[Engine, list[Listener]] = WeakKeyDictionary()
_log = structlog.get_logger(__name__)


def subscribe(engine: Engine, listener: Listener) -> Callable[[], None]:
    """Hands ``listener`` every entry that is committed through ``engine`` from now on; call the result to stop."""
    listeners = _listeners.setdefault(engine, [])
    listeners.append(listener)
    return partial(listeners.remove, listener)


@dataclass(frozen=True, slots=True)
class Addition:
    """What ``append_many`` adds to one stream."""

    stream: str
    events: Sequence[Event]
    actor_id: str | None


def append(
    connection: Connection, stream: str, *events: Event, actor_id: str | None, at: datetime
) -> list[Entry]:
    """Gives each event the next place in ``stream``, in order."""
    return append_many(connection, [Addition(stream, events, actor_id)], at=at)


def append_many(connection: Connection, additions: Sequence[Addition], *, at: datetime) -> list[Entry]:
    """Appends to many streams with two statements, however many there are. The entries come in the order given."""
    counts = Counter[str]()
    for addition in additions:
        counts[addition.stream] += len(addition.events)
    counts = +counts
    if not counts:
        return []
    following = _reserve(connection, counts)
    entries = []
    for addition in additions:
        for happened in addition.events:
            seq = following[addition.stream]
            following[addition.stream] = seq + 1
            entries.append(Entry(addition.stream, seq, at, happened.type, addition.actor_id, happened.data))
    # One row alone is not sent as a list: drivers take another, slower way for many.
    rows = [_row_of(entry, to_millis(at)) for entry in entries]
    connection.execute(_INSERT, rows if len(rows) > 1 else rows[0])
    if listeners := _listeners.get(connection.engine):
        after_commit(connection, partial(_tell, listeners, entries))
    return entries


def read(connection: Connection, stream: str, *, after: int = 0, limit: int = 1000) -> list[Entry]:
    """The entries that follow number ``after``, oldest first, at most ``limit`` of them."""
    rows = connection.execute(_READ, {"stream": stream, "after": after, "limit": limit})
    return [_entry_of(row) for row in rows]


def last_seq(connection: Connection, stream: str) -> int:
    """The number of the newest entry; 0 for a stream in which nothing has happened."""
    return connection.scalar(_LAST, {"stream": stream}) or 0


def last_seqs(connection: Connection, streams: Sequence[str]) -> dict[str, int]:
    """The same of many streams, in one statement; those in which nothing has happened are left out."""
    return {row.stream: row.seq for row in connection.execute(_LASTS, {"streams": list(streams)})}


def delete(connection: Connection, stream: str) -> None:
    """Forgets a stream and its count: for a session that is deleted for good."""
    connection.execute(_DELETE_ENTRIES, {"stream": stream})
    connection.execute(_DELETE_STREAM, {"stream": stream})


def _reserve(connection: Connection, counts: Counter[str]) -> dict[str, int]:
    """The first free number of each stream. Streams are taken in sorted order, so that two commands can't deadlock."""
    wanted = [{"stream": stream, "seq": counts[stream]} for stream in sorted(counts)]
    rows = connection.execute(_RESERVE[connection.dialect.name], wanted if len(wanted) > 1 else wanted[0])
    return {stream: seq - counts[stream] + 1 for stream, seq in rows}


def _row_of(entry: Entry, millis: int) -> dict[str, Any]:
    return {
        "stream": entry.stream,
        "seq": entry.seq,
        "at": millis,
        "type": entry.type,
        "actor_id": entry.actor_id,
        "data": entry.data,
    }


def _entry_of(row: Row[Any]) -> Entry:
    return Entry(row.stream, row.seq, from_millis(row.at), row.type, row.actor_id, row.data)


def _tell(listeners: list[Listener], entries: Sequence[Entry]) -> None:
    for listener in tuple(listeners):
        try:
            listener(entries)
        except Exception:  # noqa: BLE001 - it is committed, and the others want to hear of it
            _log.exception("journal_listener_failed", stream=entries[0].stream, seq=entries[0].seq)


_INSERT = insert(journal)
_READ = (
    select(journal)
    .where(journal.c.stream == bindparam("stream"), journal.c.seq > bindparam("after"))
    .order_by(journal.c.seq)
    .limit(bindparam("limit", type_=Integer))
)
_LAST = select(journal_streams.c.seq).where(journal_streams.c.stream == bindparam("stream"))
_LASTS = select(journal_streams.c.stream, journal_streams.c.seq).where(
    journal_streams.c.stream.in_(bindparam("streams", expanding=True))
)
_DELETE_ENTRIES = sql_delete(journal).where(journal.c.stream == bindparam("stream"))
_DELETE_STREAM = sql_delete(journal_streams).where(journal_streams.c.stream == bindparam("stream"))


def _reserving(statement: sqlite.Insert | postgresql.Insert) -> Any:
    raised = journal_streams.c.seq + statement.excluded.seq
    return statement.on_conflict_do_update(
        index_elements=[journal_streams.c.stream], set_={"seq": raised}
    ).returning(journal_streams.c.stream, journal_streams.c.seq)


_RESERVE = {
    "sqlite": _reserving(sqlite.insert(journal_streams)),
    "postgresql": _reserving(postgresql.insert(journal_streams)),
}
