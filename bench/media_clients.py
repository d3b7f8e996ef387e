"""Clients of the media engine that cost almost nothing: ICE, DTLS and SRTP as a browser's, RTP made up."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import time

from aioice import stun

from stoa.live.media._aiortc import Identity, Secured, signed_check
from stoa.live.rtp.twcc import packed_feedback

_TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
_HEAD = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE {mids}
"""
_TRANSPORT = """a=ice-ufrag:load
a=ice-pwd:loadloadloadloadloadload
a=fingerprint:sha-256 {fingerprint}
a=setup:{setup}
a=rtcp-mux
"""
_VIDEO = """m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=mid:{mid}
a={direction}
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=extmap:3 {uri}
"""
_SILENT = """m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=inactive
a=rtpmap:111 opus/48000/2
a=extmap:3 {uri}
"""
_PACKET = struct.Struct("!BBHLL5sHx")
_STAMP = struct.Struct("!Q")
_HEADER = 20
_ASKED = b"\x00\x01"
_PASSWORD = b"loadloadloadloadloadload"
_DESCRIPTOR = b"\x90\x80\x80\x00"
KEY_FRAME = b"\x10\x00\x00\x9d\x01\x2a\x00\x05\xd0\x02"


class Client:
    """One transport. ``fingerprint`` goes into its description."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._loop = asyncio.get_running_loop()
        self._answered = asyncio.Event()
        self.secured: Secured

    def offer(self) -> str:
        """What a sender of one picture offers."""
        return _HEAD.format(mids="0") + self._video("0", "sendonly", "actpass")

    def answer(self, offer: str) -> str:
        """What a viewer answers: the first section is for sound, and silent."""
        if offer.count("m=") == 1:
            return _HEAD.format(mids="0") + _SILENT.format(uri=_TRANSPORT_CC) + self._transport("active")
        silent = _SILENT.format(uri=_TRANSPORT_CC) + self._transport("active")
        return _HEAD.format(mids="0 1") + silent + self._video("1", "recvonly", "active")

    async def connect(self, description: str) -> None:
        """As far as SRTP, with whom the description names."""
        found = dict(re.findall(r"^a=(ice-ufrag|ice-pwd|fingerprint):(.+?)\r?$", description, re.MULTILINE))
        candidate = re.search(r" udp \d+ (\S+) (\d+) typ", description)
        assert candidate is not None
        self.socket.connect((candidate[1], int(candidate[2])))
        self._loop.add_reader(self.socket.fileno(), self._readable)
        self._check = signed_check(f"{found['ice-ufrag']}:load", found["ice-pwd"])
        self.check()
        self.secured = Secured(self.identity, self.send, lambda: None, server=False)
        await asyncio.wait_for(self._answered.wait(), 5)
        assert await self.secured.start([("sha-256", found["fingerprint"].split()[1])])
        self._loop.remove_reader(self.socket.fileno())

    def check(self) -> None:
        """Still here."""
        self.send(self._check)

    def close(self) -> None:
        self.socket.close()

    def feed_back(self, first: int, count: int, number: int) -> None:
        """Tells of packets of the path as if each had come at its time."""
        times: list[float | None] = [1.0 + number * 0.1 + 0.1 * index / count for index in range(count)]
        packed = packed_feedback(first & 0xFFFF, times, number & 0xFF)
        body = struct.pack("!LL", 1, 2) + packed
        self.send(self.secured.protect_rtcp(struct.pack("!BBH", 0x8F, 205, len(body) // 4) + body))

    def _video(self, mid: str, direction: str, setup: str) -> str:
        return _VIDEO.format(mid=mid, direction=direction, uri=_TRANSPORT_CC) + self._transport(setup)

    def _transport(self, setup: str) -> str:
        return _TRANSPORT.format(fingerprint=self.identity.fingerprint, setup=setup)

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.send(data)

    def _answer_to(self, check: bytes) -> bytes:
        """Janus checks the way back, too, even as a lite agent."""
        asked = stun.parse_message(check)
        answer = stun.Message(
            message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE,
            transaction_id=asked.transaction_id,
        )  # fmt: skip
        answer.attributes["XOR-MAPPED-ADDRESS"] = self.socket.getpeername()[:2]
        answer.add_message_integrity(_PASSWORD)
        return bytes(answer)

    def _readable(self) -> None:
        try:
            data = self.socket.recv(2048)
        except OSError:
            return
        if data[:2] == _ASKED:
            self.send(self._answer_to(data))
        elif data[0] <= 3:
            self._answered.set()
        else:
            self.secured.received(data)


class Camera:
    """Makes up a picture's packets and sends them. Each carries the time at which it was sent."""

    def __init__(self, client: Client, size: int = 1100) -> None:
        self._client, self._sequence = client, 0
        self._rest = bytes(size)

    def send(self, count: int) -> None:
        for _ in range(count):
            number = self._sequence = (self._sequence + 1) & 0xFFFF
            # Every packet begins a key frame: whoever comes in may begin with any.
            header = _PACKET.pack(
                0x90, 96, number, self._sequence * 3000, 77, b"\xbe\xde\x00\x01\x31", number
            )
            stamp = _STAMP.pack(time.time_ns())
            self._client.send(
                self._client.secured.protect(header + _DESCRIPTOR + KEY_FRAME + stamp + self._rest)
            )


class Viewer:
    """Reads what came, and how long it took from the camera to this socket."""

    def __init__(self, client: Client) -> None:
        self._client = client
        client.socket.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS

    def delays(self) -> list[float]:
        """Seconds, of each packet that waits."""
        found: list[float] = []
        while True:
            try:
                data, ancillary, _, _ = self._client.socket.recvmsg(2048, 128)
            except OSError:
                return found
            if not 128 <= data[0] < 192 or 192 <= data[1] <= 223:
                continue
            plain = self._client.secured.unprotect(data)
            at = _HEADER + len(_DESCRIPTOR) + len(KEY_FRAME)
            (sent,) = _STAMP.unpack_from(plain, at)
            seconds, nanos = struct.unpack("qq", ancillary[0][2][:16])
            found.append((seconds * 1_000_000_000 + nanos - sent) / 1e9)
