"""A bare page that joins a room, and the client that it joins with, which any other page may use."""

from __future__ import annotations

import asyncio
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from stoa.live import service
from stoa.live.errors import SessionNotFoundError
from stoa.web.house import Request, house_of

_STATIC = Path(__file__).parents[1] / "static"
_HTML, _SCRIPT, _STYLE = "text/html", "text/javascript", "text/css"
_PAGE_HEADERS = {
    # A call goes on in no frame of somebody else's page. Daily's own page is shown in one of ours.
    "content-security-policy": "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
    "media-src 'self' blob: mediastream:; frame-src https://*.daily.co; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'self'; object-src 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


@get("/join/{room:str}", include_in_schema=False)
async def join_page(request: Request, room: FromPath[str]) -> Response[bytes]:
    """404 with a page that says so where there is no such room."""
    try:
        await house_of(request).storage.read(service.session_named, room)
    except SessionNotFoundError:
        return await asyncio.to_thread(_file, "missing.html", _HTML, _PAGE_HEADERS, status_code=404)
    return await asyncio.to_thread(_file, "join.html", _HTML, _PAGE_HEADERS)


@get("/live.js", include_in_schema=False, sync_to_thread=True)
def library() -> Response[bytes]:
    return _file("live.js", _SCRIPT)


@get("/join.js", include_in_schema=False, sync_to_thread=True)
def script() -> Response[bytes]:
    return _file("join.js", _SCRIPT)


@get("/join.css", include_in_schema=False, sync_to_thread=True)
def style() -> Response[bytes]:
    return _file("join.css", _STYLE)


def _file(
    name: str, media_type: str, headers: dict[str, str] | None = None, *, status_code: int = 200
) -> Response[bytes]:
    return Response(
        (_STATIC / name).read_bytes(), status_code=status_code, media_type=media_type,
        headers={"cache-control": "no-cache"} | (headers or {}),
    )  # fmt: skip


HANDLERS: list[ControllerRouterHandler] = [join_page, library, script, style]
