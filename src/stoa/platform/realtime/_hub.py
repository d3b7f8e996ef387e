"""The house's realtime part: who is connected, under which login, and what the kinds do with them."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock
from stoa.kernel.errors import StoaError
from stoa.platform.limits import Limiter
from stoa.platform.realtime._bus import bus_for
from stoa.platform.realtime._client import Client, Namespace
from stoa.platform.realtime._feed import Feed
from stoa.platform.realtime._seats import Seats
from stoa.platform.storage import Storage

PATH = "/socket.io/"
LOGINS_EVERY = 1.0
"""Seconds between looks at the logins of those who are connected: another node may have ended one."""
GRACE = 2.0
"""Seconds that a client which is told to go has for going."""
UNUSED = 20.0
"""Seconds after which a connection that has joined no namespace is ended."""
AGAIN = 1.0
"""Seconds before what failed in the background is begun again."""
_SECOND = timedelta(seconds=1)
_log = structlog.get_logger(__name__)

Identify = Callable[[Any, Any], Awaitable[Actor | None]]
"""(the handshake's raw headers, the client's ``auth``) → who it is, None for nobody. Raises UnauthenticatedError."""
StillIn = Callable[[Connection, Sequence[Actor]], Mapping[str, Actor]]
"""Those of the actors whose logins are good now, as they are now, by their login's id."""
App = Callable[[Any, Any, Any], Awaitable[None]]


