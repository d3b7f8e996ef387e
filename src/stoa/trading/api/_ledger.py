"""Transactions and reports over HTTP."""

from __future__ import annotations

from dataclasses import replace

from litestar import Response, delete, get, post, put
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from stoa.trading import service, store
from stoa.trading.api._guards import admin
from stoa.trading.api._listing import Id, Wanted, listed_by
from stoa.trading.api._work import listed, perform, up_to_date
from stoa.trading.market import Market
from stoa.trading.store import Listing, TransactionRow
from stoa.trading.wire import (
    ChangeReport,
    CreateReport,
    CreateTransaction,
    ErrorBody,
    ReportBody,
    ReportPage,
    TransactionBody,
    TransactionPage,
)
from stoa.web.auth import signed_in
from stoa.web.body import Json
from stoa.web.errors import documented
from stoa.web.house import Request, house_of

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


# --- transactions ------------------------------------------------------------------------------------------------


@get(
    "/transactions", guards=[signed_in], dependencies=listed_by(store.SORTS[TransactionRow]),
    responses=documented(401, 422, body=ErrorBody),
)  # fmt: skip
async def list_transactions(request: Request, wanted: Wanted) -> TransactionPage:
    """One's own transactions; administrators see all."""
    return await _transactions(request, wanted)


@get(
    "/sessions/{session_id:int}/transactions", guards=[signed_in], dependencies=listed_by(store.SORTS[TransactionRow]),
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def session_transactions(request: Request, session_id: Id, wanted: Wanted) -> TransactionPage:
    return await _transactions(request, replace(wanted, session_id=session_id))


async def _transactions(request: Request, wanted: Listing) -> TransactionPage:
    return TransactionPage.of(await listed(request, TransactionRow, wanted), wanted)


@get(
    "/users/{user_id:int}/transactions", guards=[signed_in], dependencies=listed_by(store.SORTS[TransactionRow]),
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def user_transactions(request: Request, user_id: Id, wanted: Wanted) -> TransactionPage:
    """A user's, for that user and administrators."""
    await up_to_date(request)
    found = await house_of(request).storage.read(service.list_of_user, user_id, wanted, actor=request.user)
    return TransactionPage.of(found, wanted)


@get(
    "/transactions/{transaction_id:int}", guards=[signed_in],
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def get_transaction(request: Request, transaction_id: Id) -> TransactionBody:
    return TransactionBody.of(
        await house_of(request).storage.read(service.transaction, transaction_id, actor=request.user)
    )


@post(
    "/transactions", guards=[admin], dto=Json[CreateTransaction], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def create_transaction(request: Request, data: JSONBody[CreateTransaction]) -> TransactionBody:
    """Administrators write down a transaction. It is a record beside the accounts: no session's balance follows it."""
    house = house_of(request)
    return TransactionBody.of(
        await house.storage.write(service.enter, data.to_entered(), actor=request.user, clock=house.clock)
    )


@delete(
    "/transactions/{transaction_id:int}", guards=[admin], status_code=204,
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def delete_transaction(request: Request, transaction_id: Id) -> None:
    """Administrators take a transaction out of the lists; no balance is readjusted."""
    house = house_of(request)
    await house.storage.write(
        service.delete_transaction, transaction_id, actor=request.user, clock=house.clock
    )


# --- reports -----------------------------------------------------------------------------------------------------


@get(
    "/reports", guards=[signed_in], dependencies=listed_by(store.REPORT_SORTS),
    responses=documented(401, 422, body=ErrorBody),
)  # fmt: skip
async def list_reports(request: Request, wanted: Wanted) -> ReportPage:
    """One's own reports; administrators see all."""
    return await _reports(request, wanted)


@get(
    "/sessions/{session_id:int}/reports", guards=[signed_in], dependencies=listed_by(store.REPORT_SORTS),
    responses=documented(401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def session_reports(request: Request, session_id: Id, wanted: Wanted) -> ReportPage:
    return await _reports(request, replace(wanted, session_id=session_id))


async def _reports(request: Request, wanted: Listing) -> ReportPage:
    found = await house_of(request).storage.read(service.list_reports, wanted, actor=request.user)
    return ReportPage.of(found, wanted)


@post(
    "/sessions/{session_id:int}/generate-report", guards=[signed_in], status_code=200,
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def generate_report(request: Request, session_id: Id) -> ReportBody:
    """Measures the session up to its now. 400 where nothing has been traded."""
    return ReportBody.of(await perform(request, service.generate, session_id))


@get("/reports/{report_id:int}", guards=[signed_in], responses=documented(401, 403, 404, 422, body=ErrorBody))
async def get_report(request: Request, report_id: Id) -> ReportBody:
    return ReportBody.of(
        await house_of(request).storage.read(service.get_report, report_id, actor=request.user)
    )


@get(
    "/reports/{report_id:int}/page", guards=[signed_in], media_type="text/html",
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def report_page(request: Request, report_id: Id) -> Response[str]:
    """The report to look at, with its pictures: equity, drawdown, trades on the candles."""
    house = house_of(request)
    text = await house.storage.read(service.page, house.part(Market), report_id, actor=request.user)
    return Response(text, media_type="text/html", headers={"content-security-policy": PAGE_POLICY})


@get(
    "/reports/{report_id:int}/trades.csv", guards=[signed_in], media_type="text/csv",
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def report_trades(request: Request, report_id: Id) -> Response[str]:
    """The report's trades as CSV, in exact decimals."""
    house = house_of(request)
    text = await house.storage.read(service.trades, house.part(Market), report_id, actor=request.user)
    name = f'attachment; filename="report-{report_id}-trades.csv"'
    return Response(text, media_type="text/csv", headers={"content-disposition": name})


@post(
    "/reports", guards=[signed_in], dto=Json[CreateReport], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def create_report(request: Request, data: JSONBody[CreateReport]) -> ReportBody:
    """A report by hand."""
    house = house_of(request)
    return ReportBody.of(
        await house.storage.write(
            service.write_report, data.session_id, data.to_written(), actor=request.user, clock=house.clock
        )
    )


@put(
    "/reports/{report_id:int}", guards=[signed_in], dto=Json[ChangeReport], return_dto=None,
    responses=documented(400, 401, 403, 404, 413, 422, body=ErrorBody),
)  # fmt: skip
async def change_report(request: Request, report_id: Id, data: JSONBody[ChangeReport]) -> ReportBody:
    """What is absent stays."""
    house = house_of(request)
    return ReportBody.of(
        await house.storage.write(
            service.change_report, report_id, data.to_written(), actor=request.user, clock=house.clock
        )
    )


@delete(
    "/reports/{report_id:int}", guards=[signed_in], status_code=204,
    responses=documented(400, 401, 403, 404, 422, body=ErrorBody),
)  # fmt: skip
async def delete_report(request: Request, report_id: Id) -> None:
    await house_of(request).storage.write(service.delete_report, report_id, actor=request.user)


TRANSACTIONS: list[ControllerRouterHandler] = [
    list_transactions, session_transactions, user_transactions, get_transaction, create_transaction,
    delete_transaction,
]  # fmt: skip
REPORTS: list[ControllerRouterHandler] = [
    list_reports, session_reports, generate_report, get_report, report_page, report_trades, create_report,
    change_report, delete_report,
]  # fmt: skip
