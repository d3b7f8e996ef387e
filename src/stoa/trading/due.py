"""What falls due in trading: a fill, or the end of a session. Nobody needs to look for it to have happened."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from stoa.platform.timers import Handler, Timer
from stoa.trading import service
from stoa.trading.market import Market
from stoa.web.house import House


def handlers(house: House) -> Mapping[str, Handler]:
    market = house.part(Market)

    def play(connection: Connection, timer: Timer) -> None:
        service.sync(connection, market, int(timer.subject), clock=house.clock)

    return {service.DUE: play}
