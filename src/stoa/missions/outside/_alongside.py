"""What runs while the server does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog

from stoa.missions.outside._caller import Caller
from stoa.missions.outside._installed import Installed
from stoa.missions.service._files import remove_unreferenced
from stoa.platform.files import Files
from stoa.platform.timers import Sweeper
from stoa.web.house import House

CLEAN_EVERY = timedelta(hours=1)
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def alongside(house: House) -> AsyncGenerator[None]:
    """The sweeper is one of its own: however many effects wait, no other timer waits for them."""
    installed = house.part(Installed)
    await installed.find()
    caller = Caller(house, installed)
    sweeper = Sweeper(house.storage, house.clock, caller.handlers())
    tasks = [asyncio.create_task(sweeper.run()), asyncio.create_task(_clean_for_ever(house))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await caller.close()
        await installed.close()


async def _clean_for_ever(house: House) -> None:
    """On every node: what two of them remove is removed once."""
    while True:
        try:
            removed = await remove_unreferenced(house.part(Files), house.storage, now=house.clock.now())
            if removed:
                _log.info("unreferenced_files_removed", count=removed)
        except Exception:  # noqa: BLE001 - the next time may well succeed, and must come
            _log.exception("unreferenced_files_not_removed")
        await asyncio.sleep(CLEAN_EVERY.total_seconds())
