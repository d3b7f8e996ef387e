"""The composition root: puts platform, accounts and kinds together. The only place that knows them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ASGIApp
from sqlalchemy import Connection, Engine, MetaData, text

from stoa.accounts import api as accounts_api
from stoa.accounts import demo as accounts_demo
from stoa.accounts import service as people
from stoa.accounts import store as accounts_store
from stoa.accounts.authenticate import StoredAuthenticator
from stoa.activity import api as activity_api
from stoa.activity import demo as activity_demo
from stoa.activity import service as activity_service
from stoa.activity.api import Policy
from stoa.activity.model import ListMode
from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock, SystemClock
from stoa.kernel.errors import InvalidError, StoaError
from stoa.kernel.ids import Ids, SystemIds
from stoa.missions import api as missions_api
from stoa.missions import demo as missions_demo
from stoa.missions import service as missions_service
from stoa.missions.model import SessionConfig
from stoa.platform import journal, migrate, timers
from stoa.platform.files import Files
from stoa.platform.limits import Limiter, MemoryLimiter, RedisLimiter
from stoa.platform.storage import PostgresStorage, SqliteStorage, Storage, open_storage
from stoa.platform.telemetry import Metrics
from stoa.schedule import api as schedule_api
from stoa.schedule import demo as schedule_demo
from stoa.settings import Settings
from stoa.web import openapi, operations, start_page
from stoa.web.auth import Authentication
from stoa.web.errors import Dialects
from stoa.web.house import House
from stoa.web.kind import Kind
from stoa.web.middleware import Door, RateLimit
from stoa.web.shortcut import Shortcuts

KINDS = (schedule_api.KIND, activity_api.KIND, missions_api.KIND)
"""What ``--only`` can name; accounts are always there."""
UNCOUNTED = ("/health/", "/metrics", "/schema/ui/", "/activity.js")
"""Health, metrics and static files do not count toward the limit of requests."""
HOUSEKEEPING = "housekeeping"
EVERY = timedelta(hours=1)
TABLES: tuple[MetaData, ...] = (
    journal.metadata, timers.metadata, accounts_store.metadata,
    *(kind.tables for kind in KINDS),
)  # fmt: skip


class NoFolderError(InvalidError):
    code = "server.no_folder"


class AddressError(InvalidError):
    code = "server.address"


class PublicDemoError(InvalidError):
    code = "server.public_demo"


@dataclass(frozen=True, slots=True)
class Server:
    """``app`` is what uvicorn runs."""

    app: ASGIApp
    house: House
    storage: SqliteStorage | PostgresStorage


def build(
    settings: Settings, *, only: str | None = None, sign_ins: Sequence[tuple[str, str]] = (),
    clock: Clock | None = None, ids: Ids | None = None,
) -> Server:  # fmt: skip
    """A server over a database whose schema is current. Nothing runs until its lifespan begins."""
    clock, ids, metrics = clock or SystemClock(), ids or SystemIds(), Metrics()
    storage = open_storage(settings.database_url)
    storage.on_batch = metrics.observe_batch
    accounts, authenticator = _accounts(settings, storage, clock, ids)
    chosen = [kind for kind in KINDS if only in (None, kind.name)]
    alone = chosen[0] if only else None
    kinds = [accounts, *chosen]
    policy = _activity_policy(settings)
    files = missions_api.file_store(settings.files_address, clock=clock, ids=ids)
    house = House(storage, clock, ids, parts={Policy: policy, Files: files} | accounts.parts)
    dialects = Dialects([kind.placed_dialect(alone=kind is alone) for kind in kinds])
    app = Litestar(
        [
            *(kind.router(alone=kind is alone) for kind in kinds),
            *operations.handlers(metrics, is_ready=partial(_is_ready, storage)),
            openapi.router(kinds, alone=alone),
            start_page.handler(chosen, alone=alone is not None, sign_ins=sign_ins),
        ],
        openapi_config=None,
        state=State({"house": house}),
        exception_handlers={Exception: dialects.handle},
        lifespan=[partial(_lifespan, house, kinds, policy, metrics)],
        request_max_body_size=settings.server.max_body_mb * 2**20,
        logging_config=None,
    )
    shortcuts = [each for kind in kinds for each in kind.placed_shortcuts(alone=kind is alone)]
    inner: ASGIApp = Authentication(Shortcuts(app, house, shortcuts), authenticator)
    if settings.limits.http_rate:
        inner = RateLimit(
            inner, limiter=_limiter(settings), clock=clock, limit=settings.limits.http_rate, free=UNCOUNTED
        )
    door = Door(inner, dialects=dialects, ids=ids, metrics=metrics, log_requests=settings.logs.requests)
    return Server(door, house, storage)


@asynccontextmanager
async def _lifespan(
    house: House, kinds: Sequence[Kind], policy: Policy, metrics: Metrics, _app: Litestar
) -> AsyncGenerator[None]:
    """The sweeper runs while the server does; what was accepted is stored before it ends."""
    handlers: dict[str, timers.Handler] = {HOUSEKEEPING: partial(_housekeeping, house.clock, policy)}
    for kind in kinds:
        handlers |= kind.due_handlers(house.clock)
    sweeper = timers.Sweeper(house.storage, house.clock, handlers, observe_lateness=metrics.observe_lateness)
    await house.storage.write(_plan_housekeeping, house.clock.now())
    sweeping = asyncio.create_task(sweeper.run())
    try:
        yield
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
        await house.storage.close()


def _accounts(
    settings: Settings, storage: Storage, clock: Clock, ids: Ids
) -> tuple[Kind, StoredAuthenticator]:
    own = settings.accounts
    lifetimes = accounts_api.lifetimes_of(access_minutes=own.access_minutes, login_days=own.login_days)
    return accounts_api.kind(
        storage,
        clock,
        ids,
        cache_seconds=own.cache_seconds,
        issuer=own.issuer,
        lifetimes=lifetimes,
        session_of=missions_service.session_of,
    )


async def _is_ready(storage: Storage) -> str | None:
    try:
        await storage.read(_ping)
    except StoaError as error:
        return error.message
    return None


def prepare(engine: Engine) -> None:
    """Brings SQLite's schema up to date; on PostgreSQL insists that somebody has (``stoa migrate``)."""
    if engine.dialect.name == "sqlite":
        migrate.upgrade(engine)
    else:
        migrate.require_current(engine)


