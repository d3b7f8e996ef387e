"""Trading over Socket.IO: the namespace ``/trading``."""

from __future__ import annotations

from collections.abc import Sequence

from stoa.platform.realtime import Namespace, Realtime
from stoa.trading.realtime._sockets import TradingSockets
from stoa.web.house import House


def namespaces(house: House, live: Realtime) -> Sequence[Namespace]:
    return (TradingSockets(house, live),)


__all__ = ["namespaces"]
