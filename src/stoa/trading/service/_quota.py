"""How many sessions one person may have under way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.platform.storage import lock
from stoa.trading import store
from stoa.trading.errors import TooManyActiveError


@dataclass(frozen=True, slots=True)
class Quota:
    """``active``: sessions that are running or paused; 0 is any number. Administrators may have any number."""

    active: int = 0

    def check(self, connection: Connection, actor: Actor, *, now: datetime) -> None:
        """Whether there may be one more. Raises TooManyActiveError."""
        if not self.active or actor.is_admin:
            return
        lock(connection, f"trading:active:{actor.number}")  # two that begin at once are counted one by one
        if store.count_active(connection, actor.number, now=now) >= self.active:
            raise TooManyActiveError(self.active)


NO_QUOTA = Quota()
