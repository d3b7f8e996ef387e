"""Health and metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from litestar import Response, get
from litestar.types import ControllerRouterHandler

from stoa.platform.telemetry import Metrics


def handlers(
    metrics: Metrics, *, is_ready: Callable[[], Awaitable[str | None]]
) -> list[ControllerRouterHandler]:
    """``is_ready`` answers None, or what is wrong."""

    @get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @get("/health/ready", include_in_schema=False)
    async def ready() -> Response[dict[str, str]]:
        wrong = await is_ready()
        if wrong is not None:
            return Response({"status": "unavailable", "reason": wrong}, status_code=503)
        return Response({"status": "ok"})

    @get("/metrics", include_in_schema=False, sync_to_thread=False)
    def exposed() -> Response[bytes]:
        body, content_type = metrics.render()
        return Response(body, headers={"content-type": content_type})

    return [live, ready, exposed]
