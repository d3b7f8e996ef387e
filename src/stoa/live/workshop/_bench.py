"""Recordings that wait are made into files, a few at a time, and put where files are kept.

A timer stands for each recording from its stop until its files are stored. When it is due, it is set again for a while
later in the transaction that takes it, and again and again while somebody works on it: a server that dies leaves the
work to the next look, here or on another node, and what is made already is not made again.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from obstore.exceptions import PermissionDeniedError, UnauthenticatedError
from sqlalchemy import Connection

from stoa.kernel.errors import UnavailableError
from stoa.live import service
from stoa.live.model import Recording, RecordingStatus
from stoa.live.service import ToCompose
from stoa.live.studio import Studio
from stoa.live.workshop import _process
from stoa.live.workshop._process import NotMadeError
from stoa.live.workshop._shelf import MADE, PREFIX, key_of, pieces_of, zipped
from stoa.platform.files import FileMissingError, Files
from stoa.platform.storage import after_commit
from stoa.platform.timers import Handler, Timer

LEASE, RENEWED, WAITS = timedelta(seconds=6), 1.5, timedelta(minutes=1)
DELAYS = tuple(timedelta(seconds=each) for each in (2, 10, 60, 300, 900))
"""How long after a failure it is tried again; after the last it has failed."""
UNFINISHED = timedelta(days=1)
_COMPOSED = 0.95
"""How much of the work is done when the files are made; the rest is putting them away."""
_STEP = 0.01

_log = structlog.get_logger(__name__)


class Workshop:
    """``folder`` is for work that is under way, on this disk; ``at_once`` recordings are made at a time."""

    def __init__(self, studio: Studio, files: Files, folder: Path, *, at_once: int) -> None:
        self._studio, self.files, self._folder, self._at_once = studio, files, folder, at_once
        self._storage, self._clock = studio.storage, studio.clock
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, int] = {}
        self._closing = False

    def handlers(self) -> Mapping[str, Handler]:
        return {service.COMPOSE: self._due, service.DISCARD: self._due_to_discard}

    async def settle(self) -> None:
        """Waits until nothing is worked on."""
        while self._jobs:
            await asyncio.gather(*self._jobs.values(), return_exceptions=True)

    async def close(self) -> None:
        """What is under way goes on without this server, and is stored by the next."""
        self._closing = True
        for task in tuple(self._jobs.values()):
            task.cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)

    async def tidy(self) -> None:
        """Removes what a crash left: work and tracks of recordings that are stored, and half of a file."""
        for folder in await asyncio.to_thread(_folders, self._folder):
            recording = await self._storage.read(service.recording_if_any, folder.name)
            if recording is None or recording.status is RecordingStatus.COMPLETED:
                await self._clear(folder.name, recording)
        await self.files.remove_unfinished(PREFIX, before=self._clock.now() - UNFINISHED)

    # What falls due.

    def _due(self, connection: Connection, timer: Timer) -> None:
        """In the transaction that takes the timer away."""
        asked = service.to_compose(connection, timer.subject)
        if asked is None or self._studio.provider.makes_files:
            return  # such a provider says when its own file is there
        attempt = timer.payload.get("attempt", 0)
        later = LEASE if len(self._jobs) < self._at_once or timer.subject in self._jobs else WAITS
        due_at = self._clock.now() + later
        service.compose_at(connection, timer.subject, due_at=due_at, attempt=attempt)
        after_commit(connection, partial(self._start, asked, attempt))

    def _due_to_discard(self, connection: Connection, timer: Timer) -> None:
        service.discard_at(connection, timer.subject, due_at=self._clock.now() + WAITS)
        after_commit(connection, partial(self._start_discarding, timer.subject))

    def _start(self, asked: ToCompose, attempt: int) -> None:
        recording_id = asked.recording.recording_id
        if self._closing or recording_id in self._jobs:
            return
        if len(self._jobs) >= self._at_once:
            self._waiting[recording_id] = attempt
            return
        self._waiting.pop(recording_id, None)
        self._work(recording_id, self._make(asked, attempt))

    def _start_discarding(self, recording_id: str) -> None:
        if self._closing:
            return
        under_way = self._jobs.get(recording_id)
        if under_way is not None:
            under_way.cancel()
        self._work(recording_id, self._discard(recording_id))

    def _work(self, recording_id: str, work: Coroutine[Any, Any, None]) -> None:
        task = self._jobs[recording_id] = asyncio.create_task(work)
        task.add_done_callback(partial(self._ended, recording_id))

    def _ended(self, recording_id: str, task: asyncio.Task[None]) -> None:
        if self._jobs.get(recording_id) is task:
            del self._jobs[recording_id]
        following = next(iter(self._waiting), None)
        if following is not None and not self._closing:
            self._work(following, self._call(following, self._waiting.pop(following)))

    async def _call(self, recording_id: str, attempt: int) -> None:
        """Has the sweeper bring it at once: whoever takes the timer has the work, here or elsewhere."""
        now = self._clock.now()
        await self._storage.write(service.compose_at, recording_id, due_at=now, attempt=attempt)

    # The work.

    async def _make(self, asked: ToCompose, attempt: int) -> None:
        recording_id = asked.recording.recording_id
        renewing = asyncio.create_task(self._renew(recording_id, attempt))
        try:
            key = await self._made(asked)
        except NotMadeError as error:
            await _stopped(renewing)
            await self._put_off(recording_id, attempt, error)
        except Exception:  # noqa: BLE001 - the lease ends, and it is tried again
            _log.exception("live_recording_not_made", recording=recording_id)
        else:
            await _stopped(renewing)
            is_kept = await self._storage.write(service.composed, recording_id, key, now=self._clock.now())
            _log.info("live_recording_ready", recording=recording_id)
            await (self._clear(recording_id, asked.recording) if is_kept else self._discard(recording_id))
        finally:
            await _stopped(renewing)

    async def _made(self, asked: ToCompose) -> str:
        """The key of the video. Raises NotMadeError."""
        recording_id, told = asked.recording.recording_id, 0.0

        async def tell(progress: float) -> None:
            nonlocal told
            if progress - told >= _STEP:
                told = progress
                now = self._clock.now()
                await self._storage.write(
                    service.compose_progress, recording_id, round(progress * _COMPOSED, 3), now=now
                )

        try:
            tracks = await self._studio.provider.tracks(recording_id)
        except Exception as error:
            _log.exception("live_recording_without_tracks", recording=recording_id)
            raise NotMadeError("The provider does not give the tracks.", again=True) from error
        folder = self._folder / recording_id
        try:
            await _process.compose(folder, tracks, asked, tell)
            await self._store(recording_id, folder, tracks)
        except OSError as error:  # this server's own disk
            raise NotMadeError(
                error.strerror or "The files can not be read or written.", again=True
            ) from error
        return key_of(recording_id, MADE["video"])

    async def _store(self, recording_id: str, folder: Path, tracks: Path) -> None:
        """Each is put anew if it is done again: an object is there whole or not at all."""
        try:
            for kind, made in MADE.items():
                data = zipped(tracks) if kind == "tracks" else pieces_of(folder / made.name)
                await self.files.put(key_of(recording_id, made), data, content_type=made.content_type)
        except (UnavailableError, FileMissingError) as error:
            _log.exception("live_recording_not_stored", recording=recording_id)
            if isinstance(error.__cause__, PermissionDeniedError | UnauthenticatedError):
                raise NotMadeError("The file store does not let the server in.", again=False) from error
            raise NotMadeError("The file store does not answer as it should.", again=True) from error

    async def _put_off(self, recording_id: str, attempt: int, error: NotMadeError) -> None:
        now = self._clock.now()
        _log.error(
            "live_recording_not_made", recording=recording_id, reason=error.message, attempt=attempt + 1
        )
        if error.again and attempt < len(DELAYS):
            due_at = now + DELAYS[attempt]
            await self._storage.write(service.compose_at, recording_id, due_at=due_at, attempt=attempt + 1)
        else:
            await self._storage.write(service.not_composed, recording_id, error.message, now=now)

    async def _renew(self, recording_id: str, attempt: int) -> None:
        while True:
            await asyncio.sleep(RENEWED)
            due_at = self._clock.now() + LEASE
            try:
                await self._storage.write(service.renew_compose, recording_id, due_at=due_at, attempt=attempt)
            except Exception:  # noqa: BLE001 - the next may well succeed, and must come
                _log.exception("live_lease_not_renewed", recording=recording_id)

    # Putting away.

    async def _clear(self, recording_id: str, recording: Recording | None) -> None:
        """What is stored needs no room on this disk. The work goes last: while it is there, ``tidy`` looks again."""
        if recording is not None and not self._studio.provider.makes_files:
            tracks = await self._studio.provider.tracks(recording_id)
            await asyncio.to_thread(shutil.rmtree, tracks, ignore_errors=True)
        await asyncio.to_thread(shutil.rmtree, self._folder / recording_id, ignore_errors=True)

    async def _discard(self, recording_id: str) -> None:
        """Everything that there is of a recording that was removed."""
        folder = self._folder / recording_id
        await asyncio.to_thread(_process.kill, folder)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        try:
            if not self._studio.provider.makes_files:
                tracks = await self._studio.provider.tracks(recording_id)
                await asyncio.to_thread(shutil.rmtree, tracks, ignore_errors=True)
            for made in MADE.values():
                await self.files.delete(key_of(recording_id, made))
        except Exception:  # noqa: BLE001 - its timer brings it again
            _log.exception("live_recording_not_discarded", recording=recording_id)
            return
        await self._storage.write(service.discarded, recording_id)


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
