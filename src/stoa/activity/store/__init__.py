"""Tables and statements, for SQLite and PostgreSQL alike. Times are milliseconds, days count from the epoch (UTC).

Time is kept twice, always changed together in one transaction: ``counters`` by session and place, and two small
roll-ups by day, so that statistics never read all counters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    UpdateBase,
    bindparam,
    delete,
    func,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

from stoa.activity.model import Counter, Standing, StatsRow
from stoa.activity.store._tables import clients as clients
from stoa.activity.store._tables import counters as counters
from stoa.activity.store._tables import daily_pages as daily_pages
from stoa.activity.store._tables import daily_users as daily_users
from stoa.activity.store._tables import metadata as metadata
from stoa.activity.store._tables import sessions as sessions
from stoa.activity.tally import DAY_MS, Credit, Memory, Slot

_path = msgspec.json.Decoder(tuple[str, ...])
_slots = msgspec.json.Decoder(tuple[Slot, ...])
_encoder = msgspec.json.Encoder()


def _upsert(table: Table, *, adding: tuple[str, ...] = (), setting: tuple[str, ...] = ()) -> dict[str, Any]:
    """The statement that inserts a row, or adds to and sets columns of the one that is there; by dialect."""
    statements = {}
    for dialect, make in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert)):
        base = make(table)
        changes = {name: table.c[name] + base.excluded[name] for name in adding}
        changes |= {name: base.excluded[name] for name in setting}
        key = list(table.primary_key.columns)
        statements[dialect] = base.on_conflict_do_update(index_elements=key, set_=changes)
    return _spelled(statements)


def _spelled(statements: Mapping[str, UpdateBase]) -> dict[str, str]:
    """Each statement's text for its dialect's driver, with the parameters by position.

    Keepalives come by the thousand: SQLAlchemy's own handling of each row's parameters costs more than the row.
    """
    drivers = {"sqlite": sqlite.dialect(), "postgresql": psycopg.dialect(paramstyle="format")}  # type: ignore[no-untyped-call]
    return {name: str(statement.compile(dialect=drivers[name])) for name, statement in statements.items()}


def _execute_many(connection: Connection, spelled: Mapping[str, str], rows: list[tuple[Any, ...]]) -> None:
    """``rows`` have their values in the order of the table's columns (of an update: as it lists them)."""
    connection.exec_driver_sql(spelled[connection.dialect.name], rows)


_ADD_COUNTERS = _upsert(counters, adding=("ms",))
_ADD_PAGES = _upsert(daily_pages, adding=("ms",))
_ADD_USERS = _upsert(daily_users, adding=("ms", "begun"), setting=("username",))
_SAVE_CLIENTS = _upsert(clients, setting=("high", "seen", "slots"))
_IN_ORDER = ("last_ping_ms", "last_visible_ping_ms", "last_visible_path", "visible_ms", "free_ms")
_CURRENT = (
    select(
        *(
            sessions.c[name]
            for name in ("number", "id", "beaker_id", "user_id", "username", "start_ms", *_IN_ORDER)
        )
    )
    .where(sessions.c.is_current, sessions.c.beaker_id.in_(bindparam("beaker_ids", expanding=True)))
    .order_by(sessions.c.number)
    .with_for_update()
)
_CLIENTS = select(clients).where(
    clients.c.session.in_(bindparam("numbers", expanding=True)),
    clients.c.client.in_(bindparam("names", expanding=True)),
)
_SAVE_SESSIONS = _spelled(
    dict.fromkeys(
        ("sqlite", "postgresql"),
        update(sessions)
        .where(sessions.c.number == bindparam("key"))
        .values({name: bindparam(name) for name in _IN_ORDER}),
    )
)
_RETIRE = update(sessions).where(sessions.c.number == bindparam("key")).values(is_current=False)
_FORGET_CLIENTS = delete(clients).where(clients.c.session == bindparam("key"))
_INSERT = {
    dialect: make(sessions)
    .on_conflict_do_nothing(index_elements=["beaker_id"], index_where=text("is_current"))
    .returning(sessions.c.number)
    for dialect, make in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}


def _json(value: Any) -> str:
    return _encoder.encode(value).decode()


def current(connection: Connection, beaker_ids: Iterable[str]) -> Sequence[Row[Any]]:
    """The current session of each login that has one, active or not; locked, in a fixed order."""
    return connection.execute(_CURRENT, {"beaker_ids": list(beaker_ids)}).all()


