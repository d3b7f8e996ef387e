"""Files over HTTP: whole, or the part that is asked for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from email.utils import format_datetime

from litestar.response import Stream

from stoa.platform.files import Files, Head
from stoa.web.house import Request
from stoa.web.middleware import HEAD

ByteRange = tuple[int | None, int | None]
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)


async def download(
    request: Request, files: Files, key: str, *, content_type: str, headers: Mapping[str, str]
) -> Stream:
    """The object, or with 206 the range of it that the request names (RFC 9110, one range).

    Raises FileMissingError, and RangeRefusedError (416) for a range in which there is nothing.
    """
    wanted = _wanted(request)
    if wanted is not None and not _is_current(request.headers.get("if-range"), await files.head(key)):
        wanted = None
    content = await files.stream(key, wanted)
    head = content.head
    told = {
        "content-type": content_type,
        "content-length": str(content.end - content.start),
        "accept-ranges": "bytes",
        "last-modified": _http_date(head.modified_at),
        **headers,
    }
    if head.e_tag:
        told["etag"] = head.e_tag
    if wanted is not None:
        told["content-range"] = f"bytes {content.start}-{content.end - 1}/{head.size}"
    chunks = _none() if _is_head(request) else content.chunks
    return Stream(chunks, headers=told, status_code=200 if wanted is None else 206)


def _wanted(request: Request) -> ByteRange | None:
    """What the files take: the end not included. A range that can not be read, or several, mean the whole."""
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if found is None or _is_head(request):
        return None
    first, last = (int(text) if text else None for text in found.groups())
    if first is None:
        return None if last is None else (None, last)
    if last is None:
        return (first, None)
    return None if last < first else (first, last + 1)


def _is_current(validator: str | None, head: Head) -> bool:
    """Whether what the client has a part of is still this; a weak tag never says so."""
    return validator is None or validator in (head.e_tag, _http_date(head.modified_at))


def _http_date(at: datetime) -> str:
    return format_datetime(at.replace(microsecond=0), usegmt=True)


def _is_head(request: Request) -> bool:
    return HEAD in request.scope["state"]


async def _none() -> AsyncIterator[bytes]:
    return
    yield b""