class Realtime:
    """``feed``, ``seats`` and ``admits`` are for the namespaces; ``server.py`` does the rest."""

    def __init__(
        self, storage: Storage, clock: Clock, *, identify: Identify, still_in: StillIn, limiter: Limiter,
        message_rate: int, outbox_bytes: int, port: int = 0,
    ) -> None:  # fmt: skip
        node = f"{socket.gethostname()}:{port}"
        self._storage = storage
        self._clock = clock
        self._identify = identify
        self._still_in = still_in
        self._limiter = limiter
        self._message_rate = message_rate
        self._outbox_bytes = outbox_bytes
        self._bus = bus_for(storage, node=node)
        self.feed = Feed(storage, self._bus)
        self.seats = Seats(
            storage, self._bus, node=node, taken=lambda client: client.namespace.taken_over(client)
        )
        self._namespaces: list[Namespace] = []
        self._clients: dict[str, Client] = {}
        self._by_connection: dict[str, set[Client]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._look_at_logins = asyncio.Event()
        self._server: Any = None

    def add(self, namespaces: Sequence[Namespace]) -> None:
        self._namespaces += namespaces

    def mounted(self, other: App) -> App:
        """``other``, with Socket.IO beside it where any kind has use of it."""
        if not self._namespaces:
            return other
        from stoa.platform.realtime._engine import Server  # noqa: PLC0415 - a fifth of a second, for those with sockets

        logger = logging.getLogger("stoa.socketio")
        logger.setLevel(logging.CRITICAL)  # what clients do wrong is not the operator's affair
        self._server = Server(outbox_limit=self._outbox_bytes, logger=logger, came=self._came)
        for namespace in self._namespaces:
            on = partial(self._server.on, namespace=namespace.name)
            on("connect", partial(self._connect, namespace))
            on("disconnect", self._disconnect)
            on("*", self._receive)
        return _Mounted(self._server, other)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        if self._server is None:
            yield
            return
        await self.seats.begin()
        work = [self._bus.run, self.feed.run, self.seats.run, self._watch_logins]
        work += [namespace.run for namespace in self._namespaces]
        tasks = [asyncio.create_task(_kept_running(each)) for each in work]
        try:
            yield
        finally:
            for task in (*tasks, *self._tasks):
                task.cancel()
            await asyncio.gather(*tasks, *self._tasks, return_exceptions=True)
            await self.seats.close()

    async def admits(self, user_id: str) -> bool:
        """Whether the user may send one more message within this second."""
        if not self._message_rate:
            return True
        key, now = f"message:{user_id}", self._clock.now()
        return (await self._limiter.take(key, limit=self._message_rate, window=_SECOND, now=now)).allowed

    def access_changed(self, _changed: Any = None) -> None:
        """Somebody's login ended or rights changed here: looked at now and not within a second."""
        self._look_at_logins.set()

    # What Socket.IO calls.

    def _came(self, eio_sid: str) -> None:
        asyncio.get_running_loop().call_later(UNUSED, self._end_unused, eio_sid)

    def _end_unused(self, eio_sid: str) -> None:
        if eio_sid not in self._by_connection:
            self._spawn(self._server.hang_up(eio_sid))

    async def _connect(
        self, namespace: Namespace, sid: str, environ: Mapping[str, Any], auth: Any = None
    ) -> None:
        eio_sid = self._server.manager.eio_sid_from_sid(sid, namespace.name)
        outbox = self._server.outbox_of(eio_sid)
        if outbox is None:
            return
        raw = environ["asgi.scope"]["headers"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
        client = Client(sid, namespace, outbox, headers=headers, auth=auth, close=self._close)
        self._clients[sid] = client
        self._by_connection.setdefault(eio_sid, set()).add(client)
        outbox.on_room = partial(self._has_room, eio_sid)
        try:
            client.actor = await self._identify(raw, auth)
        except StoaError as error:
            client.refusal = error
        with _logged("connect"):
            await namespace.connected(client)

    async def _receive(self, event: str, sid: str, *args: Any) -> Any:
        client = self._clients.get(sid)
        if client is None or client.closed:
            return None
        with _logged("receive"):
            if event == self._server.oversized:
                await client.namespace.oversized(client, args[0] if args and isinstance(args[0], int) else 0)
                return None
            return await client.namespace.received(client, event, *args)
        return None

    async def _disconnect(self, sid: str, _reason: str | None = None) -> None:
        client = self._clients.pop(sid, None)
        if client is None:
            return
        client.closed = True
        eio_sid = self._server.manager.eio_sid_from_sid(sid, client.namespace.name)
        left = self._by_connection.get(eio_sid, set())
        left.discard(client)
        if not left:
            self._by_connection.pop(eio_sid, None)
        with _logged("disconnect"):
            await client.namespace.disconnected(client)

    # What ends connections, and what wakes them up.

    def _close(self, client: Client) -> None:
        eio_sid = self._server.manager.eio_sid_from_sid(client.id, client.namespace.name)
        self._spawn(self._server.disconnect(client.id, namespace=client.namespace.name))
        if eio_sid is not None:
            asyncio.get_running_loop().call_later(GRACE, self._end_unused, eio_sid)

    def _has_room(self, eio_sid: str) -> None:
        for client in tuple(self._by_connection.get(eio_sid, ())):
            client.tell_of_room()

    async def _watch_logins(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_at_logins.wait(), LOGINS_EVERY)
            self._look_at_logins.clear()
            clients = [each for each in self._clients.values() if each.actor is not None]
            if clients:
                with suppress(StoaError):
                    await self._compare_logins(clients)

    async def _compare_logins(self, clients: Sequence[Client]) -> None:
        actors = {client.actor.login_id: client.actor for client in clients if client.actor is not None}
        good = await self._storage.read(self._still_in, list(actors.values()))
        for client in clients:
            if client.closed or client.actor is None:
                continue
            now = good.get(client.actor.login_id)
            if now is None:
                client.namespace.logged_out(client)
                client.close()
            else:
                client.actor = now

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _kept_running(work: Callable[[], Awaitable[None]]) -> None:
    """Until it ends by itself: what fails is logged, and begun again."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - whatever it is, the sockets are still there
            _log.exception("realtime_failed", what=getattr(work, "__qualname__", "run"))
            await asyncio.sleep(AGAIN)
        else:
            return


class _Mounted:
    def __init__(self, sockets: App, other: App) -> None:
        self._sockets = sockets
        self._other = other

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_here = scope["type"] != "lifespan" and f"{scope['path']}/".startswith(PATH)
        await (self._sockets if is_here else self._other)(scope, receive, send)


@contextmanager
def _logged(what: str) -> Generator[None]:
    """An error that nobody foresaw ends neither the connection nor the server; the log has it."""
    try:
        yield
    except Exception:  # noqa: BLE001
        _log.exception("realtime_failed", what=what)
