"""Sessions over HTTP, as documented: launch, list, delete; and who is invited."""

from __future__ import annotations

from typing import Any

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from stoa.missions import rules, service
from stoa.missions.commands import invites_from
from stoa.missions.errors import NotPermittedError
from stoa.missions.model import Request as Asked
from stoa.missions.wire import (
    DeletionRefusedError,
    ErrorBody,
    InvitationsBody,
    LaunchBody,
    LaunchedBody,
    SessionBody,
)
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of


@post(
    "/api/v1/sessions/launch", guards=[signed_in], status_code=200, dto=Json[LaunchBody], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, body=ErrorBody),
)  # fmt: skip
async def launch_session(request: Request, data: JSONBody[LaunchBody]) -> LaunchedBody:
    """Launches a session of a mission, which plays as the mission is now."""
    house = house_of(request)
    mission_id, config = rules.launch_from(data.plain())
    session_id = await house.storage.write(
        service.launch, mission_id, config, actor=request.user, now=house.clock.now(), ids=house.ids
    )
    return LaunchedBody(session_id)


@get("/api/v1/sessions", guards=[signed_in], responses=documented(401, 403, body=ErrorBody))
async def list_sessions(request: Request) -> Response[list[SessionBody]]:
    """The sessions that the caller may see listed, oldest first. Others may still be joined by their ids."""
    listings = await house_of(request).storage.read(service.list_sessions, actor=request.user)
    text: Any = f"[{','.join(listings)}]".encode()
    return Response(text, media_type="application/json")


@delete(
    "/api/v1/sessions/{session_id:str}", guards=[signed_in], status_code=200, media_type="text/plain",
    responses=documented(401, 404, body=ErrorBody),
)  # fmt: skip
async def delete_session(request: Request, session_id: FromPath[str]) -> str:
    """Destroys a session in any state. 401 without the permission."""
    house = house_of(request)
    try:
        await house.storage.write(service.destroy, session_id, actor=request.user, now=house.clock.now())
    except NotPermittedError as refused:
        raise DeletionRefusedError(refused.message) from None
    return "OK"


@put(
    "/api/v1/sessions/{session_id:str}/invitations", guards=[signed_in], status_code=200,
    dto=Json[InvitationsBody], return_dto=None,
    responses=documented(400, 401, 403, 404, 409, 413, body=ErrorBody),
)  # fmt: skip
async def invite(
    request: Request, session_id: FromPath[str], data: JSONBody[InvitationsBody]
) -> InvitationsBody:
    """Says who may join an invite-only session, besides its owner and managers."""
    house = house_of(request)
    told = {"userIds": data.user_ids}
    command = invites_from(told)
    await house.storage.write(
        service.command, session_id, command, by=request.user, now=house.clock.now(),
        request=Asked("invitations", told),
    )  # fmt: skip
    return InvitationsBody(list(command.user_ids))


HANDLERS: list[ControllerRouterHandler] = [launch_session, list_sessions, delete_session, invite]
