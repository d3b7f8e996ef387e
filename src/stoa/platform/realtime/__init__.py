"""Live connections over Socket.IO: who is connected, what they are sent, and what happens in the journal meanwhile.

A kind gives the server its ``Namespace``s (``Kind.namespaces``); each gets the ``Realtime`` it runs in:

- ``Client.send(frame(event, data))`` never waits; a frame is encoded once, however many receive it. A client that does
  not keep up is dropped from until it has room, and then told (``Namespace.has_room``).
- ``Realtime.feed.watch(stream, after=…, listener=…)`` gives every entry of a journal's stream once and in order,
  whichever process committed it.
- ``Realtime.seats`` lets one connection a user in, over all nodes.
- ``Realtime.admits(user_id)`` counts a user's messages.
"""

from collections.abc import Mapping
from typing import Any

from stoa.platform.realtime._client import Client, Namespace
from stoa.platform.realtime._feed import Feed, Watch
from stoa.platform.realtime._frames import Frame, frame
from stoa.platform.realtime._hub import PATH, Realtime
from stoa.platform.realtime._seats import Seats, metadata

UVICORN: Mapping[str, Any] = {
    "ws": "stoa.platform.realtime._uvicorn:LentWebSockets",
    "ws_max_size": 20 * 2**20,  # bytes; beyond it the connection ends, up to it what is too long is answered
    "ws_ping_interval": None,  # Engine.IO has heartbeats of its own
    "ws_per_message_deflate": False,  # what many receive is framed once
}
"""How uvicorn is to run WebSockets."""

__all__ = [
    "PATH",
    "UVICORN",
    "Client",
    "Feed",
    "Frame",
    "Namespace",
    "Realtime",
    "Seats",
    "Watch",
    "frame",
    "metadata",
]
