"""The UDP port that all participants of a worker share: whose datagram is whose.

A datagram of an address that proved itself by a signed ICE check goes to that address's peer; anything else is
dropped, unless it is such a check. So garbage from strangers costs a look into a dictionary.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Sequence
from typing import Protocol

from stoa.live.media._aiortc import Check
from stoa.live.media._setup import Listen

Address = tuple[str, int]

_AT_ONCE = 128
"""Datagrams read before the loop's other work gets its turn."""
_BUFFER = 8 * 1024 * 1024
_LONGEST = 2048
_UFRAG = re.compile(rb"([0-9a-f]{12}):")
"""Of an endpoint of ours, as a check names it."""


def new_ufrag() -> str:
    return secrets.token_hex(6)


class Endpoint(Protocol):
    """One end of a transport, known by its ``ufrag``."""

    ufrag: str
    password: str

    def checked(self, way: Way, address: Address, *, nominated: bool) -> None: ...
    def media_received(self, data: bytes) -> None: ...
    def dtls_received(self, data: bytes) -> None: ...


class Way:
    """A socket on which the port listens."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self.socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        try:
            self.socket.bind((host, port))
        except OSError:
            self.socket.close()
            raise
        self.port: int = self.socket.getsockname()[1]
        self.dropped = 0

    def send(self, data: bytes, address: Address) -> None:
        """A full buffer or a way that is gone loses the datagram, as a network would."""
        try:
            self.socket.sendto(data, address)
        except OSError:
            self.dropped += 1


class Port:
    """The port, open. ``candidates`` are the addresses that others are told."""

    def __init__(self, listens: Sequence[Listen], port: int, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.ways: list[Way] = []
        self._by_ufrag: dict[str, Endpoint] = {}
        self._by_address: dict[Address, Endpoint] = {}
        try:
            for listen in listens:
                self.ways.append(Way(listen.host, port))
                port = self.ways[0].port
        except OSError:
            self.close()
            raise
        self.number = port
        self.candidates = tuple((listen.announced or listen.host, port) for listen in listens)
        for way in self.ways:
            loop.add_reader(way.socket.fileno(), self._readable, way)

    def add(self, endpoint: Endpoint) -> None:
        self._by_ufrag[endpoint.ufrag] = endpoint

    def remove(self, endpoint: Endpoint) -> None:
        self._by_ufrag.pop(endpoint.ufrag, None)
        for address in [each for each, found in self._by_address.items() if found is endpoint]:
            del self._by_address[address]

    def forget(self, address: Address) -> None:
        self._by_address.pop(address, None)

    def close(self) -> None:
        for way in self.ways:
            self._loop.remove_reader(way.socket.fileno())
            way.socket.close()

    def _readable(self, way: Way) -> None:
        receive, known = way.socket.recvfrom, self._by_address
        for _ in range(_AT_ONCE):
            try:
                data, address = receive(_LONGEST)
            except OSError:
                return
            if not data:
                continue
            first = data[0]
            if 128 <= first <= 191:
                endpoint = known.get(address[:2])
                if endpoint is not None:
                    endpoint.media_received(data)
            elif first <= 3:
                self._checked(way, data, address)
            elif 20 <= first <= 63:
                endpoint = known.get(address[:2])
                if endpoint is not None:
                    endpoint.dtls_received(data)

    def _checked(self, way: Way, data: bytes, address: Address) -> None:
        named = _UFRAG.search(data)
        if named is None or named[1].decode() not in self._by_ufrag:
            # Before it is parsed: a flood of checks for nobody costs next to nothing.
            return
        check = Check.parse(data)
        endpoint = self._by_ufrag.get(check.ufrag) if check is not None else None
        if check is None or endpoint is None or not check.is_signed_with(endpoint.password):
            return
        self._by_address[address[:2]] = endpoint
        way.send(check.answer(address[:2], endpoint.password), address)
        endpoint.checked(way, address, nominated=check.nominates)
