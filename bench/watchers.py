"""Socket.IO clients that watch replays: how late is each candle, by the server's own anchor and this machine's clock.

A process of its own (``python -m bench.watchers``), so that it takes no time from the server's core. It reads one round a
line from standard input and writes one report a line to standard output, both JSON.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any, cast

import msgspec
import uvloop

CONNECTIONS = 10
_CANDLE = b'42/trading,["candle",'
_MASK = bytes(4)
_PATIENCE = 60.0


class Replay(msgspec.Struct):
    """A running session: ``at`` is when its bar 0 was complete, in epoch seconds; ``first`` that bar's start, in minutes."""

    session_id: int
    at: float
    first: int


class Watching(msgspec.Struct):
    port: int
    bearer: str
    replays: list[Replay]
    bars_a_second: float
    warm: float
    seconds: float


class Seen(msgspec.Struct):
    """Seconds behind the due time at the 50th, 99th and 100th percentile; ``missing`` bars were never told."""

    candles: int
    seconds: float
    late: list[float]
    missing: int


class _Candle(msgspec.Struct):
    id: int


class _Told(msgspec.Struct):
    session_id: int
    candle: _Candle


_decode = msgspec.json.Decoder(tuple[str, _Told]).decode


class Tally:
    """Lateness by the minute in a candle's id: bar n of an hourly session began n hours after its first."""

    def __init__(self, wanted: Watching) -> None:
        self.replays = {each.session_id: each for each in wanted.replays}
        self.pace = wanted.bars_a_second
        self.last: dict[int, int] = {}
        self.late: list[float] = []
        self.missing = 0
        self.counting = False
        self.all_heard = asyncio.Event()

    def hear(self, told: _Told, now: float) -> None:
        minute = (told.candle.id & 0xFFFFFFFF) >> 4
        replay = self.replays[told.session_id]
        bar = (minute - replay.first) // 60
        before = self.last.get(told.session_id)
        self.last[told.session_id] = bar
        if len(self.last) == len(self.replays):
            self.all_heard.set()
        if self.counting:
            self.missing += 0 if before is None else bar - before - 1
            self.late.append(now - (replay.at + bar / self.pace))


class Watcher(asyncio.Protocol):
    def __init__(self, wanted: Watching, sessions: list[int], tally: Tally) -> None:
        self._wanted = wanted
        self._sessions = sessions
        self._tally = tally
        self._rest = b""
        self._open = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            b"Authorization: Bearer " + self._wanted.bearer.encode() + b"\r\n\r\n"
        )

    def say(self, text: str) -> None:
        assert self._transport is not None
        data = text.encode()
        head = bytes((0x81, 0x80 | len(data))) if len(data) < 126 else b"\x81\xfe" + len(data).to_bytes(2)
        self._transport.write(head + _MASK + data)

    def data_received(self, data: bytes) -> None:
        received, place = self._rest + data, 0
        if not self._open:
            place = received.find(b"\r\n\r\n") + 4
            if place < 4:
                self._rest = received
                return
            self._open = True
        now = time.time()
        while len(received) - place >= 2:
            length, head = received[place + 1], 2
            if length == 126:
                length, head = int.from_bytes(received[place + 2 : place + 4]), 4
            elif length == 127:
                length, head = int.from_bytes(received[place + 2 : place + 10]), 10
            if len(received) - place < head + length:
                break
            self._hear(received[place + head : place + head + length], now)
            place += head + length
        self._rest = received[place:]

    def _hear(self, text: bytes, now: float) -> None:
        if text.startswith(_CANDLE):
            self._tally.hear(_decode(text[len(b"42/trading,") :])[1], now)
        elif text.startswith(b"0"):
            self.say("40/trading,")
        elif text == b"2":
            self.say("3")
        elif text.startswith(b"40/trading,"):
            for number, session in enumerate(self._sessions):
                self.say(f'42/trading,{number}["subscribe",{{"session_id":{session}}}]')


async def watch(wanted: Watching) -> Seen:
    tally, loop = Tally(wanted), asyncio.get_running_loop()
    sessions = [each.session_id for each in wanted.replays]
    transports: list[Any] = []
    for number in range(CONNECTIONS):
        watcher = Watcher(wanted, sessions[number::CONNECTIONS], tally)
        made, _ = await loop.create_connection(lambda one=watcher: one, "127.0.0.1", wanted.port)  # type: ignore[misc]
        transports.append(made)
    async with asyncio.timeout(_PATIENCE):
        await tally.all_heard.wait()
    await asyncio.sleep(wanted.warm)
    tally.counting = True
    began = time.monotonic()
    await asyncio.sleep(wanted.seconds)
    tally.counting = False
    seconds = time.monotonic() - began
    for transport in transports:
        transport.close()
    late = sorted(tally.late)
    points = [late[min(int(len(late) * share), len(late) - 1)] for share in (0.5, 0.99, 1.0)] if late else []
    return Seen(len(late), seconds, points, tally.missing)


def main() -> None:
    for line in sys.stdin.buffer:
        seen = uvloop.run(watch(msgspec.json.decode(line, type=Watching)))
        sys.stdout.buffer.write(msgspec.json.encode(seen) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
