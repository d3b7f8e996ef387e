"""Durable due times, and the sweeper that makes sure somebody looks at the right moment.

A timer is a row: what kind of thing is due, for which subject, when. The sweeper deletes the row and runs the kind's
handler in one transaction, so what is due is done exactly once however often a process dies, and on many nodes by
one of them. A handler that raises leaves nothing behind; its timer is tried again later and later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
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
    String,
    Table,
    bindparam,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from stoa.kernel.clock import Clock, from_millis, to_millis
from stoa.platform.storage import Storage, after_commit

metadata = MetaData()

timers = Table(
    "timers",
    metadata,
    Column("kind", String(64), primary_key=True),
    Column("subject", String(128), primary_key=True),
    Column("due_at", BigInteger, nullable=False, comment="milliseconds since the epoch"),
    Column("try_at", BigInteger, nullable=False, index=True, comment="due_at, or later after a failure"),
    Column("attempts", Integer, nullable=False, comment="how often it has failed"),
    Column("payload", JSON, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Timer:
    """What a handler is given. ``due_at`` is what was asked for, also when an ``attempts + 1``-th try comes later."""

    kind: str
    subject: str
    due_at: datetime
    payload: dict[str, Any]
    attempts: int = 0


Handler = Callable[[Connection, Timer], None]

_TOGETHER = 100
_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=5)
_LONGEST_SLEEP = {"sqlite": 10.0, "postgresql": 1.0}
"""Seconds. On PostgreSQL another node may set a timer unheard; on either the system's clock may be moved."""
_HELD_ELSEWHERE = 0.05
"""Seconds until it is asked again whether another node has finished, or lost, the timers it holds."""
_ALL_TIMES = 2**63

_log = structlog.get_logger(__name__)
_sweepers: WeakKeyDictionary[Engine, list[Sweeper]] = WeakKeyDictionary()


