"""The load: many keep-alive connections that each send their next request when the last is answered.

It runs as a process of its own (``python -m bench.load``), so that it takes no time from the server's core. It reads
one round a line from standard input and writes one report a line to standard output, both JSON.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import msgspec
import uvloop

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Round(msgspec.Struct):
    """``requests`` has for each connection the whole bytes of the request that it repeats ``each`` times."""

    port: int
    requests: list[bytes]
    each: int


class Report(msgspec.Struct):
    """``latencies`` are the 50th, 95th and 99th percentile, in seconds. ``refused`` counts answers other than 200."""

    requests: int
    seconds: float
    latencies: list[float]
    refused: int
    refusal: str = ""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass(slots=True)
class _Tally:
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    refusal: str = ""


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._request = b""
        self._left = 0
        self._sent_at = 0.0
        self._tally = _Tally()
        self._done: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """A server closes a connection that was silent for a while."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not one by name

    def begin(self, request: bytes, each: int, tally: _Tally) -> asyncio.Future[None]:
        self._request, self._left, self._tally = request, each, tally
        self._done = asyncio.get_running_loop().create_future()
        self._send()
        return self._done

    def _send(self) -> None:
        assert self._transport is not None
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head = received.find(_END_OF_HEAD)
        if head < 0:
            self._received = received
            return
        lowered = received[:head].lower()
        place = lowered.find(_LENGTH)
        length = int(lowered[place + len(_LENGTH) :].split(b"\r", 1)[0]) if place >= 0 else 0
        if len(received) < head + len(_END_OF_HEAD) + length:
            self._received = received
            return
        self._received = b""
        self._answered(received)

    def _answered(self, answer: bytes) -> None:
        self._tally.latencies.append(time.perf_counter() - self._sent_at)
        if not answer.startswith(b"HTTP/1.1 200"):
            self._tally.refused += 1
            self._tally.refusal = answer[:400].decode("latin-1")
        self._left -= 1
        if self._left:
            self._send()
        elif self._done is not None:
            self._done.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("The server closed a connection."))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Client:
    def __init__(self) -> None:
        self._connections: dict[int, list[_Connection]] = {}

    async def run(self, wanted: Round) -> Report:
        open_ones = [one for one in self._connections.get(wanted.port, []) if one.is_open]
        self._connections[wanted.port] = open_ones
        loop = asyncio.get_running_loop()
        while len(open_ones) < len(wanted.requests):
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", wanted.port)
            open_ones.append(connection)
        tally = _Tally()
        began = time.perf_counter()
        await asyncio.gather(
            *(
                connection.begin(request, wanted.each, tally)
                for connection, request in zip(open_ones, wanted.requests, strict=False)
            )
        )
        seconds = time.perf_counter() - began
        ordered = sorted(tally.latencies)
        marks = [ordered[min(len(ordered) - 1, int(len(ordered) * mark))] for mark in (0.5, 0.95, 0.99)]
        return Report(len(ordered), seconds, marks, tally.refused, tally.refusal)

    def close(self) -> None:
        for connection in (one for many in self._connections.values() for one in many):
            connection.close()


async def _serve() -> None:
    client, decoder = _Client(), msgspec.json.Decoder(Round)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        sys.stdout.buffer.write(msgspec.json.encode(await client.run(decoder.decode(line))) + b"\n")
        sys.stdout.buffer.flush()
    client.close()


def median_rate(reports: list[Report]) -> float:
    return statistics.median(report.rate for report in reports)


if __name__ == "__main__":
    uvloop.run(_serve())
