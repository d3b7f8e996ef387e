"""Use cases of activity. Each takes a plain connection and runs in its caller's one transaction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row

from stoa.activity import rules, store, tally
from stoa.activity.errors import FilterInvalidError, SessionNotValidError
from stoa.activity.model import (
    ActivitySession,
    Counter,
    Erased,
    Export,
    Filters,
    GroupBy,
    Listing,
    ListMode,
    Ping,
    Pinged,
    Standing,
    StatsRow,
)
from stoa.kernel.actor import Actor
from stoa.kernel.clock import from_millis, to_millis
from stoa.kernel.errors import StoaError
from stoa.kernel.ids import Ids
from stoa.kernel.journal import Event
from stoa.kernel.pages import decode_cursor, encode_cursor

READS = "activity/reads"
"""The journal's stream of who read, exported or erased what."""

ALIVE = timedelta(seconds=300)
_EPOCH_DAY = date(1970, 1, 1)
_MILLISECOND = timedelta(milliseconds=1)
_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class KeepaliveCommand:
    """One ping of one login. ``now`` is when it arrived."""

    beaker_id: str
    ping: Ping
    now: datetime


def command(actor: Actor, ping: Ping, *, now: datetime) -> KeepaliveCommand:
    return KeepaliveCommand(_beaker_id(actor.username, actor.login_at), ping, now)


@lru_cache(10_000)
def _beaker_id(username: str, login_at: datetime) -> str:
    return rules.beaker_id(username, login_at=login_at)


def start(
    connection: Connection, *, actor: Actor, now: datetime, ids: Ids, alive: timedelta = ALIVE
) -> tuple[ActivitySession, bool]:
    """The login's active session, and whether it was begun by this call. Safe against other processes."""
    now_ms, alive_ms = to_millis(now), alive // _MILLISECOND
    beaker_id = rules.beaker_id(actor.username, login_at=actor.login_at)
    began = False
    while True:
        row = next(iter(store.current(connection, [beaker_id])), None)
        if row is not None:
            if began or tally.is_active(store.standing_of(row), now_ms=now_ms, alive_ms=alive_ms):
                (found,) = store.with_counters(connection, [store.sessions.c.number == row.number])
                return _session(*found), began
            store.retire(connection, row.number)
        standing = tally.begin(now_ms=now_ms)
        began = store.insert_current(
            connection,
            {
                "id": ids.uuid(),
                "beaker_id": beaker_id,
                "login_id": actor.login_id,
                "user_id": actor.id,
                "username": actor.username,
                "start_ms": now_ms,
                "is_current": True,
                **store.standing_values(standing),
            },
        )
        if began:
            store.count_begun(connection, user_id=actor.id, username=actor.username, at_ms=now_ms)


def keepalive(
    connection: Connection, *, actor: Actor, ping: Ping, now: datetime, alive: timedelta = ALIVE
) -> Pinged:
    """One ping by itself. Raises SessionNotValidError without an active session."""
    (result,) = keepalive_batch(connection, [command(actor, ping, now=now)], alive=alive)
    if isinstance(result, StoaError):
        raise result
    return result


