"""The composition root: puts platform, accounts and kinds together. The only place that knows them all."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ASGIApp
from sqlalchemy import Connection, Engine, MetaData, text

from stoa.accounts import api as accounts_api
from stoa.accounts import demo as accounts_demo
from stoa.accounts import service as people
from stoa.accounts import store as accounts_store
from stoa.accounts.authenticate import StoredAuthenticator
from stoa.accounts.desk import Desk
from stoa.activity import api as activity_api
from stoa.activity import demo as activity_demo
from stoa.activity import service as activity_service
from stoa.activity.api import Policy
from stoa.activity.model import ListMode
from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock, SystemClock
from stoa.kernel.errors import InvalidError, StoaError
from stoa.kernel.ids import Ids, SystemIds
from stoa.live import api as live_api
from stoa.live import demo as live_demo
from stoa.missions import api as missions_api
from stoa.missions import demo as missions_demo
from stoa.missions import service as missions_service
from stoa.missions.model import SessionConfig
from stoa.missions.outside import Installed, Limits
from stoa.platform import journal, migrate, realtime, timers
from stoa.platform.files import Files
from stoa.platform.limits import Limiter, MemoryLimiter, RedisLimiter
from stoa.platform.realtime import Realtime
from stoa.platform.storage import PostgresStorage, SqliteStorage, Storage, open_storage
from stoa.platform.telemetry import Metrics
from stoa.schedule import api as schedule_api
from stoa.schedule import demo as schedule_demo
from stoa.server import _live
from stoa.settings import Settings, listed
from stoa.trading import api as trading_api
from stoa.trading import demo as trading_demo
from stoa.trading.market import Market
from stoa.web import openapi, operations, start_page
from stoa.web.auth import Authentication, credentials_of_handshake
from stoa.web.errors import Dialects
from stoa.web.house import House
from stoa.web.kind import Kind
from stoa.web.middleware import Door, RateLimit
from stoa.web.shortcut import Shortcuts

KINDS = (schedule_api.KIND, activity_api.KIND, missions_api.KIND, trading_api.KIND, live_api.KIND)
"""What ``--only`` can name; accounts are always there."""
UNCOUNTED = ("/health/", "/metrics", "/schema/ui/", "/activity.js", "/live/webhooks/", "/webhooks/")
"""Health, metrics, static files and signed webhooks do not count toward the limit of requests."""
HOUSEKEEPING = "housekeeping"
EVERY = timedelta(hours=1)
TABLES: tuple[MetaData, ...] = (
    journal.metadata, timers.metadata, realtime.metadata, accounts_store.metadata,
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
    settings: Settings, *, only: str | None = None, kinds: Sequence[Kind] = KINDS,
    demo: start_page.Demo | None = None, clock: Clock | None = None, ids: Ids | None = None,
) -> Server:  # fmt: skip
    """A server over a database whose schema is current. Nothing runs until its lifespan begins.

    It serves ``kinds``, each under its prefix, or ``only`` one of them, its paths at the root.
    """
    clock, ids, metrics = clock or SystemClock(), ids or SystemIds(), Metrics()
    storage = open_storage(settings.database_url)
    storage.on_batch = metrics.observe_batch
    accounts, authenticator = _accounts(settings, storage, clock, ids)
    chosen = [kind for kind in kinds if only in (None, kind.name)]
    alone = chosen[0] if only else None
    rooms = [accounts, *chosen]
    policy = _activity_policy(settings)
    own = _parts(settings, chosen, storage, clock, ids, accounts.parts[Desk], metrics, alone=alone)
    house = House(
        storage, clock, ids, parts=own | accounts.parts | {Policy: policy}, public_url=settings.public_url
    )
    live = _realtime(settings, storage, clock, authenticator)
    house.part(Desk).listeners.append(live.access_changed)
    for kind in chosen:
        live.add(kind.namespaces(house, live))
    dialects = Dialects([kind.placed_dialect(alone=kind is alone) for kind in rooms])
    app = Litestar(
        [
            *(kind.router(alone=kind is alone) for kind in rooms),
            *operations.handlers(metrics, is_ready=partial(_is_ready, storage)),
            openapi.router(rooms, alone=alone),
            start_page.handler(
                chosen, alone=alone is not None, demo=demo or start_page.Demo(), url=settings.public_url
            ),
        ],
        openapi_config=None,
        state=State({"house": house}),
        exception_handlers={Exception: dialects.handle},
        lifespan=[partial(_lifespan, house, rooms, policy, metrics, live)],
        request_max_body_size=settings.server.max_body_mb * 2**20,
        logging_config=None,
    )
    shortcuts = [each for kind in rooms for each in kind.placed_shortcuts(alone=kind is alone)]
    inner: ASGIApp = Authentication(Shortcuts(app, house, shortcuts), authenticator)
    if settings.limits.http_rate:
        inner = RateLimit(
            inner, limiter=_limiter(settings), clock=clock, limit=settings.limits.http_rate, free=UNCOUNTED
        )
    door = Door(inner, dialects=dialects, ids=ids, metrics=metrics, log_requests=settings.logs.requests)
    return Server(live.mounted(door), house, storage)


def _tune_collector() -> None:
    """What was made until now stays for good, and is never looked through for garbage again; what comes, less often.

    A pass over all holds up everybody: 30 ms with some large missions in memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 20)


