"""Twenty requests a second per address, told in the kind's own dialect."""

import secrets
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from tests.support.house import NOW, fill
from tests.support.processes import Running

from stoa import server as composition
from stoa.kernel.clock import ManualClock
from stoa.settings import Limits, Server, Settings

pytestmark = pytest.mark.anyio
ROUTES = {
    "/schedule/sessions": "meta",
    "/api/v2/sessions": "description",
    "/auth/me": "error",
    "/nowhere": "error",
}


@pytest.fixture
def address_of_redis(service_or_skip):
    from redis import Redis

    url = "redis://127.0.0.1:6379"
    service_or_skip("Redis", Redis.from_url(url, socket_connect_timeout=3).ping)
    # Stoa waits for a quarter of a second, and on a busy machine this process alone may take longer.
    return f"{url}?socket_timeout=60&socket_connect_timeout=60"


@pytest.fixture
async def limited(sqlite_url, tmp_path, anyio_backend):
    """A server with the default limits, whose clock stands; ``client(address)`` comes from there."""
    fill(sqlite_url)
    clock = ManualClock(NOW)
    built = composition.build(Settings(Server(data=str(tmp_path), database=sqlite_url)), clock=clock)

    def client(address="203.0.113.1", **headers):
        transport = httpx.ASGITransport(app=built.app, client=(address, 9))
        return httpx.AsyncClient(transport=transport, base_url="http://stoa.test", headers=headers)

    client.clock = clock
    yield client
    await built.storage.close()


async def statuses(client, path, count):
    return [(await client.get(path)).status_code for _ in range(count)]


@pytest.mark.parametrize(("path", "word"), ROUTES.items())
async def test_the_twenty_first_request_of_a_second_is_429(limited, path, word):
    async with limited() as client:
        for number in range(20):
            answer = await client.get(path)
            assert answer.status_code in (401, 404)
            assert answer.headers["x-ratelimit-limit"] == "20"
            assert answer.headers["x-ratelimit-remaining"] == str(19 - number)
        refused = await client.get(path)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/json"
    assert word in refused.json()
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["x-ratelimit-reset"] == str(int(NOW.timestamp()) + 1)
    assert refused.headers["ratelimit-policy"] == '"address";q=20;w=1'
    assert refused.headers["ratelimit"] == '"address";r=0;t=1'
    assert refused.headers["x-request-id"]


async def test_the_next_second_is_free_again(limited):
    async with limited() as client:
        assert await statuses(client, "/auth/me", 21) == [401] * 20 + [429]
        limited.clock.advance(timedelta(seconds=0.999))
        assert await statuses(client, "/auth/me", 1) == [429]
        limited.clock.advance(timedelta(seconds=0.001))
        assert await statuses(client, "/auth/me", 1) == [401]


async def test_every_address_has_its_own(limited):
    async with limited() as one, limited("203.0.113.2") as other:
        assert (await statuses(one, "/auth/me", 21))[-1] == 429
        assert await statuses(other, "/auth/me", 1) == [401]


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/metrics", "/activity.js", "/schema/ui/swagger-ui.css"]
)
async def test_health_and_static_files_are_not_counted(limited, path):
    async with limited() as client:
        assert set(await statuses(client, path, 25)) == {200}
        assert "x-ratelimit-limit" not in (await client.get(path)).headers
        assert (await client.get("/auth/me")).headers["x-ratelimit-remaining"] == "19"


async def test_what_is_refused_at_the_door_counts_nothing_twice(limited):
    async with limited() as client:
        await client.get("/auth/me%00")
        assert (await client.get("/auth/me")).headers["x-ratelimit-remaining"] in ("19", "18")


async def test_zero_is_off(house):
    assert house.settings.limits.http_rate == 0
    async with house.client() as client:
        assert set(await statuses(client, "/auth/me", 50)) == {401}
        assert "x-ratelimit-limit" not in (await client.get("/auth/me")).headers


@pytest.mark.redis
async def test_servers_with_one_redis_count_together(address_of_redis, sqlite_url, tmp_path, anyio_backend):
    fill(sqlite_url)
    server = Server(data=str(tmp_path), database=sqlite_url, redis=address_of_redis)
    clock = ManualClock(NOW)
    settings = Settings(server, Limits(http_rate=20))
    nodes = [composition.build(settings, clock=clock), composition.build(replace(settings), clock=clock)]
    address = f"2001:db8::{secrets.token_hex(2)}:{secrets.token_hex(2)}"
    clients = [
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=node.app, client=(address, 9)), base_url="http://stoa.test"
        )
        for node in nodes
    ]
    answers = [(await clients[number % 2].get("/auth/me")).status_code for number in range(24)]
    assert answers == [401] * 20 + [429] * 4
    for client, node in zip(clients, nodes, strict=True):
        await client.aclose()
        await node.storage.close()


@pytest.mark.redis
async def test_without_an_answer_from_redis_everybody_is_let_through(sqlite_url, tmp_path, anyio_backend):
    fill(sqlite_url)
    server = Server(data=str(tmp_path), database=sqlite_url, redis="redis://127.0.0.1:1")
    built = composition.build(Settings(server, Limits(http_rate=2)), clock=ManualClock(NOW))
    transport = httpx.ASGITransport(app=built.app, client=("203.0.113.1", 9))
    async with httpx.AsyncClient(transport=transport, base_url="http://stoa.test") as client:
        assert set(await statuses(client, "/auth/me", 5)) == {401}
    await built.storage.close()


@pytest.fixture
def proxied(tmp_path):
    """A real server that trusts what ``trusted`` says."""
    running = []

    def begin(trusted):
        settings = {"STOA_TRUSTED_PROXIES": trusted, "STOA_HTTP_RATE_LIMIT": "2"}
        running.append(Running(tmp_path, "--only", "schedule", "--data", tmp_path / "data", **settings))
        return running[-1].wait_ready().address

    yield begin
    for server in running:
        server.stop()


def remaining(address, forwarded):
    """What is left in one second for each of ``forwarded``, asked as quickly as can be."""
    with httpx.Client(base_url=address, timeout=60) as client:
        answers = [client.get("/auth/me", headers={"x-forwarded-for": each}) for each in forwarded]
    return {answer.headers["x-ratelimit-remaining"] for answer in answers}


def count_together(address, forwarded):
    """Two of them within one second: a busy machine may need some tries for that."""
    return any("0" in remaining(address, forwarded) for _ in range(20))


def test_a_trusted_proxy_says_who_asks(proxied):
    address = proxied("127.0.0.0/8,10.0.0.1")
    assert remaining(address, [f"203.0.113.{number}" for number in range(10)]) == {"1"}
    # The nearest address that is not trusted counts: what a caller puts before it does not.
    assert count_together(address, [f"198.51.100.{number}, 192.0.2.7, 10.0.0.1" for number in range(10)])


def test_nobody_else_is_believed(proxied):
    address = proxied("192.0.2.1")
    assert count_together(address, [f"203.0.113.{number}" for number in range(10)])
