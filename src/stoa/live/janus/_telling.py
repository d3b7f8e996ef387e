"""Events to whoever listens, in their order; and work that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from stoa.kernel.clock import Clock, to_millis
from stoa.live.media import messages as m
from stoa.live.provider import Told

_log = structlog.get_logger(__name__)


class Teller:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: asyncio.Queue[m.AnyEvent] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, told: Told) -> None:
        self.do(self._hand_over(told))

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def now(self) -> int:
        """Milliseconds since 1970."""
        return to_millis(self._clock.now())

    def tell(self, event: m.AnyEvent) -> None:
        self._events.put_nowait(event)

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def _hand_over(self, told: Told) -> None:
        while True:
            event = await self._events.get()
            try:
                await told(event)
            except Exception:  # noqa: BLE001 - a listener's mistake must not stop the events of every room
                _log.exception("live_janus_event_failed", about=type(event).__name__, room=event.room)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("live_janus_failed", error=repr(error))
