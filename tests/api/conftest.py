"""A whole server in this process, over SQLite or PostgreSQL, and people who are signed in to it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import create_engine, text

from stoa import server as composition
from stoa.accounts import service as people
from stoa.accounts.model import NewUser
from stoa.kernel.actor import AccessLevel
from stoa.kernel.clock import ManualClock
from stoa.kernel.ids import SeededIds
from stoa.platform.migrate import upgrade
from stoa.platform.storage import postgres_engine, sqlite_engine
from stoa.settings import Limits, Server, Settings

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PEOPLE = {
    "ines.teacher": AccessLevel.INSTRUCTOR,
    "tom.teacher": AccessLevel.INSTRUCTOR,
    "lea.student": AccessLevel.STUDENT,
    "ada.admin": AccessLevel.ADMIN,
}


@dataclass
class House:
    app: object
    clock: ManualClock
    keys: dict[str, str]
    ids: dict[str, str]
    settings: Settings

    def client(self, username=None, **headers):
        if username:
            headers["authorization"] = f"Bearer {self.keys[username]}"
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app, client=("127.0.0.1", 9)),
            base_url="http://stoa.test",
            headers=headers,
        )


@pytest.fixture(scope="session")
def postgres_database(service_or_skip):
    """A database of this run's own with the current schema."""
    import secrets

    name = f"stoa_api_{secrets.token_hex(6)}"
    admin = create_engine(
        "postgresql+psycopg://root@127.0.0.1:5432/test",
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 3},
    )

    def create():
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))

    service_or_skip("PostgreSQL", create)
    url = f"postgresql+psycopg://root@127.0.0.1:5432/{name}"
    engine = postgres_engine(url, connections=1)
    upgrade(engine)
    engine.dispose()
    yield url
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/stoa.db"
    return request.getfixturevalue("postgres_database")


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/stoa.db"


@pytest.fixture
def settings(tmp_path):
    return Settings(server=Server(data=str(tmp_path)), limits=Limits(http_rate=0))


def fill(url):
    """People and their keys in an empty schema; ({username: key}, {username: id})."""
    engine = sqlite_engine(url) if url.startswith("sqlite") else postgres_engine(url, connections=1)
    if url.startswith("sqlite"):
        upgrade(engine)
    else:
        with engine.begin() as connection:
            names = connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ).scalars()
            tables = ", ".join(name for name in names if name != "alembic_version")
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    ids, keys, numbers = SeededIds(), {}, {}
    with engine.begin() as connection:
        people.ensure_admin(connection, ids=ids, now=NOW, password_hash="none")
        for username, access in PEOPLE.items():
            new = NewUser(username, username.split(".")[0].title(), access.value.title(), access)
            user = people.add_user(connection, new, password_hash="none", ids=ids, now=NOW)
            _, keys[username] = people.issue_key(
                connection, user_id=user.id, name="test", expires_at=None, ids=ids, now=NOW
            )
            numbers[username] = user.id
    engine.dispose()
    return keys, numbers


@pytest.fixture
async def house(database_url, settings, anyio_backend):
    """A server whose clock stands at NOW."""
    async for built in _open(database_url, settings):
        yield built


@pytest.fixture
async def sqlite_house(sqlite_url, settings, anyio_backend):
    async for built in _open(sqlite_url, settings):
        yield built


async def _open(url, settings):
    keys, ids = fill(url)
    settings = replace(settings, server=replace(settings.server, database=url))
    clock = ManualClock(NOW)
    built = composition.build(settings, clock=clock)
    yield House(built.app, clock, keys, ids, settings)
    await built.storage.close()
