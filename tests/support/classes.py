"""Browsers' stand-ins in the classes of a running server: over its sockets, with aiortc's media."""

import asyncio
import os
import signal
from contextlib import suppress

import socketio
from aiortc import RTCSessionDescription
from tests.support.callers import Caller

from stoa.live.provider import socket_folder

SETTINGS = {"STOA_LIVE_LISTEN": "127.0.0.1", "STOA_MESSAGE_RATE_LIMIT": "0"}
SPACE = "/live"


class Browser:
    """One connection to the namespace, and the two peer connections of a call. ``heard`` are (event, data)."""

    def __init__(self, server, room):
        self.server, self.room, self.heard = server, room, []
        self.io = socketio.AsyncClient(reconnection=False)
        self.io.on("*", self._hear, namespace=SPACE)
        self.caller, self.taking = Caller(self, room, ""), asyncio.Lock()

    async def _hear(self, event, data):
        self.heard.append((event, data))
        if event == "offer":
            await self._take(data)

    async def connect(self, key=None):
        headers = {"authorization": f"Bearer {key}"} if key else {}
        await self.io.connect(
            self.server.address, headers, namespaces=[SPACE], transports=["websocket"], wait_timeout=60
        )
        return self

    async def ask(self, event, **data):
        return await self.io.call(event, data, namespace=SPACE, timeout=60)

    async def join(self, token, **how):
        answer = await self.ask("join", token=token, **how)
        if answer["ok"]:
            await self._take(answer["offer"])
        return answer

    async def publish(self, _room, _name, sdp, sources):
        """What ``Caller.publish`` wants of a controller."""
        return (await self.ask("publish", sdp=sdp, sources=sources or {}))["sdp"]

    async def _take(self, offer):
        """One after the other; once the call is over there is nothing to answer."""
        async with self.taking:
            receiving = self.caller.receiving
            if receiving.signalingState == "closed":
                return
            await receiving.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
            await receiving.setLocalDescription(await receiving.createAnswer())
            answer = receiving.localDescription.sdp
            answered = await self.ask("answer", version=offer["version"], sdp=answer)
            # Whoever was put out meanwhile answers in vain.
            assert answered["ok"] or answered["code"] in ("live.not_in_room", "live.media.unknown"), answered

    def entries(self, kind):
        return [data for event, data in self.heard if event == "entry" and data["type"] == kind]

    def told(self, event):
        return [data for name, data in self.heard if name == event]

    async def close(self):
        await self.caller.close()
        await self.io.disconnect()


async def new_class(client, **more):
    body = {"courseId": "c", "startsAt": "2026-12-26T15:00:00Z", "recordingEnabled": True}
    answer = await client.post("/live/sessions", json=body | more)
    assert answer.status_code == 201, answer.text
    return answer.json()["roomName"]


async def token_of(server, key, room):
    async with server.client(key) as client:
        answer = await client.post(f"/live/sessions/{room}/token")
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]


def worker_pids(folder):
    """Of the media workers of the servers on these data folders."""
    folders = [socket_folder(each) for each in folder.glob("**/live/media*")]
    locks = [lock for each in folders for lock in each.glob("*.sock.lock")]
    return [int(text) for lock in locks if (text := lock.read_text()).isdigit()]


def end_workers_of(folder):
    for pid in worker_pids(folder):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
