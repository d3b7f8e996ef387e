"""The accounts' tables on SQLite and on PostgreSQL, empty for each test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.postgres import new_database

from stoa.accounts import service, store
from stoa.accounts.model import ADMIN_ID, NewUser
from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.clock import ManualClock
from stoa.kernel.ids import SystemIds
from stoa.platform.storage import open_storage, postgres_engine, sqlite_engine

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_url(service_or_skip):
    with new_database(service_or_skip, "accounts") as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/stoa.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def engine(url):
    made = sqlite_engine(url) if url.startswith("sqlite") else postgres_engine(url, connections=8)
    store.metadata.drop_all(made)
    store.metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
async def storage(engine, url, anyio_backend):
    opened = open_storage(url)
    yield opened
    await opened.close()


@pytest.fixture
def clock():
    return ManualClock(AT)


@pytest.fixture
def ids():
    return SystemIds()


class Room:
    """The service as the tests use it: each call is a transaction of its own, at the clock's time."""

    def __init__(self, engine, clock, ids):
        self.engine = engine
        self.clock = clock
        self.ids = ids
        self.told = []

    def run(self, fn, *args, **kwargs):
        with self.engine.connect() as connection:
            connection.info.pop("stoa_after_commit", None)
            with connection.begin():
                result = fn(connection, *args, **kwargs)
            for callback in connection.info.pop("stoa_after_commit", []):
                callback()
            return result

    @property
    def now(self):
        return self.clock.now()

    def wait(self, **duration):
        self.clock.advance(timedelta(**duration))

    def add(self, username, access=AccessLevel.STUDENT, *, express=(), password="right"):
        new = NewUser(username, "Some", "Body", access, tuple(express))
        return self.run(
            service.add_user, new, password_hash=f"hash of {password}", ids=self.ids, now=self.now
        )

    def actor(self, user, login_id="login"):
        return Actor(
            user.number, user.id, user.username, user.name, user.access, user.permissions, login_id, self.now
        )

    def sign_in(self, username, password="right", **terms):
        """As the edge does it, with a hash that needs no CPU."""
        candidate = self.run(service.candidate_for, username, now=self.now)
        verified = candidate.password_hash == f"hash of {password}"
        return self.run(
            service.sign_in,
            candidate,
            verified=verified,
            ids=self.ids,
            now=self.now,
            terms=service.Terms(**terms),
            tell=self.told.append,
        )

    def is_good(self, signed_in):
        from stoa.accounts.errors import LoginEndedError

        try:
            self.run(
                service.actor_of_login,
                login_id=signed_in.login.id,
                user_id=signed_in.user.id,
                now=self.now,
            )
        except LoginEndedError:
            return False
        return True


@pytest.fixture
def room(engine, clock, ids):
    made = Room(engine, clock, ids)
    made.run(service.ensure_admin, ids=ids, now=made.now, password_hash="hash of right")
    return made


@pytest.fixture
def admin(room):
    return room.actor(room.run(store.get_user, ADMIN_ID))


@pytest.fixture
def instructor(room):
    return room.actor(room.add("ines.moreau", AccessLevel.INSTRUCTOR))


@pytest.fixture
def student(room):
    return room.actor(room.add("lea.petit"))
