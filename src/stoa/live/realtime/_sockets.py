"""The namespace: who is in which room with which connection, and what they are told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from stoa.kernel.errors import ConflictError, InvalidError, RateLimitedError, StoaError
from stoa.kernel.journal import Entry
from stoa.live import service
from stoa.live.errors import NotAuthorizedError, TokenRefusedError
from stoa.live.media import messages as m
from stoa.live.model import Member
from stoa.live.provider import Signalling
from stoa.live.realtime import _messages as wire
from stoa.live.studio import Studio
from stoa.platform import journal
from stoa.platform.realtime import Client, Frame, Namespace, Realtime, Watch

WAITS = 60.0
"""Seconds that somebody who is not signed in may be connected without having joined."""
_AT_ONCE = 500
_ASK_EVERY, _UNANSWERED = 0.75, 5
"""Who answers none of so many pings, so many seconds apart, is dead: after 3.75 to 4.5 s."""


@dataclass(slots=True, eq=False)
class Guest:
    """Somebody in a room. ``seq`` is the last entry that they were told of; None until they caught up."""

    client: Client
    room: Room
    member: Member
    is_owner: bool
    seq: int | None = None


@dataclass(slots=True, eq=False)
class Room:
    """A session's room as this process follows it: one guest a user."""

    name: str
    session_id: str
    guests: dict[str, Guest] = field(default_factory=dict)
    watch: Watch | None = None

    def tell(self, frame: Frame) -> None:
        for guest in self.guests.values():
            guest.client.send(frame)


class NotInRoomError(ConflictError):
    code = "live.not_in_room"


