"""How a handler runs a use case: what is due is written first, so that what it reads is right at its moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from stoa.kernel.pages import Page
from stoa.trading import service, store
from stoa.trading.market import Market
from stoa.trading.store import Listing, OrderRow, PositionRow
from stoa.web.house import Request, house_of

T = TypeVar("T")
Played = TypeVar("Played", PositionRow, OrderRow)


async def up_to_date(request: Request, *, session_id: int | None = None) -> datetime:
    """Writes what has happened by now in the session, or in all that the asker may see. Answers that now."""
    house, actor = house_of(request), request.user
    user_id = None if actor.is_admin else actor.number
    now = house.clock.now()
    for due in await house.storage.read(store.due, now, user_id=user_id, session_id=session_id):
        await house.storage.write(service.sync, house.part(Market), due, clock=house.clock)
    return now


async def listed(request: Request, of: type[store.AccountRow], wanted: Listing) -> Page[store.AccountRow]:
    """What the asker may see of an account's rows, as of now."""
    await up_to_date(request, session_id=wanted.session_id)
    return await house_of(request).storage.read(service.list_account, of, wanted, actor=request.user)


async def looked_up(request: Request, use_case: Callable[..., Played], row_id: int) -> Played:
    """A row of an account as of now. Raises what the use case raises where one may not see it, and plays nothing then."""
    storage = house_of(request).storage
    row = await storage.read(use_case, row_id, actor=request.user)
    await up_to_date(request, session_id=row.session_id)
    return await storage.read(use_case, row_id, actor=request.user)


async def perform_within_quota(request: Request, use_case: Callable[..., T], *args: Any, **more: Any) -> T:
    """One that can bring a session under way, of which its owner may have so many."""
    return await perform(request, use_case, *args, quota=house_of(request).part(service.Quota), **more)


async def perform(request: Request, use_case: Callable[..., T], *args: Any, **more: Any) -> T:
    """A use case that plays: it gets the market, the actor and the clock."""
    house = house_of(request)
    with house.part(service.Underway).by(request.user.number):
        return await house.storage.write(
            use_case, house.part(Market), *args, actor=request.user, clock=house.clock, **more
        )
