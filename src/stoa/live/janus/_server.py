"""One Janus as Stoa sees it: a session over its WebSocket API, kept alive, and taken up again when the connection breaks.

Every request has a ``transaction``, which the answer repeats. A plugin's answer may come after an ``ack``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from stoa.kernel.clock import Clock, to_millis
from stoa.kernel.errors import UnavailableError

_PLUGIN = "janus.plugin.videoroom"
_CALL_SECONDS = 10.0
_CONNECT_SECONDS = 2.0
_AGAIN_SECONDS = 0.25
_ALIVE_EVERY, _ALIVE_SECONDS = 1.0, 2.0
GRACE = 1.5
"""Seconds that a broken connection has to come back before the server counts as dead."""
_LONGEST = 4 * 1024 * 1024

Message = dict[str, Any]
_log = structlog.get_logger(__name__)


class JanusGoneError(UnavailableError):
    """It does not answer."""

    code = "live.janus.gone"


class JanusRefusedError(UnavailableError):
    """``number`` is Janus' or its plugin's own code for what it refused."""

    code = "live.janus.refused"

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"Janus refused: {reason} ({number})")
        self.number = number


@dataclass(frozen=True, slots=True)
class Answer:
    """``data`` is the plugin's own; ``sdp`` is the description that came with it."""

    data: Message
    sdp: str | None


class Server:
    """``heard`` is told what a handle says of itself. ``lost`` is told when all handles are gone, with the time (in
    milliseconds since 1970) from which on they were: at the latest ``GRACE`` after the server can't be reached.
    """

    def __init__(
        self,
        address: str,
        *,
        secret: str,
        clock: Clock,
        heard: Callable[[Server, int, Message], None],
        lost: Callable[[Server, int], None],
    ) -> None:
        self.address = address
        self._secret, self._clock = secret, clock
        self._heard, self._lost = heard, lost
        self._session: int | None = None
        self._broke = 0
        self._socket: ClientConnection | None = None
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._acknowledged: set[asyncio.Future[Message]] = set()
        self._up = asyncio.Event()
        self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        return self._up.is_set()

    async def start(self) -> None:
        """Returns once it was tried to reach it."""
        self._task = asyncio.create_task(self._keep_up())
        await self._tried.wait()

    async def stop(self) -> None:
        """Lets go of the session, which Janus keeps for as long as it is set to."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._down()

    # What is asked -----------------------------------------------------------------------------------------------

    async def about(self) -> Message:
        """What it says of itself, and how it is set."""
        return await self._call({"janus": "info"})

    async def attach(self) -> int:
        """A new handle of the room's plugin."""
        answer = await self._call({"janus": "attach", "plugin": _PLUGIN})
        return int(answer["data"]["id"])

    async def detach(self, handle: int) -> None:
        """Whoever has it is hung up on. Again is no error."""
        with contextlib.suppress(JanusRefusedError):
            await self._call({"janus": "detach", "handle_id": handle})

    async def ask(
        self, handle: int, body: Message, sdp: str | None = None, *, is_offer: bool = True
    ) -> Answer:
        """Raises JanusRefusedError, JanusGoneError."""
        request = {"janus": "message", "handle_id": handle, "body": body}
        if sdp is not None:
            request["jsep"] = {"type": "offer" if is_offer else "answer", "sdp": sdp}
        answer = await self._call(request)
        data = answer.get("plugindata", {}).get("data", {})
        if "error_code" in data:
            raise JanusRefusedError(data["error_code"], str(data.get("error", "")))
        return Answer(data, answer.get("jsep", {}).get("sdp"))

    async def _call(self, request: Message) -> Message:
        if not self.is_up:
            raise JanusGoneError("Janus can't be reached.")
        return await self._called(request)

    async def _called(self, request: Message, *, seconds: float = _CALL_SECONDS) -> Message:
        transaction = secrets.token_hex(8)
        request = request | {"transaction": transaction}
        if self._session is not None and request["janus"] != "info":
            request["session_id"] = self._session
        if self._secret:
            request["apisecret"] = self._secret
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[transaction] = future
        if request["janus"] == "keepalive":
            self._acknowledged.add(future)
        try:
            async with asyncio.timeout(seconds):
                if self._socket is None:
                    raise JanusGoneError("Janus can't be reached.")
                await self._socket.send(json.dumps(request))
                answer = await future
        except (TimeoutError, WebSocketException, OSError):
            raise JanusGoneError("Janus does not answer.") from None
        finally:
            self._waiting.pop(transaction, None)
            self._acknowledged.discard(future)
        if answer["janus"] == "error":
            raise JanusRefusedError(answer["error"]["code"], answer["error"]["reason"])
        return answer

    # Keeping it up -----------------------------------------------------------------------------------------------

    async def _keep_up(self) -> None:
        while True:
            try:
                await self._converse()
            except (OSError, TimeoutError, WebSocketException, UnavailableError, ValueError) as error:
                _log.warning("live_janus_unreachable", address=self.address, error=str(error))
            if self.is_up:
                self._down()
                self._broke = to_millis(self._clock.now())
            self._tried.set()
            if self._session is not None and to_millis(self._clock.now()) - self._broke > GRACE * 1000:
                self._lose()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _converse(self) -> None:
        """One connection, until it breaks."""
        async with connect(
            self.address, subprotocols=[Subprotocol("janus-protocol")], open_timeout=_CONNECT_SECONDS, close_timeout=0.5,
            max_size=_LONGEST, ping_interval=None, compression=None, proxy=None,
        ) as self._socket:  # fmt: skip
            reading = asyncio.create_task(self._read(self._socket))
            try:
                await self._enter()
                self._up.set()
                self._tried.set()
                while not reading.done():
                    await self._called({"janus": "keepalive"}, seconds=_ALIVE_SECONDS)
                    await asyncio.wait([reading], timeout=_ALIVE_EVERY)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _enter(self) -> None:
        """The session that was, if Janus still has it (``reclaim_session_timeout``), or a new one."""
        if self._session is not None:
            try:
                await self._called({"janus": "claim"}, seconds=_ALIVE_SECONDS)
            except JanusRefusedError:
                self._lose()
            else:
                return
        answer = await self._called({"janus": "create"}, seconds=_ALIVE_SECONDS)
        self._session = int(answer["data"]["id"])

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            kind, waiting = message.get("janus"), self._waiting.get(message.get("transaction", ""))
            if waiting is not None:
                if not waiting.done() and (kind != "ack" or waiting in self._acknowledged):
                    waiting.set_result(message)
            elif kind == "timeout":
                return
            elif kind != "ack" and "sender" in message:
                self._heard(self, int(message["sender"]), message)

    def _down(self) -> None:
        self._up.clear()
        self._socket = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(JanusGoneError("The connection to Janus broke."))

    def _lose(self) -> None:
        self._session = None
        self._lost(self, self._broke)