def insert_current(connection: Connection, values: Mapping[str, Any]) -> bool:
    """False if another process was faster for the same login."""
    statement = _INSERT[connection.dialect.name]
    return connection.execute(statement, values).first() is not None


def retire(connection: Connection, number: int) -> None:
    """An expired session makes room for its login's next; late numbers can't reach it any more."""
    connection.execute(_RETIRE, {"key": number})
    connection.execute(_FORGET_CLIENTS, {"key": number})


def forget_clients(connection: Connection, *, before_ms: int) -> int:
    """Deletes the numbers remembered for sessions that were last pinged before then; how many clients."""
    old = select(sessions.c.number).where(sessions.c.last_ping_ms <= before_ms)
    return connection.execute(delete(clients).where(clients.c.session.in_(old))).rowcount


def standing_of(row: Row[Any]) -> Standing:
    return Standing(
        row.start_ms,
        row.last_ping_ms,
        row.last_visible_ping_ms,
        _path_of(row.last_visible_path),
        row.visible_ms,
        row.free_ms,
    )


@lru_cache(4096)
def _path_of(stored: str) -> tuple[str, ...]:
    return _path.decode(stored)


def standing_values(standing: Standing) -> dict[str, Any]:
    return dict(zip(_IN_ORDER, _in_order(standing), strict=True))


def _in_order(standing: Standing) -> tuple[Any, ...]:
    return (
        standing.last_ping_ms,
        standing.last_visible_ping_ms,
        _stored_path(standing.last_visible_path),
        standing.visible_ms,
        standing.free_ms,
    )


@lru_cache(4096)
def _stored_path(path: tuple[str, ...]) -> str:
    return _json(path)


def save_standings(connection: Connection, standings: Mapping[int, Standing]) -> None:
    rows = [(*_in_order(standing), number) for number, standing in standings.items()]
    _execute_many(connection, _SAVE_SESSIONS, rows)


def memories(
    connection: Connection, numbers: Iterable[int], names: Iterable[str]
) -> dict[tuple[int, str], Memory]:
    """By session and client; possibly of more clients than were asked for."""
    rows = connection.execute(_CLIENTS, {"numbers": list(numbers), "names": list(names)})
    return {
        (session, client): Memory(high, seen, _slots.decode(slots) if slots else ())
        for session, client, high, seen, slots in rows
    }


def save_memories(connection: Connection, remembered: Mapping[tuple[int, str], Memory]) -> None:
    rows = [
        (session, client, memory.high, memory.seen, _json(memory.slots) if memory.slots else "")
        for (session, client), memory in remembered.items()
    ]
    _execute_many(connection, _SAVE_CLIENTS, rows)


def add_credits(connection: Connection, credited: Iterable[tuple[int, str, str, Credit]]) -> None:
    """Adds to counters and roll-ups; each credit with its session's number, its user's id and username.

    Rows are written in the order of their keys, so that two processes can't wait for one another.
    """
    by_counter: dict[tuple[int, str, str, int], int] = {}
    by_page: dict[tuple[int, str], int] = {}
    by_user: dict[tuple[int, str, str], int] = {}
    for number, user_id, username, credit in credited:
        counter = (number, credit.view, credit.tab or "", credit.day)
        by_counter[counter] = by_counter.get(counter, 0) + credit.ms
        page = (credit.day, credit.view)
        by_page[page] = by_page.get(page, 0) + credit.ms
        user = (credit.day, user_id, username)
        by_user[user] = by_user.get(user, 0) + credit.ms
    _execute_many(connection, _ADD_COUNTERS, [(*key, ms) for key, ms in sorted(by_counter.items())])
    _execute_many(connection, _ADD_PAGES, [(*key, ms) for key, ms in sorted(by_page.items())])
    _execute_many(connection, _ADD_USERS, [(*key, ms, 0) for key, ms in sorted(by_user.items())])


