"""Candles over HTTP: their import by administrators, and those that somebody may see."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
from litestar import Response, delete, get, post
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.trading import market, service
from stoa.trading.api._guards import admin
from stoa.trading.api._listing import Direction, From, Id, Order, PageNumber, To, starts_between
from stoa.trading.candles import Zone
from stoa.trading.errors import InstrumentUsedError
from stoa.trading.market import Market
from stoa.trading.model import Timeframe
from stoa.trading.wire import CandlesBody, CandlesOperation, ErrorBody, ImportedBody, timeframe_from
from stoa.web.auth import signed_in
from stoa.web.errors import documented
from stoa.web.house import Request, house_of

MAX_FILE_BYTES = 2 * 2**30
_PIECE = 2**20
_encode = msgspec.json.Encoder().encode

TimeframeParameter = Annotated[
    str | None,
    QueryParameter(
        name="timeframe", required=True, max_length=16, schema_extra={"enum": list(Timeframe)},
        description="Required: 400 where it is missing or none.",
    ),
]  # fmt: skip


@post(
    "/instruments/{instrument_id:int}/candles", guards=[admin], status_code=201,
    operation_class=CandlesOperation, request_max_body_size=MAX_FILE_BYTES,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503, body=ErrorBody),
)  # fmt: skip
async def import_candles(
    request: Request,
    instrument_id: Id,
    timeframe: TimeframeParameter = None,
    timezone: Annotated[
        str | None,
        QueryParameter(
            max_length=64,
            description="Of times that say none: Europe/Athens, UTC+2, America/New_York+7. UTC unless said.",
        ),
    ] = None,
) -> ImportedBody:
    """Stores the candles of a CSV or Parquet file, all of them or none.

    The body is the file itself: the columns `ts,open,high,low,close,volume`, or an export of MetaTrader, HistData or
    Dukascopy. Rows that are unsorted, there twice or no possible candle, and those in a span that is stored already,
    are named with their lines in `details`. Gaps are counted and never filled.
    """
    house = house_of(request)
    chosen, zone = timeframe_from(timeframe), _zone(timezone)
    await house.storage.read(market.find_instrument, instrument_id)
    with TemporaryDirectory(prefix="stoa-upload-") as folder:
        path = Path(folder) / "upload"
        await _receive(request, path)
        imported = await market.import_file(
            house.storage, house.part(Market).files, path, instrument_id=instrument_id, timeframe=chosen,
            clock=house.clock, ids=house.ids, zone=zone,
        )  # fmt: skip
    return ImportedBody.of(imported)


def _zone(text: str | None) -> Zone | None:
    """In a query a ``+`` may have become a space."""
    return None if text is None else Zone.of(text.replace(" ", "+"))


async def _receive(request: Request, path: Path) -> None:
    """The body on disk, a piece in memory at a time."""
    with path.open("wb") as file:
        pieces, size = list[bytes](), 0
        async for piece in request.stream():
            pieces.append(piece)
            size += len(piece)
            if size >= _PIECE:
                await asyncio.to_thread(file.writelines, pieces)
                pieces, size = [], 0
        await asyncio.to_thread(file.writelines, pieces)


@get(
    "/instruments/{instrument_id:int}/candles", guards=[signed_in],
    responses=documented(400, 401, 404, 422, 503, body=ErrorBody, s200=CandlesBody),
)  # fmt: skip
async def list_candles(
    request: Request,
    instrument_id: Id,
    timeframe: TimeframeParameter = None,
    starts_from: From = None,
    starts_to: To = None,
    page: PageNumber = 1,
    limit: Annotated[int, QueryParameter(ge=1, le=10_000)] = 1_000,
    order: Order = Direction.ASC,
) -> Response[bytes]:
    """Candles that start from `from` to `to`, both included, stored or built from finer ones, the earliest first.

    Whoever plays a session on the instrument sees none that close after the session's time: of all those sessions
    (those that are over left out) the one furthest behind decides. Administrators see everything.
    """
    house = house_of(request)
    span = starts_between(starts_from, starts_to)
    wanted = _Wanted(timeframe_from(timeframe), span, page, limit, order is Direction.DESC)
    body = await house.storage.read(
        _candles, house.part(Market), instrument_id, wanted, actor=request.user, now=house.clock.now()
    )
    return Response(body, media_type="application/json")


@dataclass(frozen=True, slots=True)
class _Wanted:
    timeframe: Timeframe
    span: tuple[int, int]
    page: int
    limit: int
    descending: bool


def _candles(
    connection: Connection,
    stored: Market,
    instrument_id: int,
    wanted: _Wanted,
    *,
    actor: Actor,
    now: datetime,
) -> bytes:
    instrument = market.find_instrument(connection, instrument_id)
    start, end = wanted.span
    until = service.visible_until(connection, stored, actor, instrument_id, now=now)
    if until is not None:
        end = min(end, until - wanted.timeframe.seconds + 1)
    bars, total = stored.page(
        connection, instrument_id, wanted.timeframe, (start, max(start, end)),
        skip=(wanted.page - 1) * wanted.limit, take=wanted.limit, descending=wanted.descending,
    )  # fmt: skip
    return _encode(CandlesBody.of(bars, instrument, total=total, page=wanted.page, limit=wanted.limit))


@delete(
    "/instruments/{instrument_id:int}/candles", guards=[admin], status_code=204,
    responses=documented(400, 401, 403, 404, 422, 503, body=ErrorBody, s204=None),
)  # fmt: skip
async def delete_candles(request: Request, instrument_id: Id, timeframe: TimeframeParameter = None) -> None:
    """Takes a timeframe's candles away, to import them anew. 400 while a session plays the instrument."""
    house = house_of(request)
    keys = await house.storage.write(_delete, instrument_id, timeframe_from(timeframe), now=house.clock.now())
    await market.sweep(house.storage, house.part(Market).files, keys)


def _delete(
    connection: Connection, instrument_id: int, timeframe: Timeframe, *, now: datetime
) -> Sequence[str]:
    market.find_instrument(connection, instrument_id)
    if service.in_use(connection, instrument_id):
        raise InstrumentUsedError
    return market.remove_candles(connection, instrument_id, timeframe, now=now)


HANDLERS: list[ControllerRouterHandler] = [import_candles, list_candles, delete_candles]
