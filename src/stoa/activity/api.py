"""Activity over HTTP: parse, authorise, call one use case, render."""

from __future__ import annotations

import configparser
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

from litestar import Response, delete, get, post, route
from litestar.enums import HttpMethod
from litestar.params import FromQuery, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler

from stoa.activity import rules, service, store
from stoa.activity.errors import FilterInvalidError
from stoa.activity.model import Filters, GroupBy, ListMode, Ping, Pinged
from stoa.activity.service import KeepaliveCommand
from stoa.activity.wire import (
    DIALECT,
    Described,
    ErasedBody,
    ErrorBody,
    ExportBody,
    Hide,
    Keepalive,
    KeepaliveAnswer,
    SessionBody,
    Stats,
    StatsBody,
)
from stoa.kernel.actor import Actor
from stoa.kernel.clock import to_millis
from stoa.kernel.errors import Fault, InvalidError
from stoa.platform.storage import Batched
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import House, Request, house_of
from stoa.web.kind import Kind
from stoa.web.shortcut import Shortcut

MOST_USERNAMES = 1_000
TRACKER = Path(__file__).parent / "static" / "activity.js"
CONFIGURATION = Path("etc/session/session.conf")


@dataclass(frozen=True, slots=True)
class Policy:
    """``alive`` is the silence after which a session is over."""

    alive: timedelta = service.ALIVE
    mode: ListMode = ListMode.ALL
    keepalives: Batched[KeepaliveCommand, Pinged] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keepalives", Batched(partial(service.keepalive_batch, alive=self.alive)))


def alive_from_file(folder: Path) -> timedelta | None:
    """``alive_session_duration`` of etc/session/session.conf, in seconds. InvalidError where that is no number."""
    path = folder / CONFIGURATION
    if not path.exists():
        return None
    parser = configparser.ConfigParser()
    try:
        parser.read_string(path.read_text())
        seconds = parser.getint("SESSION", "alive_session_duration", fallback=None)
    except (configparser.Error, ValueError, UnicodeDecodeError) as error:
        raise InvalidError.field(str(path), f"can't be read: {error}") from None
    if seconds is not None and seconds < 1:
        raise InvalidError.field(str(path), "alive_session_duration must be at least 1 second.")
    return None if seconds is None else timedelta(seconds=seconds)


@route(
    "/api/v2/sessionstart", http_method=[HttpMethod.POST, HttpMethod.GET], guards=[signed_in], status_code=200,
    responses=documented(400, 401, body=ErrorBody),
)  # fmt: skip
async def session_start(request: Request) -> Described:
    """Begins the login's session, unless one is active."""
    house = house_of(request)
    await house.storage.write(
        service.start,
        actor=request.user,
        now=house.clock.now(),
        ids=house.ids,
        alive=house.part(Policy).alive,
    )
    return Described("Session Start")


@post(
    "/api/v2/keepalive", guards=[signed_in], status_code=200, dto=Json[Keepalive], return_dto=None,
    responses=documented(400, 401, 413, body=ErrorBody),
)  # fmt: skip
async def keepalive(request: Request, data: JSONBody[Keepalive]) -> KeepaliveAnswer:
    """Counts the time since the last ping, if the page is visible; keeps the session active in any case."""
    return await _keepalive(house_of(request), request.user, data)