def keepalive_batch(
    connection: Connection, commands: Sequence[KeepaliveCommand], *, alive: timedelta = ALIVE
) -> list[Pinged | StoaError]:
    """A result or SessionNotValidError for each command, in order. At most eight statements, however many commands."""
    if not commands:
        return []
    batch = _Batch(connection, commands, alive_ms=alive // _MILLISECOND)
    results = [batch.run(each) for each in commands]
    batch.save(connection)
    return results


class _Batch:
    """The sessions and clients that a batch is about, as they are after each command."""

    def __init__(
        self, connection: Connection, commands: Sequence[KeepaliveCommand], *, alive_ms: int
    ) -> None:
        self._alive_ms = alive_ms
        beaker_ids = sorted({each.beaker_id for each in commands})
        self._rows = {row.beaker_id: row for row in store.current(connection, beaker_ids)}
        self._standings = {row.number: store.standing_of(row) for row in self._rows.values()}
        names = {each.ping.client for each in commands if each.ping.seq is not None}
        self._memories: dict[tuple[int, str], tally.Memory] = {}
        if names and self._standings:
            self._memories = store.memories(connection, self._standings, names)
        self._changed: dict[int, Standing] = {}
        self._remembered: dict[tuple[int, str], tally.Memory] = {}
        self._credited: list[tuple[int, str, str, tally.Credit]] = []

    def run(self, each: KeepaliveCommand) -> Pinged | StoaError:
        row = self._rows.get(each.beaker_id)
        now_ms = to_millis(each.now)
        if row is None:
            return SessionNotValidError()
        number = row.number
        standing = self._standings[number]
        if not tally.is_active(standing, now_ms=now_ms, alive_ms=self._alive_ms):
            return SessionNotValidError()
        client = (number, each.ping.client)
        outcome = tally.ping(
            standing, each.ping, now_ms=now_ms, alive_ms=self._alive_ms, memory=self._memories.get(client)
        )
        if not outcome.duplicate:
            self._standings[number] = self._changed[number] = outcome.standing
            if outcome.memory is not None:
                self._memories[client] = self._remembered[client] = outcome.memory
            for credit in outcome.credits:
                self._credited.append((number, row.user_id, row.username, credit))
        credited_ms = outcome.standing.visible_ms - standing.visible_ms
        return Pinged(row.id, each.now, credited_ms, outcome.duplicate)

    def save(self, connection: Connection) -> None:
        if self._changed:
            store.save_standings(connection, self._changed)
        if self._remembered:
            store.save_memories(connection, self._remembered)
        if self._credited:
            store.add_credits(connection, self._credited)


def list_sessions(
    connection: Connection,
    *,
    actor: Actor,
    filters: Filters,
    now: datetime,
    alive: timedelta = ALIVE,
    mode: ListMode = ListMode.ALL,
    limit: int | None = None,
    cursor: str | None = None,
) -> Listing:
    """Sessions, newest start first; all of them without a ``limit``.

    Needs a writing transaction where ``rules.is_journalled(actor, mode=mode)``. Raises InvalidError for a bad cursor.
    """
    if not rules.may_see_everyone(actor, mode=mode):
        filters = replace(filters, user_id=actor.id)
    conditions = _conditions(filters, now_ms=to_millis(now), alive_ms=alive // _MILLISECOND)
    after = _position(cursor) if cursor else None
    more = None if limit is None else limit + 1
    found = [_session(*each) for each in store.with_counters(connection, conditions, limit=more, after=after)]
    _journal_read(connection, actor, mode, now, "activity.sessions_read", _filter_data(filters))
    if limit is None or len(found) <= limit:
        return Listing(tuple(found))
    last = found[limit - 1]
    return Listing(tuple(found[:limit]), encode_cursor(to_millis(last.start_at), last.id))


def stats(
    connection: Connection,
    *,
    actor: Actor,
    group_by: GroupBy,
    now: datetime,
    first_day: date | None = None,
    last_day: date | None = None,
    usernames: tuple[str, ...] = (),
    mode: ListMode = ListMode.ALL,
) -> list[StatsRow]:
    """Time by page, user or UTC day, of the days from ``first_day`` to ``last_day``, both included.

    Time belongs to the day on which the ping that brought it arrived; a session to the day on which it began.
    Pages and users come with most time first, days oldest first. Who may not see others gets their own.
    """
    user_ids: Sequence[str] | None = None
    if not rules.may_see_everyone(actor, mode=mode):
        user_ids = [actor.id] if not usernames or actor.username in usernames else []
    elif usernames:
        user_ids = store.user_ids_named(connection, usernames)
    days = {
        "first_day": (first_day - _EPOCH_DAY).days if first_day else -(2**31),
        "last_day": (last_day - _EPOCH_DAY).days if last_day else 2**31 - 1,
    }
    _journal_read(connection, actor, mode, now, "activity.stats_read", {"group_by": group_by.value})
    if group_by is GroupBy.PAGE:
        return store.stats_by_page(connection, **days, user_ids=user_ids)
    if group_by is GroupBy.USER:
        return store.stats_by_user(connection, **days, user_ids=user_ids)
    by_day = store.stats_by_day(connection, **days, user_ids=user_ids)
    return [StatsRow(_date(day), ms, begun) for day, ms, begun in by_day]


def export(connection: Connection, *, actor: Actor, now: datetime) -> Export:
    """All that is kept about the actor's own activity."""
    conditions = _conditions(Filters(user_id=actor.id), now_ms=to_millis(now), alive_ms=0)
    own = tuple(_session(*each) for each in store.with_counters(connection, conditions))
    days = store.stats_by_day(connection, first_day=-(2**31), last_day=2**31 - 1, user_ids=[actor.id])
    return Export(actor.id, actor.username, own, {_date(day): ms for day, ms, _ in days})


def erase(connection: Connection, *, actor: Actor, now: datetime) -> Erased:
    """Deletes all that is kept about the actor's own activity; statistics lose it too. The next ping is refused."""
    erased = Erased(*store.erase(connection, user_id=actor.id))
    _journal(connection, actor, now, Event("activity.erased", {"sessions": erased.sessions}))
    return erased


def forget_numbers(connection: Connection, *, now: datetime, alive: timedelta = ALIVE) -> int:
    """Housekeeping, from time to time: drops the seq memory of sessions that no ping can reach any more."""
    return store.forget_clients(connection, before_ms=to_millis(now - alive))


def _conditions(filters: Filters, *, now_ms: int, alive_ms: int) -> list[ColumnElement[bool]]:
    """Times are compared as they are answered: in whole seconds."""
    column = store.sessions.c
    conditions: list[ColumnElement[bool]] = []
    if filters.usernames:
        conditions.append(column.username.in_(filters.usernames))
    if filters.user_id is not None:
        conditions.append(column.user_id == filters.user_id)
    if filters.active is not None:
        silent_since = now_ms - alive_ms
        conditions.append(
            column.last_ping_ms > silent_since if filters.active else column.last_ping_ms <= silent_since
        )
    if filters.started_after is not None:
        conditions.append(column.start_ms >= _clamped((math.floor(filters.started_after) + 1) * 1000))
    if filters.stopped_before is not None:
        conditions.append(column.last_ping_ms < _clamped(math.ceil(filters.stopped_before) * 1000))
    return conditions


def _clamped(millis: int) -> int:
    return max(-_LARGEST, min(_LARGEST, millis))


def _position(cursor: str) -> tuple[int, str]:
    start_ms, session_id = decode_cursor(cursor, length=2)
    if type(start_ms) is not int or not isinstance(session_id, str):
        raise FilterInvalidError("cursor: must be one that an earlier answer gave.")
    return _clamped(start_ms), session_id


def _filter_data(filters: Filters) -> dict[str, Any]:
    return {"usernames": list(filters.usernames)} if filters.usernames else {}


def _session(row: Row[Any], counted: tuple[Counter, ...]) -> ActivitySession:
    standing = store.standing_of(row)
    return ActivitySession(
        id=row.id,
        beaker_id=row.beaker_id,
        login_id=row.login_id,
        user_id=row.user_id,
        username=row.username,
        start_at=from_millis(standing.start_ms),
        last_ping_at=from_millis(standing.last_ping_ms),
        last_visible_ping_at=from_millis(standing.last_visible_ping_ms),
        last_visible_path=standing.last_visible_path,
        visible_ms=sum(counter.ms for counter in counted),
        counters=counted,
    )


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * (tally.DAY_MS // 1000), UTC).date().isoformat()


def _journal_read(
    connection: Connection, actor: Actor, mode: ListMode, now: datetime, event: str, data: dict[str, Any]
) -> None:
    if rules.is_journalled(actor, mode=mode):
        _journal(connection, actor, now, Event(event, data))


def _journal(connection: Connection, actor: Actor, now: datetime, event: Event) -> None:
    from stoa.platform import journal  # noqa: PLC0415

    journal.append(connection, READS, event, actor_id=actor.id, at=now)
