from datetime import UTC, datetime, timedelta

import pytest
import structlog
from redis.asyncio import Redis

from stoa.platform.limits import MemoryLimiter, RedisLimiter, Verdict

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 1, 9, 0, 0, 250000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def limiter(request):
    if request.param == "memory":
        return MemoryLimiter()
    redis = request.getfixturevalue("redis")
    return RedisLimiter(redis.client, prefix=redis.prefix)


@pytest.fixture
async def unreachable():
    """A limiter on a port where nothing listens."""
    limiter = RedisLimiter.from_url("redis://127.0.0.1:1")
    yield limiter
    await limiter.close()


async def take(limiter, key="k", *, limit=3, window=MINUTE, now=AT):
    return await limiter.take(key, limit=limit, window=window, now=now)


async def test_requests_count_down_to_the_limit_and_are_then_refused(limiter):
    verdicts = [await take(limiter) for _ in range(5)]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0, 0]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False, False]
    assert {verdict.limit for verdict in verdicts} == {3}


async def test_the_window_is_fixed_by_its_first_request(limiter):
    first = await take(limiter)
    later = await take(limiter, now=AT + 59 * SECOND)
    assert first.reset_at == later.reset_at == AT + MINUTE


async def test_a_new_window_opens_exactly_when_the_old_one_closes(limiter):
    for _ in range(4):
        await take(limiter)
    just_before = await take(limiter, now=AT + MINUTE - timedelta(milliseconds=1))
    assert not just_before.allowed
    assert await take(limiter, now=AT + MINUTE) == Verdict(
        allowed=True, limit=3, remaining=2, reset_at=AT + 2 * MINUTE
    )


async def test_refused_requests_count_but_do_not_move_the_window(limiter):
    for second in range(59):
        await take(limiter, limit=1, now=AT + second * SECOND)
    assert (await take(limiter, limit=1, now=AT + MINUTE)).allowed


async def test_keys_do_not_share_a_window(limiter):
    await take(limiter, "a", limit=1)
    assert (await take(limiter, "b", limit=1)).allowed
    assert not (await take(limiter, "a", limit=1)).allowed


async def test_a_limit_of_nothing_refuses_all(limiter):
    assert await take(limiter, limit=0) == Verdict(allowed=False, limit=0, remaining=0, reset_at=AT + MINUTE)


async def test_the_fast_path_counts_with_the_other():
    limiter = MemoryLimiter()
    limiter.take_now("k", limit=3, window=MINUTE, now=AT)
    assert (await take(limiter)).remaining == 1


def test_memory_is_bounded_and_the_newest_window_is_kept():
    limiter = MemoryLimiter(most_keys=100)
    for index in range(1000):
        limiter.take_now(f"{index}", limit=3, window=MINUTE, now=AT)
        assert len(limiter) <= 100
        assert limiter.take_now(f"{index}", limit=3, window=MINUTE, now=AT).remaining == 1


def test_closed_windows_make_room_before_open_ones():
    limiter = MemoryLimiter(most_keys=100)
    limiter.take_now("open", limit=3, window=60 * MINUTE, now=AT)
    for index in range(99):
        limiter.take_now(f"old {index}", limit=3, window=SECOND, now=AT)
    later = AT + MINUTE
    for index in range(98):
        limiter.take_now(f"new {index}", limit=3, window=MINUTE, now=later)
    assert limiter.take_now("open", limit=3, window=MINUTE, now=later).remaining == 1
    assert all(
        limiter.take_now(f"new {index}", limit=3, window=MINUTE, now=later).remaining == 1
        for index in range(98)
    )
    assert len(limiter) == 99


@pytest.mark.redis
async def test_two_nodes_on_one_redis_count_together(redis):
    nodes = [RedisLimiter(redis.client, prefix=redis.prefix) for _ in range(2)]
    verdicts = [await take(node) for node in nodes * 2]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]


@pytest.mark.redis
async def test_redis_forgets_a_key_after_its_window(redis):
    await take(RedisLimiter(redis.client, prefix=redis.prefix))
    assert 0 < await redis.client.pttl(f"{redis.prefix}k") <= 60_000


@pytest.mark.redis
async def test_a_decoding_client_will_do(redis):
    client = Redis(decode_responses=True)
    assert (await take(RedisLimiter(client, prefix=redis.prefix))).reset_at == AT + MINUTE
    await client.aclose()


async def test_everybody_is_let_through_when_redis_does_not_answer(unreachable):
    for second in range(5):
        verdict = await take(unreachable, limit=1, now=AT + second * SECOND)
        assert verdict == Verdict(allowed=True, limit=1, remaining=1, reset_at=AT + second * SECOND + MINUTE)


async def test_an_outage_is_told_once_a_minute(unreachable):
    with structlog.testing.capture_logs() as lines:
        for second in range(150):
            await take(unreachable, now=AT + second * SECOND)
    assert [line["event"] for line in lines] == ["limits_not_counted"] * 3
    assert {line["log_level"] for line in lines} == {"warning"}
