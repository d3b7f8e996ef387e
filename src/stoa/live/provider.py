"""Who carries the media. A provider has rooms; what is true of a session is decided elsewhere, and told to it."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from stoa.kernel.clock import Clock
from stoa.live.media import messages as m
from stoa.live.media.controller import Controller, Listen
from stoa.live.model import Member, Pass, Recording

Told = Callable[[m.AnyEvent], Awaitable[None]]
_MOST_SERVERS = 16
"""On one folder."""
_LONGEST_FOLDER = 80
"""Bytes of a folder in which a Unix socket can still be named."""


class Signalling(Protocol):
    """What a browser asks for through Stoa, where the provider has no signalling of its own. See ``Controller``."""

    async def join(self, room: str, participant: str, *, mic: bool = True, camera: bool = True) -> None: ...
    async def publish(
        self, room: str, participant: str, offer: str, sources: dict[str, str] | None = None
    ) -> str: ...
    async def answer(self, room: str, participant: str, version: int, answer: str) -> None: ...
    async def offer(self, room: str, participant: str) -> m.Offered: ...
    async def candidate(self, room: str, participant: str, candidate: str) -> None: ...
    async def cut_off(self, room: str, participant: str) -> None:
        """Their signalling broke off. Who lives goes on, and may ask for the ``offer`` that stands when they are back."""
        ...

    def is_silent(self, room: str, participant: str) -> bool:
        """Whether somebody is in of whom nothing comes: their media would not tell in time that they died."""
        ...

    async def leave(self, room: str, participant: str, *, reason: str = "left") -> None: ...
    async def mute(self, room: str, participant: str, source: str, *, muted: bool) -> None: ...
    async def show(self, room: str, participant: str, publication: str, *, max_height: int) -> None: ...


class Provider(Protocol):
    """Errors of any kind mean that it did not happen. To close, stop or throw out what is not there is no error.

    ``name`` tells a client how its browser joins. Where the provider ``makes_files``, the file that people watch is
    its own affair: it tells when that is ready, and ``link`` says where. Otherwise it leaves ``tracks``. Where it has
    ``own_clients``, browsers speak to it, and ``signalling`` is None.
    """

    name: str
    makes_files: bool
    own_clients: bool

    @property
    def signalling(self) -> Signalling | None:
        """None: browsers signal to the provider itself, with what ``entry`` gives them."""
        ...

    async def entry(self, shown: Pass, member: Member, /) -> dict[str, Any]:
        """What the browser of somebody who was let in needs besides, as JSON: addresses, keys, servers."""
        ...

    async def start(self, told: Told) -> Sequence[m.RoomStanding]:
        """Tells what happens from now on; the answer is what goes on already."""
        ...

    async def stop(self) -> None: ...
    async def open_room(self, room: str, *, max_participants: int | None) -> None:
        """Again is no error."""
        ...

    async def close_room(self, room: str) -> None: ...
    async def start_recording(self, room: str, recording_id: str) -> None: ...
    async def stop_recording(self, room: str) -> None: ...
    async def tracks(self, recording_id: str) -> Path:
        """The folder with a recording's tracks, in the form that ``media.recording`` tells of. May take minutes."""
        ...

    async def link(self, recording: Recording, /) -> tuple[str, datetime]:
        """Where the file of a provider that makes files is, and until when."""
        ...

    async def eject(self, room: str, user_id: str) -> None: ...
    async def permit(self, room: str, user_id: str, *, mic: bool, camera: bool) -> None: ...


class Embedded:
    """Real WebRTC in worker processes of Stoa's own. Recordings are folders under ``recordings``, by their ids.

    Rooms are this node's, which is known by an id in the folder of its workers, so that it outlives a restart. Of
    several servers on one folder each has workers of its own.
    """

    name = "embedded"
    makes_files = False
    own_clients = False

    def __init__(
        self, folder: Path, *, clock: Clock, listen: Sequence[Listen], first_port: int, workers: int,
        linger: float = 120.0,
    ) -> None:  # fmt: skip
        self.recordings = folder / "recordings"
        self._folder, self._clock, self._listen = folder, clock, listen
        self._first_port, self._workers = first_port, workers
        self.node, self.linger = "", linger
        self._lock: int | None = None
        self._controller: Controller | None = None

    @property
    def signalling(self) -> Controller:
        assert self._controller is not None, "the provider has not started"
        return self._controller

    async def start(self, told: Told) -> Sequence[m.RoomStanding]:
        number, folder, self._lock = _own_folder(self._folder)
        first_port = self._first_port and self._first_port + number * self._workers
        self._controller = Controller(
            socket_folder(folder), told, clock=self._clock, listen=self._listen, first_port=first_port,
            workers=self._workers, linger=self.linger,
        )  # fmt: skip
        standing = await self._controller.start()
        self.node = _node_of(folder)
        return standing

    async def stop(self) -> None:
        await self.signalling.stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def rooms(self) -> list[str]:
        return self.signalling.rooms

    @property
    def starts(self) -> int:
        return self.signalling.starts

    async def inside(self, room: str) -> m.RoomStats | None:
        try:
            return await self.signalling.stats(room)
        except m.UnknownError:
            return None

    async def entry(self, _shown: Pass, _member: Member) -> dict[str, Any]:
        """The offer that follows is all they need."""
        return {}

    async def open_room(self, room: str, *, max_participants: int | None) -> None:
        await self.signalling.open_room(room, max_participants=max_participants)

    async def close_room(self, room: str) -> None:
        await self.signalling.close_room(room)

    async def start_recording(self, room: str, recording_id: str) -> None:
        await self.signalling.start_recording(room, self.recordings / recording_id)

    async def stop_recording(self, room: str) -> None:
        with suppress(m.UnknownError, m.RefusedError):
            await self.signalling.stop_recording(room)

    async def tracks(self, recording_id: str) -> Path:
        """FileNotFoundError where they are in another node's folder."""
        folder = self.recordings / recording_id
        await asyncio.to_thread(os.stat, folder)
        return folder

    async def link(self, _recording: Recording) -> tuple[str, datetime]:
        raise NotImplementedError("The file is made by Stoa.")

    async def eject(self, room: str, user_id: str) -> None:
        with suppress(m.UnknownError):
            await self.signalling.leave(room, user_id, reason="kicked")

    async def permit(self, room: str, user_id: str, *, mic: bool, camera: bool) -> None:
        with suppress(m.UnknownError):
            await self.signalling.permit(room, user_id, mic=mic, camera=camera)


def _own_folder(folder: Path) -> tuple[int, Path, int]:
    """The first folder for media that no other server has: its number, itself, and what holds it until closed."""
    for number in range(_MOST_SERVERS):
        own = folder / ("media" if number == 0 else f"media-{number + 1}")
        own.mkdir(parents=True, exist_ok=True)
        held = os.open(own / "taken", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(held)
        else:
            return number, own, held
    raise RuntimeError(f"{_MOST_SERVERS} servers use {folder} already.")


def _node_of(folder: Path) -> str:
    named = folder / "node"
    if not named.exists():
        named.write_text(secrets.token_hex(16))
    return named.read_text().strip()


def socket_folder(wanted: Path) -> Path:
    """A kernel takes only short names for sockets: a long folder gets a short one of our own in its place."""
    if len(os.fsencode(wanted)) <= _LONGEST_FOLDER:
        return wanted
    short = Path(tempfile.gettempdir()) / f"stoa-{hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid != os.getuid():
        raise PermissionError(f"{short} belongs to somebody else.")
    return short
