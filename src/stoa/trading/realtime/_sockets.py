"""The namespace ``/trading``: who comes, and which sessions each of them watches.

``subscribe {session_id}`` is acknowledged with a picture of the session, ``resume {session_id, after}`` with where it
goes on, after everything that was missed; ``unsubscribe {session_id}`` ends it. What is refused is ``{error}``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stoa.kernel.actor import Actor
from stoa.kernel.errors import InvalidError, RateLimitedError, StoaError
from stoa.platform.realtime import Client, Namespace, Realtime, frame
from stoa.trading import service
from stoa.trading.market import Market
from stoa.trading.realtime._loading import load_missed
from stoa.trading.realtime._messages import NAMESPACE, Afresh, framed, refusal
from stoa.trading.realtime._shows import Seat, Show, Shows
from stoa.web.house import House

MOST_WATCHED = 1_000
"""Sessions that one connection may watch."""


class Asked(msgspec.Struct):
    session_id: int
    after: int = -1


class TradingSockets(Namespace):
    name = NAMESPACE

    def __init__(self, house: House, live: Realtime) -> None:
        self._storage = house.storage
        self._market = house.part(Market)
        self._clock = house.clock
        self._live = live
        self._shows = Shows(house.storage, self._market, house.clock, live, house.part(service.Underway))

    async def run(self) -> None:
        await self._shows.run()

    async def connected(self, client: Client) -> None:
        if client.actor is None:
            why = "You are not signed in." if client.refusal is None else client.refusal.message
            client.send(frame("error", refusal(why), namespace=NAMESPACE))
            client.close()
            return
        client.state = {}

    async def disconnected(self, client: Client) -> None:
        for show in list((client.state or {}).values()):
            self._shows.leave(show, client)

    async def received(self, client: Client, event: str, *args: Any) -> Any:
        try:
            actor, asked = await self._admitted(client), _asked(args)
            if event == "subscribe":
                return await self._subscribe(client, actor, asked)
            if event == "resume":
                return await self._resume(client, actor, asked)
            if event == "unsubscribe":
                self._leave(client, asked.session_id)
                return {"session_id": asked.session_id}
        except StoaError as error:
            return refusal(error.message)
        return refusal(f"{event} is none of subscribe, unsubscribe and resume.")

    async def oversized(self, client: Client, length: int) -> None:
        client.send(frame("error", refusal(f"{length} characters are too many."), namespace=NAMESPACE))

    def has_room(self, client: Client) -> None:
        for show in (client.state or {}).values():
            client.send(framed(Afresh(show.session_id, show.tape.seq)))

    def changed(self, client: Client) -> None:
        """Who is no administrator any more watches only what is their own."""
        actor = client.actor
        for show in list((client.state or {}).values()):
            if actor is None or not (actor.is_admin or actor.number == show.user_id):
                self._leave(client, show.session_id)

    async def _admitted(self, client: Client) -> Actor:
        if client.actor is None or client.state is None:
            raise InvalidError("You are not signed in.")
        if not await self._live.admits(client.actor.id):
            raise RateLimitedError("You send too many messages.", retry_after=1)
        return client.actor

    async def _subscribe(self, client: Client, actor: Actor, asked: Asked) -> dict[str, Any]:
        while True:
            show = await self._allowed(client, actor, asked)
            async with show.lock:
                if not show.over:  # its last watcher may have left meanwhile
                    self._sit(client, show, Seat(client, seen=show.tape.seq))
                    return _plain(show.tape.picture())

    async def _resume(self, client: Client, actor: Actor, asked: Asked) -> dict[str, Any]:
        show = await self._allowed(client, actor, asked)
        while show.over:
            show = await self._allowed(client, actor, asked)
        seat = self._sit(client, show, Seat(client, seen=asked.after, waits=True))
        loaded = await self._storage.read(
            load_missed, self._market, show.session_id, after=asked.after, now=self._clock.now(), here=False
        )
        if loaded.missed is None or asked.after < 0:
            self._leave(client, show.session_id)
            return {"session_id": show.session_id, "resumed": False}
        seat.go_on((event.seq, framed(event)) for event in loaded.missed)
        return {"session_id": show.session_id, "resumed": True, "seq": seat.seen}

    async def _allowed(self, client: Client, actor: Actor, asked: Asked) -> Show:
        """Raises SessionNotFoundError, NotOwnerError."""
        if len(client.state) >= MOST_WATCHED and asked.session_id not in client.state:
            raise InvalidError(f"One connection watches at most {MOST_WATCHED} sessions.")
        await self._storage.read(service.found, asked.session_id, actor=actor)
        return await self._shows.show(asked.session_id)

    def _sit(self, client: Client, show: Show, seat: Seat) -> Seat:
        show.seats[client] = seat
        client.state[show.session_id] = show
        return seat

    def _leave(self, client: Client, session_id: int) -> None:
        show = client.state.pop(session_id, None)
        if show is not None:
            self._shows.leave(show, client)


def _asked(args: tuple[Any, ...]) -> Asked:
    try:
        asked = msgspec.convert(args[0] if args else None, Asked)
    except msgspec.ValidationError as error:
        raise InvalidError(f"This is not understood: {error}.") from None
    if not 0 < asked.session_id < 2**53:
        raise InvalidError("session_id is no session's.")
    return asked


def _plain(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain
