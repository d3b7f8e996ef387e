"""Instruments over HTTP: everybody sees them, administrators write them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from litestar import delete, get, post, put
from litestar.params import JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from stoa.trading import market, service, store
from stoa.trading.api._guards import admin
from stoa.trading.api._listing import Direction, Id, Limit, Order, PageNumber
from stoa.trading.market import InstrumentChange, Market
from stoa.trading.wire import (
    ChangeInstrument,
    CreateInstrument,
    ErrorBody,
    InstrumentBody,
    InstrumentsBody,
    OneInstrumentBody,
)
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of


class InstrumentSort(StrEnum):
    """The fields of an instrument."""

    ID = "id"
    SYMBOL = "symbol"
    DISPLAY_NAME = "display_name"
    PIP_SIZE = "pip_size"
    STEP = "step"
    CONTRACT_SIZE = "contract_size"
    LIQUIDATION_LEVEL = "liquidation_level"
    ENABLED = "enabled"


@get("/instruments", guards=[signed_in], responses=documented(401, 422, body=ErrorBody))
async def list_instruments(
    request: Request,
    page: PageNumber = 1,
    limit: Limit = 20,
    sort: Annotated[InstrumentSort, QueryParameter()] = InstrumentSort.SYMBOL,
    order: Order = Direction.ASC,
    q: Annotated[
        str | None, QueryParameter(max_length=200, description="Looked for in symbols and names.")
    ] = None,
    enabled: Annotated[bool | None, QueryParameter()] = None,
) -> InstrumentsBody:
    """Instruments by symbol, unless another order is asked for."""
    found = await house_of(request).storage.read(
        store.list_instruments, text=q, enabled=enabled, sort=sort.value, descending=order is Direction.DESC, page=page,
        limit=limit,
    )  # fmt: skip
    return InstrumentsBody([InstrumentBody.of(one) for one in found.items], found.total, page, limit)


@get(
    "/instruments/{instrument_id:int}", guards=[signed_in],
    responses=documented(401, 404, 422, body=ErrorBody),
)  # fmt: skip
async def get_instrument(request: Request, instrument_id: Id) -> OneInstrumentBody:
    """An instrument, and which candles are stored of it."""
    house = house_of(request)
    return await house.storage.read(_one, house.part(Market), instrument_id)


def _one(connection: Connection, stored: Market, instrument_id: int) -> OneInstrumentBody:
    instrument = market.find_instrument(connection, instrument_id)
    return OneInstrumentBody.holding(instrument, stored.shelf(connection, instrument_id))


@post(
    "/instruments", guards=[admin], status_code=201, dto=Json[CreateInstrument], return_dto=None,
    responses=documented(400, 401, 403, 409, 413, 422, body=ErrorBody),
)  # fmt: skip
async def create_instrument(request: Request, data: JSONBody[CreateInstrument]) -> InstrumentBody:
    """409 where the symbol is taken. The symbol is for good."""
    storage = house_of(request).storage
    return InstrumentBody.of(await storage.write(market.add_instrument, data.to_instrument()))


@put(
    "/instruments/{instrument_id:int}", guards=[admin], dto=Json[ChangeInstrument], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def change_instrument(
    request: Request, instrument_id: Id, data: JSONBody[ChangeInstrument]
) -> InstrumentBody:
    """What is sent is changed. 400 for another symbol, and for another step while there are candles."""
    return await _change(request, instrument_id, data.to_change())


@post(
    "/instruments/{instrument_id:int}/enable", guards=[admin], status_code=200,
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def enable_instrument(request: Request, instrument_id: Id) -> InstrumentBody:
    return await _change(request, instrument_id, InstrumentChange(enabled=True))


@post(
    "/instruments/{instrument_id:int}/disable", guards=[admin], status_code=200,
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def disable_instrument(request: Request, instrument_id: Id) -> InstrumentBody:
    """New sessions on it are refused; those that there are go on."""
    return await _change(request, instrument_id, InstrumentChange(enabled=False))


async def _change(request: Request, instrument_id: int, change: InstrumentChange) -> InstrumentBody:
    storage = house_of(request).storage
    return InstrumentBody.of(await storage.write(market.change_instrument, instrument_id, change))


@delete(
    "/instruments/{instrument_id:int}", guards=[admin], status_code=204,
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody, s204=None),
)  # fmt: skip
async def delete_instrument(request: Request, instrument_id: Id) -> None:
    """400 while it has candles or sessions."""
    await house_of(request).storage.write(market.delete_instrument, instrument_id, in_use=service.in_use)


HANDLERS: list[ControllerRouterHandler] = [
    list_instruments, get_instrument, create_instrument, change_instrument, enable_instrument, disable_instrument,
    delete_instrument,
]  # fmt: skip