def count_begun(connection: Connection, *, user_id: str, username: str, at_ms: int) -> None:
    _execute_many(connection, _ADD_USERS, [(at_ms // DAY_MS, user_id, username, 0, 1)])


def with_counters(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    *,
    limit: int | None = None,
    after: tuple[int, str] | None = None,
) -> list[tuple[Row[Any], tuple[Counter, ...]]]:
    """Sessions with their counters, newest start first. One statement, so that they are of the same moment."""
    chosen = select(sessions).where(*conditions, true())
    if after is not None:
        chosen = chosen.where(tuple_(sessions.c.start_ms, sessions.c.id) < tuple_(*after))
    page = chosen.order_by(sessions.c.start_ms.desc(), sessions.c.id.desc()).limit(limit).subquery()
    joined = (
        select(page, counters.c.view, counters.c.tab, counters.c.ms)
        .select_from(page.outerjoin(counters, counters.c.session == page.c.number))
        .order_by(page.c.start_ms.desc(), page.c.id.desc())
    )
    found: dict[int, tuple[Row[Any], dict[tuple[str, str], int]]] = {}
    for row in connection.execute(joined):
        held = found.get(row.number)
        if held is None:
            held = found[row.number] = (row, {})
        if row.view is not None:
            held[1][row.view, row.tab] = held[1].get((row.view, row.tab), 0) + row.ms
    return [
        (row, tuple(Counter(view, tab or None, ms) for (view, tab), ms in sorted(times.items())))
        for row, times in found.values()
    ]


def stats_by_page(
    connection: Connection, *, first_day: int, last_day: int, user_ids: Sequence[str] | None
) -> list[StatsRow]:
    """Most time first. For some users the counters are read, for all the roll-up."""
    source = daily_pages if user_ids is None else counters
    total = func.sum(source.c.ms)
    spent = select(source.c.view, total).where(source.c.day.between(first_day, last_day))
    if user_ids is not None:
        own = select(sessions.c.number).where(sessions.c.user_id.in_(user_ids))
        spent = spent.where(counters.c.session.in_(own))
    rows = connection.execute(spent.group_by(source.c.view).order_by(total.desc(), source.c.view))
    return [StatsRow(view, int(ms), None) for view, ms in rows]


def stats_by_user(
    connection: Connection, *, first_day: int, last_day: int, user_ids: Sequence[str] | None
) -> list[StatsRow]:
    """Most time first."""
    total, name = func.sum(daily_users.c.ms), func.max(daily_users.c.username)
    rows = connection.execute(
        select(name, total, func.sum(daily_users.c.begun))
        .where(*_in_days(first_day, last_day, user_ids))
        .group_by(daily_users.c.user_id)
        .order_by(total.desc(), name)
    )
    return [StatsRow(username, int(ms), int(begun)) for username, ms, begun in rows]


def stats_by_day(
    connection: Connection, *, first_day: int, last_day: int, user_ids: Sequence[str] | None
) -> list[tuple[int, int, int]]:
    """(day, milliseconds, sessions begun), oldest first."""
    rows = connection.execute(
        select(daily_users.c.day, func.sum(daily_users.c.ms), func.sum(daily_users.c.begun))
        .where(*_in_days(first_day, last_day, user_ids))
        .group_by(daily_users.c.day)
        .order_by(daily_users.c.day)
    )
    return [(day, int(ms), int(begun)) for day, ms, begun in rows]


def _in_days(first_day: int, last_day: int, user_ids: Sequence[str] | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [daily_users.c.day.between(first_day, last_day)]
    if user_ids is not None:
        conditions.append(daily_users.c.user_id.in_(user_ids))
    return conditions


def user_ids_named(connection: Connection, usernames: Sequence[str]) -> list[str]:
    found = select(daily_users.c.user_id).where(daily_users.c.username.in_(usernames)).distinct()
    return list(connection.scalars(found))


def erase(connection: Connection, *, user_id: str) -> tuple[int, int]:
    """Deletes all that is kept of a user, in the roll-ups too; (sessions, milliseconds)."""
    held = select(sessions.c.number).where(sessions.c.user_id == user_id).order_by(sessions.c.number)
    numbers = connection.scalars(held.with_for_update()).all()
    own = select(sessions.c.number).where(sessions.c.user_id == user_id).scalar_subquery()
    spent = connection.execute(
        select(counters.c.day, counters.c.view, func.sum(counters.c.ms))
        .where(counters.c.session.in_(own))
        .group_by(counters.c.day, counters.c.view)
        .order_by(counters.c.day, counters.c.view)
    ).all()
    if spent:
        _execute_many(connection, _ADD_PAGES, [(day, view, -int(ms)) for day, view, ms in spent])
        connection.execute(_DROP_PAGE, [{"on": day, "page": view} for day, view, _ in spent])
    for table in (counters, clients):
        connection.execute(delete(table).where(table.c.session.in_(own)))
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
    connection.execute(delete(daily_users).where(daily_users.c.user_id == user_id))
    return len(numbers), sum(int(ms) for _, _, ms in spent)


_DROP_PAGE = delete(daily_pages).where(
    daily_pages.c.day == bindparam("on"), daily_pages.c.view == bindparam("page"), daily_pages.c.ms <= 0
)
