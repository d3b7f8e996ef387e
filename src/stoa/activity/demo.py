"""A week of demo activity: people who come in the morning and look around."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from stoa.activity import service
from stoa.activity.model import Filters, Path, Ping
from stoa.kernel.actor import Actor
from stoa.kernel.ids import Ids

DAYS = 7
_PLACES = (
    ("/dashboard",), ("/courses", "overview"), ("/courses", "exercises"), ("/missions",), ("/replay", "chart"),
    ("/replay", "journal"), ("/calendar",),
)  # fmt: skip


def seed(connection: Connection, *, people: Sequence[Actor], now: datetime, ids: Ids) -> None:
    """Does nothing where there is activity already."""
    if (
        people
        and service.list_sessions(connection, actor=people[0], filters=Filters(), now=now, limit=1).items
    ):
        return
    for days_ago in range(DAYS, 0, -1):
        for actor in people:
            _morning(connection, actor, now - timedelta(days=days_ago), days_ago, ids)


def _morning(connection: Connection, actor: Actor, day: datetime, days_ago: int, ids: Ids) -> None:
    chance = hashlib.sha256(f"{actor.username}/{days_ago}".encode()).digest()
    if chance[0] < 50:  # a day off
        return
    begin = day.replace(hour=8, minute=chance[1] % 60, second=0, microsecond=0)
    visitor = replace(actor, login_id=f"demo-{days_ago}", login_at=begin)
    service.start(connection, actor=visitor, now=begin, ids=ids)
    at = begin
    for step in chance[2 : 10 + chance[1] % 20]:
        at += timedelta(seconds=20 + step)
        ping = Ping(Path(_PLACES[step % len(_PLACES)]), visible=step % 5 != 0)
        service.keepalive(connection, actor=visitor, ping=ping, now=at)
