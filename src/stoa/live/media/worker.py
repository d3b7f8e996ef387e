"""The process that hosts rooms: ``python -m stoa.live.media.worker <setup as JSON>``.

It outlives the API process that started it, whose calls go on while that starts again and finds the worker by its
socket. Without a controller for ``linger`` seconds it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from stoa.kernel.clock import SystemClock, to_millis
from stoa.live.media import messages as m
from stoa.live.media._aiortc import Identity
from stoa.live.media._setup import Setup
from stoa.live.media._standing import room_standing, room_stats
from stoa.live.media.port import Port
from stoa.live.media.publishing import Source
from stoa.live.media.recording import Disk
from stoa.live.media.room import Allowed, Room, Surroundings
from stoa.live.rtp import sdp

_TICK = 0.02
_FEEDBACK_EVERY, _LOOK_EVERY, _REPORT_EVERY = 3, 15, 50
"""Ticks: feedback every 60 ms, a look around every 300 ms, reports every second."""
_MOST_UNHEARD = 20_000

_log = logging.getLogger(__name__)


class Worker:
    """The rooms, and the controller's connection."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._rooms: dict[str, Room] = {}
        self._unheard: deque[m.Told] = deque(maxlen=_MOST_UNHEARD)
        self._count = 0
        self._controller: asyncio.StreamWriter | None = None
        self._alone_since = time.monotonic()
        self._ended = asyncio.Event()
        clock = SystemClock()
        # One reading, so that a step of the wall clock moves nothing in a recording.
        self._offset = to_millis(clock.now()) - time.monotonic() * 1000
        loop = asyncio.get_running_loop()
        self._disk = Disk()
        self._port = Port(setup.listens, setup.port, loop)
        self._around = Surroundings(
            self._port, Identity(), self._disk, self._emit, self._wall, loop.call_soon_threadsafe
        )

    async def run(self) -> None:
        server = await asyncio.start_unix_server(self._serve, sock=_listening(self._setup.socket))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._ended.set)
        ticking = asyncio.create_task(self._tick())
        await self._ended.wait()
        ticking.cancel()
        for room in self._rooms.values():
            room.close()
        await asyncio.sleep(0.1)
        server.close()
        self._port.close()
        await asyncio.to_thread(self._disk.finish)

    # Time --------------------------------------------------------------------------------------------------------

    def _wall(self, at: float) -> int:
        return int(at * 1000 + self._offset)

    async def _tick(self) -> None:
        """Late ticks are left out, not made up for."""
        count = 0
        due = time.monotonic()
        while True:
            due = max(due + _TICK, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            count += 1
            now = time.monotonic()
            for room in list(self._rooms.values()):
                try:
                    _let_pass(room, count, now)
                except Exception:  # noqa: BLE001
                    # One room's mistake must not stop the others' time.
                    _log.exception("Room %s", room.name)
            if self._controller is None and now - self._alone_since > self._setup.linger:
                self._ended.set()

    # The controller ----------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = msgspec.msgpack.Decoder(m.Call)
        try:
            while (frame := await m.read_frame(reader)) is not None:
                call = decoder.decode(frame)
                reply = self._answered(call, writer)
                writer.write(m.encode(reply))
                if isinstance(call.command, m.Hello):
                    self._catch_up(writer)
                await writer.drain()
        except (msgspec.DecodeError, ConnectionError):
            _log.exception("The controller's connection broke.")
        finally:
            if self._controller is writer:
                self._controller, self._alone_since = None, time.monotonic()
            writer.close()

    def _catch_up(self, writer: asyncio.StreamWriter) -> None:
        """What a controller before this one did not hear."""
        for told in list(self._unheard):
            writer.write(m.encode(told))
        for room in self._rooms.values():
            for participant in room.participants.values():
                participant.viewer.remind()

    def _answered(self, call: m.Call, writer: asyncio.StreamWriter) -> m.Reply:
        if isinstance(call.command, m.Hello):
            self._controller = writer
        try:
            return m.Reply(call.number, m.packed(self._do(call.command)))
        except m.MediaError as error:
            return m.Reply(call.number, code=error.code, message=error.message)
        except Exception as error:  # noqa: BLE001 - the controller is told, the calls go on
            _log.exception("A command failed.")
            return m.Reply(call.number, code="internal", message=repr(error))

    def _emit(self, event: m.Event) -> None:
        if self._controller is None and isinstance(event, m.Offered):
            # The next controller is reminded of those that still wait.
            return
        self._count += 1
        told = m.Told(self._count, event)  # type: ignore[arg-type]
        self._unheard.append(told)
        if self._controller is not None:
            self._controller.write(m.encode(told))

    def _do(self, command: m.AnyCommand) -> Any:
        if isinstance(command, m.Hello):
            rooms = [room_standing(room) for room in self._rooms.values()]
            return m.Standing(m.VERSION, self._setup, os.getpid(), rooms)
        if isinstance(command, m.Acknowledge):
            while self._unheard and self._unheard[0].number <= command.number:
                self._unheard.popleft()
            return None
        if isinstance(command, m.Shutdown):
            self._ended.set()
            return None
        return self._do_with_rooms(command)

    def _do_with_rooms(self, command: m.AnyRoomCommand) -> Any:
        if isinstance(command, m.OpenRoom):
            room = self._rooms.setdefault(command.room, Room(command.room, self._around))
            room.max_participants, room.used_at = command.max_participants, time.monotonic()
            return None
        if isinstance(command, m.CloseRoom):
            found = self._rooms.pop(command.room, None)
            if found is not None:
                found.close()
            return None
        if isinstance(command, m.Tidy):
            now = time.monotonic()
            idle = [room.name for room in self._rooms.values() if room.is_idle(now, command.idle)]
            for name in idle:
                del self._rooms[name]
            return idle
        known = self._rooms.get(command.room)
        if known is None:
            raise m.UnknownError("There is no such room.")
        return _IN_ROOM[type(command)](known, command)


def _listening(path: str) -> socket.socket:
    """A socket that only this user may use, in the place of one that a dead worker left behind."""
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(path)
    finally:
        os.umask(before)
    return listening


def _let_pass(room: Room, count: int, now: float) -> None:
    room.ask_again(now)
    if count % _FEEDBACK_EVERY == 0:
        room.feed_back()
    if count % _LOOK_EVERY == 0:
        room.look_around(now)
    if count % _REPORT_EVERY == 0:
        room.report(now)


def _join(room: Room, command: m.Join) -> None:
    room.join(command.participant, Allowed(command.mic, command.camera))


def _publish(room: Room, command: m.Publish) -> str:
    return room.publish(command.participant, command.sdp, command.sources)


def _answer(room: Room, command: m.Answer) -> None:
    room.answer(command.participant, command.version, command.sdp)


def _candidate(room: Room, command: m.Candidate) -> None:
    """Looked at, and left alone: an ICE-lite agent waits for checks."""
    room.participant(command.participant)
    try:
        sdp.parse_candidate(command.candidate)
    except sdp.MalformedSdpError as error:
        raise m.SdpRefusedError(str(error)) from None


def _offer(room: Room, command: m.Offer) -> m.Offered:
    participant = room.participant(command.participant)
    viewer = participant.viewer
    at = room.around.wall(time.monotonic())
    return m.Offered(room.name, at, participant.name, viewer.version, viewer.sdp, participant.tracks())


def _leave(room: Room, command: m.Leave) -> None:
    room.leave(command.participant, command.reason)


def _permit(room: Room, command: m.Permit) -> None:
    room.permit(command.participant, mic=command.mic, camera=command.camera)


def _mute(room: Room, command: m.Mute) -> None:
    if command.source not in set(Source):
        raise m.UnknownError("There is no such source.")
    room.mute(command.participant, Source(command.source), muted=command.muted)


def _show(room: Room, command: m.Show) -> None:
    viewer = room.participant(command.participant).viewer
    viewer.limit(command.publication, command.max_height)
    viewer.choose_layers(time.monotonic())


def _start_recording(room: Room, command: m.StartRecording) -> None:
    room.start_recording(Path(command.folder))


def _stop_recording(room: Room, command: m.StopRecording) -> None:  # noqa: ARG001
    room.stop_recording()


def _stats(room: Room, command: m.Stats) -> m.RoomStats:  # noqa: ARG001
    return room_stats(room, time.monotonic())


_IN_ROOM: dict[type[m.Command], Callable[[Room, Any], Any]] = {
    m.Join: _join,
    m.Publish: _publish,
    m.Answer: _answer,
    m.Candidate: _candidate,
    m.Offer: _offer,
    m.Leave: _leave,
    m.Permit: _permit,
    m.Mute: _mute,
    m.Show: _show,
    m.StartRecording: _start_recording,
    m.StopRecording: _stop_recording,
    m.Stats: _stats,
}


async def _hosted(setup: Setup) -> None:
    await Worker(setup).run()


def main(text: str) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    setup = msgspec.json.decode(text, type=Setup)
    # Held as long as the process lives: two workers on one socket would be two halves of a room.
    lock = os.open(f"{setup.socket}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SystemExit("Another worker has this socket.") from None
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())

    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_hosted(setup))


if __name__ == "__main__":
    main(sys.argv[1])
