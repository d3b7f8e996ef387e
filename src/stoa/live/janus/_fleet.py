"""The Januses together: which room is where, and what is asked of a room as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stoa.kernel.clock import Clock
from stoa.kernel.ids import Ids
from stoa.live.janus import _places
from stoa.live.janus._places import Place
from stoa.live.janus._server import GRACE, Answer, JanusGoneError, JanusRefusedError, Message, Server
from stoa.live.media.messages import UnknownError
from stoa.platform.storage import Storage

NO_SUCH_ROOM, ROOM_EXISTS = 426, 427
_MOST_PUBLISHERS = 1000
_MOST_BITRATE = 3_000_000
_LOUD = 50
"""An average above -50 dBov is somebody who talks."""
_TALK_PACKETS = 40
_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Setup:
    """``secret`` is the API's (``api_secret``), ``admin_key`` the one that the plugin wants of whoever creates rooms;
    empty: none. ``recordings`` is a folder that every Janus and every node of Stoa can write to.
    """

    addresses: Sequence[str]
    secret: str
    admin_key: str
    recordings: Path


class Fleet:
    """``heard`` and ``lost``: see ``Server``."""

    def __init__(
        self, setup: Setup, storage: Storage, clock: Clock, ids: Ids, *,
        heard: Callable[[Server, int, Message], None], lost: Callable[[Server, int], None],
    ) -> None:  # fmt: skip
        self._storage, self._ids, self._was_lost = storage, ids, lost
        self._admin_key, self._recordings = setup.admin_key, setup.recordings
        self.servers = {
            address: Server(address, secret=setup.secret, clock=clock, heard=heard, lost=self._lost)
            for address in setup.addresses
        }
        self._desks: dict[str, int] = {}
        self._made: dict[str, str] = {}

    async def start(self) -> None:
        await asyncio.gather(*(server.start() for server in self.servers.values()))

    async def stop(self) -> None:
        await asyncio.gather(*(server.stop() for server in self.servers.values()))

    def _lost(self, server: Server, at: int) -> None:
        self._desks.pop(server.address, None)
        self._made = {room: where for room, where in self._made.items() if where != server.address}
        self._was_lost(server, at)

    @property
    def up(self) -> list[str]:
        return [server.address for server in self.servers.values() if server.is_up]

    async def place(self, room: str) -> Place:
        """Raises UnknownError."""
        place = await self._storage.read(_places.place_of, room)
        if place is None:
            raise UnknownError("There is no such room.")
        return place

    async def places(self) -> list[Place]:
        return await self._storage.read(_places.all_places)

    def server_of(self, place: Place) -> Server:
        """Raises JanusGoneError."""
        server = self.servers.get(place.server)
        if server is None:
            raise JanusGoneError("The room's Janus is not one of this server's.")
        return server

    async def open(self, room: str, max_participants: int | None) -> Place:
        """It is there when this returns. Again is no error, nor if another node made it."""
        await self._wait_for_one()
        place = await self._storage.write(
            _places.take_place, room, servers=self.up, secret=self._ids.secret(),
            max_participants=max_participants,
        )  # fmt: skip
        if place is None:
            raise JanusGoneError("No Janus can be reached.")
        if place.server not in self.up:
            place = await self._reached(place)
        await self.make(place)
        return place

    async def _wait_for_one(self) -> None:
        deadline = asyncio.get_running_loop().time() + GRACE
        while not self.up and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - it may be any of them
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _reached(self, place: Place) -> Place:
        """Its Janus may come back at once; otherwise the room moves."""
        deadline = asyncio.get_running_loop().time() + GRACE
        while place.server not in self.up:
            if asyncio.get_running_loop().time() > deadline:
                moved = await self.move(place.room, away_from=place.server)
                if moved is None or moved.server not in self.up:
                    raise JanusGoneError("No Janus can be reached.")
                return moved
            await asyncio.sleep(_AGAIN_SECONDS)
        return place

    async def move(self, room: str, *, away_from: str) -> Place | None:
        """Where it is after all; where it was if there is no other place. None: it is closed."""
        return await self._storage.write(_places.move_place, room, away_from=away_from, servers=self.up)

    async def make(self, place: Place) -> bool:
        """Whether it had to be made. What is being recorded goes on being so, in files of its own."""
        if self._made.get(place.room) == place.server:
            return False
        request = {
            "request": "create", "permanent": False, "is_private": True, "pin": place.secret,
            "publishers": _MOST_PUBLISHERS, "bitrate": _MOST_BITRATE, "fir_freq": 0, "audiocodec": "opus",
            "videocodec": "vp8", "audiolevel_ext": True, "audiolevel_event": True,
            "audio_active_packets": _TALK_PACKETS, "audio_level_average": _LOUD, "notify_joining": False,
            "record": False, "rec_dir": str(self._recordings), "dummy_publisher": True,
            "dummy_streams": [{"codec": "opus"}], "description": "Stoa",
        } | ({"admin_key": self._admin_key} if self._admin_key else {})  # fmt: skip
        is_new = True
        try:
            await self.ask(place, request)
        except JanusRefusedError as error:
            if error.number != ROOM_EXISTS:
                raise
            is_new = False
        self._made[place.room] = place.server
        if is_new and place.recording is not None:
            await self.record(place, place.recording)
        return is_new

    async def record(self, place: Place, recording: str | None) -> None:
        """Everybody in the room, and whoever comes, from now on; None: nobody any more."""
        if recording is not None:
            folder = str(self._recordings / recording)
            await self.ask(place, {"request": "edit", "new_rec_dir": folder})
        await self.ask(place, {"request": "enable_recording", "record": recording is not None})

    async def note_recording(self, room: str, recording: str | None) -> Place | None:
        return await self._storage.write(_places.note_recording, room, recording)

    async def close(self, room: str) -> None:
        """To close what is not there is no error; a Janus that is gone took the room along."""
        place = await self._storage.write(_places.drop_place, room)
        if place is None:
            return
        self._made.pop(room, None)
        try:
            await self.ask(place, {"request": "destroy"})
        except JanusGoneError:
            return
        except JanusRefusedError as error:
            if error.number != NO_SUCH_ROOM:
                raise

    async def feeds(self, place: Place) -> list[str]:
        """Everybody who is at Janus in the room, of whatever node."""
        answer = await self.ask(place, {"request": "listparticipants"})
        return [str(each["id"]) for each in answer.data["participants"] if not each.get("dummy")]

    async def kick(self, place: Place, feed: str) -> None:
        """Who is not there any more needs no kick."""
        try:
            await self.ask(place, {"request": "kick", "id": feed})
        except JanusRefusedError:
            if feed in await self.feeds(place):
                raise

    async def moderate(self, place: Place, feed: str, mid: str, *, mute: bool) -> None:
        await self.ask(place, {"request": "moderate", "id": feed, "mid": mid, "mute": mute})

    async def ask(self, place: Place, body: Message) -> Answer:
        server = self.server_of(place)
        desk = self._desks.get(server.address)
        if desk is None:
            desk = await server.attach()
            self._desks[server.address] = desk
        return await server.ask(desk, body | {"room": place.room, "secret": place.secret})
