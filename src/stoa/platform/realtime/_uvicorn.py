"""uvicorn's WebSockets, lent to the application: a frame that is encoded already is written as it is, without waiting.

``uvicorn.run(ws="stoa.platform.realtime._uvicorn:LentWebSockets")``. Under another server, or without this, everything
goes by ASGI's own ``send``: slower, and the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINE = "stoa.line"
"""The name of the ASGI extension."""
_PING = b"\x89\x00"
"""RFC 6455's frame: browsers answer it by themselves, whatever their pages are busy with."""
_log = logging.getLogger("stoa.websockets")
_log.setLevel(logging.WARNING)  # a line for each connection would tell its id, which lets one in


class SocketLine:
    """The ``Line`` of one WebSocket."""

    __slots__ = ("_protocol", "on_room", "paused", "unanswered")

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol
        self.paused = False
        self.unanswered = 0
        self.on_room: Callable[[], None] = lambda: None

    @property
    def waiting(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return 0 if self._protocol.disconnected else self._protocol.transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        protocol = self._protocol
        if not (protocol.close_sent or protocol.disconnected):
            protocol.transport.write(data)

    def ping(self) -> int:
        """See ``Client.ping``. What comes while a message is being handled may not have been read yet: it does not count."""
        if self._protocol.read_paused:
            self.unanswered = 0
        unanswered, self.unanswered = self.unanswered, self.unanswered + 1
        self.write(_PING)
        return unanswered

    def abort(self) -> None:
        self._protocol.transport.abort()


class LentWebSockets(WebSocketsSansIOProtocol):
    line: SocketLine | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.logger = self.conn.logger = _log

    async def run_asgi(self) -> None:
        self.line = SocketLine(self)
        self.scope["extensions"] = {**(self.scope.get("extensions") or {}), LINE: {"line": self.line}}
        await super().run_asgi()

    def data_received(self, data: bytes) -> None:
        if self.line is not None:
            self.line.unanswered = 0
        super().data_received(data)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.line is not None:
            self.line.paused = True

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.line is not None:
            self.line.paused = False
            self.line.on_room()
