"""Missions over Socket.IO: the default namespace, the ``message`` event, a JSON text ``{method, data, requestId}``."""

from __future__ import annotations

from collections.abc import Sequence

from stoa.missions.realtime._sockets import MissionSockets
from stoa.platform.realtime import Namespace, Realtime
from stoa.web.house import House


def namespaces(house: House, live: Realtime) -> Sequence[Namespace]:
    return (MissionSockets(house.storage, house.clock, live),)


__all__ = ["namespaces"]
