"""A class of six: everybody sends a picture and sees everybody's, all of it recorded; in Stoa itself, and on Janus.

Pictures of 530 kbit/s in packets of 1,100 bytes, encrypted both ways: 30 flows. Counted is the processor time of the
process that carries the media, Stoa's worker or Janus, one after the other in the same run with the same clients.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import januses
from bench.figure import Bench, Figure, NotMeasuredError, Result
from bench.media_clients import KEY_FRAME, Client
from stoa.kernel.clock import SystemClock
from stoa.kernel.ids import SystemIds
from stoa.live.janus import Janus, Setup
from stoa.live.media import messages as m
from stoa.live.media._aiortc import Identity
from stoa.live.media.controller import Listen
from stoa.live.provider import Embedded
from stoa.live.rtp.packet import RtpPacket, build
from stoa.live.rtp.sdp import MID
from stoa.live.store import metadata
from stoa.platform.storage import open_storage

_PEOPLE, _PACKETS, _TICK = 6, 60, 0.010
_ROOM = "class"
_MID_ID = 4
_MOST = 0.25
"""Of a core, in Stoa: a spike took 0.19 for less."""


class Picture:
    """Makes up a camera's packets. Each begins a key frame: whoever comes in may begin with any."""

    def __init__(self, client: Client) -> None:
        self._client, self._sequence = client, 0

    def send(self, count: int) -> None:
        for _ in range(count):
            self._sequence = (self._sequence + 1) & 0xFFFF
            payload = b"\x90\x80\x80\x00" + KEY_FRAME + bytes(1100)
            packet = RtpPacket(
                96,
                self._sequence,
                self._sequence * 1500,
                77,
                payload,
                marker=True,
                extensions={_MID_ID: b"0"},
            )
            self._client.send(self._client.secured.protect(build(packet)))


@dataclass(slots=True)
class Call:
    """``pid`` is the process that carries the media."""

    provider: Embedded | Janus
    pid: int = 0
    offers: dict[str, m.Offered] = field(default_factory=dict)

    async def told(self, event: m.AnyEvent) -> None:
        if isinstance(event, m.Offered):
            self.offers[event.participant] = event

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """``core``: seconds of processor time a second. ``came``: packets a second at all viewers together."""

    core: float
    came: float


@asynccontextmanager
async def _embedded(folder: Path) -> AsyncGenerator[Call]:
    call = Call(Embedded(folder, clock=SystemClock(), listen=[Listen("127.0.0.1")], first_port=0, workers=1))
    await call.provider.start(call.told)
    await call.provider.open_room(_ROOM, max_participants=None)
    call.pid = int((folder / "media/media-0.sock.lock").read_text())
    try:
        yield call
    finally:
        assert isinstance(call.provider, Embedded)
        await call.provider.signalling.stop(end_calls=True)


@asynccontextmanager
async def _janus(folder: Path) -> AsyncGenerator[Call]:
    """As an ICE-lite agent, which Stoa's own worker is, too: it wants nothing of these clients but their checks."""
    network = januses.Network()
    server = januses.JanusServer(network, folder, lite=True)
    storage = open_storage(f"sqlite:///{folder}/stoa.db")
    metadata.create_all(storage.engine)
    try:
        server.start()
        setup = Setup([server.url], januses.SECRET, "", folder / "recordings")
        call = Call(Janus(setup, storage, SystemClock(), SystemIds()), server.process.pid)
        await call.provider.start(call.told)
        await call.provider.open_room(_ROOM, max_participants=None)
        yield call
        await call.provider.stop()
    finally:
        server.stop()
        network.close()
        await storage.close()


async def _cost(call: Call, seconds: float) -> Cost:
    identity, signalling = Identity(), call.provider.signalling
    clients: list[Client] = []
    cameras: list[Picture] = []
    for index in range(_PEOPLE):
        name, client = f"p{index}", Client(identity)
        await signalling.join(_ROOM, name)
        # Otherwise Janus would be the one who calls; and it drops what does not say its section.
        offer = client.offer().replace("a=setup:actpass", "a=setup:active") + f"a=extmap:{_MID_ID} {MID}\n"
        await client.connect(await signalling.publish(_ROOM, name, offer, {"0": "camera"}))
        clients.append(client)
        cameras.append(Picture(client))
    sending = asyncio.create_task(_send(cameras, clients, [], 60))
    viewers = [await _viewer(call, identity, f"p{index}") for index in range(_PEOPLE)]
    sending.cancel()
    await call.provider.start_recording(_ROOM, "measured")
    await _send(cameras, [*clients, *viewers], viewers, seconds / 4)
    began, before = time.perf_counter(), call.processor_seconds()
    came = await _send(cameras, [*clients, *viewers], viewers, seconds)
    took = time.perf_counter() - began
    core = (call.processor_seconds() - before) / took
    for client in [*clients, *viewers]:
        client.close()
    return Cost(core, came / took)