def seed_demo(connection: Connection, *, clock: Clock, ids: Ids) -> list[tuple[str, str]]:
    """People, timelines, a month of sessions, a week of activity. What is there already is left as it is.

    Answers the sign-ins, for the start page.
    """
    now = clock.now()
    sign_ins = accounts_demo.seed(connection, ids=ids, now=now)
    actors = [
        Actor(user.number, user.id, user.username, user.name, user.access, user.permissions, "demo", now)
        for user in (people.user_named(connection, name) for name, _ in sign_ins)
    ]
    teachers = [actor for actor in actors if actor.teaches]
    schedule_demo.seed(connection, teachers=teachers, now=now, ids=ids)
    activity_demo.seed(connection, people=actors, now=now, ids=ids)
    _seed_missions(connection, teacher=teachers[0], now=now, ids=ids)
    return sign_ins


def _seed_missions(connection: Connection, *, teacher: Actor, now: datetime, ids: Ids) -> None:
    """Missions, and a session of the first that waits in the lobby."""
    first, *_ = missions_demo.seed(connection, author=teacher, now=now, ids=ids)
    if not missions_service.list_sessions(connection, actor=teacher):
        missions_service.launch(connection, first, SessionConfig(), actor=teacher, now=now, ids=ids)


def _plan_housekeeping(connection: Connection, now: datetime) -> None:
    timers.set(connection, HOUSEKEEPING, "house", due_at=now + EVERY)


def _housekeeping(clock: Clock, policy: Policy, connection: Connection, _timer: timers.Timer) -> None:
    """Forgets what nobody can use any more (ended logins, old failures, numbers of dead pages), and plans the next."""
    now = clock.now()
    people.sweep(connection, now=now)
    activity_service.forget_numbers(connection, now=now, alive=policy.alive)
    _plan_housekeeping(connection, now)


def _activity_policy(settings: Settings) -> Policy:
    alive = timedelta(seconds=settings.activity.alive_seconds) or activity_api.alive_from_file(
        settings.folder
    )
    mode = ListMode(settings.activity.list)
    return Policy(mode=mode) if not alive else Policy(alive, mode)


def _limiter(settings: Settings) -> Limiter:
    return RedisLimiter.from_url(settings.server.redis) if settings.server.redis else MemoryLimiter()


def _ping(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
