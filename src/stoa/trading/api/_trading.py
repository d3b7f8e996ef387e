"""Positions and orders over HTTP."""

from __future__ import annotations

from dataclasses import replace

from litestar import delete, get, post, put
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from stoa.trading import service, store
from stoa.trading.api._listing import Id, Wanted, listed_by
from stoa.trading.api._work import listed, looked_up, perform
from stoa.trading.model import CommandKind
from stoa.trading.store import Listing, OrderRow, PositionRow
from stoa.trading.wire import (
    ChangeLevels,
    ChangePosition,
    CreateOrder,
    CreatePosition,
    ErrorBody,
    OrderBody,
    OrderPage,
    PositionBody,
    PositionPage,
)
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request

# --- positions ---------------------------------------------------------------------------------------------------


@get(
    "/positions", guards=[signed_in], dependencies=listed_by(store.SORTS[PositionRow]),
    responses=documented(401, 422, body=ErrorBody),
)  # fmt: skip
async def list_positions(request: Request, wanted: Wanted) -> PositionPage:
    """One's own positions; administrators see all."""
    return await _positions(request, wanted)


@get(
    "/sessions/{session_id:int}/positions", guards=[signed_in], dependencies=listed_by(store.SORTS[PositionRow]),
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def session_positions(request: Request, session_id: Id, wanted: Wanted) -> PositionPage:
    return await _positions(request, replace(wanted, session_id=session_id))


async def _positions(request: Request, wanted: Listing) -> PositionPage:
    return PositionPage.of(await listed(request, PositionRow, wanted), wanted)


@get(
    "/positions/{position_id:int}",
    guards=[signed_in],
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)
async def get_position(request: Request, position_id: Id) -> PositionBody:
    return PositionBody.of(await looked_up(request, service.position, position_id))


@post(
    "/positions", guards=[signed_in], dto=Json[CreatePosition], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def create_position(request: Request, data: JSONBody[CreatePosition]) -> PositionBody | OrderBody:
    """Opens a position at the server's price. With `fill: next_open` the answer is the order that waits for the next bar."""
    placed = await perform(request, service.place, data.session_id, data.to_order())
    return PositionBody.of(placed) if isinstance(placed, PositionRow) else OrderBody.of(placed)


@put(
    "/positions/{position_id:int}", guards=[signed_in], dto=Json[ChangePosition], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def change_position(request: Request, position_id: Id, data: JSONBody[ChangePosition]) -> PositionBody:
    """Sets or clears `sl_price` and `tp_price`; `position_status` CLOSED or LIQUIDATED closes it at the server's price."""
    return PositionBody.of(
        await perform(request, service.change_position, position_id, data.to_levels(), data.position_status)
    )


@delete(
    "/positions/{position_id:int}", guards=[signed_in], status_code=204,
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def delete_position(request: Request, position_id: Id) -> None:
    """Takes it out of the lists; an open one is closed first. What it did to the account stays in the ledger."""
    await perform(request, service.delete_position, position_id)


@post(
    "/positions/{position_id:int}/close", guards=[signed_in], status_code=200,
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def close_position(request: Request, position_id: Id) -> PositionBody:
    """Closes it at the current market price."""
    return PositionBody.of(await perform(request, service.close, position_id, CommandKind.CLOSE))


@post(
    "/positions/{position_id:int}/liquidate", guards=[signed_in], status_code=200,
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def liquidate_position(request: Request, position_id: Id) -> PositionBody:
    """Closes it at the current market price, as a margin call would."""
    return PositionBody.of(await perform(request, service.close, position_id, CommandKind.LIQUIDATE))


# --- orders ------------------------------------------------------------------------------------------------------


@get(
    "/orders", guards=[signed_in], dependencies=listed_by(store.SORTS[OrderRow]),
    responses=documented(401, 422, body=ErrorBody),
)  # fmt: skip
async def list_orders(request: Request, wanted: Wanted) -> OrderPage:
    """One's own orders that wait or waited; administrators see all."""
    return await _orders(request, wanted)


@get(
    "/sessions/{session_id:int}/orders", guards=[signed_in], dependencies=listed_by(store.SORTS[OrderRow]),
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def session_orders(request: Request, session_id: Id, wanted: Wanted) -> OrderPage:
    return await _orders(request, replace(wanted, session_id=session_id))


async def _orders(request: Request, wanted: Listing) -> OrderPage:
    return OrderPage.of(await listed(request, OrderRow, wanted), wanted)


@get("/orders/{order_id:int}", guards=[signed_in], responses=documented(401, 403, 404, 422, body=ErrorBody))
async def get_order(request: Request, order_id: Id) -> OrderBody:
    return OrderBody.of(await looked_up(request, service.order, order_id))


@post(
    "/orders", guards=[signed_in], dto=Json[CreateOrder], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def create_order(request: Request, data: JSONBody[CreateOrder]) -> OrderBody | PositionBody:
    """A LIMIT or STOP order waits for its price. A MARKET order is filled at once: then the answer is its position."""
    placed = await perform(request, service.place, data.session_id, data.to_order())
    return PositionBody.of(placed) if isinstance(placed, PositionRow) else OrderBody.of(placed)


@put(
    "/orders/{order_id:int}", guards=[signed_in], dto=Json[ChangeLevels], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def change_order(request: Request, order_id: Id, data: JSONBody[ChangeLevels]) -> OrderBody:
    """Sets or clears the levels of a pending order; null takes one away."""
    return OrderBody.of(await perform(request, service.change_order, order_id, data.to_levels()))


@delete(
    "/orders/{order_id:int}", guards=[signed_in], status_code=204,
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def cancel_order(request: Request, order_id: Id) -> None:
    """Cancels a pending order; it stays in the list as CANCELLED."""
    await perform(request, service.cancel, order_id)


HANDLERS: list[ControllerRouterHandler] = [
    list_positions, session_positions, get_position, create_position, change_position, delete_position,
    close_position, liquidate_position, list_orders, session_orders, get_order, create_order, change_order,
    cancel_order,
]  # fmt: skip