@asynccontextmanager
async def _lifespan(
    house: House, kinds: Sequence[Kind], policy: Policy, metrics: Metrics, live: Realtime, _app: Litestar
) -> AsyncGenerator[None]:
    """The sweeper runs while the server does, once the kinds are ready for what it finds due; what was accepted is
    stored before the server ends.
    """
    handlers: dict[str, timers.Handler] = {HOUSEKEEPING: partial(_housekeeping, house.clock, policy)}
    for kind in kinds:
        handlers |= kind.due_handlers(house)
    sweeper = timers.Sweeper(house.storage, house.clock, handlers, observe_lateness=metrics.observe_lateness)
    await house.storage.write(_plan_housekeeping, house.clock.now())
    try:
        async with AsyncExitStack() as stack:
            for kind in kinds:
                await stack.enter_async_context(kind.alongside(house))
            _tune_collector()
            await stack.enter_async_context(_swept(sweeper))
            await stack.enter_async_context(live.running())
            yield
    finally:
        await house.storage.close()


@asynccontextmanager
async def _swept(sweeper: timers.Sweeper) -> AsyncGenerator[None]:
    sweeping = asyncio.create_task(sweeper.run())
    try:
        yield
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping


def _parts(
    settings: Settings,
    served: Sequence[Kind],
    storage: Storage,
    clock: Clock,
    ids: Ids,
    desk: Desk,
    metrics: Metrics,
    *,
    alone: Kind | None,
) -> dict[type[Any], Any]:
    """What the kinds that are served need of their own."""
    files = open_files(settings, clock=clock, ids=ids)
    parts: dict[type[Any], Any] = {Files: files}
    if missions_api.KIND in served:
        parts[Installed] = _installed(settings)
    if trading_api.KIND in served:
        parts |= trading_api.parts(
            files, cache_mb=settings.trading.candle_cache_mb, compiled=settings.folder / "compiled",
            active_sessions=settings.trading.active_sessions,
        )  # fmt: skip
    if live_api.KIND in served:
        place = _live.Place(
            settings, storage, clock, ids, "" if alone is live_api.KIND else live_api.KIND.prefix
        )
        parts |= _live.parts(place, desk, files, metrics)
    return parts


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


def _realtime(
    settings: Settings, storage: Storage, clock: Clock, authenticator: StoredAuthenticator
) -> Realtime:
    async def identify(headers: Any, auth: Any) -> Actor | None:
        credentials = credentials_of_handshake(headers, auth)
        return None if credentials is None else await authenticator.authenticate(credentials)

    def still_in(connection: Connection, actors: Sequence[Actor]) -> Mapping[str, Actor]:
        return people.still_in(connection, actors, now=clock.now())

    return Realtime(
        storage,
        clock,
        identify=identify,
        still_in=still_in,
        limiter=_limiter(settings),
        message_rate=settings.limits.message_rate,
        outbox_bytes=settings.realtime.outbox_kb * 1024,
        port=settings.server.port,
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


def open_files(settings: Settings, *, clock: Clock, ids: Ids) -> Files:
    """The store of missions' files and candles' objects."""
    return missions_api.file_store(settings.files_address, clock=clock, ids=ids)


def seed_demo(
    connection: Connection, *, files: Files, folder: Path, clock: Clock, ids: Ids
) -> start_page.Demo:
    """People, timelines, a month of sessions, a week of activity, two years of candles, classes. What is there already is
    left as it is.
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
    first, *_ = trading_demo.seed_market(connection, files=files, ids=ids, now=now)
    trading_demo.seed_replay(connection, Market(files), first, actor=teachers[0], clock=clock)
    students = [actor for actor in actors if not actor.teaches]
    on = live_demo.seed(
        connection,
        teacher=teachers[0],
        students=students,
        recordings=folder / "live/recordings",
        now=now,
        ids=ids,
    )
    return start_page.Demo(sign_ins, [("live", "Join the class that is on now", f"/join/{on.room_name}")])


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
    live_api.sweep(connection, now=now)
    _plan_housekeeping(connection, now)


def _activity_policy(settings: Settings) -> Policy:
    alive = timedelta(seconds=settings.activity.alive_seconds) or activity_api.alive_from_file(
        settings.folder
    )
    mode = ListMode(settings.activity.list)
    return Policy(mode=mode) if not alive else Policy(alive, mode)


def _installed(settings: Settings) -> Installed:
    own = settings.effects
    limits = Limits(own.seconds, own.workers, own.tries)
    webhook = {"secrets": listed(own.webhook_secrets), "allow": listed(own.webhook_allow)}
    return Installed(limits, {"webhook": webhook})


def _limiter(settings: Settings) -> Limiter:
    return RedisLimiter.from_url(settings.server.redis) if settings.server.redis else MemoryLimiter()


def _ping(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
