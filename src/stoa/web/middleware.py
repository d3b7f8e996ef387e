"""What every request passes on its way in, outermost first: an id and metrics, limits, who asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from time import perf_counter
from typing import Any

import structlog
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from stoa.kernel.clock import Clock, to_millis
from stoa.kernel.errors import InvalidError, RateLimitedError
from stoa.kernel.ids import Ids
from stoa.platform.limits import Limiter, Verdict
from stoa.platform.telemetry import Metrics
from stoa.web.errors import Dialects

HEAD = "head"
"""In the state of a request whose body nobody will see: what is costly to make need not be made."""
_log = structlog.get_logger("stoa.web")


class Door:
    """Gives each request an id, refuses what no route could take, and answers for whatever was raised inside."""

    def __init__(
        self, app: ASGIApp, *, dialects: Dialects, ids: Ids, metrics: Metrics, log_requests: bool = False
    ) -> None:
        self.app = app
        self.dialects = dialects
        self.ids = ids
        self.metrics = metrics
        self.log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        status = 500
        started = False
        request_id = self.ids.object_id()
        scope.setdefault("state", {})["request_id"] = request_id

        method = scope["method"]
        if is_head := method == HttpMethod.HEAD:
            # Whatever answers GET answers HEAD: the same, without its body.
            scope = {**scope, "method": HttpMethod.GET}
            scope["state"][HEAD] = True

        async def watch(message: Message) -> None:
            nonlocal status, started
            if is_head and message["type"] == "http.response.body":
                message["body"] = b""
            if message["type"] == "http.response.start":
                started = True
                status = message["status"]
                message.setdefault("headers", [])
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            _refuse_nul(scope)
            await self.app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            if not started:
                await _answer(watch, *self.dialects.render(scope["path"], error, request_id=request_id))
        finally:
            seconds = perf_counter() - began
            route = str(scope.get("path_template") or "none")
            self.metrics.observe_request(
                kind=self.dialects.of(route).name,
                route=route,
                method=method,
                status=status,
                seconds=seconds,
            )
            if self.log_requests:
                _log.info(
                    "request", method=method, path=scope["path"], status=status,
                    milliseconds=round(seconds * 1000, 2), request_id=request_id,
                )  # fmt: skip


def _refuse_nul(scope: HTTPScope) -> None:
    if "\0" in scope["path"]:
        raise InvalidError.field("path", "must not contain a NUL character.")
    if b"%00" in scope["query_string"]:
        name = next(part for part in scope["query_string"].split(b"&") if b"%00" in part).partition(b"=")[0]
        raise InvalidError.field(name.decode("latin-1"), "must not contain a NUL character.")


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class RateLimit:
    """So many requests a second per address, told in X-RateLimit-* and in the IETF's RateLimit fields."""

    def __init__(
        self, app: ASGIApp, *, limiter: Limiter, clock: Clock, limit: int, free: Sequence[str]
    ) -> None:
        self.app = app
        self.limiter = limiter
        self.clock = clock
        self.limit = limit
        self.free = tuple(free)
        self.policy = f'"address";q={limit};w={int(_WINDOW.total_seconds())}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(self.free):
            await self.app(scope, receive, send)
            return
        client: Any = scope.get("client")
        address = client[0] if client else "unknown"
        now = self.clock.now()
        verdict = await self.limiter.take(f"http:{address}", limit=self.limit, window=_WINDOW, now=now)
        wait = max(1, -(-(to_millis(verdict.reset_at) - to_millis(now)) // 1000))
        headers = self._headers(verdict, wait)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *[(n.encode(), v.encode()) for n, v in headers.items()],
                ]
            await send(message)

        if verdict.allowed:
            await self.app(scope, receive, tell)
            return
        raise RateLimitedError(
            f"More than {self.limit} requests a second came from this address. Try again in {wait} s.",
            retry_after=wait,
            headers=headers,
        )

    def _headers(self, verdict: Verdict, wait: int) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(verdict.limit),
            "x-ratelimit-remaining": str(verdict.remaining),
            "x-ratelimit-reset": str(-(-to_millis(verdict.reset_at) // 1000)),
            "ratelimit-policy": self.policy,
            "ratelimit": f'"address";r={verdict.remaining};t={wait}',
        }


_WINDOW = timedelta(seconds=1)
