"""One transport of one participant: ICE-lite, DTLS, SRTP. What comes is handed on as plain RTP and RTCP.

The agent is ICE-lite (RFC 8445, section 2.5): a server that the world can reach answers checks and sends none. It sends
where the last nominated check came from, so that a client whose network changes takes its call with it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from stoa.live.media._aiortc import LONGEST_PACKET, Identity, Secured, SrtpError
from stoa.live.media.port import Address, Port, Way, new_ufrag
from stoa.live.rtp import negotiation, rtcp, sdp
from stoa.live.rtp.packet import MalformedPacketError, is_rtcp

_HANDSHAKE_SECONDS = 15.0
_MOST_ADDRESSES = 8
_MOST_A_SECOND = 6000
"""Packets that one peer may send in a second: three times what a 1080p screen and camera take together."""


class Receiving(Protocol):
    """Who is told what a peer does."""

    def connected(self) -> None: ...
    def disconnected(self) -> None: ...
    def rtp_received(self, data: bytes, now: float) -> None: ...
    def rtcp_received(self, reports: list[rtcp.Report], now: float) -> None: ...


def random_ssrc() -> int:
    return secrets.randbits(32) or 1


class Peer:
    """Our end of one transport."""

    def __init__(self, port: Port, identity: Identity, receiving: Receiving) -> None:
        self.ufrag, self.password = new_ufrag(), secrets.token_hex(16)
        self.is_connected = False
        self.heard_at = float("-inf")
        """When something came that only the other side can have sent (monotonic)."""
        self.refused = 0
        """Packets that came and were thrown away: not theirs, malformed, or too many."""
        self._port, self._identity, self._receiving = port, identity, receiving
        self._way: Way | None = None
        self._address: Address | None = None
        self._addresses: dict[Address, None] = {}
        self._secured: Secured | None = None
        self._protect: Callable[[bytes], bytes] | None = None
        """Set while the peer is connected."""
        self._remote: sdp.Section | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._closed = False
        self._second, self._came = 0, 0
        port.add(self)

    def agent(self) -> negotiation.Agent:
        return negotiation.Agent(self.ufrag, self.password, self._identity.fingerprint, self._port.candidates)

    def is_of(self, remote: sdp.Section) -> bool:
        """Whether that description speaks of this transport, and not of a new one (a page that was loaded again)."""
        return self._remote is None or self._remote.fingerprints == remote.fingerprints

    def connect(self, remote: sdp.Section) -> None:
        """The other side's description came. Another ``ufrag`` than before is an ICE restart: ours changes too."""
        before, self._remote = self._remote, remote
        if before is not None and before.ufrag != remote.ufrag:
            self._port.remove(self)
            self.ufrag, self.password = new_ufrag(), secrets.token_hex(16)
            self._port.add(self)
        self._begin()

    def checked(self, way: Way, address: Address, *, nominated: bool) -> None:
        self.heard_at = time.monotonic()
        if nominated or self._address is None:
            self._way, self._address = way, address
        known = address[:2]
        self._addresses.pop(known, None)
        self._addresses[known] = None
        if len(self._addresses) > _MOST_ADDRESSES:
            oldest = next(iter(self._addresses))
            del self._addresses[oldest]
            self._port.forget(oldest)
        self._begin()

    def dtls_received(self, data: bytes) -> None:
        if self._secured is not None:
            self._secured.received(data)

    def media_received(self, data: bytes) -> None:
        if not self.is_connected or self._secured is None:
            return
        now = time.monotonic()
        try:
            of_reports = is_rtcp(data)
            plain = self._secured.unprotect_rtcp(data) if of_reports else self._secured.unprotect(data)
            self.heard_at = now
            if self._is_flooded(now):
                self.refused += 1
            elif of_reports:
                self._receiving.rtcp_received(rtcp.parse(plain), now)
            else:
                self._receiving.rtp_received(plain, now)
        except (SrtpError, MalformedPacketError, ValueError):
            self.refused += 1

    def send_rtp(self, packet: bytes) -> int:
        """Bytes that went out; none if nobody is there or the packet is too long to be protected."""
        protect, way, address = self._protect, self._way, self._address
        if protect is None or way is None or address is None or len(packet) > LONGEST_PACKET:
            return 0
        protected = protect(packet)
        way.send(protected, address)
        return len(protected)

    def send_rtcp(self, reports: Iterable[rtcp.Report]) -> None:
        if self.is_connected and self._secured is not None:
            self._send(self._secured.protect_rtcp(rtcp.build(reports)))

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.is_connected, self._protect = False, None
        if self._handshake is not None:
            self._handshake.cancel()
        if self._secured is not None:
            _running(self._stopped(self._secured))
        else:
            self._port.remove(self)

    async def _stopped(self, secured: Secured) -> None:
        try:
            await secured.stop()
        finally:
            self._port.remove(self)

    def _send(self, data: bytes) -> None:
        if self._way is not None and self._address is not None:
            self._way.send(data, self._address)

    def _begin(self) -> None:
        """Shakes hands as soon as it is known with whom and where they are."""
        if (
            self._handshake is None
            and self._remote is not None
            and self._address is not None
            and not self._closed
        ):
            server = self._remote.setup != "passive"
            self._secured = Secured(self._identity, self._send, self._lost, server=server)
            self._handshake = asyncio.create_task(self._shake_hands(self._secured, self._remote.fingerprints))

    async def _shake_hands(self, secured: Secured, fingerprints: tuple[tuple[str, str], ...]) -> None:
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                self.is_connected = await secured.start(fingerprints)
        except TimeoutError:
            pass
        if self.is_connected:
            self._protect = secured.protect
            self._receiving.connected()
        elif not self._closed:
            self._lost()

    def _lost(self) -> None:
        if not self._closed:
            self.close()
            self._receiving.disconnected()

    def _is_flooded(self, now: float) -> bool:
        """Counts what is theirs without doubt: nobody can use up a participant's share by forging their address."""
        if int(now) != self._second:
            self._second, self._came = int(now), 0
        self._came += 1
        return self._came > _MOST_A_SECOND


_TASKS: set[asyncio.Task[None]] = set()
"""Tasks that nobody waits for: kept here, or the loop would forget them."""


def _running(coroutine: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(coroutine)
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)