class LiveSockets(Namespace):
    name = wire.NAMESPACE

    def __init__(self, studio: Studio, live: Realtime) -> None:
        self._studio = studio
        self._live = live
        self._rooms: dict[str, Room] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        studio.listeners.append(self._heard)

    # Coming and going.

    async def connected(self, client: Client) -> None:
        """A token is enough to join with. Whoever is signed in joins as themselves."""
        if client.actor is None:
            asyncio.get_running_loop().call_later(WAITS, self._end_idle, client)

    def _end_idle(self, client: Client) -> None:
        if client.state is None:
            client.close()

    async def disconnected(self, client: Client) -> None:
        """The call goes on without its signalling, as long as its media comes."""
        guest = client.state
        if isinstance(guest, Guest):
            self._detach(guest)
            if self._studio.provider.signalling is not None:
                self._later(self._signalling.cut_off(guest.room.name, guest.member.user_id))

    def logged_out(self, client: Client) -> None:
        guest = client.state
        if isinstance(guest, Guest):
            self._put_out(guest, "logged-out")
            self._later(self._let_go(guest, "logged-out"))

    async def run(self) -> None:
        """Of whom no media tells that they died, their sockets are asked. Counted are pings and not seconds: when this
        process was held up, all that came meanwhile is read before the next one.
        """
        while True:
            await asyncio.sleep(_ASK_EVERY)
            if self._rooms and (signalling := self._studio.provider.signalling) is not None:
                for guest in [each for room in self._rooms.values() for each in room.guests.values()]:
                    silent = signalling.is_silent(guest.room.name, guest.member.user_id)
                    if silent and guest.client.ping() >= _UNANSWERED:
                        self._later(self._let_go(guest, "dead"))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _let_go(self, guest: Guest, reason: str) -> None:
        with suppress(StoaError):
            if self._studio.provider.signalling is None:
                await self._studio.provider.eject(guest.room.name, guest.member.user_id)
            else:
                await self._signalling.leave(guest.room.name, guest.member.user_id, reason=reason)

    def has_room(self, client: Client) -> None:
        client.send(wire.told(wire.RESYNC, {}))

    async def oversized(self, client: Client, length: int) -> None:
        refused = wire.refused(InvalidError.field("message", f"{length} characters are too many."))
        client.send(wire.told(wire.ERROR, refused))

    # What is asked.

    @property
    def _signalling(self) -> Signalling:
        return self._studio.signalling

    async def received(self, client: Client, event: str, *args: Any) -> dict[str, Any]:
        try:
            return {"ok": True} | (await self._answer(client, event, args) or {})
        except StoaError as error:
            return wire.refused(error)
        except Exception:
            refused = {"ok": False, "code": "error", "message": "Something went wrong on the server."}
            client.send(wire.told(wire.ERROR, refused))
            raise

    async def _answer(self, client: Client, event: str, args: tuple[Any, ...]) -> dict[str, Any] | None:
        guest = client.state if isinstance(client.state, Guest) else None
        if not await self._live.admits(guest.member.user_id if guest else client.id):
            raise RateLimitedError("You send too many messages.", retry_after=1)
        asked = wire.read(event, args)
        if isinstance(asked, wire.Join):
            return await self._join(client, asked)
        if guest is None:
            raise NotInRoomError("You are in no room: join first.")
        return await self._do(guest, asked)

    async def _join(self, client: Client, asked: wire.Join) -> dict[str, Any]:
        shown = await self._studio.read_token(asked.token)
        if client.actor is not None and client.actor.id != shown.user_id:
            raise TokenRefusedError("The token is somebody else's")
        before = client.state
        if isinstance(before, Guest) and before.room.name != shown.room_name:
            raise NotInRoomError("You are in another room: leave it first.")
        admitted, entry = await self._studio.admit(shown, resume=asked.resume)
        guest = self._attach(client, admitted)
        if client.closed:
            self._detach(guest)
        provider = self._studio.provider
        try:
            offered = None
            if provider.signalling is not None:
                offered = await provider.signalling.offer(guest.room.name, guest.member.user_id)
            await self._catch_up(guest, asked.after, since=admitted.seq)
        except BaseException:
            self._detach(guest)
            raise
        servers = self._studio.ice.servers(shown.user_id, now=self._studio.clock.now())
        return wire.joined(admitted, provider.name, entry, offered) | {"iceServers": servers}

    async def _do(self, guest: Guest, asked: wire.Asked) -> dict[str, Any] | None:
        match asked:
            case wire.Mute():
                await self._mute(guest, asked)
            case wire.Chat():
                await self._write(service.say, guest, asked.text)
            case wire.Hand():
                await self._write(partial(service.raise_hand, raised=asked.raised), guest)
            case wire.Renew():
                return {"token": await self._renewed(guest)}
            case wire.Leave():
                self._detach(guest)
                if self._studio.provider.signalling is not None:
                    await self._signalling.leave(guest.room.name, guest.member.user_id)
            case _:
                return await self._signal(guest.room.name, guest.member.user_id, asked)
        return None

    async def _signal(self, room: str, user_id: str, asked: wire.Asked) -> dict[str, Any] | None:
        match asked:
            case wire.Publish():
                return {"sdp": await self._signalling.publish(room, user_id, asked.sdp, asked.sources)}
            case wire.Answer():
                await self._signalling.answer(room, user_id, asked.version, asked.sdp)
            case wire.Candidate():
                await self._signalling.candidate(room, user_id, asked.candidate)
            case wire.Show():
                await self._signalling.show(room, user_id, asked.publication, max_height=asked.max_height)
        return None

    async def _renewed(self, guest: Guest) -> str:
        if guest.client.actor is None:
            raise NotAuthorizedError("Sign in to get a new token")
        return await self._studio.token(guest.room.name, guest.client.actor)

    async def _mute(self, guest: Guest, asked: wire.Mute) -> None:
        whom = guest.member.user_id if asked.user_id is None else asked.user_id
        if whom != guest.member.user_id and not (guest.is_owner and asked.muted):
            raise NotAuthorizedError("Only the session's owner mutes somebody else, and nobody unmutes them")
        await self._signalling.mute(guest.room.name, whom, asked.source, muted=asked.muted)
        other = guest.room.guests.get(whom)
        if other is not None and other is not guest:
            other.client.send(wire.told(wire.MUTED, {"source": asked.source, "by": guest.member.user_id}))

    async def _write(self, use_case: Any, guest: Guest, *args: Any) -> None:
        studio = self._studio
        await studio.storage.write(
            use_case, guest.room.session_id, guest.member, *args, now=studio.clock.now()
        )

    # Rooms.

    def _attach(self, client: Client, admitted: service.Admitted) -> Guest:
        session, user_id = admitted.session, admitted.member.user_id
        room = self._rooms.get(session.room_name)
        if room is None:
            room = self._rooms[session.room_name] = Room(session.room_name, session.id)
            stream, hear = service.stream_of(session.id), partial(self._tell_entries, room)
            room.watch = self._live.feed.watch(stream, after=admitted.seq, listener=hear)
        older = room.guests.get(user_id)
        guest = client.state = room.guests[user_id] = Guest(client, room, admitted.member, admitted.is_owner)
        if older is not None and older.client is not client:
            older.client.state = None
            older.client.send(wire.told(wire.OUT, {"reason": "replaced"}))
        return guest

    def _detach(self, guest: Guest) -> None:
        room = guest.room
        if guest.client.state is guest:
            guest.client.state = None
        if room.guests.get(guest.member.user_id) is guest:
            del room.guests[guest.member.user_id]
        if not room.guests and self._rooms.get(room.name) is room:
            del self._rooms[room.name]
            if room.watch is not None:
                room.watch.close()

    def _put_out(self, guest: Guest, reason: str) -> None:
        guest.client.send(wire.told(wire.OUT, {"reason": reason}))
        self._detach(guest)

    def _lose(self, guest: Guest) -> None:
        """Their media's worker or node died: told once, whoever says so first."""
        guest.client.send(wire.told(wire.LOST, {}))
        self._detach(guest)

    async def _catch_up(self, guest: Guest, after: int | None, *, since: int) -> None:
        """Tells what follows ``after``, in order and once, and from there on what happens. ``since`` the guest is in."""
        stream = service.stream_of(guest.room.session_id)
        after = since if after is None else min(after, since)
        while True:
            entries = await self._studio.storage.read(journal.read, stream, after=after, limit=_AT_ONCE)
            for entry in entries:
                guest.client.send(wire.told_entry(entry), whole=True)
                after = entry.seq
                if entry.seq > since:
                    self._follow_up(guest, entry)
            watch = guest.room.watch
            if len(entries) < _AT_ONCE and (watch is None or watch.seq <= after):
                guest.seq = after
                return

    def _tell_entries(self, room: Room, entries: Sequence[Entry]) -> None:
        for entry in entries:
            frame = wire.told_entry(entry)
            for guest in tuple(room.guests.values()):
                if guest.seq is not None and guest.seq < entry.seq:
                    guest.seq = entry.seq
                    guest.client.send(frame)
                    self._follow_up(guest, entry)

    def _follow_up(self, guest: Guest, entry: Entry) -> None:
        """What happened may be that the guest is out."""
        mine = entry.data.get("userId") == guest.member.user_id
        if entry.type == service.ENDED:
            self._put_out(guest, "ended")
        elif entry.type == service.KICKED and mine:
            self._put_out(guest, "kicked")
        elif entry.type == service.LEFT and mine and entry.data["reason"] == "lost":
            self._lose(guest)
        elif entry.type == service.LEFT and mine and entry.data["reason"] not in ("replaced", "kicked"):
            self._put_out(guest, entry.data["reason"])

    # What the provider tells, after it is in the ledger.

    def _heard(self, event: m.AnyEvent) -> None:
        room = self._rooms.get(event.room)
        if room is None:
            return
        if isinstance(event, m.Offered):
            guest = room.guests.get(event.participant)
            if guest is not None:
                guest.client.send(wire.told("offer", wire.offer(event)))
        elif isinstance(event, m.Left):
            guest = room.guests.get(event.participant)
            if guest is not None and event.reason == "kicked":
                self._put_out(guest, "kicked")
        elif isinstance(event, m.RoomLost):
            for guest in tuple(room.guests.values()):
                self._lose(guest)
        elif (frame := wire.told_event(event)) is not None:
            room.tell(frame)
