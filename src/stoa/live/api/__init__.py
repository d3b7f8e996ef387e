"""The live kind over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from sqlalchemy import Connection

from stoa.live import realtime, store
from stoa.live.api import _courses, _daily, _page, _people, _recordings, _sessions
from stoa.live.studio import Studio
from stoa.live.wire import DIALECT, PATHS
from stoa.live.workshop import Workshop
from stoa.platform.timers import Handler
from stoa.web.house import House
from stoa.web.kind import Kind

_log = structlog.get_logger(__name__)


def sweep(connection: Connection, *, now: datetime) -> None:
    """Forgets what nobody can send again."""
    store.forget_events(connection, now=now)


@asynccontextmanager
async def _alongside(house: House) -> AsyncGenerator[None]:
    workshop = house.part(Workshop)
    async with house.part(Studio).running():
        tidying = asyncio.create_task(_tidy(workshop))
        try:
            yield
        finally:
            tidying.cancel()
            await asyncio.wait([tidying])
            await workshop.close()


async def _tidy(workshop: Workshop) -> None:
    try:
        await workshop.tidy()
    except Exception:  # noqa: BLE001 - it is only room that is not made
        _log.exception("live_recordings_not_tidied")


def _due_handlers(house: House) -> Mapping[str, Handler]:
    return house.part(Workshop).handlers()


KIND = Kind(
    name="live",
    title="Live",
    about="Classes with real video, recorded, with nothing to install.",
    prefix="/live",
    paths=PATHS,
    handlers=[
        *_sessions.HANDLERS,
        *_people.HANDLERS,
        *_recordings.HANDLERS,
        *_courses.HANDLERS,
        *_page.HANDLERS,
        *_daily.HANDLERS,
    ],
    dialect=DIALECT,
    tables=store.metadata,
    due_handlers=_due_handlers,
    alongside=_alongside,
    namespaces=realtime.namespaces,
)

__all__ = ["KIND", "sweep"]
