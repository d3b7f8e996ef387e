"""Courses over HTTP: who gives them, and who is enrolled."""

from __future__ import annotations

from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from stoa.live import service
from stoa.live.wire import CourseBody, CreateCourse, Enrol, ErrorBody, MessageBody
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of


@post(
    "/courses", guards=[signed_in], dto=Json[CreateCourse], return_dto=None,
    responses=documented(403, 409, 413, body=MessageBody, s400=ErrorBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def create_course(request: Request, data: JSONBody[CreateCourse]) -> CourseBody:
    """Registers a course of which the caller is the instructor: only they create its sessions from now on."""
    house = house_of(request)
    course = await house.storage.write(
        service.register_course, data.course_id, data.title, actor=request.user, now=house.clock.now(), ids=house.ids
    )  # fmt: skip
    return CourseBody.of(course)


@get("/courses", guards=[signed_in], responses=documented(body=MessageBody, s401=ErrorBody, s500=ErrorBody))
async def list_courses(request: Request) -> list[CourseBody]:
    """Those that the caller gives or is enrolled in; all of them for admins."""
    found = await house_of(request).storage.read(service.courses_for, actor=request.user)
    return [CourseBody.of(course) for course in found]


@get(
    "/courses/{course_id:str}", guards=[signed_in],
    responses=documented(404, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def get_course(request: Request, course_id: FromPath[str]) -> CourseBody:
    return CourseBody.of(
        await house_of(request).storage.read(service.course_for, course_id, actor=request.user)
    )


@put(
    "/courses/{course_id:str}/enrolments", guards=[signed_in], dto=Json[Enrol], return_dto=None,
    responses=documented(403, 404, 413, body=MessageBody, s400=ErrorBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def enrol(request: Request, course_id: FromPath[str], data: JSONBody[Enrol]) -> CourseBody:
    """Says who is enrolled: only they get tokens for the course's sessions, and nobody else is enrolled any more."""
    house = house_of(request)
    course = await house.storage.write(
        service.enrol, course_id, data.user_ids, actor=request.user, now=house.clock.now()
    )
    return CourseBody.of(course)


@delete(
    "/courses/{course_id:str}", guards=[signed_in], status_code=200,
    responses=documented(403, 404, body=MessageBody, s401=ErrorBody, s500=ErrorBody),
)  # fmt: skip
async def delete_course(request: Request, course_id: FromPath[str]) -> CourseBody:
    """Its sessions stay; their course is any text again."""
    course = await house_of(request).storage.write(service.remove_course, course_id, actor=request.user)
    return CourseBody.of(course)


HANDLERS: list[ControllerRouterHandler] = [create_course, list_courses, get_course, enrol, delete_course]
