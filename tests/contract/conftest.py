"""The same storage on SQLite and on PostgreSQL, empty for each test."""

import inspect
import secrets
import time
from types import SimpleNamespace

import anyio
import pytest
from tests.support.postgres import new_database

from stoa.platform import journal, timers
from stoa.platform.storage import open_storage

REDIS = "redis://127.0.0.1:6379"
METADATA = (journal.metadata, timers.metadata)


@pytest.fixture(scope="session")
def postgres_url(service_or_skip):
    with new_database(service_or_skip, "contract") as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def storage_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/stoa.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def storage(storage_url, anyio_backend):
    opened = open_storage(storage_url)
    for metadata in METADATA:
        metadata.drop_all(opened.engine)
        metadata.create_all(opened.engine)
    yield opened
    await opened.close()


@pytest.fixture
async def redis(service_or_skip, anyio_backend):
    """A client, and a prefix for this test's keys, which are gone afterwards."""
    from redis import Redis as SyncRedis
    from redis.asyncio import Redis

    service_or_skip("Redis", SyncRedis.from_url(REDIS, socket_connect_timeout=3).ping)
    client = Redis.from_url(REDIS)
    prefix = f"stoa-test-{secrets.token_hex(6)}:"
    yield SimpleNamespace(client=client, prefix=prefix)
    async for key in client.scan_iter(match=f"{prefix}*"):
        await client.delete(key)
    await client.aclose()


async def eventually(claim, *, within=60.0):
    """Polls until ``claim()``, or what it awaits, is true; what was seen last is in the failure's message."""
    deadline = time.monotonic() + within
    while not (seen := await _value(claim())):
        assert time.monotonic() < deadline, f"not within {within} s; last seen: {seen!r}"
        await anyio.sleep(0.005)
    return seen


async def _value(claimed):
    return await claimed if inspect.isawaitable(claimed) else claimed


@pytest.fixture(name="eventually")
def _eventually():
    return eventually
