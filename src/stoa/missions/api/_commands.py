"""One command surface: whatever a message of the protocol asks, ``POST …/sessions/{id}/<request>`` does too."""

from __future__ import annotations

from typing import Any

from litestar import Response, post
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from stoa.missions import service, views
from stoa.missions.commands import Command, command_from
from stoa.missions.model import Person
from stoa.missions.model import Request as Message
from stoa.missions.service import Done
from stoa.missions.wire import REQUESTS, Asked, ErrorBody, RequestBody
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of

SEQUENCE = "stoa-sequence"
"""The response header that says how far the journal goes: where a client resumes."""


@post(
    "/api/v1/sessions/{session_id:str}/join-session", guards=[signed_in], status_code=200,
    responses=documented(401, 403, 404, 409, body=ErrorBody),
)  # fmt: skip
async def join_session(request: Request, session_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Joins, in the role that the caller's permissions or an earlier assignment give."""
    house = house_of(request)
    message = Message("request-join-session", {"sessionId": session_id})
    done = await house.storage.write(
        service.join, session_id, actor=request.user, now=house.clock.now(), request=message
    )
    return _answer(done, "session-joined", request)


@post(
    "/api/v1/sessions/{session_id:str}/current-session", guards=[signed_in], status_code=200,
    responses=documented(401, 404, 409, body=ErrorBody),
)  # fmt: skip
async def current_session(request: Request, session_id: FromPath[str]) -> Response[dict[str, Any]]:
    """The session as its member may see it now."""
    folded, member = await house_of(request).storage.read(service.current, session_id, actor=request.user)
    headers = {SEQUENCE: str(folded.standing.seq)}
    return Response(views.current_session(folded.exercise, member), headers=headers)


async def _perform(
    request: Request, session_id: str, name: str, data: JSONBody[dict[str, Any]]
) -> Response[dict[str, Any]]:
    house, method = house_of(request), f"request-{name}"
    command: Command = command_from(method, data, person=_PERSON)
    asked = service.Asked(command, request.user, house.clock.now(), Message(method, data))
    done = await house.storage.write_batched(service.batch_of(session_id), asked)
    return _answer(done, REQUESTS[name].answer, request)


def _answer(done: Done, method: str, request: Request) -> Response[dict[str, Any]]:
    data = done.answer(method, user_id=request.user.id)
    return Response(data, headers={SEQUENCE: str(done.after.standing.seq)})


_PERSON = Person("", "")
"""Only joining asks who comes."""


def _handler(name: str, asked: Asked) -> ControllerRouterHandler:
    """Litestar and the documents read a handler's name, its docstring and its annotations."""

    async def with_body(request: Request, session_id: FromPath[str], data: JSONBody[RequestBody]) -> Any:
        return await _perform(request, session_id, name, data.plain())

    async def without(request: Request, session_id: FromPath[str]) -> Any:
        return await _perform(request, session_id, name, {})

    handler = without if asked.body is None else with_body
    handler.__name__ = name.replace("-", "_")
    handler.__doc__ = asked.about
    handler.__annotations__["return"] = Response[dict[str, Any]]
    statuses = (401, 403, 404, 409)
    path = f"/api/v1/sessions/{{session_id:str}}/{name}"
    if asked.body is None:
        responses = documented(*statuses, body=ErrorBody)
        return post(path, guards=[signed_in], status_code=200, responses=responses)(handler)
    handler.__annotations__["data"] = JSONBody[asked.body]  # type: ignore[misc, name-defined]
    responses = documented(400, 413, *statuses, body=ErrorBody)
    taking: Any = Json[asked.body]  # type: ignore[name-defined]
    return post(path, guards=[signed_in], status_code=200, dto=taking, return_dto=None, responses=responses)(
        handler
    )


HANDLERS: list[ControllerRouterHandler] = [
    join_session,
    current_session,
    *(_handler(name, asked) for name, asked in REQUESTS.items()),
]
