"""Daily as a provider: rooms, tokens, permissions and recordings by its REST API."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection

from stoa.kernel.clock import Clock
from stoa.live import service, store
from stoa.live.daily import _events
from stoa.live.daily import _webhooks as w
from stoa.live.daily._names import can_send, user_key, void_keys
from stoa.live.daily._rest import DownError, NotSentError, RefusedError, Rest
from stoa.live.daily._watch import Watch
from stoa.live.errors import RecordingGoneError, SessionNotFoundError
from stoa.live.media import messages as m
from stoa.live.model import LiveSession, Member, Pass, Recording
from stoa.live.provider import Told
from stoa.live.rules import TOKEN_LIFETIME
from stoa.live.service import Seat
from stoa.platform.storage import Storage

_ROOM_LIFE = timedelta(hours=24)
"""A room expires this long after somebody last came, and everybody is out: no call is forgotten, and paid for."""
_ROOM_KNOWN = timedelta(minutes=10)
_AT_ONCE = 100
"""Users whom Daily throws out with one request."""
_NAME_PAUSES = (0.1, 0.4, 0.5, 1.0, 1.0, 1.0, 1.0)
"""Seconds before each look whether Daily has told its name of a recording."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """``webhook_url`` is where Daily reaches us; None: it can't, and only looks tell what happens.

    ``webhook_secret`` is in base64; empty: one that follows from the key.
    """

    api: str
    key: str
    webhook_secret: str = ""
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Room:
    url: str
    opened_at: datetime


class Daily:
    """Browsers talk to Daily themselves, with the ``url`` and the ``token`` that ``entry`` gives them."""

    name = "daily"
    makes_files = True
    own_clients = True
    signalling = None

    def __init__(self, account: Account, storage: Storage, clock: Clock, *, link_lifetime: timedelta) -> None:
        self.rest = Rest(account.api, account.key, clock)
        self._secret = w.secret_of(account.webhook_secret, account.key)
        self._storage, self._clock, self._link_lifetime = storage, clock, link_lifetime
        self._rooms: dict[str, _Room] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.watch = Watch(self, storage, clock, webhook=account.webhook_url, secret=self._secret)

    # While the server runs.

    async def start(self, _told: Told) -> Sequence[m.RoomStanding]:
        """Who is in, and what is recorded, is as the ledger has it, until a look shows otherwise."""
        standing = await self._storage.read(_standing)
        self.watch.start()
        return standing

    async def stop(self) -> None:
        await self.watch.stop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.rest.close()

    async def heard(self, body: bytes, timestamp: str, signature: str) -> None:
        """Takes a webhook, and returns when it is stored. What it asks for at Daily is done after.

        Raises UnauthenticatedError and MalformedError.
        """
        if not timestamp and not signature and w.is_test(body):
            return
        now = self._clock.now()
        w.check(self._secret, timestamp, signature, body, now=now)
        if w.is_test(body):
            return
        upshot = await self._storage.write(_events.take, w.read(body), now=now)
        if upshot.look:
            self.watch.soon()
        for room, seat in upshot.seats:
            self._after(self.welcome(room, seat))

    def _after(self, work: Any) -> None:
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """What webhooks asked for is done."""
        await asyncio.gather(*self._tasks)

    async def welcome(self, room: str, seat: Seat) -> None:
        """Who should not be in goes; who came with an old token gets the permissions of now."""
        if seat.must_go:
            await self._throw_out(room, {"ids": [seat.sitting_id]})
        elif not (seat.member.mic_allowed and seat.member.camera_allowed):
            await self._permit(room, [seat.sitting_id], seat.member.mic_allowed, seat.member.camera_allowed)

    # Rooms.

    async def open_room(self, room: str, *, max_participants: int | None) -> None:  # noqa: ARG002 - the session's
        await self._opened(room)

    async def _opened(self, room: str) -> _Room:
        now = self._clock.now()
        known = self._rooms.get(room)
        if known is not None and known.opened_at > now - _ROOM_KNOWN:
            return known
        session = await self._session(room)
        properties = _properties(session, now)
        wanted = {"privacy": "private", "properties": properties}
        said = {name: value for name, value in properties.items() if value is not None}
        try:
            made = await self.rest.post("/rooms", {"name": room, "privacy": "private", "properties": said})
        except RefusedError as refused:
            if refused.status != 400:
                raise
            made = await self.rest.post(f"/rooms/{room}", wanted)  # it is there already
        opened = self._rooms[room] = _Room(str(made["url"]), now)
        return opened

    async def close_room(self, room: str) -> None:
        """Daily does not say what becomes of a call whose room is deleted: everybody is thrown out first."""
        self._rooms.pop(room, None)
        session = await self._session(room)
        if session.recording_enabled:
            await self.stop_recording(room)
        keys = await self._storage.read(_keys_of_recent, session.id, now=self._clock.now())
        for first in range(0, len(keys), _AT_ONCE):
            await self._throw_out(room, {"user_ids": keys[first : first + _AT_ONCE]})
        try:
            await self.rest.delete(f"/rooms/{room}")
        except RefusedError as refused:
            if refused.status != 404 and refused.body.get("deleted") is not True:
                raise

    async def _session(self, room: str) -> LiveSession:
        session = await self._storage.read(store.session_named, room)
        if session is None:
            raise SessionNotFoundError
        return session

    # People.

    async def entry(self, shown: Pass, member: Member) -> dict[str, Any]:
        """``{url, token}``: of the room, and a meeting token for this user in it, to join with within a minute."""
        session = await self._storage.read(store.session_of_id, member.session_id)
        if session is None:
            raise SessionNotFoundError
        opened = await self._opened(session.room_name)
        if session.max_participants is not None and await self._storage.read(
            _may_linger, member, now=self._clock.now()
        ):  # an older connection of theirs would take the place that they have
            await self._throw_out(
                session.room_name, {"user_ids": [user_key(member.user_id, member.generation)]}
            )
        properties = {
            "room_name": session.room_name,
            "user_id": user_key(member.user_id, member.generation),
            "user_name": member.name,
            "is_owner": shown.is_owner,
            "exp": int((self._clock.now() + TOKEN_LIFETIME).timestamp()),
        }
        sends = can_send(mic=member.mic_allowed, camera=member.camera_allowed)
        if sends is not True:
            properties["permissions"] = {"canSend": sends}
        answer = await self.rest.post("/meeting-tokens", {"properties": properties})
        return {"url": opened.url, "token": str(answer["token"])}

    async def eject(self, room: str, user_id: str) -> None:
        """Tokens that were made void let nobody back in while the call goes on; they expire within a minute anyway."""
        member = await self._storage.read(_member_named, room, user_id)
        generation = 0 if member is None else member.generation
        if void := void_keys(user_id, generation):
            await self._throw_out(room, {"user_ids": void, "ban": True})
        await self._throw_out(room, {"user_ids": [user_key(user_id, generation)]})

    async def permit(self, room: str, user_id: str, *, mic: bool, camera: bool) -> None:
        """Daily knows who is in a call by connections. Who comes later has a token that says it."""
        sittings = await self._storage.read(_sittings_of, room, user_id)
        there, _ = await self.watch.presence(room)
        sittings += [one.id for one in there if one.user_id == user_id and one.id not in sittings]
        await self._permit(room, sittings, mic, camera)

    async def _permit(self, room: str, sittings: Sequence[str], mic: bool, camera: bool) -> None:
        changed = {sitting: {"canSend": can_send(mic=mic, camera=camera)} for sitting in sittings}
        if changed:
            await _if_there(self.rest.post(f"/rooms/{room}/update-permissions", {"data": changed}))

    async def _throw_out(self, room: str, whom: dict[str, Any]) -> None:
        await _if_there(self.rest.post(f"/rooms/{room}/eject", whom))

    # Recordings.

    async def start_recording(self, room: str, recording_id: str) -> None:
        """Daily's answer has no name of it. That comes by webhook or is looked up, and is ours from then on; where it
        does not come in time, the recording goes by the one it has.
        """
        recording = await self._storage.read(store.recording_of_id, recording_id)
        if recording is None:
            raise RecordingGoneError
        start = {"instanceId": recording.id, "type": "cloud"}
        try:
            await self.rest.post(f"/rooms/{room}/recordings/start", start, twice_is_once=False)
        except NotSentError:
            raise
        except DownError:
            with suppress(RefusedError, DownError):  # it may have been done all the same
                await self.stop_recording(room)
            raise
        for pause in _NAME_PAUSES:
            await asyncio.sleep(pause)
            with suppress(RefusedError, DownError):
                await self.watch.look_at_recordings(room)
            if await self._storage.write(service.adopt_name, recording_id):
                return
        _log.warning("daily_recording_without_a_name", room=room)

    async def stop_recording(self, room: str) -> None:
        """400: none runs; 404: there is no call."""
        try:
            await self.rest.post(f"/rooms/{room}/recordings/stop")
        except RefusedError as refused:
            if refused.status not in (400, 404):
                raise

    async def tracks(self, recording_id: str) -> Path:
        raise NotImplementedError("Daily makes the file.")

    async def link(self, recording: Recording) -> tuple[str, datetime]:
        name = await self._storage.read(store.daily_id_of, recording.id)
        if name is None:
            raise RecordingGoneError
        seconds = min(int(self._link_lifetime.total_seconds()), 12 * 3600)
        answer = await self.rest.get(f"/recordings/{name}/access-link", valid_for_secs=seconds)
        return str(answer["download_link"]), datetime.fromtimestamp(int(answer["expires"]), UTC)


async def _if_there(work: Any) -> None:
    """404: nobody is in a call there."""
    try:
        await work
    except RefusedError as refused:
        if refused.status != 404:
            raise


async def _logged(work: Any) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001 - nobody waits for it; the next look does it again
        _log.exception("daily_not_done")


def _properties(session: LiveSession, now: datetime) -> dict[str, Any]:
    """A limit that is None lifts one that was set."""
    return {
        "max_participants": session.max_participants,
        "enable_recording": "cloud" if session.recording_enabled else None,
        "enforce_unique_user_ids": True,
        "exp": int((now + _ROOM_LIFE).timestamp()),
        "eject_at_room_exp": True,
    }


def _standing(connection: Connection) -> list[m.RoomStanding]:
    recorded = {session.id for _, session in store.all_running(connection)}
    people: dict[str, list[str]] = {session_id: [] for session_id in recorded}
    for one in store.all_present(connection):
        people.setdefault(one.session_id, []).append(one.user_id)
    sessions = [(store.session_of_id(connection, session_id), names) for session_id, names in people.items()]
    return [
        m.RoomStanding(session.room_name, session.max_participants, session.id if session.id in recorded else None, names)
        for session, names in sessions if session is not None
    ]  # fmt: skip


def _member_named(connection: Connection, room: str, user_id: str) -> Member | None:
    session = store.session_named(connection, room)
    return None if session is None else store.member_of(connection, session.id, user_id)


def _sittings_of(connection: Connection, room: str, user_id: str) -> list[str]:
    session = store.session_named(connection, room)
    there = [] if session is None else store.present(connection, session.id)
    return [one.id for one in there if one.user_id == user_id and one.joined_at is not None]


def _may_linger(connection: Connection, member: Member, *, now: datetime) -> bool:
    """Whether they were in a moment ago, by the ledger, and are not."""
    rows = store.participants_of(connection, member.session_id)
    mine = [one for one in rows if one.user_id == member.user_id and one.joined_at is not None]
    recent = any(one.left_at is not None and one.left_at > now - service.SETTLED for one in mine)
    return recent and all(one.left_at is not None for one in mine)


def _keys_of_recent(connection: Connection, session_id: str, *, now: datetime) -> list[str]:
    """Those who are in, may be, or were a moment ago."""
    recent = {
        one.user_id for one in store.participants_of(connection, session_id)
        if one.left_at is None or one.left_at > now - service.SETTLED
    }  # fmt: skip
    members = store.members_of(connection, session_id)
    return [user_key(one.user_id, one.generation) for one in members if one.user_id in recent]
