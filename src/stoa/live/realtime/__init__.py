"""Live over Socket.IO: the namespace ``/live``. Every event takes one object and is acknowledged with one.

See ``_messages`` for what is asked and told.
"""

from __future__ import annotations

from collections.abc import Sequence

from stoa.live.realtime._sockets import LiveSockets
from stoa.live.studio import Studio
from stoa.platform.realtime import Namespace, Realtime
from stoa.web.house import House


def namespaces(house: House, live: Realtime) -> Sequence[Namespace]:
    return (LiveSockets(house.part(Studio), live),)


__all__ = ["namespaces"]
