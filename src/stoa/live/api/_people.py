"""Participants over HTTP: the ledger, and what an owner does with them."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler

from stoa.live import service
from stoa.live.studio import Studio
from stoa.live.wire import (
    ErrorBody,
    MemberBody,
    MessageBody,
    ParticipantBody,
    Permissions,
    StudentBody,
    classes_csv,
    csv_of,
)
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of


@get(
    "/sessions/{session_name:str}/participants", guards=[signed_in],
    responses=documented(403, 404, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def list_participants(request: Request, session_name: FromPath[str]) -> list[ParticipantBody]:
    """Who was in when, by the media that came from them: one item for every time somebody was in."""
    return await _participants(request, session_name)


@get(
    "/sessions/{session_name:str}/participants.csv", guards=[signed_in], media_type="text/csv",
    responses=documented(403, 404, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def export_participants(request: Request, session_name: FromPath[str]) -> Response[str]:
    text = csv_of(await _participants(request, session_name))
    headers = {"content-disposition": 'attachment; filename="participants.csv"'}
    return Response(text, media_type="text/csv", headers=headers)


async def _participants(request: Request, session_name: str) -> list[ParticipantBody]:
    house = house_of(request)
    found = await house.storage.read(
        service.attendance, session_name, actor=request.user, now=house.clock.now()
    )
    return [ParticipantBody.of(one) for one in found]


CourseQuery = Annotated[
    str | None, QueryParameter(name="courseId", max_length=128, description="Of this course alone.")
]


@get(
    "/students/{user_id:str}/attendance", guards=[signed_in],
    responses=documented(400, 403, 404, body=MessageBody, s400=ErrorBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def get_attendance(
    request: Request, user_id: FromPath[str], course_id: CourseQuery = None
) -> StudentBody:
    """How a student was in their classes, and in those of the courses in which they are enrolled: one's own; of the
    classes that one gives; of all, for admins. A class begins when it is to start, or when the first comes.
    """
    return await _attendance(request, user_id, course_id)


@get(
    "/students/{user_id:str}/attendance.csv", guards=[signed_in], media_type="text/csv",
    responses=documented(400, 403, 404, body=MessageBody, s400=ErrorBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def export_attendance(
    request: Request, user_id: FromPath[str], course_id: CourseQuery = None
) -> Response[str]:
    """The same, one line a class."""
    text = classes_csv((await _attendance(request, user_id, course_id)).classes)
    headers = {"content-disposition": 'attachment; filename="attendance.csv"'}
    return Response(text, media_type="text/csv", headers=headers)


async def _attendance(request: Request, user_id: str, course_id: str | None) -> StudentBody:
    house = house_of(request)
    name, classes = await house.storage.read(
        service.attendance_of, user_id, course_id, actor=request.user, now=house.clock.now()
    )
    return StudentBody.of(user_id, name, classes)


@post(
    "/sessions/{session_name:str}/participants/{user_id:str}/kick", guards=[signed_in], status_code=200,
    responses=documented(403, 404, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def kick_participant(
    request: Request, session_name: FromPath[str], user_id: FromPath[str]
) -> MemberBody:
    """Throws somebody out, and makes every token void that they have."""
    member = await house_of(request).part(Studio).kick(session_name, user_id, request.user)
    return MemberBody.of(member)


@post(
    "/sessions/{session_name:str}/participants/{user_id:str}/permissions", guards=[signed_in], status_code=200,
    dto=Json[Permissions], return_dto=None,
    responses=documented(403, 404, 413, body=MessageBody, s400=ErrorBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def permit_participant(
    request: Request, session_name: FromPath[str], user_id: FromPath[str], data: JSONBody[Permissions]
) -> MemberBody:
    """Says whether somebody's microphone and camera may be heard and seen, and whether they are banned."""
    member = await house_of(request).part(Studio).permit(
        session_name, user_id, mic=data.mic_allowed, camera=data.camera_allowed, banned=data.banned,
        actor=request.user,
    )  # fmt: skip
    return MemberBody.of(member)


HANDLERS: list[ControllerRouterHandler] = [
    list_participants, export_participants, get_attendance, export_attendance, kick_participant, permit_participant,
]  # fmt: skip
