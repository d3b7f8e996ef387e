"""Daily's REST API: asked with patience, and left alone while it is down."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx2
import structlog

from stoa.kernel.clock import Clock
from stoa.live.errors import ProviderError

_TRIES = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
"""Seconds between tries; Daily may ask for longer ones, and who asks us does not wait for those."""
_TIMEOUT = httpx2.Timeout(10.0, connect=3.0)
_FAILURES, _REST = 5, timedelta(seconds=30)
_log = structlog.get_logger(__name__)


class RefusedError(ProviderError):
    """Daily answered, and said no. ``reason`` and ``info`` are its own words."""

    def __init__(self, status: int, body: Any) -> None:
        said = body if isinstance(body, Mapping) else {}
        self.status, self.body = status, said
        self.reason, self.info = str(said.get("error", "")), str(said.get("info", ""))
        super().__init__("The video service refused it")

    def __str__(self) -> str:
        return f"Daily answered {self.status}: {self.reason} {self.info}".rstrip()


class DownError(ProviderError):
    """Daily did not answer, or not in time, or that it is broken. Whether it was done is not known."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__("The video service does not answer")

    def __str__(self) -> str:
        return self.cause


class NotSentError(DownError):
    """It was not done."""


class Breaker:
    """After some failures in a row nothing is asked for a while; then one may try, and the next ones if it succeeds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._closed_from: datetime | None = None

    def enter(self) -> None:
        """Raises NotSentError while it is open."""
        if self._closed_from is None:
            return
        if self._clock.now() < self._closed_from:
            raise NotSentError("Daily failed too often, and is not asked for a while")
        self._closed_from = self._clock.now() + _REST

    def succeeded(self) -> None:
        self._failures, self._closed_from = 0, None

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= _FAILURES:
            self._closed_from = self._clock.now() + _REST
            _log.warning("daily_breaker_open", failures=self._failures)


class Rest:
    def __init__(self, base: str, key: str, clock: Clock) -> None:
        self._base, self._key = base.rstrip("/"), key
        self._breaker = Breaker(clock)
        self._client: httpx2.AsyncClient | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def get(self, path: str, **params: str | int) -> Any:
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: Any = None, *, twice_is_once: bool = True) -> Any:
        """``twice_is_once``: to ask again, when nothing came back, does no harm."""
        return await self._ask("POST", path, body=body or {}, again=twice_is_once)

    async def delete(self, path: str) -> Any:
        return await self._ask("DELETE", path)

    async def _ask(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, str | int] | None = None,
        again: bool = True,
    ) -> Any:  # fmt: skip
        self._breaker.enter()
        for number in range(1, _TRIES + 1):
            pause = _FIRST_PAUSE * 4 ** (number - 1)
            try:
                answer = await self._opened().request(method, path, json=body, params=params)
            except httpx2.TransportError as error:
                not_sent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
                failure: ProviderError = (NotSentError if not_sent else DownError)(
                    f"{method} {path}: {type(error).__name__} {error}"
                )
                may_again = again or not_sent
            else:
                if answer.status_code == 429:
                    failure, may_again = RefusedError(429, _json(answer)), True
                    pause = _retry_after(answer, pause)
                elif answer.status_code >= 500:
                    failure, may_again = DownError(f"{method} {path}: status {answer.status_code}"), again
                else:
                    return self._read(answer)
            if number == _TRIES or not may_again or pause > _LONGEST_PAUSE:
                break
            await asyncio.sleep(pause)
        if isinstance(failure, DownError):
            self._breaker.failed()
        raise failure

    def _read(self, answer: httpx2.Response) -> Any:
        self._breaker.succeeded()
        body = _json(answer)
        if answer.status_code >= 400:
            raise RefusedError(answer.status_code, body)
        return body

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            headers = {"authorization": f"Bearer {self._key}"}
            self._client = httpx2.AsyncClient(base_url=self._base, headers=headers, timeout=_TIMEOUT)
        return self._client


def _json(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return {}


def _retry_after(answer: httpx2.Response, otherwise: float) -> float:
    try:
        return max(float(answer.headers.get("retry-after", otherwise)), 0.0)
    except ValueError:
        return otherwise
