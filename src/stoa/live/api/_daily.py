"""Where Daily posts what happens in its rooms."""

from __future__ import annotations

from litestar import post
from litestar.types import ControllerRouterHandler

from stoa.kernel.errors import NotFoundError
from stoa.live.daily import LARGEST, Daily
from stoa.live.studio import Studio
from stoa.live.wire import ErrorBody, MessageBody
from stoa.web.errors import documented
from stoa.web.house import Request, house_of


@post(
    "/webhooks/daily", status_code=200, request_max_body_size=LARGEST,
    responses=documented(404, 413, body=MessageBody, s400=ErrorBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def daily_webhook(request: Request) -> None:
    """Signed by Daily, in any order and more than once. Answered when it is stored."""
    provider = house_of(request).part(Studio).provider
    if not isinstance(provider, Daily):
        raise NotFoundError("Daily carries no media here")
    headers = request.headers
    await provider.heard(
        await request.body(), headers.get("x-webhook-timestamp", ""), headers.get("x-webhook-signature", "")
    )


HANDLERS: list[ControllerRouterHandler] = [daily_webhook]
