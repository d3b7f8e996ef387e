"""The schedule over HTTP: parse, authorise, call one use case, render."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from litestar import Response, delete, get, patch, post
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, RawBody
from litestar.types import ControllerRouterHandler

from stoa.kernel.errors import InvalidError
from stoa.kernel.pages import decode_cursor, encode_cursor
from stoa.schedule import ical, service, store
from stoa.schedule.model import Scope, Timeline, Window
from stoa.schedule.service import Target
from stoa.schedule.wire import (
    DIALECT,
    ChangeSession,
    ChangeTimeline,
    CreateSession,
    CreateTimeline,
    ErrorBody,
    FreeBusyBody,
    ImportBody,
    OccurrenceBody,
    SessionBody,
    TimelineBody,
    Wrapped,
    wrapped_page,
    wrapped_until,
)
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of
from stoa.web.kind import Kind
from stoa.web.values import parse_instant

MOST_OWNERS = 100

Skip = Annotated[int, QueryParameter(ge=0, le=2**31 - 1, description="How many to leave out.")]
Take = Annotated[int, QueryParameter(ge=1, le=100, description="How many to return at most.")]
From = Annotated[str, QueryParameter(name="from", max_length=40, schema_extra={"format": "date-time"})]
To = Annotated[str, QueryParameter(name="to", max_length=40, schema_extra={"format": "date-time"})]
OccurrenceParameter = Annotated[
    str | None,
    QueryParameter(
        max_length=10,
        description="With scope=this or following: the occurrence's date.",
        schema_extra={"format": "date"},
    ),
]
ScopeParameter = Annotated[
    Scope, QueryParameter(name="scope", description="How much of the series is meant.")
]


# --- sessions ----------------------------------------------------------------------------------------------------


@get("/sessions", guards=[signed_in], responses=documented(400, 401, body=ErrorBody))
async def list_sessions(
    request: Request,
    timeline_id: Annotated[str | None, QueryParameter(name="timelineId", max_length=64)] = None,
    order: Annotated[
        str, QueryParameter(name="startDateTimeSortOrder", pattern="^([aA][sS][cC]|[dD][eE][sS][cC])$")
    ] = "DESC",
    skip: Skip = 0,
    take: Take = 10,
    starts_from: Annotated[str | None, QueryParameter(name="from", max_length=40)] = None,
    starts_before: Annotated[str | None, QueryParameter(name="to", max_length=40)] = None,
) -> Wrapped[list[SessionBody]]:
    """Sessions by start, newest first unless asked otherwise; `count` is all that match."""
    window = (
        None if starts_from is None else parse_instant(starts_from, "from"),
        None if starts_before is None else parse_instant(starts_before, "to"),
    )
    page = await house_of(request).storage.read(
        store.list_sessions, timeline_id=timeline_id, window=window, descending=order.upper() == "DESC",
        skip=skip, take=take,
    )  # fmt: skip
    return wrapped_page(
        [SessionBody.of(session) for session in page.items], skip=skip, take=take, count=page.total
    )


@get("/sessions/{session_id:str}", guards=[signed_in], responses=documented(401, 404, body=ErrorBody))
async def get_session(request: Request, session_id: FromPath[str]) -> Wrapped[SessionBody]:
    return Wrapped(SessionBody.of(await house_of(request).storage.read(service.get_session, session_id)))


@post(
    "/sessions", guards=[signed_in], status_code=200, dto=Json[CreateSession], return_dto=None,
    responses=documented(400, 401, 403, 409, 413, body=ErrorBody),
)  # fmt: skip
async def create_session(request: Request, data: JSONBody[CreateSession]) -> Wrapped[SessionBody]:
    house = house_of(request)
    session = await house.storage.write(
        service.create_session, data.timeline_id, data.to_draft(), actor=request.user, now=house.clock.now(),
        ids=house.ids,
    )  # fmt: skip
    return Wrapped(SessionBody.of(session))


@patch(
    "/sessions/{session_id:str}", guards=[signed_in], dto=Json[ChangeSession], return_dto=None,
    responses=documented(400, 401, 403, 404, 409, 413, body=ErrorBody),
)  # fmt: skip
async def change_session(
    request: Request,
    session_id: FromPath[str],
    data: JSONBody[ChangeSession],
    part: ScopeParameter = Scope.ALL,
    occurrence: OccurrenceParameter = None,
) -> Wrapped[SessionBody]:
    """Changes a session, one occurrence of it, or the occurrences from one on (which become a session of their own)."""
    house = house_of(request)
    session = await house.storage.write(
        service.change_session, session_id, data.to_changes(), target=Target(part, _date(occurrence)),
        actor=request.user, now=house.clock.now(), ids=house.ids,
    )  # fmt: skip
    return Wrapped(SessionBody.of(session))


@delete(
    "/sessions/{session_id:str}", guards=[signed_in], status_code=200,
    responses=documented(400, 401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def delete_session(
    request: Request,
    session_id: FromPath[str],
    part: ScopeParameter = Scope.ALL,
    occurrence: OccurrenceParameter = None,
) -> Wrapped[SessionBody]:
    """Removes a session (answered with `removedAt`), or one or the later occurrences of it."""
    return await _remove(request, session_id, Target(part, _date(occurrence)))


@patch(
    "/sessions/{session_id:str}/removedAt",
    guards=[signed_in],
    responses=documented(401, 403, 404, body=ErrorBody),
)
async def remove_session(request: Request, session_id: FromPath[str]) -> Wrapped[SessionBody]:
    return await _remove(request, session_id, Target())


async def _remove(request: Request, session_id: FromPath[str], target: Target) -> Wrapped[SessionBody]:
    house = house_of(request)
    session = await house.storage.write(
        service.remove_session,
        session_id,
        target=target,
        actor=request.user,
        now=house.clock.now(),
        ids=house.ids,
    )
    return Wrapped(SessionBody.of(session))


@patch(
    "/sessions/removedAt", guards=[signed_in], dto=Json[list[str]], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, body=ErrorBody),
)  # fmt: skip
async def remove_sessions(request: Request, data: JSONBody[list[str]]) -> Wrapped[int]:
    """Removes all sessions whose ids are given, or none; `data` is their number."""
    house = house_of(request)
    return Wrapped(
        await house.storage.write(service.remove_sessions, data, actor=request.user, now=house.clock.now())
    )


@get(
    "/sessions/{session_id:str}/occurrences",
    guards=[signed_in],
    responses=documented(400, 401, 404, body=ErrorBody),
)
async def session_occurrences(
    request: Request, session_id: FromPath[str], begin: From, end: To, cursor: FromQuery[str | None] = None
) -> Wrapped[list[OccurrenceBody]]:
    """What happens from `from` until before `to`; `meta.cursor` continues where there is more."""
    return await _occurrences(request, begin, end, cursor, session_id=session_id)


@get("/occurrences", guards=[signed_in], responses=documented(400, 401, 404, body=ErrorBody))
async def all_occurrences(
    request: Request,
    begin: From,
    end: To,
    timeline_id: Annotated[str | None, QueryParameter(name="timelineId", max_length=64)] = None,
    cursor: FromQuery[str | None] = None,
) -> Wrapped[list[OccurrenceBody]]:
    return await _occurrences(request, begin, end, cursor, timeline_id=timeline_id)


async def _occurrences(
    request: Request, begin: str, end: str, cursor: str | None, **of: Any
) -> Wrapped[list[OccurrenceBody]]:
    found = await house_of(request).storage.read(
        service.occurrences, _window(begin, end), after=None if cursor is None else _bookmark(cursor), **of
    )
    more = found[service.MOST_OCCURRENCES :]
    found = found[: service.MOST_OCCURRENCES]
    return wrapped_until(
        [OccurrenceBody.of(happening) for happening in found], encode_cursor(*found[-1].key) if more else None
    )


def _bookmark(cursor: str) -> tuple[int, str, str]:
    start, session_id, day = decode_cursor(cursor, length=3)
    if not (isinstance(start, int) and isinstance(session_id, str) and isinstance(day, str)):
        raise InvalidError.field("cursor", "must be one that an earlier answer gave.")
    return start, session_id, day


@get("/free-busy", guards=[signed_in], responses=documented(400, 401, body=ErrorBody))
async def free_busy(
    request: Request,
    begin: From,
    end: To,
    owners: Annotated[list[str], QueryParameter(name="owners[]", max_items=MOST_OWNERS, min_items=1)],
) -> Wrapped[list[FreeBusyBody]]:
    """When each owner is taken; overlapping and touching sessions are merged."""
    taken = await house_of(request).storage.read(
        service.free_busy, list(dict.fromkeys(owners)), _window(begin, end)
    )
    return Wrapped([FreeBusyBody.of(owner, windows) for owner, windows in taken.items()])


# --- timelines ---------------------------------------------------------------------------------------------------


@get("/timelines", guards=[signed_in], responses=documented(400, 401, body=ErrorBody))
async def list_timelines(request: Request, skip: Skip = 0, take: Take = 10) -> Wrapped[list[TimelineBody]]:
    page = await house_of(request).storage.read(store.list_timelines, skip=skip, take=take)
    return wrapped_page(
        [_timeline(request, item) for item in page.items], skip=skip, take=take, count=page.total
    )


@post(
    "/timelines", guards=[signed_in], status_code=200, dto=Json[CreateTimeline], return_dto=None,
    responses=documented(400, 401, 403, 413, body=ErrorBody),
)  # fmt: skip
async def create_timeline(request: Request, data: JSONBody[CreateTimeline]) -> Wrapped[TimelineBody]:
    house = house_of(request)
    timeline = await house.storage.write(
        service.create_timeline, name=data.name, description=data.description, zone=data.timezone,
        actor=request.user, now=house.clock.now(), ids=house.ids,
    )  # fmt: skip
    return Wrapped(_timeline(request, timeline))


@get("/timelines/{timeline_id:str}", guards=[signed_in], responses=documented(401, 404, body=ErrorBody))
async def get_timeline(request: Request, timeline_id: FromPath[str]) -> Wrapped[TimelineBody]:
    return Wrapped(
        _timeline(request, await house_of(request).storage.read(service.get_timeline, timeline_id))
    )


@patch(
    "/timelines/{timeline_id:str}", guards=[signed_in], dto=Json[ChangeTimeline], return_dto=None,
    responses=documented(400, 401, 403, 404, 409, 413, body=ErrorBody),
)  # fmt: skip
async def change_timeline(
    request: Request, timeline_id: FromPath[str], data: JSONBody[ChangeTimeline]
) -> Wrapped[TimelineBody]:
    return await _write_timeline(request, service.change_timeline, timeline_id, data.to_changes())


@delete(
    "/timelines/{timeline_id:str}", guards=[signed_in], status_code=200,
    responses=documented(401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def delete_timeline(request: Request, timeline_id: FromPath[str]) -> Wrapped[TimelineBody]:
    """Removes the timeline and its sessions."""
    return await _write_timeline(request, service.remove_timeline, timeline_id)


async def _write_timeline(
    request: Request, use_case: Callable[..., Timeline], *args: Any, **kwargs: Any
) -> Wrapped[TimelineBody]:
    house = house_of(request)
    timeline = await house.storage.write(use_case, *args, actor=request.user, now=house.clock.now(), **kwargs)
    return Wrapped(_timeline(request, timeline))


def _timeline(request: Request, timeline: Timeline) -> TimelineBody:
    url = None
    if request.user.is_admin or request.user.id == timeline.owner_id:
        route = request.app.route_reverse("calendar", timeline_id=timeline.id)
        url = f"{str(request.base_url).rstrip('/')}{route}?key={timeline.feed_secret}"
    return TimelineBody.of(timeline, feed_url=url)


# --- calendars ---------------------------------------------------------------------------------------------------


@get(
    "/timelines/{timeline_id:str}/calendar.ics",
    name="calendar",
    security=[],
    responses=documented(404, body=ErrorBody),
)
async def calendar(request: Request, timeline_id: FromPath[str], key: FromQuery[str] = "") -> Response[bytes]:
    """The timeline as iCalendar for calendar programs, which can't sign in: the link's `key` is the proof."""
    house = house_of(request)
    text = await house.storage.read(service.feed, timeline_id, key, now=house.clock.now())
    return Response(text, media_type="text/calendar", headers={"cache-control": "private, max-age=300"})


@post(
    "/timelines/{timeline_id:str}/calendar-link", guards=[signed_in], status_code=200,
    responses=documented(401, 403, 404, body=ErrorBody),
)  # fmt: skip
async def renew_calendar_link(request: Request, timeline_id: FromPath[str]) -> Wrapped[TimelineBody]:
    """A new secret link; the old one stops working."""
    return await _write_timeline(request, service.renew_feed, timeline_id, ids=house_of(request).ids)


@dataclass
class CalendarImport(Operation):
    """Litestar does not document a body that a handler takes as bytes."""

    def __post_init__(self) -> None:
        text, upload = (
            Schema(type=OpenAPIType.STRING),
            Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
        )
        form = Schema(type=OpenAPIType.OBJECT, properties={"file": upload}, required=["file"])
        self.request_body = RequestBody(
            required=True,
            content={"text/calendar": OpenAPIMediaType(text), "multipart/form-data": OpenAPIMediaType(form)},
        )


@post(
    "/timelines/{timeline_id:str}/import", guards=[signed_in], status_code=200, operation_class=CalendarImport,
    responses=documented(400, 401, 403, 404, 413, body=ErrorBody),
)  # fmt: skip
async def import_calendar(request: Request, timeline_id: FromPath[str], body: RawBody) -> Wrapped[ImportBody]:
    """Takes an iCalendar file as the body (or as the form field `file`) and says what it could not take."""
    house = house_of(request)
    timeline = await house.storage.read(service.get_timeline, timeline_id)
    found = await asyncio.to_thread(ical.parse, await _file_of(request, body), zone=timeline.zone)
    imported = await house.storage.write(
        service.import_calendar, timeline_id, found, actor=request.user, now=house.clock.now(), ids=house.ids
    )
    return Wrapped(ImportBody.of(imported))


async def _file_of(request: Request, body: bytes) -> bytes:
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        upload = (await request.form()).get("file")
        if upload is None or isinstance(upload, str):
            raise InvalidError.field("file", "is required: the .ics file.")
        data: bytes = await upload.read()
        return data
    return body


def _window(begin: str, end: str) -> Window:
    return Window(parse_instant(begin, "from"), parse_instant(end, "to"))


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidError.field("occurrence", "must be a date, for example 2026-03-01.") from None


HANDLERS: list[ControllerRouterHandler] = [
    list_sessions, get_session, create_session, change_session, delete_session, remove_session, remove_sessions,
    session_occurrences, all_occurrences, free_busy, list_timelines, create_timeline, get_timeline, change_timeline,
    delete_timeline, calendar, renew_calendar_link, import_calendar,
]  # fmt: skip

KIND = Kind(
    name="schedule",
    title="Schedule",
    about="Timelines of one-time and recurring sessions, without collisions, as calendars.",
    prefix="/schedule",
    paths=("/sessions", "/timelines", "/occurrences", "/free-busy"),
    handlers=HANDLERS,
    dialect=DIALECT,
    tables=store.metadata,
)
