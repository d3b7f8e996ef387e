"""People in a call: aiortc clients that speak with a ``Controller`` as a browser would, through what a test wires up."""

import asyncio
import contextlib
import fractions
import time

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError

from stoa.kernel.clock import SystemClock
from stoa.live.media import messages as m
from stoa.live.media.controller import Controller, Listen

NO_SERVERS = RTCConfiguration(iceServers=[])


class Picture(MediaStreamTrack):
    """A small moving picture, twenty times a second."""

    kind = "video"

    def __init__(self, width=160, height=120):
        super().__init__()
        self.count, self.shape, self.began = 0, (height, width, 3), time.monotonic()

    async def recv(self):
        if self.readyState != "live":
            raise MediaStreamError
        self.count += 1
        await asyncio.sleep(max(0, self.began + self.count / 20 - time.monotonic()))
        frame = av.VideoFrame.from_ndarray(np.full(self.shape, self.count * 7 % 255, np.uint8), "rgb24")
        frame.pts, frame.time_base = self.count * 4500, fractions.Fraction(1, 90000)
        return frame


class Caller:
    """One participant. ``seen`` counts decoded frames and ``heard`` pieces of sound, by who sent them."""

    def __init__(self, controller, room, name, configuration=NO_SERVERS):
        self.configuration = configuration
        self.controller, self.room, self.name = controller, room, name
        self.seen, self.heard = {}, {}
        self.sending, self.receiving = None, RTCPeerConnection(configuration)
        self.tasks = []
        self.receiving.on("track", self._watch)

    async def join(self, **allowed):
        await self.controller.join(self.room, self.name, **allowed)

    async def take(self, offered):
        """An ``Offered`` event."""
        await self.receiving.setRemoteDescription(RTCSessionDescription(offered.sdp, "offer"))
        await self.receiving.setLocalDescription(await self.receiving.createAnswer())
        await self.controller.answer(
            self.room, self.name, offered.version, self.receiving.localDescription.sdp
        )

    async def publish(self, *tracks, sources=None):
        self.sending = self.sending or RTCPeerConnection(self.configuration)
        for track in tracks or (AudioStreamTrack(), Picture()):
            self.sending.addTransceiver(track, direction="sendonly")
        await self.sending.setLocalDescription(await self.sending.createOffer())
        answer = await self.controller.publish(
            self.room, self.name, self.sending.localDescription.sdp, sources
        )
        await self.sending.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def vanish(self):
        """Without a word: as a browser that is killed."""
        for connection in filter(None, (self.sending, self.receiving)):
            for transceiver in connection.getTransceivers():
                ice = transceiver.sender.transport.transport
                for protocol in ice._connection._protocols:
                    protocol.transport.close()

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*map(_closed, filter(None, (self.sending, self.receiving))))

    def _watch(self, track):
        self.tasks.append(asyncio.ensure_future(self._count(track)))

    async def _count(self, track):
        counts = self.seen if track.kind == "video" else self.heard
        try:
            while True:
                await track.recv()
                counts[track.id] = counts.get(track.id, 0) + 1
        except MediaStreamError:
            pass


async def _closed(connection):
    """aiortc can not be closed while it connects."""
    with contextlib.suppress(AssertionError):
        await eventually(lambda: connection.connectionState != "connecting", within=3)
    await connection.close()


class Stage:
    """A controller with its workers. ``events`` are those of all its rooms."""

    def __init__(self, folder, **how):
        self.events, self.callers, self.tasks = [], {}, []
        how = {"listen": [Listen("127.0.0.1")], "linger": 20.0} | how
        self.lock = folder / "media-0.sock.lock"
        self.controller = Controller(folder, self.told, clock=SystemClock(), **how)

    async def told(self, event):
        self.events.append(event)
        caller = self.callers.get((event.room, getattr(event, "participant", None)))
        if isinstance(event, m.Offered) and caller is not None:
            self.tasks.append(asyncio.ensure_future(caller.take(event)))

    async def close(self, **how):
        await asyncio.gather(*(caller.close() for caller in self.callers.values()))
        for task in self.tasks:
            task.cancel()
        await self.controller.stop(**({"end_calls": True} | how))


class Hall:
    """One room of a stage."""

    def __init__(self, stage, room):
        self.stage, self.room, self.controller, self.callers = stage, room, stage.controller, stage.callers

    async def caller(self, name, *tracks, publish=True, room=None, configuration=NO_SERVERS, **allowed):
        room = room or self.room
        caller = self.callers[room, name] = Caller(self.controller, room, name, configuration)
        await caller.join(**allowed)
        if publish:
            await caller.publish(*tracks)
        return caller

    def of(self, kind, **about):
        """The room's events of that kind, those about another room if it is named."""
        about = {"room": self.room} | about
        return [
            event
            for event in self.stage.events
            if isinstance(event, kind) and all(getattr(event, key) == value for key, value in about.items())
        ]

    async def close(self):
        mine = [key for key in self.callers if key[0].startswith(self.room)]
        await asyncio.gather(*(self.callers.pop(key).close() for key in mine))
        await self.controller.close_room(self.room)


async def eventually(true, *, within=60.0, about=lambda: ""):
    """Waits until ``true()`` is so. However busy the machine is, it is so by then, or never."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, about()
        await asyncio.sleep(0.02)


async def still(counts, *, seconds=0.5, within=60.0):
    """Waits until these counts have not changed for so long: what was under way is through."""
    deadline = time.monotonic() + within
    before = None
    while before != counts:
        assert time.monotonic() < deadline, counts
        before = dict(counts)
        await asyncio.sleep(seconds)