async def _keepalive(house: House, user: Actor, data: Keepalive) -> KeepaliveAnswer:
    pinged = await _ping(house, user, data.to_ping(visible=data.visible))
    return KeepaliveAnswer("Session keepalive", to_millis(pinged.at) // 1000, data.visible, data.path)


@post(
    ["/api/v2/session-hide", "/api/v2/session_hide", "/api/v2/session_tracepath"], guards=[signed_in],
    status_code=200, dto=Json[Hide], return_dto=None,
    responses=documented(400, 401, 413, body=ErrorBody, s200=None),
)  # fmt: skip
async def session_hide(request: Request, data: JSONBody[Hide]) -> Response[bytes]:
    """Counts like a visible keepalive. The answer has no body."""
    await _ping(house_of(request), request.user, data.to_ping())
    return Response(b"", media_type="application/json")


async def _ping(house: House, user: Actor, ping: Ping) -> Pinged:
    command = service.command(user, ping, now=house.clock.now())
    return await house.storage.write_batched(house.part(Policy).keepalives, command)


@get("/api/v2/sessions", guards=[signed_in], responses=documented(400, 401, body=ErrorBody))
async def list_sessions(
    request: Request,
    usernames: Annotated[
        list[str] | None, QueryParameter(name="usernames[]", max_items=MOST_USERNAMES)
    ] = None,
    active: Annotated[str | None, QueryParameter(max_length=64)] = None,
    started_after: Annotated[str | None, QueryParameter(max_length=64)] = None,
    stopped_before: Annotated[str | None, QueryParameter(max_length=64)] = None,
    limit: Annotated[int | None, QueryParameter(ge=1, le=1000, description="A page of this many.")] = None,
    cursor: Annotated[
        str | None, QueryParameter(max_length=400, description="Where the page before ended.")
    ] = None,
) -> Response[list[SessionBody]]:
    """Sessions, newest start first. With a `limit`, the header `X-Next-Cursor` says where to go on."""
    house, policy = house_of(request), house_of(request).part(Policy)
    filters = Filters(
        usernames=tuple(usernames or ()),
        active=None if active is None else active == "true",
        started_after=rules.timestamp_from(started_after, field="started_after"),
        stopped_before=rules.timestamp_from(stopped_before, field="stopped_before"),
    )
    # A read that must be journalled is a write.
    run = house.storage.write if rules.is_journalled(request.user, mode=policy.mode) else house.storage.read
    listing = await run(
        service.list_sessions, actor=request.user, filters=filters, now=house.clock.now(), alive=policy.alive,
        mode=policy.mode, limit=limit, cursor=cursor,
    )  # fmt: skip
    headers = {"x-next-cursor": listing.next_cursor} if listing.next_cursor else {}
    return Response([SessionBody.of(session) for session in listing.items], headers=headers)


@get("/api/v2/stats", guards=[signed_in], responses=documented(400, 401, body=ErrorBody))
async def stats(
    request: Request,
    group_by: FromQuery[GroupBy],
    first: Annotated[
        str | None, QueryParameter(name="from", max_length=40, description="First day (UTC).")
    ] = None,
    last: Annotated[
        str | None, QueryParameter(name="to", max_length=40, description="Last day (UTC).")
    ] = None,
    usernames: Annotated[
        list[str] | None, QueryParameter(name="usernames[]", max_items=MOST_USERNAMES)
    ] = None,
) -> Stats:
    """Visible seconds by page, user or day, from the counters that the list shows. Both days are included."""
    house, policy = house_of(request), house_of(request).part(Policy)
    run = house.storage.write if rules.is_journalled(request.user, mode=policy.mode) else house.storage.read
    rows = await run(
        service.stats, actor=request.user, group_by=group_by, now=house.clock.now(), first_day=_day(first, "from"),
        last_day=_day(last, "to"), usernames=tuple(usernames or ()), mode=policy.mode,
    )  # fmt: skip
    return Stats(group_by.value, [StatsBody.of(row) for row in rows])


def _day(text: str | None, field: str) -> date | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        message = "must be a date, for example 2026-03-01."
        raise FilterInvalidError(f"{field}: {message}", faults=(Fault(field, message),)) from None


@get("/api/v2/my-activity", guards=[signed_in], responses=documented(401, body=ErrorBody))
async def export(request: Request) -> ExportBody:
    """All that is kept about one's own activity."""
    house = house_of(request)
    now = house.clock.now()
    return ExportBody.of(await house.storage.read(service.export, actor=request.user, now=now), now=now)


@delete("/api/v2/my-activity", guards=[signed_in], status_code=200, responses=documented(401, body=ErrorBody))
async def erase(request: Request) -> ErasedBody:
    """Erases one's own activity, for good and from the statistics too."""
    house = house_of(request)
    erased = await house.storage.write(service.erase, actor=request.user, now=house.clock.now())
    return ErasedBody(erased.sessions, erased.visible_ms // 1000)


@get("/activity.js", include_in_schema=False, sync_to_thread=False)
def tracker() -> Response[bytes]:
    """The tracker that a page includes in one line."""
    return Response(
        TRACKER.read_bytes(),
        media_type="text/javascript",
        headers={"cache-control": "public, max-age=3600"},
    )


HANDLERS: list[ControllerRouterHandler] = [
    session_start, keepalive, session_hide, list_sessions, stats, export, erase, tracker,
]  # fmt: skip

KIND = Kind(
    name="activity",
    title="Activity",
    about="Who is in an application, and how long each of its pages was really seen.",
    prefix="",
    paths=("/api/v2",),
    handlers=HANDLERS,
    dialect=DIALECT,
    tables=store.metadata,
    shortcuts=(Shortcut("POST", "/api/v2/keepalive", Keepalive, _keepalive),),
)
