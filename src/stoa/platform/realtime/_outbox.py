"""One connection's way out: what may wait in it is bounded, and what finds no room is dropped and owned up to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from stoa.platform.realtime._frames import Frame


class Line(Protocol):
    """The WebSocket under a connection, where the server lends it (``_uvicorn``): a write that never waits."""

    paused: bool
    on_room: Callable[[], None]

    @property
    def waiting(self) -> int: ...

    def write(self, data: bytes) -> None: ...

    def ping(self) -> int: ...

    def abort(self) -> None: ...


class Outbox(asyncio.Queue[Any]):
    """Engine.IO's queue of packets, with a short cut past it.

    A frame goes straight to the socket when nothing of Engine.IO's own stands before it; otherwise, and for long
    polling, it queues. ``limit`` is how many bytes may wait, in the queue or in the socket's buffer; when there are
    more the connection is ``behind``: it is sent nothing until it has room again, and then ``on_room`` is called.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.behind = False
        self.on_room: Callable[[], None] = lambda: None
        self._limit = self._bound = limit
        self._engine: Any = None
        self._line: Line | None = None
        self._unsent = 0
        self._bytes = 0

    def attach(self, engine: Any, line: Line) -> None:
        """``engine`` is the Engine.IO socket, which says when its WebSocket is the one in use."""
        self._engine, self._line = engine, line
        line.on_room = self._has_room

    def push(self, frame: Frame, *, whole: bool = False) -> bool:
        """False where it was dropped. A ``whole`` picture may be larger than the limit: what waits for it is not."""
        if self.behind:
            return False
        line = self._line
        if line is not None and not self._unsent and self._engine.upgraded:
            if line.paused and line.waiting > self._bound:
                self.behind = True
                return False
            line.write(frame.wire)
            waiting = line.waiting if whole else 0
        else:
            if self._bytes > self._bound:
                self.behind = True
                return False
            self.put_nowait(frame.packet)
            waiting = self._bytes if whole else 0
        if whole:
            self._bound = waiting + self._limit
        return True

    def ping(self) -> int:
        """See ``Client.ping``."""
        return 0 if self._line is None or not self._engine.upgraded else self._line.ping()

    def task_done(self) -> None:
        super().task_done()
        self._unsent -= 1

    def _put(self, item: Any) -> None:
        super()._put(item)
        self._unsent += 1
        self._bytes += _size(item)

    def _get(self) -> Any:
        item = super()._get()
        self._bytes -= _size(item)
        if not self._bytes and (self.behind or self._bound > self._limit):
            asyncio.get_running_loop().call_soon(self._has_room)
        return item

    def _has_room(self) -> None:
        if self._bytes:
            return
        self._bound = self._limit
        if self.behind:
            self.behind = False
            self.on_room()


def _size(item: Any) -> int:
    data = getattr(item, "data", None)
    return len(data) if isinstance(data, str) else 0