async def _viewer(call: Call, identity: Identity, name: str) -> Client:
    """Somebody's receiving connection, answered until all of the others are in its offer."""
    client, version = Client(identity), 0
    deadline = time.perf_counter() + 20
    while True:
        offered = await call.provider.signalling.offer(_ROOM, name)
        if offered.version > version:
            version = offered.version
            answer = _answer(client, offered.sdp)
            await call.provider.signalling.answer(_ROOM, name, version, answer)
            if not hasattr(client, "secured"):
                await client.connect(offered.sdp)
            if len(offered.tracks) == _PEOPLE - 1:
                return client
        if time.perf_counter() > deadline:
            raise NotMeasuredError(f"{name} was offered {len(offered.tracks)} pictures only.")
        await asyncio.sleep(0.02)


def _answer(client: Client, offer: str) -> str:
    """Takes all that is offered."""
    _, *sections = offer.replace("\r\n", "\n").split("\nm=")
    mids = re.findall(r"^a=mid:(\S+)$", offer.replace("\r\n", "\n"), re.MULTILINE)
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(mids)}"]
    for mid, section in zip(mids, sections, strict=True):
        kind, number = section.split(" ", 1)[0], section.split("\n", 1)[0].split(" ")[3]
        codec = f"VP8/90000\na=rtcp-fb:{number} nack pli" if kind == "video" else "opus/48000/2"
        direction = "recvonly" if "\na=sendonly" in section else "inactive"
        lines += [
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {number}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}", f"a={direction}",
            f"a=rtpmap:{number} {codec}", "a=ice-ufrag:load", "a=ice-pwd:loadloadloadloadloadload",
            f"a=fingerprint:sha-256 {client.identity.fingerprint}", "a=setup:active", "a=rtcp-mux",
        ]  # fmt: skip
    return "\r\n".join(lines).replace("\n", "\r\n").replace("\r\r", "\r") + "\r\n"


async def _send(cameras: list[Picture], clients: list[Client], viewers: list[Client], seconds: float) -> int:
    """How many packets of pictures came to all viewers."""
    began, sent, came = time.perf_counter(), 0, 0
    for tick in range(int(seconds / _TICK)):
        due = int((tick + 1) * _TICK * _PACKETS) - sent
        sent += due
        for camera in cameras:
            camera.send(due)
        came += sum(map(_drained, viewers))
        if tick % 100 == 0:
            for client in clients:
                client.check()
        await asyncio.sleep(max(0.0, began + (tick + 1) * _TICK - time.perf_counter()))
    return came


def _drained(client: Client) -> int:
    count = 0
    while True:
        try:
            data = client.socket.recv(2048)
        except OSError:
            return count
        count += len(data) > 1000


async def _measure(folder: Path, seconds: float) -> tuple[Cost, Cost]:
    (folder / "stoa").mkdir()
    (folder / "janus").mkdir()
    limit = 2 * seconds + 60
    async with asyncio.timeout(limit), _embedded(folder / "stoa") as call:
        own = await _cost(call, seconds)
    async with asyncio.timeout(limit), _janus(folder / "janus") as call:
        return own, await _cost(call, seconds)


def _measured(bench: Bench) -> list[Result]:
    try:
        januses.check()
    except (OSError, ValueError) as error:
        raise NotMeasuredError(str(error)) from None
    own, peer = asyncio.run(_measure(bench.folder, bench.pick(20, 5)))
    wanted = _PEOPLE * (_PEOPLE - 1) * _PACKETS
    all_came = min(own.came, peer.came) > 0.95 * wanted
    return [
        Result(
            "core for a class of six, everybody seeing everybody, recorded",
            f"{own.core:.0%}",
            f"≤ {_MOST:.0%}",
            own.core <= _MOST and all_came,
            peer=f"{peer.core:.0%} (Janus)",
            ratio=f"{own.core / peer.core:.1f} ×",
            note=f"packets a second that came: {own.came:,.0f}, {peer.came:,.0f} with Janus, of {wanted:,}",
        )
    ]


FIGURES = (Figure("classes", "A class of six, in Stoa and on Janus", _measured),)
