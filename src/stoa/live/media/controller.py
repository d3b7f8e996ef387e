"""What the API process does with rooms: it says what should be, and is told what happens. See the package."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from stoa.kernel.clock import Clock
from stoa.live.media import messages as m
from stoa.live.media._link import Link
from stoa.live.media._setup import Listen, Setup, listens

__all__ = ["Controller", "Listen", "listens"]

_LONGEST_PATH = 100
"""Of a Unix socket's name, by the kernel's own limit."""


class Controller:
    """Rooms in worker processes of their own, each worker with a UDP port of its own.

    ``folder`` holds the workers' sockets and logs, and is this server's alone. Workers listen on ``first_port`` and the
    ports after it (0: any that are free); a room goes to the worker with the fewest. ``told`` gets every event, in its
    room's order, and again after a restart if it had not returned. An error of it is logged and the event is past.
    """

    def __init__(
        self,
        folder: Path,
        told: Callable[[m.AnyEvent], Awaitable[None]],
        *,
        clock: Clock,
        listen: Sequence[Listen],
        first_port: int = 0,
        workers: int = 1,
        linger: float = 120.0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._links: list[Link] = []
        for index in range(workers):
            socket = folder / f"media-{index}.sock"
            if len(str(socket)) > _LONGEST_PATH:
                raise ValueError(f"The folder's name is too long for a socket in it: {folder}.")
            port = first_port + index if first_port else 0
            setup = Setup(str(socket), list(listen), port, linger)
            self._links.append(Link(setup, told, clock))

    async def start(self) -> list[m.RoomStanding]:
        """Finds the workers that an API process before this one left, with calls that go on in them."""
        for link in self._links:
            await link.adopt()
        return [room for link in self._links for room in link.rooms.values()]

    async def stop(self, *, end_calls: bool = False) -> None:
        """Lets go of the workers; they and their calls stay for ``linger`` seconds, for the next API process."""
        for link in self._links:
            await (link.shut_down() if end_calls else link.close())

    @property
    def rooms(self) -> list[str]:
        """Those that there should be."""
        return [room for link in self._links for room in link.rooms]

    @property
    def starts(self) -> int:
        """How many workers were started: the first ones, and those in the place of dead ones."""
        return sum(link.starts for link in self._links)

    async def open_room(self, room: str, *, max_participants: int | None = None) -> None:
        """Opens it, or changes its limit. It stays open, through a worker's death too, until it is closed, or nobody has
        been in it for five minutes.
        """
        link = self._link_of(room) or min(self._links, key=lambda each: len(each.rooms))
        await link.open(room, max_participants)

    async def close_room(self, room: str) -> None:
        """Everybody leaves (``room-closed``), and a recording stops."""
        link = self._link_of(room)
        if link is not None:
            await link.close_room(room)

    async def join(self, room: str, participant: str, *, mic: bool = True, camera: bool = True) -> None:
        """An ``Offered`` event follows at once, ``Joined`` when the media is there. A second join replaces the first."""
        await self._call(room, m.Join(room, participant, mic, camera))

    async def publish(
        self, room: str, participant: str, offer: str, sources: dict[str, str] | None = None
    ) -> str:
        """The answer to a description of what the participant sends.

        ``sources`` tells by mid what a section is (``mic``, ``camera``, ``screen``, ``screen-audio``); otherwise the
        first sound is the microphone and the first picture the camera. Again with a new offer when that changes.
        """
        packed = await self._call(room, m.Publish(room, participant, offer, sources or {}))
        return msgspec.msgpack.decode(packed, type=str)

    async def answer(self, room: str, participant: str, version: int, answer: str) -> None:
        """What the participant's receiving connection answered to the offer of that version."""
        await self._call(room, m.Answer(room, participant, version, answer))

    async def offer(self, room: str, participant: str) -> m.Offered:
        """The offer that stands, for a client that may have missed it."""
        packed = await self._call(room, m.Offer(room, participant))
        return msgspec.msgpack.decode(packed, type=m.Offered)

    async def candidate(self, room: str, participant: str, candidate: str) -> None:
        """A trickled candidate of the client. It is checked for form; an ICE-lite agent needs none."""
        await self._call(room, m.Candidate(room, participant, candidate))

    async def cut_off(self, _room: str, _participant: str) -> None:
        """Browsers give a sign of life every 2.5 s by themselves: no more has to be known."""

    def is_silent(self, _room: str, _participant: str) -> bool:
        """Nobody is, for the same reason."""
        return False

    async def leave(self, room: str, participant: str, *, reason: str = "left") -> None:
        """They are out when this returns. ``reason`` comes back in ``Left``: ``left``, ``kicked``, …"""
        await self._call(room, m.Leave(room, participant, reason))

    async def permit(self, room: str, participant: str, *, mic: bool, camera: bool) -> None:
        """What is not permitted is received and passed on to nobody."""
        await self._call(room, m.Permit(room, participant, mic, camera))

    async def mute(self, room: str, participant: str, source: str, *, muted: bool) -> None:
        await self._call(room, m.Mute(room, participant, source, muted))

    async def show(self, room: str, participant: str, publication: str, *, max_height: int) -> None:
        """How many pixels tall that viewer's tile is, so that no larger layer is sent than it needs; 0: none at all."""
        await self._call(room, m.Show(room, participant, publication, max_height))

    async def start_recording(self, room: str, folder: Path) -> None:
        """Records into the folder (see ``recording``), until stopped, and on after a worker's death."""
        await self._call(room, m.StartRecording(room, str(folder)))
        self._note_recording(room, str(folder))

    async def stop_recording(self, room: str) -> None:
        await self._call(room, m.StopRecording(room))
        self._note_recording(room, None)

    async def stats(self, room: str) -> m.RoomStats:
        return msgspec.msgpack.decode(await self._call(room, m.Stats(room)), type=m.RoomStats)

    def _link_of(self, room: str) -> Link | None:
        return next((link for link in self._links if room in link.rooms), None)

    def _note_recording(self, room: str, folder: str | None) -> None:
        link = self._link_of(room)
        if link is not None:
            link.rooms[room] = msgspec.structs.replace(link.rooms[room], recording=folder)

    async def _call(self, room: str, command: m.AnyCommand) -> msgspec.Raw:
        link = self._link_of(room)
        if link is None:
            raise m.UnknownError("There is no such room.")
        return await link.call(command)