def set(  # noqa: A001 - read as timers.set
    connection: Connection,
    kind: str,
    subject: str,
    *,
    due_at: datetime,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Makes ``subject`` due at ``due_at``, to the millisecond. It has one timer of a kind: setting it again moves it."""
    millis = to_millis(due_at)
    row = {"kind": kind, "subject": subject, "due_at": millis, "try_at": millis, "attempts": 0}
    connection.execute(_SET[connection.dialect.name], row | {"payload": dict(payload or {})})
    for sweeper in _sweepers.get(connection.engine, ()):
        after_commit(connection, partial(sweeper.notice, millis))


def cancel(connection: Connection, kind: str, subject: str) -> None:
    """Nothing is due any more. It is no error if nothing was."""
    connection.execute(_CANCEL, {"kind": kind, "subject": subject})


def hasten(
    connection: Connection, kind: str, subject: str, *, was_due_at: datetime, due_at: datetime
) -> None:
    """Moves a timer that is still as somebody set it; one that was set again since, or is gone, stays as it is."""
    millis = to_millis(due_at)
    named = {"of_kind": kind, "of_subject": subject, "was": to_millis(was_due_at), "due": millis}
    connection.execute(_HASTEN, named)
    for sweeper in _sweepers.get(connection.engine, ()):
        after_commit(connection, partial(sweeper.notice, millis))


class Sweeper:
    """Runs ``handlers[kind]`` for every timer of those kinds when it is due; leaves other kinds' timers alone.

    Timers of one subject run in the order of their due times, those of different subjects side by side.
    ``observe_lateness`` is told by how many seconds each first try came after its due time.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        handlers: Mapping[str, Handler],
        *,
        observe_lateness: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._handlers = dict(handlers)
        self._observe_lateness = observe_lateness
        self._woken = asyncio.Event()
        self._looks_at = _ALL_TIMES
        self._held_elsewhere = False

    async def run(self) -> None:
        """Sweeps until it is cancelled, sleeping from one due time to the next."""
        engine = await self._storage.write(_engine_of)
        awake = _sweepers.setdefault(engine, [])
        awake.append(self)
        try:
            while True:
                seconds = await self._sweep_and_plan()
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._woken.wait()
        finally:
            awake.remove(self)

    def notice(self, due_millis: int) -> None:
        """Wakes the sweeper if something is due before it would look."""
        if due_millis < self._looks_at:
            self._woken.set()

    async def sweep(self) -> int:
        """Runs what is due now, and what that makes due at once. Answers how many timers were completed."""
        completed = 0
        while True:
            now = self._clock.now()
            due = await self._storage.read(_due, list(self._handlers), to_millis(now))
            turns = await asyncio.gather(*(self._in_turn(timers, now) for timers in _by_subject(due)))
            outcomes = [outcome for turn in turns for outcome in turn]
            completed += outcomes.count(True)
            self._held_elsewhere = bool(outcomes) and all(outcome is None for outcome in outcomes)
            if self._held_elsewhere or not outcomes:
                return completed

    async def _sweep_and_plan(self) -> float:
        """Sweeps, and answers how many seconds there are until the next due time, or until it is well to look again."""
        self._looks_at = _ALL_TIMES  # whatever is set from here on may come too late for this sweep
        self._woken.clear()
        longest = _LONGEST_SLEEP[self._storage.dialect]
        try:
            await self.sweep()
            upcoming = await self._storage.read(_upcoming, list(self._handlers))
        except Exception:  # noqa: BLE001 - the next sweep may well succeed, and must come
            _log.exception("timers_sweep_failed")
            return 1.0
        if upcoming is None:
            return longest
        self._looks_at = upcoming
        if self._held_elsewhere:
            return _HELD_ELSEWHERE
        return min(max((upcoming - to_millis(self._clock.now())) / 1000, 0.0), longest)

    async def _in_turn(self, due: Sequence[Timer], now: datetime) -> list[bool | None]:
        return [await self._fire(timer, now) for timer in due]

    async def _fire(self, timer: Timer, now: datetime) -> bool | None:
        """True if it is done, False if it failed and is put off, None if it is not ours: gone, moved or held elsewhere."""
        try:
            claimed = await self._storage.write(self._claim_and_handle, timer, to_millis(now))
        except Exception:  # noqa: BLE001 - whatever it is, the other timers go on
            delay = min(_FIRST_DELAY * 2 ** min(timer.attempts, 16), _LONGEST_DELAY)
            _log.exception(
                "timer_failed", kind=timer.kind, subject=timer.subject, attempts=timer.attempts + 1
            )
            await self._storage.write(_put_off, timer, to_millis(now), to_millis(now + delay))
            return False
        if not claimed:
            return None
        if timer.attempts == 0:
            self._observe_lateness((now - timer.due_at).total_seconds())
        return True

    def _claim_and_handle(self, connection: Connection, timer: Timer, now: int) -> bool:
        named = {"of_kind": timer.kind, "of_subject": timer.subject, "now": now}
        row = connection.execute(_CLAIM, named).one_or_none()
        if row is None:
            return False
        self._handlers[timer.kind](connection, _timer_of(*row))
        return True


def _engine_of(connection: Connection) -> Engine:
    return connection.engine


def _due(connection: Connection, kinds: list[str], now: int) -> list[Timer]:
    return [_timer_of(*row) for row in connection.execute(_DUE, {"kinds": kinds, "now": now})]


def _upcoming(connection: Connection, kinds: list[str]) -> int | None:
    upcoming: int | None = connection.scalar(_UPCOMING, {"kinds": kinds})
    return upcoming


def _put_off(connection: Connection, timer: Timer, now: int, until: int) -> None:
    named = {"of_kind": timer.kind, "of_subject": timer.subject, "now": now, "until": until}
    connection.execute(_PUT_OFF, named)


def _timer_of(kind: str, subject: str, due_at: int, attempts: int, payload: dict[str, Any]) -> Timer:
    return Timer(kind, subject, from_millis(due_at), payload, attempts)


def _by_subject(due: Sequence[Timer]) -> list[list[Timer]]:
    turns: dict[str, list[Timer]] = {}
    for timer in due:
        turns.setdefault(timer.subject, []).append(timer)
    return list(turns.values())


def _setting(statement: sqlite.Insert | postgresql.Insert) -> Any:
    moved = {name: statement.excluded[name] for name in ("due_at", "try_at", "attempts", "payload")}
    return statement.on_conflict_do_update(index_elements=[timers.c.kind, timers.c.subject], set_=moved)


_SET = {
    "sqlite": _setting(sqlite.insert(timers)),
    "postgresql": _setting(postgresql.insert(timers)),
}
_COLUMNS = (timers.c.kind, timers.c.subject, timers.c.due_at, timers.c.attempts, timers.c.payload)
_OURS = timers.c.kind.in_(bindparam("kinds", expanding=True))
_THIS = (timers.c.kind == bindparam("of_kind"), timers.c.subject == bindparam("of_subject"))
_IS_DUE = timers.c.try_at <= bindparam("now", type_=BigInteger)
_DUE = (
    select(*_COLUMNS)
    .where(_OURS, _IS_DUE)
    .order_by(timers.c.try_at, timers.c.kind, timers.c.subject)
    .limit(_TOGETHER)
)
_UPCOMING = select(func.min(timers.c.try_at)).where(_OURS)
_CANCEL = delete(timers).where(timers.c.kind == bindparam("kind"), timers.c.subject == bindparam("subject"))
_FREE = select(timers.c.kind, timers.c.subject).where(*_THIS, _IS_DUE).with_for_update(skip_locked=True)
_CLAIM = delete(timers).where(tuple_(timers.c.kind, timers.c.subject).in_(_FREE)).returning(*_COLUMNS)
_HASTEN = (
    update(timers)
    .where(*_THIS, timers.c.due_at == bindparam("was", type_=BigInteger))
    .values(due_at=bindparam("due", type_=BigInteger), try_at=bindparam("due", type_=BigInteger), attempts=0)
)
_PUT_OFF = (
    update(timers)
    .where(*_THIS, _IS_DUE)
    .values(try_at=bindparam("until", type_=BigInteger), attempts=timers.c.attempts + 1)
)
