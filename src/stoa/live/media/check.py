"""Whether a browser could connect: a client of our own goes the whole way, to each address that browsers are told.

It proves that the worker runs and that the address leads to it from this machine. A firewall between the world and this
machine it can not see; an announced address that is only reachable from outside it can not reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from dataclasses import dataclass
from typing import cast

from stoa.live.media._aiortc import Identity, Secured, signed_check
from stoa.live.media.controller import Controller
from stoa.live.rtp import sdp

_SECONDS = 3.0
_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a client came at one address: its ICE check was answered; it shook hands, and has keys for media."""

    host: str
    port: int
    answered: bool
    secured: bool
    seconds: float


async def check(controller: Controller) -> list[Reached]:
    """Each announced address in turn. ``WorkerFailedError`` if there is no worker to be had."""
    room = f"check-{secrets.token_hex(8)}"
    await controller.open_room(room)
    try:
        await controller.join(room, "first")
        addresses = _CANDIDATE.findall((await controller.offer(room, "first")).sdp)
        return [await _reached(controller, room, host, int(port)) for host, port in addresses]
    finally:
        await controller.close_room(room)


async def _reached(controller: Controller, room: str, host: str, port: int) -> Reached:
    name = f"at-{port}-{secrets.token_hex(4)}"
    await controller.join(room, name)
    offered = await controller.offer(room, name)
    began = time.monotonic()
    client = _Client()
    try:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: client, remote_addr=(host, port))
        await controller.answer(room, name, offered.version, client.answer(offered.sdp))
        secured = await client.connect(sdp.parse(offered.sdp).transport())
    except (OSError, TimeoutError):
        secured = False
    finally:
        await client.close()
    return Reached(host, port, client.answered.is_set(), secured, time.monotonic() - began)


class _Client(asyncio.DatagramProtocol):
    """As much of a browser as it takes to get keys."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self._identity = Identity()
        self._ufrag, self._password = secrets.token_hex(4), secrets.token_hex(16)
        self._secured = Secured(self._identity, self._send, lambda: None, server=False)
        self._transport: asyncio.DatagramTransport | None = None

    def answer(self, offer: str) -> str:
        """The offer itself, with our end of the transport in it."""
        ours = {
            "ice-ufrag": self._ufrag,
            "ice-pwd": self._password,
            "fingerprint": f"sha-256 {self._identity.fingerprint}",
            "setup": "active",
        }
        return re.sub(
            r"^a=(ice-ufrag|ice-pwd|fingerprint|setup):.*?(?=\r?$)",
            lambda found: f"a={found[1]}:{ours[found[1]]}",
            offer,
            flags=re.MULTILINE,
        )

    async def connect(self, theirs: sdp.Section) -> bool:
        async with asyncio.timeout(_SECONDS):
            while not self.answered.is_set():
                self._send(signed_check(f"{theirs.ufrag}:{self._ufrag}", theirs.password))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.answered.wait(), 0.2)
            return await self._secured.start(theirs.fingerprints)

    async def close(self) -> None:
        await self._secured.stop()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:  # noqa: ARG002
        if data[:1] <= b"\x03":
            self.answered.set()
        else:
            self._secured.received(data)

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(data)
