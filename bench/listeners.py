"""Many Socket.IO clients in one process: one of them speaks, all of them count what they hear and how long it took.

It runs as a process of its own (``python -m bench.listeners``), so that it takes no time from the server's core. It reads
one round a line from standard input and writes one report a line to standard output, both JSON.
"""

from __future__ import annotations

import asyncio
import sys
import time
from functools import partial
from typing import cast

import msgspec
import uvloop

HEARD = b'42["message","{\\"method\\":\\"chat-message-received\\"'
SAID = '42["message",' + '"{\\"method\\":\\"request-send-chat-message\\",\\"data\\":%s}"]'
TEXT = '{\\"channelId\\":\\"all\\",\\"message\\":\\"' + "All stations, this is control. " * 3 + '\\"}'
_MASK = bytes(4)
_PATIENCE = 60.0


class Round(msgspec.Struct):
    """Each of ``bearers`` is a connection; the first speaks. ``window`` is how many messages are under way at a time, or
    with ``every`` (seconds) they are said at that pace.
    """

    port: int
    bearers: list[str]
    messages: int
    window: int = 1
    every: float = 0.0


class Heard(msgspec.Struct):
    """``latencies`` are the 50th, 95th and 99th percentile, in seconds."""

    deliveries: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return self.deliveries / self.seconds


class _Round:
    def __init__(self, listeners: int, messages: int) -> None:
        self.said_at: list[float] = []
        self.latencies: list[float] = []
        self.missing = [listeners] * messages
        self.all_heard = 0
        self.changed = asyncio.Event()

    def hear(self, number: int, now: float) -> None:
        self.latencies.append(now - self.said_at[number])
        self.missing[number] -= 1
        if not self.missing[number]:
            self.all_heard += 1
            self.changed.set()


class _Listener(asyncio.Protocol):
    def __init__(self, bearer: str) -> None:
        self._bearer = bearer
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._number = 0
        self.round: _Round | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            b"Authorization: Bearer " + self._bearer.encode() + b"\r\n\r\n"
        )

    def begin(self, counted: _Round) -> None:
        self.round, self._number = counted, 0

    def say(self, text: str) -> None:
        assert self._transport is not None
        data = text.encode()
        head = bytes((0x81, 0x80 | len(data))) if len(data) < 126 else b"\x81\xfe" + len(data).to_bytes(2)
        self._transport.write(head + _MASK + data)

    def data_received(self, data: bytes) -> None:
        received = self._rest + data if self._rest else data
        place, end = 0, len(received)
        if not self.ready.done() and received.startswith(b"HTTP/1.1 "):
            place = received.find(b"\r\n\r\n") + 4
            if place < 4:
                self._rest = received
                return
        while end - place >= 2:
            length, head = received[place + 1], 2
            if length == 126:
                length, head = int.from_bytes(received[place + 2 : place + 4]), 4
            elif length == 127:
                length, head = int.from_bytes(received[place + 2 : place + 10]), 10
            if place + head + length > end:
                break
            self._heard(received, place + head, place + head + length)
            place += head + length
        self._rest = received[place:]

    def _heard(self, received: bytes, begin: int, end: int) -> None:
        if received.startswith(HEARD, begin):
            if self.round is not None:
                self.round.hear(self._number, time.perf_counter())
            self._number += 1
        elif received[begin:end] == b"2":
            self.say("3")
        elif received.startswith(b"0{", begin):
            self.say("40")
        elif received.startswith(b"40", begin) and not self.ready.done():
            self.ready.set_result(None)
        elif received.startswith(b'42["message","{\\"method\\":\\"error\\"', begin):
            raise RuntimeError(received[begin:end].decode())

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("The server closed a connection."))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Crowd:
    def __init__(self) -> None:
        self._listeners: dict[int, list[_Listener]] = {}

    async def run(self, wanted: Round) -> Heard:
        listeners = self._listeners.get(wanted.port) or await self._gather(wanted)
        counted = _Round(len(listeners), wanted.messages)
        for listener in listeners:
            listener.begin(counted)
        began = time.perf_counter()
        await asyncio.wait_for(self._speak(listeners[0], counted, wanted), _PATIENCE)
        seconds = time.perf_counter() - began
        ordered = sorted(counted.latencies)
        marks = [ordered[min(len(ordered) - 1, int(len(ordered) * mark))] for mark in (0.5, 0.95, 0.99)]
        return Heard(len(ordered), seconds, marks)

    async def _speak(self, speaker: _Listener, counted: _Round, wanted: Round) -> None:
        text = SAID % TEXT
        began = time.perf_counter()
        for number in range(wanted.messages):
            if wanted.every:
                await asyncio.sleep(max(0.0, began + number * wanted.every - time.perf_counter()))
            else:
                await self._until(counted, number - wanted.window + 1)
            counted.said_at.append(time.perf_counter())
            speaker.say(text)
        await self._until(counted, wanted.messages)

    async def _until(self, counted: _Round, heard: int) -> None:
        while counted.all_heard < heard:
            counted.changed.clear()
            await counted.changed.wait()

    async def _gather(self, wanted: Round) -> list[_Listener]:
        """The speaker comes last: what happens while the others come concerns nobody."""
        loop = asyncio.get_running_loop()
        listeners: list[_Listener] = []
        for bearer in wanted.bearers:
            _, listener = await loop.create_connection(partial(_Listener, bearer), "127.0.0.1", wanted.port)
            await asyncio.wait_for(listener.ready, _PATIENCE)
            listeners.append(listener)
        await asyncio.sleep(0.5)
        self._listeners[wanted.port] = listeners
        return listeners


async def _serve() -> None:
    crowd, decoder = _Crowd(), msgspec.json.Decoder(Round)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        sys.stdout.buffer.write(msgspec.json.encode(await crowd.run(decoder.decode(line))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(_serve())
