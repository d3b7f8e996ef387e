"""Sessions over HTTP, as documented."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler

from stoa.live import rules, service
from stoa.live.errors import SessionNotFoundError
from stoa.live.studio import Studio
from stoa.live.wire import (
    NOT_FOUND,
    CreateSession,
    ErrorBody,
    MessageBody,
    SessionBody,
    SetStatus,
    Token,
)
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of


@post(
    "/sessions", guards=[signed_in], dto=Json[CreateSession], return_dto=None,
    responses=documented(400, 401, body=ErrorBody, s403=MessageBody, s413=MessageBody, s429=MessageBody),
)  # fmt: skip
async def create_session(request: Request, data: JSONBody[CreateSession]) -> SessionBody:
    """Instructors and admins create. Where the course is registered, only its instructor."""
    house = house_of(request)
    session = await house.storage.write(
        service.create, data.to_draft(), actor=request.user, now=house.clock.now(), ids=house.ids
    )
    return SessionBody.of(session)


@get(
    "/sessions/{session_name:str}",
    responses=documented(body=MessageBody, s500=str),
)
async def get_session(request: Request, session_name: FromPath[str]) -> Response[SessionBody]:
    """An unknown name is 500, as documented."""
    try:
        session = await house_of(request).storage.read(service.session_named, session_name)
    except SessionNotFoundError:
        unknown: Any = NOT_FOUND
        return Response(unknown, status_code=500, media_type="application/json")
    return Response(SessionBody.of(session))


@delete(
    "/sessions/{session_name:str}", guards=[signed_in], status_code=200,
    responses=documented(403, 404, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def delete_session(request: Request, session_name: FromPath[str]) -> SessionBody:
    """Closes the room. The recordings and the attendance are kept."""
    studio = house_of(request).part(Studio)
    return SessionBody.of(await studio.remove(session_name, request.user))


@get(
    "/sessions/instructor/{instructor_id:str}",
    responses=documented(body=MessageBody, s500=ErrorBody),
)
async def list_sessions(request: Request, instructor_id: FromPath[str]) -> list[SessionBody]:
    """An instructor's sessions, soonest first; of an unknown one, none."""
    found = await house_of(request).storage.read(service.sessions_of, instructor_id)
    return [SessionBody.of(session) for session in found]


@put(
    "/sessions/{session_id:str}/status", guards=[signed_in], dto=Json[SetStatus], return_dto=None,
    responses=documented(403, 404, 409, 413, body=MessageBody, s400=ErrorBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def set_status(request: Request, session_id: FromPath[str], data: JSONBody[SetStatus]) -> SessionBody:
    """Moves a session on, by its `_id`: scheduled, live, ended. What ends closes its room."""
    status = rules.status_from(data.status)
    studio = house_of(request).part(Studio)
    return SessionBody.of(await studio.set_status(session_id, status, request.user))


@post(
    "/sessions/{session_name:str}/token", guards=[signed_in], status_code=200,
    responses=documented(403, 404, 409, body=MessageBody, s400=ErrorBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def issue_token(
    request: Request,
    session_name: FromPath[str],
    client: Annotated[
        Literal["stoa"] | None,
        QueryParameter(
            description="`stoa`: always a token for `/live`, also where the media is at Daily.co."
        ),
    ] = None,
) -> Token:
    """A token to join with, once and within a minute. Ask for another while you are in, to come back with.

    Where the media is at Daily.co it is Daily's meeting token, for daily-js.
    """
    studio = house_of(request).part(Studio)
    return Token(await studio.token(session_name, request.user, for_ours=client == "stoa"))


HANDLERS: list[ControllerRouterHandler] = [
    create_session, get_session, delete_session, list_sessions, set_status, issue_token,
]  # fmt: skip
