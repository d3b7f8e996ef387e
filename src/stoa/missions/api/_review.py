"""After-action over HTTP: the journal, and the exercise at any moment."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import Response, get
from litestar.params import FromPath, QueryParameter
from litestar.types import ControllerRouterHandler

from stoa.missions import service
from stoa.missions.wire import MEDIA_TYPES, ErrorBody, JournalFormat, StateBody, journal_text
from stoa.web.auth import signed_in
from stoa.web.errors import documented
from stoa.web.house import Request, house_of
from stoa.web.values import parse_instant


@get(
    "/api/v1/sessions/{session_id:str}/state", guards=[signed_in],
    responses=documented(400, 401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def session_state(
    request: Request,
    session_id: FromPath[str],
    at: Annotated[
        str | None,
        QueryParameter(
            max_length=40,
            description="The moment; now where it is absent.",
            schema_extra={"format": "date-time"},
        ),
    ] = None,
    with_hash: Annotated[
        bool, QueryParameter(name="hash", description="Whether to add the state's fingerprint.")
    ] = False,
) -> StateBody:
    """The session as the caller may see it, at any moment since its launch."""
    house = house_of(request)
    moment = await house.storage.read(
        service.state_at, session_id, None if at is None else parse_instant(at, "at"), actor=request.user,
        now=house.clock.now(), with_hash=with_hash,
    )  # fmt: skip
    return StateBody.of(moment)


@get(
    "/api/v1/sessions/{session_id:str}/journal", guards=[signed_in], media_type="application/x-ndjson",
    responses=documented(400, 401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def session_journal(
    request: Request,
    session_id: FromPath[str],
    form: Annotated[
        JournalFormat, QueryParameter(name="format", description="JSON Lines, CSV, or xAPI 1.0.3 statements.")
    ] = JournalFormat.JSONL,
    after: Annotated[
        int, QueryParameter(ge=0, le=2**31 - 1, description="Only what follows this number.")
    ] = 0,
) -> Response[bytes]:
    """What happened, oldest first: all of it to those who see all, to others what they were told."""
    house = house_of(request)
    if form is JournalFormat.XAPI:
        lines = await house.storage.read(
            service.xapi_statements, session_id, actor=request.user, address=house.public_url, after=after
        )
    else:
        lines = await house.storage.read(service.journal_lines, session_id, actor=request.user, after=after)
    text = await asyncio.to_thread(journal_text, lines, form)
    return Response(text, media_type=MEDIA_TYPES[form])


HANDLERS: list[ControllerRouterHandler] = [session_state, session_journal]
