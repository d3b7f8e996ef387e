"""What falls due in missions, and what is done then. A handler runs in the transaction that takes its timer away."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection

from stoa.kernel.clock import Clock
from stoa.missions import service
from stoa.platform.timers import Handler, Timer
from stoa.web.house import House


def handlers(house: House) -> Mapping[str, Handler]:
    return {service.EXECUTION: partial(_complete, house.clock), service.FORGET: _forget}


def _complete(clock: Clock, connection: Connection, timer: Timer) -> None:
    """Everything in the session that is due completes, in its order: what another timer comes for is done then."""
    session_id, _, _ = timer.subject.partition("/")
    service.complete_due(connection, session_id, now=max(clock.now(), timer.due_at))


def _forget(connection: Connection, timer: Timer) -> None:
    service.forget(connection, timer.subject)
