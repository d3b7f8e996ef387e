"""A whole server in this process, over SQLite or PostgreSQL, and people who are signed in to it."""

from dataclasses import dataclass, replace

import httpx
import pytest
from sqlalchemy import create_engine, text
from tests.support.house import NOW, fill

from stoa import server as composition
from stoa.accounts import service as people
from stoa.kernel.clock import ManualClock
from stoa.kernel.ids import SeededIds
from stoa.live import store
from stoa.platform import journal
from stoa.platform.migrate import upgrade
from stoa.platform.storage import postgres_engine
from stoa.settings import Limits, Server, Settings


@dataclass
class House:
    app: object
    clock: ManualClock
    keys: dict[str, str]
    ids: dict[str, str]
    settings: Settings
    storage: object = None
    inside: object = None

    def dump(self):
        """Every row of every table."""
        with self.storage.engine.connect() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(table.select())))
                for tables in composition.TABLES
                for table in tables.sorted_tables
            }

    def signing_key(self):
        """(kid, secret) of the newest key that signs tokens."""
        with self.storage.engine.begin() as connection:
            key = people.ensure_signing_key(connection, ids=SeededIds("key"), now=self.clock.now()).newest
        return key.kid, key.secret

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


@pytest.fixture(scope="module")
def kinds(request):
    """The kinds that a module's houses serve: those it names as ``SERVED``, or all. Five take longer to put up than most
    tests take.
    """
    served = getattr(request.module, "SERVED", None)
    return [kind for kind in composition.KINDS if served is None or kind.name in served]


@pytest.fixture
async def house(database_url, settings, kinds, anyio_backend):
    """A server whose clock stands at NOW."""
    async for built in _open(database_url, settings, kinds):
        yield built


@pytest.fixture
async def sqlite_house(sqlite_url, settings, kinds, anyio_backend):
    async for built in _open(sqlite_url, settings, kinds):
        yield built


@pytest.fixture(scope="module")
async def shared_house(tmp_path_factory, kinds, anyio_backend):
    """One SQLite house for all tests of a module: they must leave it as it was."""
    folder = tmp_path_factory.mktemp("house")
    settings = Settings(server=Server(data=str(folder)), limits=Limits(http_rate=0))
    async for built in _open(f"sqlite:///{folder}/stoa.db", settings, kinds):
        yield built


@pytest.fixture
def empty_live_house(shared_house):
    """The module's house, at NOW, with nothing of live in it."""
    shared_house.clock.set(NOW)
    with shared_house.storage.engine.begin() as connection:
        for table in (*store.metadata.sorted_tables, *journal.metadata.sorted_tables):
            connection.execute(table.delete())
    return shared_house


async def _open(url, settings, kinds):
    keys, ids = fill(url)
    settings = replace(settings, server=replace(settings.server, database=url))
    clock = ManualClock(NOW)
    built = composition.build(settings, kinds=kinds, clock=clock)
    yield House(built.app, clock, keys, ids, settings, built.storage, built.house)
    await built.storage.close()
