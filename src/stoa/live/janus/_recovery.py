"""What happens when a Janus is gone, or another node did something: rooms move, people are told to join anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from stoa.kernel.errors import UnavailableError
from stoa.live.janus._crowd import Crowd
from stoa.live.janus._fleet import Fleet
from stoa.live.janus._rooms import Person, user_of
from stoa.live.janus._server import Server
from stoa.live.janus._telling import Teller
from stoa.live.media import messages as m

_LOOK_EVERY = 2.0
_AGAIN_SECONDS = 0.5
_log = structlog.get_logger(__name__)


class Recovery:
    def __init__(self, crowd: Crowd, teller: Teller) -> None:
        self._crowd, self._teller = crowd, teller
        self._ghosts: set[tuple[str, str]] = set()

    @property
    def _fleet(self) -> Fleet:
        return self._crowd.fleet

    def start(self, standing: Sequence[m.RoomStanding]) -> None:
        """``standing`` are those whom an earlier process left behind at Janus, or who are of other nodes."""
        self._ghosts = {(room.room, name) for room in standing for name in room.participants}
        self._teller.do(self._look_around())

    def lost(self, server: Server, at: int) -> None:
        people = [
            one for room in self._crowd.rooms.values() for one in room.people.values() if one.server is server
        ]
        for person in people:
            self._crowd.forget(person)
        self._teller.do(self._recover(server, at, people))

    async def _recover(self, server: Server, at: int, people: list[Person]) -> None:
        """The rooms are open again somewhere before anybody is told to join anew."""
        placed = [place.room for place in await self._fleet.places() if place.server == server.address]
        for room in dict.fromkeys([*placed, *(person.room for person in people)]):
            mine = [person for person in people if person.room == room]
            if await self._reopened(server, room):
                self._teller.tell(m.RoomLost(room, at))
            else:
                for person in mine:
                    self._teller.tell(m.Left(room, at, person.user, "lost"))

    async def _reopened(self, server: Server, room: str) -> bool:
        """Whether it had to be made anew. Waits for a Janus."""
        while True:
            try:
                place = await self._fleet.move(room, away_from="" if server.is_up else server.address)
                return place is not None and await self._fleet.make(place)
            except UnavailableError:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _look_around(self) -> None:
        """Another node may have moved a room; and whoever an earlier process left behind goes at last."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self._look()
            except UnavailableError:
                continue
            except Exception:  # noqa: BLE001 - the next look may be a better one
                _log.exception("live_janus_look_failed")

    async def _look(self) -> None:
        if not self._crowd.rooms and not self._ghosts:
            return
        places = {place.room: place for place in await self._fleet.places()}
        for name, room in list(self._crowd.rooms.items()):
            place = places.get(name)
            self._crowd.recorded(name, None if place is None else place.recording)
            for person in list(room.people.values()):
                if place is None or person.server.address != place.server:
                    await self._crowd.out(person, "room-closed" if place is None else "lost")
        for name in {room for room, _ in self._ghosts}:
            place = places.get(name)
            there = set() if place is None else {user_of(feed) for feed in await self._fleet.feeds(place)}
            for ghost in [each for each in self._ghosts if each[0] == name and each[1] not in there]:
                self._ghosts.discard(ghost)
                if self._crowd.person(*ghost) is None:
                    self._teller.tell(m.Left(name, self._teller.now(), ghost[1], "lost"))
