"""DTLS and SRTP by aiortc: the one file that touches what aiortc does not document.

Used without being documented: that ``RTCDtlsTransport`` asks of its ICE transport only ``role``, ``_recv`` and
``_send``, and that it keeps its keys in ``_rx_srtp`` and ``_tx_srtp``. aiortc's version is pinned, and
``tests/service/live/test_aiortc.py`` fails where these change. Everything else here is documented.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pylibsrtp
from aioice import stun
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

_MOST_WAITING = 64
"""DTLS datagrams that wait to be read: a handshake has a handful."""

LONGEST_PACKET = 1350
"""Bytes of a packet before its protection: pylibsrtp refuses longer ones."""

SrtpError = pylibsrtp.Error


class Identity:
    """A certificate of our own, which the other side knows by its fingerprint."""

    def __init__(self) -> None:
        self.certificate = RTCCertificate.generateCertificate()

    @property
    def fingerprint(self) -> str:
        """SHA-256, as a session description shows it."""
        return next(each.value for each in self.certificate.getFingerprints() if each.algorithm == "sha-256")


class _Wire:
    """What ``RTCDtlsTransport`` takes for its ICE transport. ``role`` decides who is DTLS server (ORTC, 5.3)."""

    def __init__(self, send: Callable[[bytes], None], *, server: bool) -> None:
        self.role = "controlling" if server else "controlled"
        self._out = send
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_MOST_WAITING)

    def give(self, datagram: bytes) -> None:
        if not self._waiting.full():
            self._waiting.put_nowait(datagram)

    def close(self) -> None:
        while self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def _recv(self) -> bytes:
        datagram = await self._waiting.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, data: bytes) -> None:
        self._out(data)


class Secured:
    """One DTLS association, and RTP under its keys. ``closed`` is called once, when it ends without ``stop``."""

    def __init__(
        self, identity: Identity, send: Callable[[bytes], None], closed: Callable[[], None], *, server: bool
    ) -> None:
        self._wire = _Wire(send, server=server)
        self._transport: Any = RTCDtlsTransport(self._wire, [identity.certificate])  # type: ignore[arg-type]
        self._transport.on("statechange", self._changed)
        self._closed = closed
        self.protect: Callable[[bytes], bytes]
        self.protect_rtcp: Callable[[bytes], bytes]
        self.unprotect: Callable[[bytes], bytes]
        self.unprotect_rtcp: Callable[[bytes], bytes]

    async def start(self, fingerprints: Sequence[tuple[str, str]]) -> bool:
        """Shakes hands. False if that failed or the other side is not who it said."""
        wanted = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints]
        await self._transport.start(RTCDtlsParameters(fingerprints=wanted))
        if self._transport.state != "connected":
            return False
        outgoing, incoming = self._transport._tx_srtp, self._transport._rx_srtp  # noqa: SLF001 - see the top
        self.protect, self.protect_rtcp = outgoing.protect, outgoing.protect_rtcp
        self.unprotect, self.unprotect_rtcp = incoming.unprotect, incoming.unprotect_rtcp
        return True

    def received(self, datagram: bytes) -> None:
        """A DTLS datagram came."""
        self._wire.give(datagram)

    async def stop(self) -> None:
        self._transport.remove_all_listeners()
        await self._transport.stop()
        self._wire.close()

    def _changed(self) -> None:
        if self._transport.state == "closed":
            self._closed()


class Check:
    """A STUN binding request, as an ICE agent sends it (RFC 8445, section 7)."""

    def __init__(self, message: stun.Message) -> None:
        self._message = message
        self.ufrag = str(message.attributes.get("USERNAME", "")).partition(":")[0]
        """Ours, to which the check goes."""
        self.nominates = "USE-CANDIDATE" in message.attributes

    @classmethod
    def parse(cls, datagram: bytes) -> Check | None:
        """None for what is no binding request."""
        try:
            message = stun.parse_message(datagram)
        except (ValueError, struct.error):
            return None
        request = (
            message.message_class == stun.Class.REQUEST and message.message_method == stun.Method.BINDING
        )
        return cls(message) if request else None

    def is_signed_with(self, password: str) -> bool:
        return self._message.check_message_integrity(password.encode())

    def answer(self, address: tuple[str, int], password: str) -> bytes:
        response = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.RESPONSE,
            transaction_id=self._message.transaction_id,
        )
        response.attributes["XOR-MAPPED-ADDRESS"] = address
        response.add_message_integrity(password.encode())
        return bytes(response)


def signed_check(username: str, password: str) -> bytes:
    """A check that nominates the way by which it goes, as a client's."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return bytes(message)
