"""Engine.IO and Socket.IO as this house runs them. The library does the handshakes, the heartbeats and the polling."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import engineio
import socketio
from engineio.async_drivers import asgi

from stoa.platform.realtime._frames import text_frame
from stoa.platform.realtime._outbox import Line, Outbox
from stoa.platform.realtime._uvicorn import LINE

LONGEST_MESSAGE = 131_072
"""Characters of one message from a client. What is longer is not read, and its sender is told."""
LONGEST_POST = 2**20
"""Bytes of a long-polling client's POST, which the library gathers chunk by chunk."""
OVERSIZED = "$oversized"
"""The event that stands for a message that was too long; its argument is the length."""

_PACKETS, _NOOP = frozenset("123456"), "6"
_EVENT = re.compile(r"2(/[^,\[]{0,64},)?")


class WebSocket(asgi.WebSocket):  # type: ignore[misc]
    """Engine.IO's side of a WebSocket. Sending never waits, so what is sent keeps its order."""

    _line: Line | None = None

    async def __call__(self, environ: dict[str, Any]) -> Any:
        self._line = environ["asgi.scope"].get("extensions", {}).get(LINE, {}).get("line")
        engine = self.handler.__self__
        if self._line is not None:
            engine.queue.attach(engine, self._line)
        return await super().__call__(environ)

    async def send(self, message: str | bytes) -> None:
        if self._line is None or isinstance(message, bytes):
            await super().send(message)
        else:
            self._line.write(text_frame(message))

    async def wait(self) -> str | bytes:
        message: str | bytes = await super().wait()
        # Engine.IO would end the connection over a packet that is none; over one of no use it does nothing.
        return message if isinstance(message, bytes) or message[:1] in _PACKETS else _NOOP

    async def close(self) -> None:
        if self._line is not None and self._line.paused:
            self._line.abort()  # whoever does not read would not read this either
        else:
            await super().close()


def _shortened(packet: str | bytes) -> str:
    """What is too long is not even parsed: in its place stands an event that says how long it was."""
    found = _EVENT.match(packet) if isinstance(packet, str) else None
    return f'2{(found and found[1]) or ""}["{OVERSIZED}",{len(packet)}]'


class Engine(engineio.AsyncServer):  # type: ignore[misc]
    def __init__(self, *, outbox_limit: int, **options: Any) -> None:
        super().__init__(**options)
        self._async: dict[str, Any] = {**self._async, "websocket": WebSocket}
        self._outbox_limit = outbox_limit

    def create_queue(self, *_args: Any, **_options: Any) -> Outbox:
        return Outbox(self._outbox_limit)


class Server(socketio.AsyncServer):  # type: ignore[misc]
    """A client's messages are handled one after another, and reading waits for them: nobody floods the others.

    ``came`` is called with the id of each new connection.
    """

    oversized = OVERSIZED

    def __init__(self, *, outbox_limit: int, logger: Any, came: Callable[[str], None]) -> None:
        self._outbox_limit = outbox_limit
        self._came = came
        super().__init__(
            async_mode="asgi",
            async_handlers=False,
            always_connect=True,
            logger=logger,
            engineio_logger=logger,
            max_http_buffer_size=2**30,  # uvicorn, and ``__call__`` below, have the word
        )
        self.namespaces: list[str] = []  # only those that have handlers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application at /socket.io/."""
        lengths = (value for name, value in scope["headers"] if name == b"content-length")
        if scope["type"] == "http" and int(next(lengths, b"0")) > LONGEST_POST:
            await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self.eio.handle_request(scope, receive, send)

    def _engineio_server_class(self) -> Callable[..., Engine]:
        return partial(Engine, outbox_limit=self._outbox_limit)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        self._came(eio_sid)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        """Whatever waits for something to send need not wait any more."""
        await super()._handle_eio_disconnect(eio_sid, reason)
        self._let_go(eio_sid)

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        """What is no Socket.IO packet is passed over; the connection stays."""
        try:
            await super()._handle_eio_message(
                eio_sid, data if len(data) <= LONGEST_MESSAGE else _shortened(data)
            )
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            self._binary_packet.pop(eio_sid, None)

    async def _handle_event(
        self, eio_sid: str, namespace: str | None, event_id: int | None, data: Any
    ) -> None:
        """The library would take a client's event of the name ``disconnect`` for the end of the connection."""
        name, *rest = data
        if not isinstance(name, str) or name in self.reserved_events:
            data = ["$reserved", *rest]
        await super()._handle_event(eio_sid, namespace, event_id, data)

    def outbox_of(self, eio_sid: str) -> Outbox | None:
        engine = self.eio.sockets.get(eio_sid)
        return None if engine is None else engine.queue

    async def hang_up(self, eio_sid: str) -> None:
        """Ends the whole connection, also that of a client which does not go when it is told to."""
        engine = self.eio.sockets.get(eio_sid)
        if engine is not None:
            await engine.close(wait=False, abort=True, reason=self.eio.reason.SERVER_DISCONNECT)
            self._let_go(eio_sid)

    def _let_go(self, eio_sid: str) -> None:
        outbox = self.outbox_of(eio_sid)
        if outbox is not None:
            outbox.put_nowait(None)
