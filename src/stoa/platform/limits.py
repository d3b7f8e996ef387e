"""How many requests a caller may make in a while: fixed windows, counted as express-rate-limit counts them.

A key's window opens with its first request and closes ``window`` later; requests that are refused count too. Both
limiters answer alike; the one in Redis counts for many nodes together.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from stoa.kernel.clock import from_millis, to_millis

_log = structlog.get_logger(__name__)


class Verdict(NamedTuple):
    """``remaining`` requests are left until ``reset_at``, when the window closes."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: datetime


class Limiter(Protocol):
    async def take(self, key: str, *, limit: int, window: timedelta, now: datetime) -> Verdict:
        """Counts one request of ``key``. The key names the rule as well as the caller (``login:203.0.113.7``)."""
        ...


class MemoryLimiter:
    """Counts for this process. Holds at most ``most_keys``; in a flood of more, some open windows are forgotten."""

    def __init__(self, *, most_keys: int = 100_000) -> None:
        self._most_keys = most_keys
        self._windows: OrderedDict[str, list[Any]] = OrderedDict()  # key → [count, closes at]

    def __len__(self) -> int:
        return len(self._windows)

    async def take(self, key: str, *, limit: int, window: timedelta, now: datetime) -> Verdict:
        return self.take_now(key, limit=limit, window=window, now=now)

    def take_now(self, key: str, *, limit: int, window: timedelta, now: datetime) -> Verdict:
        """The same as ``take``, for those who would rather not await: nothing here waits."""
        counted = self._windows.get(key)
        if counted is None or counted[1] <= now:
            counted = self._open(key, now + window, now)
        counted[0] += 1
        left = limit - counted[0]
        return Verdict(left >= 0, limit, max(left, 0), counted[1])

    def _open(self, key: str, closes_at: datetime, now: datetime) -> list[Any]:
        self._windows.pop(key, None)
        self._drop_closed(now)
        if len(self._windows) >= self._most_keys:
            self._windows.popitem(last=False)
        opened = self._windows[key] = [0, closes_at]
        return opened

    def _drop_closed(self, now: datetime) -> None:
        """Looks at two windows whenever one opens, so closed ones go sooner than they come, and never all at once."""
        for _ in range(min(2, len(self._windows))):
            key, counted = self._windows.popitem(last=False)
            if counted[1] > now:
                self._windows[key] = counted


_TAKE = """
local closes = tonumber(redis.call('HGET', KEYS[1], 'closes'))
local now = tonumber(ARGV[1])
if not closes or closes <= now then
  closes = now + tonumber(ARGV[2])
  redis.call('HSET', KEYS[1], 'closes', string.format('%.0f', closes), 'count', 0)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {redis.call('HINCRBY', KEYS[1], 'count', 1), string.format('%.0f', closes)}
"""


class RedisLimiter:
    """Counts for all nodes on one Redis, in one round trip each.

    Where Redis does not answer, everybody is let through: a limit protects the service and must not be what stops it.
    It is asked again after a second, so that an outage doesn't cost each request a time-out.
    """

    def __init__(self, redis: Redis, *, prefix: str = "stoa:limit:") -> None:
        self._redis = redis
        self._script = redis.register_script(_TAKE)
        self._prefix = prefix
        self._ask_again_at: datetime | None = None
        self._warn_again_at: datetime | None = None

    @classmethod
    def from_url(cls, url: str, *, prefix: str = "stoa:limit:") -> RedisLimiter:
        """A limiter that gives Redis a quarter of a second to answer."""
        return cls(
            Redis.from_url(url, socket_timeout=0.25, socket_connect_timeout=0.25, retry=None), prefix=prefix
        )

    async def take(self, key: str, *, limit: int, window: timedelta, now: datetime) -> Verdict:
        if self._ask_again_at is None or self._ask_again_at <= now:
            try:
                return await self._ask(key, limit, window, now)
            except (RedisError, OSError, TimeoutError) as error:
                self._ask_again_at = now + timedelta(seconds=1)
                self._warn(error, now)
        return Verdict(allowed=True, limit=limit, remaining=limit, reset_at=now + window)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask(self, key: str, limit: int, window: timedelta, now: datetime) -> Verdict:
        answer = await self._script(
            keys=[self._prefix + key], args=[to_millis(now), window // timedelta(milliseconds=1)]
        )
        count, closes = cast("tuple[int, bytes | str]", answer)
        left = limit - count
        return Verdict(left >= 0, limit, max(left, 0), from_millis(int(closes)))

    def _warn(self, error: Exception, now: datetime) -> None:
        if self._warn_again_at is None or self._warn_again_at <= now:
            self._warn_again_at = now + timedelta(minutes=1)
            _log.warning("limits_not_counted", reason="Redis does not answer", error=str(error))
