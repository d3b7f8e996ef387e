"""Effects that wait are called, one after another for each environment, and their answers stored.

A timer stands for each effect from the moment that it is asked for until its answer is stored. When it is due, it is
set again for a time at which the call must be over, in the same transaction that takes it: so there is one caller at a
time among all nodes, and a call that died with its server is made again, under the same name. Which answer counts is
the engine's to say: it takes one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from stoa.kernel.errors import MalformedError, StoaError
from stoa.missions import service
from stoa.missions.calls import changes_from
from stoa.missions.errors import MissionInvalidError
from stoa.missions.outside._installed import Installed
from stoa.missions.outside._workers import CallFailedError
from stoa.missions.service import EFFECT, EffectCall
from stoa.missions.targets import version_of
from stoa.platform import timers
from stoa.platform.storage import after_commit
from stoa.platform.timers import Handler, Timer
from stoa.web.house import House

GRACE = timedelta(seconds=5)
"""How much longer than a call may take its timer waits, before somebody else makes it."""
WAIT = timedelta(seconds=30)
"""When a call looks again that found no room; room that is made before is told to it."""
MOST_WAITING = 10_000
LONGEST_DELAY = timedelta(minutes=5)
MOST_REASON = 300

_log = structlog.get_logger(__name__)


class _Places:
    """Who is being called of one environment, and who waits for it. EffectCall from any thread."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken: dict[str, datetime] = {}
        self._waiting: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def take(self, subject: str, *, now: datetime, until: datetime) -> bool:
        """A place that nobody gave back (its transaction was rolled back) is free again at its ``until``."""
        with self._lock:
            self._taken = {one: over for one, over in self._taken.items() if over > now}
            if subject in self._taken or len(self._taken) >= self._size:
                return False
            self._taken[subject] = until
            self._waiting.pop(subject, None)
            return True

    def wait(self, subject: str, due_at: datetime) -> None:
        with self._lock:
            if len(self._waiting) < MOST_WAITING:
                self._waiting[subject] = due_at

    def free(self, subject: str) -> tuple[str, datetime] | None:
        """Answers who is to come next."""
        with self._lock:
            self._taken.pop(subject, None)
            soonest = next(iter(self._waiting), None)
            return None if soonest is None else (soonest, self._waiting.pop(soonest))


class Caller:
    def __init__(self, house: House, installed: Installed) -> None:
        self._house = house
        self._installed = installed
        self._places: dict[str, _Places] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._closing = False

    def handlers(self) -> Mapping[str, Handler]:
        return {EFFECT: self._due}

    async def settle(self) -> None:
        """Waits until what is being called has answered."""
        while self._running:
            await asyncio.gather(*self._running)

    async def close(self) -> None:
        """What is under way is left to its timers."""
        self._closing = True
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _due(self, connection: Connection, timer: Timer) -> None:
        """In the transaction that takes the timer away."""
        now, subject = self._house.clock.now(), timer.subject
        environment_id, attempt = timer.payload["environment"], timer.payload.get("attempt", 0) + 1
        limits = self._installed.limits
        until = now + timedelta(seconds=limits.seconds) + GRACE
        if self._installed.is_foreign(environment_id):
            places = self._places.setdefault(environment_id, _Places(limits.workers))
            if not places.take(subject, now=now, until=until):
                later = now + WAIT
                service.call_effect_at(connection, subject, environment_id, due_at=later, attempt=attempt - 1)
                after_commit(connection, partial(places.wait, subject, later))
                return
        asked = service.effect_to_call(connection, subject)
        fault = None if asked is None else self._fault(asked, attempt)
        if asked is None or fault is not None:
            after_commit(connection, partial(self._free, environment_id, subject))
            service.answer_effect(connection, subject, failure=fault, now=now)
            return
        service.call_effect_at(connection, subject, environment_id, due_at=until, attempt=attempt)
        after_commit(connection, partial(self._start, self._call, asked, attempt))

    def _fault(self, asked: EffectCall, attempt: int) -> str | None:
        """Why the effect is defective, if it is."""
        effect = asked.effect
        environment = self._installed.declared.get(effect.environment_id)
        if environment is None:
            return f"The target environment {effect.environment_id!r} is not installed."
        if effect.target_id not in environment.by_id:
            return f"{environment.name} has no target {effect.target_id!r}."
        if (version_of(effect.environment_version) or ()) > (version_of(environment.version) or ()):
            return f"It was written for {environment.name} {effect.environment_version}; here is {environment.version}."
        if attempt > self._installed.limits.tries:
            return f"{environment.name} was called {attempt - 1} times and never answered."
        return None

    def _start(self, call: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        if self._closing:
            return
        task = asyncio.create_task(call(*args))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _call(self, asked: EffectCall, attempt: int) -> None:
        effect = asked.effect
        context = {
            "target_id": effect.target_id,
            "args": effect.args,
            "call_id": asked.subject,
            "attempt": attempt,
            **asked.facts,
        }
        try:
            try:
                answer = await self._installed.call(
                    effect.environment_id, version=effect.environment_version, context=context
                )
            except CallFailedError as error:
                answer = {"failed": error.message}
            await self._house.storage.write(self._store, asked, attempt, answer)
        except Exception:  # noqa: BLE001 - the timer brings it again
            _log.exception("effect_not_answered", subject=asked.subject)
        finally:
            self._free(effect.environment_id, asked.subject)

    def _store(
        self, connection: Connection, asked: EffectCall, attempt: int, answer: Mapping[str, Any]
    ) -> None:
        now, effect = self._house.clock.now(), asked.effect
        name = self._installed.declared[effect.environment_id].name
        if "again" in answer and attempt < self._installed.limits.tries:
            due_at = now + _delay(answer.get("after"), attempt)
            service.call_effect_at(
                connection, asked.subject, effect.environment_id, due_at=due_at, attempt=attempt
            )
            return
        reason = answer.get("failed", answer.get("again"))
        if reason is not None:
            told = "".join(char for char in str(reason)[:MOST_REASON] if char.isprintable())
            failure = f"{name}: {told}"
            service.answer_effect(connection, asked.subject, failure=failure, now=now)
            return
        try:
            changes = changes_from(answer.get("calls"))
        except (MissionInvalidError, MalformedError) as error:
            failure = f"{name}: Its answer makes no sense: {error.message[:MOST_REASON]}"
            service.answer_effect(connection, asked.subject, failure=failure, now=now)
            return
        service.answer_effect(connection, asked.subject, changes=changes, now=now)

    def _free(self, environment_id: str, subject: str) -> None:
        places = self._places.get(environment_id)
        next_one = None if places is None else places.free(subject)
        if next_one is not None:
            self._start(self._hasten, *next_one)

    async def _hasten(self, subject: str, was_due_at: datetime) -> None:
        now = self._house.clock.now()
        try:
            await self._house.storage.write(timers.hasten, EFFECT, subject, was_due_at=was_due_at, due_at=now)
        except StoaError:
            return  # it comes by itself, later


def _delay(after: Any, attempt: int) -> timedelta:
    """What was asked for, or a second, two, four and so on."""
    if isinstance(after, int | float) and 0 <= after < LONGEST_DELAY.total_seconds():
        return timedelta(seconds=after)
    return min(timedelta(seconds=2 ** min(attempt - 1, 16)), LONGEST_DELAY)
