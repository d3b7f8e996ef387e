"""People in a class of a running server that cost almost nothing: its sockets, and made-up media."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from typing import Any

import httpx
import socketio

from bench.media_clients import Camera, Client
from stoa.live.media._aiortc import Identity

SPACE = "/live"
_PATIENCE = 60.0
_CHECK_EVERY = 0.5
_OURS = re.compile(r"^a=(ice-ufrag|ice-pwd|fingerprint|setup|sendonly)(?::.*?)?(?=\r?$)", re.MULTILINE)


class Refused(Exception):  # noqa: N818 - it is an answer
    """What was asked by socket was answered with this code."""


class Person:
    """Sends one picture and counts the packets that come. ``received`` counts anew with each join.

    Whoever loses the room (``room-lost``) comes back by themselves, as live.js does; ``back`` are the times of that, in
    seconds from when they were told until packets came again.
    """

    def __init__(self, address: str, key: str, room: str, identity: Identity, *, rate: int = 25) -> None:
        self.room, self.received, self.last_packet = room, 0, 0.0
        self.told: list[tuple[float, str, Any]] = []
        self.back: list[float] = []
        self.http = httpx.AsyncClient(
            base_url=address, headers={"authorization": f"Bearer {key}"}, timeout=_PATIENCE
        )
        self.io = socketio.AsyncClient(reconnection=False)
        self.io.on("*", self._hear, namespace=SPACE)
        self._address, self._identity, self._rate = address, identity, rate
        self._sending: Client | None = None
        self._viewing: Client | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: list[asyncio.Task[None]] = []

    async def come(self) -> Person:
        await self.io.connect(self._address, namespaces=[SPACE], transports=["websocket"], wait_timeout=20)
        await self.join()
        self._spawn(self._send())
        return self

    async def token(self) -> str:
        answer = await self.http.post(f"/live/sessions/{self.room}/token")
        if answer.status_code != 200:
            raise Refused(f"{answer.status_code}: {answer.text}")
        token: str = answer.json()["token"]
        return token

    async def ask(self, event: str, **data: Any) -> Any:
        answer = await self.io.call(event, data, namespace=SPACE, timeout=_PATIENCE)
        if not answer["ok"]:
            raise Refused(answer["code"])
        return answer

    async def join(self, token: str | None = None) -> None:
        """With media both ways when this returns."""
        welcome = await self.ask("join", token=token or await self.token())
        self._end_media()
        self.received = 0
        sending, viewing = Client(self._identity), Client(self._identity)
        published = await self.ask("publish", sdp=sending.offer(), sources={"0": "camera"})
        await sending.connect(published["sdp"])
        await self._answer(welcome["offer"])
        await viewing.connect(welcome["offer"]["sdp"])
        asyncio.get_running_loop().add_reader(viewing.socket.fileno(), self._read, viewing)
        self._sending, self._viewing = sending, viewing

    async def refusal(self, token: str) -> str | None:
        """The code with which the token is refused."""
        try:
            await self.join(token)
        except Refused as refused:
            return str(refused)
        return None

    def vanish(self) -> None:
        """As a browser that is killed: its media ends without a word, and so does its socket."""
        self._end_media()
        for task in self._tasks:
            task.cancel()
        self._spawn(self.io.disconnect())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._end_media()
        await asyncio.gather(*self._ending, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self.io.disconnect()
        await self.http.aclose()

    def when(self, event: str) -> float | None:
        """The time at which they were first told so."""
        return next((at for at, name, _ in self.told if name == event), None)

    def _end_media(self) -> None:
        if self._viewing is not None:
            asyncio.get_running_loop().remove_reader(self._viewing.socket.fileno())
        for client in (self._sending, self._viewing):
            if client is not None:
                client.close()
                self._ending.append(asyncio.ensure_future(client.secured.stop()))
        self._sending = self._viewing = None

    async def _hear(self, event: str, data: Any) -> None:
        self.told.append((time.monotonic(), event, data))
        if event == "offer":
            with contextlib.suppress(Refused):
                await self._answer(data)
        elif event == "room-lost":
            self._spawn(self._come_back())

    async def _come_back(self) -> None:
        began = time.monotonic()
        self.received = 0
        while not self.received:
            try:
                await self.join()
                await until(lambda: self.received)
            except (Refused, AssertionError, TimeoutError):
                await asyncio.sleep(0.1)
        self.back.append(time.monotonic() - began)

    async def _answer(self, offered: Any) -> None:
        """The offer itself, with this end of the transport in it."""
        ours = {
            "ice-ufrag": "load",
            "ice-pwd": "loadloadloadloadloadload",
            "fingerprint": f"sha-256 {self._identity.fingerprint}",
            "setup": "active",
        }
        sdp = _OURS.sub(
            lambda found: f"a={found[1]}:{ours[found[1]]}" if found[1] in ours else "a=recvonly",
            offered["sdp"],
        )
        await self.ask("answer", version=offered["version"], sdp=sdp)

    async def _send(self) -> None:
        """The picture, and twice a second that this end is still here."""
        began, sent, checked, camera, of = time.monotonic(), 0, 0.0, None, None
        while True:
            await asyncio.sleep(0.02)
            now = time.monotonic()
            due = int((now - began) * self._rate) - sent
            sent += due
            if self._sending is None or self._viewing is None:
                continue
            if of is not self._sending:
                of, camera = self._sending, Camera(self._sending)
            assert camera is not None
            camera.send(min(due, 50))
            if now - checked > _CHECK_EVERY:
                checked = now
                self._sending.check()
                self._viewing.check()

    def _read(self, viewing: Client) -> None:
        while True:
            try:
                data = viewing.socket.recv(2048)
            except OSError:
                return
            if data and 128 <= data[0] < 192 and not 192 <= data[1] <= 223:
                self.received += 1
                self.last_packet = time.monotonic()

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def until(claim: Any, *, within: float = _PATIENCE) -> float:
    """Seconds until it was so."""
    began = time.monotonic()
    while not claim():
        if time.monotonic() - began > within:
            raise TimeoutError(f"Not within {within} s.")
        await asyncio.sleep(0.005)
    return time.monotonic() - began
