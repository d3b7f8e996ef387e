"""Sessions over HTTP: parse, authorise, call one use case, render."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.params import JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler

from stoa.trading import service, store
from stoa.trading.api._listing import (
    Direction,
    From,
    Id,
    Order,
    PageNumber,
    To,
    Wanted,
    listed_by,
    starts_between,
)
from stoa.trading.api._work import perform_within_quota
from stoa.trading.market import Market
from stoa.trading.model import Action
from stoa.trading.wire import (
    AccountBody,
    AdvanceSession,
    CandlesBody,
    ChangeSession,
    CreateSession,
    ErrorBody,
    ForkSession,
    MovedBody,
    SeekSession,
    SessionBody,
    SessionPage,
)
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of


@get(
    "/sessions", guards=[signed_in], dependencies=listed_by(store.SESSION_SORTS),
    responses=documented(401, 422, body=ErrorBody),
)  # fmt: skip
async def list_sessions(request: Request, wanted: Wanted) -> SessionPage:
    """One's own sessions; administrators see all. Both dates are compared with `created_at` and included."""
    house = house_of(request)
    found = await house.storage.read(service.list_sessions, wanted, actor=request.user, now=house.clock.now())
    return SessionPage.of(found, wanted)


@get(
    "/sessions/{session_id:int}", guards=[signed_in], responses=documented(401, 403, 404, 422, body=ErrorBody)
)
async def get_session(request: Request, session_id: Id) -> SessionBody:
    house = house_of(request)
    return SessionBody.of(
        await house.storage.read(service.get, session_id, actor=request.user, now=house.clock.now())
    )


@post(
    "/sessions", guards=[signed_in], dto=Json[CreateSession], return_dto=None,
    responses=documented(400, 401, 403, 413, 422, body=ErrorBody),
)  # fmt: skip
async def create_session(request: Request, data: JSONBody[CreateSession]) -> SessionBody:
    """A DRAFT. It plays the candles that start at `start_ts` or later and before `end_ts`. 403 where one has as many
    sessions running and paused as one may.
    """
    return SessionBody.of(await perform_within_quota(request, service.create, data.to_draft()))


@put(
    "/sessions/{session_id:int}", guards=[signed_in], dto=Json[ChangeSession], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def change_session(request: Request, session_id: Id, data: JSONBody[ChangeSession]) -> SessionBody:
    """`session_status` asks for what start, pause, resume, stop and archive do, and obeys the same rules."""
    return SessionBody.of(await perform_within_quota(request, service.change, session_id, data.to_changes()))


@delete(
    "/sessions/{session_id:int}", guards=[signed_in], status_code=204,
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def delete_session(request: Request, session_id: Id) -> None:
    """In any state, with its positions, orders, transactions and reports."""
    house = house_of(request)
    await house.storage.write(service.delete, session_id, actor=request.user, clock=house.clock)


def _action(action: Action, about: str) -> ControllerRouterHandler:
    """Litestar and the documents read a handler's name and its docstring."""

    async def handler(request: Request, session_id: Id) -> SessionBody:
        return SessionBody.of(await perform_within_quota(request, service.act, session_id, action))

    handler.__name__ = f"{action}_session"
    handler.__doc__ = about
    route = post(
        f"/sessions/{{session_id:int}}/{action}", guards=[signed_in], status_code=200,
        responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
    )  # fmt: skip
    named: Callable[[Request, int], Awaitable[SessionBody]] = handler
    return route(named)


@post(
    "/sessions/{session_id:int}/advance", guards=[signed_in], status_code=200, dto=Json[AdvanceSession],
    return_dto=None, responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def advance_session(request: Request, session_id: Id, data: JSONBody[AdvanceSession]) -> MovedBody:
    """Steps a paused session (a draft is started and paused): to a moment, by bars, or until the next fill."""
    return MovedBody.at(await perform_within_quota(request, service.advance, session_id, data.to_value()))


@post(
    "/sessions/{session_id:int}/seek", guards=[signed_in], status_code=200, dto=Json[SeekSession],
    return_dto=None, responses=documented(400, 401, 403, 404, 409, 413, 422, body=ErrorBody),
)  # fmt: skip
async def seek_session(request: Request, session_id: Id, data: JSONBody[SeekSession]) -> MovedBody:
    """Goes back, with the exact account of that moment; what came after is dropped, so it has to be confirmed."""
    to, confirmed = data.to_values()
    return MovedBody.at(
        await perform_within_quota(request, service.seek, session_id, to, confirmed=confirmed)
    )


@post(
    "/sessions/{session_id:int}/fork", guards=[signed_in], dto=Json[ForkSession], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def fork_session(request: Request, session_id: Id, data: JSONBody[ForkSession]) -> MovedBody:
    """A copy of the session up to a moment, paused there and the caller's own."""
    return MovedBody.at(await perform_within_quota(request, service.fork, session_id, data.to_value()))


@get(
    "/sessions/{session_id:int}/account", guards=[signed_in],
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def session_account(request: Request, session_id: Id) -> AccountBody:
    """Where the session stands, and what its account is worth there."""
    house = house_of(request)
    found = await house.storage.read(
        service.account, house.part(Market), session_id, actor=request.user, now=house.clock.now()
    )
    return AccountBody.of(found)


@get(
    "/sessions/{session_id:int}/candles", guards=[signed_in],
    responses=documented(401, 403, 404, 422, body=ErrorBody, s200=CandlesBody),
)  # fmt: skip
async def session_candles(
    request: Request,
    session_id: Id,
    starts_from: From = None,
    starts_to: To = None,
    page: PageNumber = 1,
    limit: Annotated[int, QueryParameter(ge=1, le=10_000)] = 1_000,
    order: Order = Direction.DESC,
) -> Response[CandlesBody]:
    """The session's completed candles, the newest first unless asked otherwise. Both ends are included."""
    house = house_of(request)
    instrument, bars = await house.storage.read(
        service.candles, house.part(Market), session_id, actor=request.user, now=house.clock.now()
    )
    begin, end = starts_between(starts_from, starts_to)
    bars = bars.between(begin, max(begin, end))
    total, skipped = len(bars), (page - 1) * limit
    if order is Direction.DESC:
        shown = bars[max(total - skipped - limit, 0) : max(total - skipped, 0)][::-1]
    else:
        shown = bars[skipped : skipped + limit]
    return Response(CandlesBody.of(shown, instrument, total=total, page=page, limit=limit))


HANDLERS: list[ControllerRouterHandler] = [
    list_sessions, get_session, create_session, change_session, delete_session,
    _action(Action.START, "From DRAFT to RUNNING: bars complete by the clock from now on."),
    _action(Action.PAUSE, "From RUNNING to PAUSED: time stands still, and trading goes on."),
    _action(Action.RESUME, "From PAUSED to RUNNING."),
    _action(Action.STOP, "Closes what is open at the last price and completes the session."),
    _action(Action.ARCHIVE, "From COMPLETED to ARCHIVED: nothing changes in it any more but its deletion."),
    advance_session, seek_session, fork_session, session_account, session_candles,
]  # fmt: skip
