"""Looks at Daily now and then, so that a webhook that was lost is made up for, and that webhooks come at all."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from stoa.kernel.clock import Clock
from stoa.live import service, store
from stoa.live.daily import _webhooks as w
from stoa.live.daily._names import read_key
from stoa.live.daily._rest import RefusedError, Rest
from stoa.live.service import File, Seat, Sitting
from stoa.platform.storage import Storage

EVERY, _FIRST_AFTER = 15.0, 1.0
"""Seconds between looks: Daily asks for no more."""
QUIET = timedelta(minutes=5)
"""A session that everybody left ends when nobody has come back for so long."""
_WEBHOOK_EVERY = timedelta(minutes=5)
_TOGETHER, _MOST = 4, 1000
_log = structlog.get_logger(__name__)


class Caller(Protocol):
    rest: Rest

    async def welcome(self, room: str, seat: Seat) -> None: ...
    async def close_room(self, room: str) -> None: ...


class Watch:
    """``look`` sees to the rooms that somebody is in or may be coming to, and to recordings whose file is to come."""

    def __init__(
        self, caller: Caller, storage: Storage, clock: Clock, *, webhook: str | None, secret: bytes
    ) -> None:
        self._caller, self._storage, self._clock = caller, storage, clock
        self._webhook, self._secret = webhook, secret
        self._webhook_seen_at: datetime | None = None
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def soon(self) -> None:
        self._woken.set()

    async def _run(self) -> None:
        """The first look is not at once: Daily posts to us while a webhook is registered, and we must be there."""
        pause = _FIRST_AFTER
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            self._woken.clear()
            await self._try(self.look())
            pause = EVERY

    async def look(self) -> None:
        """Whatever fails is logged, and looked at again the next time."""
        await self._try(self.look_after_webhook())
        rooms, recorded = await self._storage.read(_to_look_at)
        gate = asyncio.Semaphore(_TOGETHER)

        async def one(work: Any) -> None:
            async with gate:
                await self._try(work)

        await asyncio.gather(*(one(self.look_at_room(room)) for room in rooms))
        await asyncio.gather(*(one(self.look_at_recordings(room)) for room in recorded))
        await self._try(self._end_quiet())

    async def _try(self, work: Any) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001 - the next look may well succeed, and must come
            _log.exception("daily_look_failed")

    # Rooms.

    async def look_at_room(self, room: str) -> None:
        there, are_all = await self.presence(room)
        now = self._clock.now()
        ids = [one.id for one in there]
        missing = await self._storage.read(service.missing, room, ids, now=now)
        gone: Mapping[str, datetime] | None = {} if are_all else None
        if missing and are_all:
            gone = await self._left(room, since=min(one.joined_at or now for one in missing))
        seats = await self._storage.write(service.seen, room, there, gone, now=now)
        for seat in seats:
            await self._caller.welcome(room, seat)

    async def presence(self, room: str) -> tuple[list[Sitting], bool]:
        """Who is in a room, and whether those are all of them. It may be 15 s behind."""
        try:
            answer = await self._caller.rest.get(f"/rooms/{room}/presence", limit=_MOST)
        except RefusedError as refused:
            if refused.status != 404:
                raise
            return [], True
        listed = _data(answer)
        total = answer.get("total_count") if isinstance(answer, dict) else None
        are_all = not isinstance(total, int) or total <= len(listed)
        return [sitting for one in listed if (sitting := _sitting(one)) is not None], are_all

    async def _left(self, room: str, *, since: datetime) -> dict[str, datetime]:
        """When connections ended, by its records of meetings: to a quarter of a minute."""
        start = int((since - timedelta(hours=12)).timestamp())
        answer = await self._caller.rest.get("/meetings", room=room, timeframe_start=start)
        return {
            str(one["participant_id"]): w.instant(float(one["join_time"]) + float(one["duration"]))
            for meeting in _data(answer)
            for one in meeting.get("participants", ())
        }

    async def _end_quiet(self) -> None:
        now = self._clock.now()
        ended = await self._storage.write(service.end_quiet, after=QUIET, now=now)
        for session in ended:
            await self._try(self._caller.close_room(session.room_name))

    # Recordings.

    async def look_at_recordings(self, room: str) -> None:
        answer = await self._caller.rest.get("/recordings", room_name=room)
        now = self._clock.now()
        files = sorted(
            (file for one in _data(answer) if (file := _file(one)) is not None),
            key=lambda each: each.started_at,
        )
        for file in files:
            await self._storage.write(service.file_told, room, file, now=now)
        await self._storage.write(service.give_up_files, now=now)

    # The webhook.

    async def look_after_webhook(self) -> None:
        """Ours is registered, tells what we ask for, and is active."""
        now = self._clock.now()
        seen_at = self._webhook_seen_at
        if self._webhook is None or (seen_at is not None and now < seen_at + _WEBHOOK_EVERY):
            return
        wanted = {
            "url": self._webhook, "eventTypes": list(w.KINDS), "retryType": "exponential",
            "hmac": b64encode(self._secret).decode(),
        }  # fmt: skip
        hooks = [
            one for one in _data(await self._caller.rest.get("/webhooks")) if one.get("url") == self._webhook
        ]
        if not hooks:
            await self._caller.rest.post("/webhooks", wanted, twice_is_once=False)
            _log.info("daily_webhook_registered", url=self._webhook)
        elif seen_at is None or hooks[0].get("state") != "ACTIVE":
            await self._caller.rest.post(f"/webhooks/{hooks[0]['uuid']}", wanted)
            _log.info("daily_webhook_renewed", url=self._webhook, state=hooks[0].get("state"))
        self._webhook_seen_at = now


def _to_look_at(connection: Connection) -> tuple[list[str], list[str]]:
    """The names of rooms: with people or places in them, and with recordings that are to come."""
    ids = sorted({one.session_id for one in store.all_present(connection)})
    sessions = [store.session_of_id(connection, session_id) for session_id in ids]
    recorded = sorted({session.room_name for _, session in store.unfinished(connection)})
    return [session.room_name for session in sessions if session is not None], recorded


def _data(answer: Any) -> Sequence[Any]:
    """Daily's lists are bare, or in an object beside their count."""
    found = answer.get("data", []) if isinstance(answer, dict) else answer
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _sitting(one: dict[str, Any]) -> Sitting | None:
    user_id, generation = read_key(str(one.get("userId") or ""))
    try:
        joined_at = datetime.fromisoformat(str(one["joinTime"]))
    except (KeyError, ValueError):
        return None
    if joined_at.tzinfo is None or not 1 <= len(str(one.get("id", ""))) <= 36:
        return None
    return Sitting(str(one["id"]), user_id, generation, joined_at)


def _file(one: dict[str, Any]) -> File | None:
    try:
        started_at = w.instant(float(one["start_ts"]))
        status, file_id = str(one["status"]), str(one["id"])
        if status == "finished":
            key = one.get("s3Key") or one.get("s3key")
            return File(file_id, started_at, round(float(one["duration"])), None if key is None else str(key))
        return File(file_id, started_at, failed=status == "canceled")
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
