"""One worker as the controller sees it: found or started, spoken to, watched, replaced."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from stoa.kernel.clock import Clock, to_millis
from stoa.kernel.errors import UnavailableError
from stoa.live.media import messages as m
from stoa.live.media._setup import Setup

_START_SECONDS = 15.0
_CALL_SECONDS = 10.0
_HEALTH_EVERY, _HEALTH_SECONDS = 0.5, 2.0
_TIDIED_EVERY, _IDLE_SECONDS = 60.0, 300.0
"""A class that is never ended leaves its room: whoever joins opens it again."""
_MODULE = "stoa.live.media.worker"

_log = structlog.get_logger(__name__)


class WorkerFailedError(UnavailableError):
    code = "live.media.worker"


class Link:
    """``told`` gets the worker's events, each of which is repeated until that returned."""

    def __init__(self, setup: Setup, told: Callable[[m.AnyEvent], Awaitable[None]], clock: Clock) -> None:
        self.rooms: dict[str, m.RoomStanding] = {}
        """The rooms that there should be. A worker that is started anew gets them again, empty."""
        self._socket = Path(setup.socket)
        self._setup, self._told, self._clock = setup, told, clock
        self.starts = 0
        """How often a worker was started."""
        self._opened: set[str] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._calls: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._number = 0
        self._up = asyncio.Event()
        self._events: asyncio.Queue[tuple[int, m.AnyEvent]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def use(self) -> None:
        """Has a worker from now on: the one that is there, or a new one."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(work())
                for work in (self._keep_up, self._hand_over, self._keep_healthy, self._keep_tidy)
            ]

    async def adopt(self) -> None:
        """Takes over the worker of an API process before this one, with its rooms, if it is there."""
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_unix_connection(self._socket)
            writer.close()
            self.use()
            async with asyncio.timeout(_START_SECONDS):
                await self._up.wait()

    async def close(self) -> None:
        """Leaves the worker alone with its calls."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._down()

    async def shut_down(self) -> None:
        """Ends the worker and its calls."""
        tasks, self._tasks = self._tasks, []
        if self._up.is_set():
            with contextlib.suppress(UnavailableError):
                await self.call(m.Shutdown())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._down()
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)

    async def open(self, room: str, max_participants: int | None) -> None:
        before = self.rooms.get(room)
        recording = None if before is None else before.recording
        standing = self.rooms[room] = m.RoomStanding(room, max_participants, recording, [])
        self.use()
        await self.call(m.OpenRoom(room, max_participants))
        self.rooms.setdefault(room, standing)  # it may have been tidied away just before
        self._opened.add(room)

    async def close_room(self, room: str) -> None:
        self.rooms.pop(room, None)
        self._opened.discard(room)
        await self.call(m.CloseRoom(room))

    async def call(self, command: m.AnyCommand) -> msgspec.Raw:
        """The result, packed. A ``MediaError`` if the worker refuses; a ``WorkerFailedError`` if there is none."""
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                await self._up.wait()
                return await self._called(command)
        except TimeoutError:
            raise WorkerFailedError("The media worker does not answer.") from None

    async def _called(self, command: m.AnyCommand) -> msgspec.Raw:
        if self._writer is None:
            raise WorkerFailedError("The media worker is gone.")
        self._number += 1
        number = self._number
        packed = m.encode_call(m.Call(number, command))
        future: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._calls[number] = future
        try:
            self._writer.write(packed)
            return await future
        finally:
            self._calls.pop(number, None)

    # Keeping it alive --------------------------------------------------------------------------------------------

    async def _keep_up(self) -> None:
        while True:
            try:
                reader, self._writer = await self._reached()
            except OSError as error:
                _log.warning("live.media.worker_unreachable", error=str(error))
                await asyncio.sleep(0.5)
                continue
            settling = asyncio.create_task(self._settle())
            try:
                while (frame := await m.read_frame(reader)) is not None:
                    self._took(frame)
            finally:
                settling.cancel()
                self._down()

    async def _reached(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the worker; one is started if none is there."""
        with contextlib.suppress(OSError):
            return await asyncio.open_unix_connection(self._socket)
        self.starts += 1
        with (self._socket.parent / f"{self._socket.stem}.log").open("ab") as log:
            process = self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - it returns within milliseconds
                [sys.executable, "-m", _MODULE, self._setup.text],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        async with asyncio.timeout(_START_SECONDS):
            while process.poll() is None:
                with contextlib.suppress(OSError):
                    return await asyncio.open_unix_connection(self._socket)
                await asyncio.sleep(0.02)
        raise OSError(f"The media worker ended with {process.returncode}: see {log.name}.")

    async def _settle(self) -> None:
        """Rooms that the worker has are ours; those that it should have and has not are opened again, and told lost."""
        standing = msgspec.msgpack.decode(await self._called(m.Hello()), type=m.Standing)
        if standing.version != m.VERSION or (standing.setup != self._setup and not standing.rooms):
            _log.info("live.media.worker_replaced", version=standing.version, setup=standing.setup.text)
            self._evict()
            return
        there = {room.room: room for room in standing.rooms}
        lost = [room for name, room in self.rooms.items() if name not in there]
        self.rooms |= there
        self._opened |= set(there)
        for room in lost:
            await self._open_again(room)
        self._up.set()

    async def _open_again(self, room: m.RoomStanding) -> None:
        at = to_millis(self._clock.now())
        await self._called(m.OpenRoom(room.room, room.max_participants))
        if room.recording is not None:
            try:
                await self._called(m.StartRecording(room.room, room.recording))
            except m.MediaError as error:
                self._events.put_nowait((0, m.RecordingFailed(room.room, at, error.message)))
        if room.room in self._opened:
            self._events.put_nowait((0, m.RoomLost(room.room, at)))

    async def _keep_healthy(self) -> None:
        """A worker that hangs is as good as dead."""
        while True:
            await asyncio.sleep(_HEALTH_EVERY)
            if self._writer is None:
                continue
            try:
                async with asyncio.timeout(_HEALTH_SECONDS):
                    await self._called(m.Acknowledge(0))
            except TimeoutError:
                _log.error("live.media.worker_hangs")
                self._evict()
            except UnavailableError:
                pass

    async def _keep_tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDIED_EVERY)
            with contextlib.suppress(UnavailableError):
                packed = await self.call(m.Tidy(_IDLE_SECONDS))
                for room in msgspec.msgpack.decode(packed, type=list[str]):
                    self.rooms.pop(room, None)
                    self._opened.discard(room)

    async def _hand_over(self) -> None:
        """Events in their order, one at a time."""
        while True:
            number, event = await self._events.get()
            try:
                await self._told(event)
            except Exception:  # noqa: BLE001 - a listener's mistake must not stop the events of every room
                _log.exception("live.media.event_failed", about=type(event).__name__, room=event.room)
            if number and self._writer is not None:
                self._writer.write(m.encode(m.Call(0, m.Acknowledge(number))))

    def _took(self, frame: bytes) -> None:
        message = _decode(frame)
        if isinstance(message, m.Told):
            self._events.put_nowait((message.number, message.event))
            return
        future = self._calls.get(message.number)
        if future is None or future.done():
            return
        if message.code:
            future.set_exception(m.ERRORS.get(message.code, WorkerFailedError)(message.message))
        else:
            future.set_result(message.result)

    def _down(self) -> None:
        self._up.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for future in self._calls.values():
            if not future.done():
                future.set_exception(WorkerFailedError("The media worker is gone."))

    def _evict(self) -> None:
        """Kills the worker that holds the socket, if that is what the process is."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(Path(f"{self._socket}.lock").read_text())
            if _MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


_decode = msgspec.msgpack.Decoder(m.Reply | m.Told).decode
