"""Users with a key each, written into a database before its server begins."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from stoa import server
from stoa.accounts import service
from stoa.accounts.model import NewUser
from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.clock import SystemClock
from stoa.kernel.ids import SystemIds
from stoa.platform.storage import sqlite_engine


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'stoa.db'}"


def add_people(
    folder: Path, *, count: int, access: AccessLevel = AccessLevel.STUDENT
) -> list[tuple[Actor, str]]:
    """Each with an API key's secret; nobody has a password that anything would open to."""
    engine, ids, now = sqlite_engine(url_of(folder)), SystemIds(), SystemClock().now()
    server.prepare(engine)
    people = []
    with engine.begin() as connection:
        service.ensure_admin(connection, ids=ids, now=now, password_hash="")
        for number in range(count):
            new = NewUser(f"bench.{access}.{number:04}", "Bench", str(number), access)
            user = service.add_user(connection, new, password_hash="", ids=ids, now=now)
            _, secret = service.issue_key(
                connection,
                user_id=user.id,
                name="bench",
                expires_at=now + timedelta(days=1),
                ids=ids,
                now=now,
            )
            actor, _ = service.actor_of_key(connection, secret, now=now)
            people.append((actor, secret))
    engine.dispose()
    return people
