"""The default namespace: who comes, what they ask, and which sessions are followed for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stoa.kernel.errors import StoaError
from stoa.kernel.journal import Entry
from stoa.missions import service, views
from stoa.missions.commands import Join
from stoa.missions.engine import events
from stoa.missions.errors import INVALID_DATA, MemberNotFoundError, SessionNotFoundError, StateConflictError
from stoa.missions.realtime import _messages as wire
from stoa.missions.realtime._messages import Asked, Position
from stoa.missions.realtime._room import Room
from stoa.missions.service import stream_of
from stoa.platform.realtime import Client, Frame, Namespace, Realtime

if TYPE_CHECKING:
    from stoa.kernel.actor import Actor
    from stoa.kernel.clock import Clock
    from stoa.missions.engine import Exercise
    from stoa.missions.model import Member
    from stoa.platform.storage import Storage

LOOK_EVERY = 1.0
"""Seconds between looks whether somebody who is in no session was put into one by other means than this socket."""
_STREAMS = stream_of("")
_NO = ("", "0", "false", "no")


@dataclass(slots=True, eq=False)
class Player:
    """Somebody who is connected. ``room`` is the session's that they are in, which is not known until ``entered``."""

    client: Client
    user_id: str
    room: Room | None = None
    entered: bool = False

    @property
    def actor(self) -> Actor:
        actor = self.client.actor
        assert actor is not None
        return actor

    @property
    def idle(self) -> bool:
        """Whether they may be in a session that they are not told of."""
        return self.entered and (self.room is None or self.room.over)


class MissionSockets(Namespace):
    name = "/"

    def __init__(self, storage: Storage, clock: Clock, live: Realtime) -> None:
        self._storage = storage
        self._clock = clock
        self._live = live
        self._players: dict[str, Player] = {}
        self._rooms: dict[str, Room] = {}
        self._opening: dict[str, asyncio.Task[Room]] = {}
        self._look = asyncio.Event()
        live.feed.follow(_STREAMS, self._stirred)

    # Coming and going.

    async def connected(self, client: Client) -> None:
        if client.actor is None:
            why = "You are not logged in." if client.refusal is None else client.refusal.message
            self._refuse(client, wire.UNAUTHENTICATED, why)
            return
        user_id = client.actor.id
        if not await self._live.seats.take(client, user_id, over=_takes_over(client)):
            self._refuse(client, wire.DUPLICATE, "You are connected already, from somewhere else.")
            return
        player = client.state = self._players[user_id] = Player(client, user_id)
        try:
            await self._enter(player)
        except StoaError as error:
            client.send(wire.error_of(error))
        finally:
            player.entered = True

    async def _enter(self, player: Player) -> None:
        """Welcomes the player, who follows the session that they are in: from the welcome on, or from where an earlier
        connection broke off.
        """
        client, welcome = player.client, wire.response("connection-success", {})
        resume = client.auth.get("resume") if isinstance(client.auth, dict) else None
        try:
            room = None if resume is not None else await self._room_of(player)
        except StoaError:
            client.send(welcome)
            raise
        if room is not None:
            await self._follow(player, room, Position(room.session_id, room.seq, None), first=[welcome])
            return
        client.send(welcome)
        if resume is not None:
            await self._resume(player, wire.position_from(resume))

    async def _room_of(self, player: Player) -> Room | None:
        session_id = await self._storage.read(service.session_of, player.user_id)
        if session_id is None:
            return None
        room = await self._room(session_id)
        self._settle_in(player, room)
        await room.present()
        return room

    async def disconnected(self, client: Client) -> None:
        player: Player | None = client.state
        if player is None:
            return
        if self._players.get(player.user_id) is player:
            del self._players[player.user_id]
        self._part(player)
        await self._live.seats.leave(client, player.user_id)

    def taken_over(self, client: Client) -> None:
        self._refuse(client, wire.SWITCHED, "You have connected from somewhere else.")

    def logged_out(self, client: Client) -> None:
        client.send(wire.response("logout-user-update", {}))

    def has_room(self, client: Client) -> None:
        player: Player | None = client.state
        if player is not None and player.room is not None:
            client.send(_snapshot_required(player.room))

    def _refuse(self, client: Client, code: int, why: str) -> None:
        client.send(wire.error(code, why))
        client.close()

    # What is asked.

    async def oversized(self, client: Client, length: int) -> None:
        client.send(wire.error(INVALID_DATA, f"message: {length} characters are too many."))

    async def received(self, client: Client, event: str, *args: Any) -> None:
        player: Player | None = client.state
        if player is None:
            return
        request = None
        try:
            asked = wire.read(args[0] if event == wire.EVENT and len(args) == 1 else None)
            request = wire.echo(asked.request, player.user_id)
            if not await self._live.admits(player.user_id):
                client.send(wire.error(wire.RATE_LIMITED, "You send too many messages.", request))
                return
            await self._do(player, asked)
        except wire.UnreadableError as error:
            client.send(wire.error_of(error, wire.echo(error.request, player.user_id)))
        except StoaError as error:
            client.send(wire.error_of(error, request))
        except Exception:
            client.send(wire.error(wire.SERVER_ERROR, "Something went wrong on the server.", request))
            raise

    async def _do(self, player: Player, asked: Asked) -> None:
        request = asked.request
        if isinstance(asked.command, Join):
            await self._join(player, asked)
        elif asked.command is not None:
            session_id = await self._session_of(player)
            waiting = service.Asked(asked.command, player.actor, self._clock.now(), request)
            await self._storage.write_batched(service.batch_of(session_id), waiting)
        elif asked.position is not None:
            await self._resume(player, asked.position, wire.echo(request, player.user_id))
        elif request.method == wire.CURRENT:
            await self._send_current(player, wire.echo(request, player.user_id))
        elif request.method == wire.CLOSE:
            player.client.close()

    async def _session_of(self, player: Player) -> str:
        """Raises StateConflictError for who is in none."""
        room = player.room
        if room is not None and not room.over:
            return room.session_id
        found = await self._storage.read(service.session_of, player.user_id)
        if found is not None:
            return found
        if room is not None:
            return room.session_id
        raise StateConflictError("You are in no session.")

    async def _join(self, player: Player, asked: Asked) -> None:
        """Those who join are told what happens from before their joining on."""
        session_id = asked.request.data["sessionId"]
        room = await self._room(session_id)
        was_here = player.user_id in room.here
        room.coming.add(player.user_id)
        room.here[player.user_id] = player.client
        try:
            await self._storage.write(
                service.join, session_id, actor=player.actor, now=self._clock.now(), request=asked.request
            )
            self._settle_in(player, room)
            await room.present()
        except StoaError:
            if not was_here:
                room.here.pop(player.user_id, None)
                self._leave(player, room)
            raise
        finally:
            room.coming.discard(player.user_id)
            self._close_if_empty(room)

    async def _send_current(self, player: Player, request: dict[str, Any] | None) -> None:
        session_id = await self._storage.read(service.session_of, player.user_id)
        if session_id is None:
            raise StateConflictError("You are in no session.")
        await self._show(player, await self._room(session_id), "current-session", request)

    async def _show(
        self, player: Player, room: Room, method: str, request: dict[str, Any] | None = None
    ) -> None:
        """The player is told, as ``method``, how the session stands, and then what happens in it."""
        self._settle_in(player, room)
        exercise, seq = await room.present(hold=player.user_id)
        member = exercise.member_by_user(player.user_id)
        if member is None:
            self._part(player)
            raise MemberNotFoundError
        snapshot = await asyncio.to_thread(_snapshot, exercise, member, method, request, seq)
        await self._follow(player, room, Position(room.session_id, seq, None), first=[snapshot])

    async def _resume(
        self, player: Player, position: Position, request: dict[str, Any] | None = None
    ) -> None:
        """What the player missed since ``position``, in order and once, and then what happens."""
        room = await self._room(position.session_id or await self._session_of(player))
        self._settle_in(player, room)
        await room.present(hold=player.user_id)

        def resumed(seq: int) -> Frame:
            return wire.response("session-resumed", {"sessionId": room.session_id, "seq": seq}, request)

        await self._follow(player, room, position, request, then=resumed)

    async def _follow(
        self,
        player: Player,
        room: Room,
        position: Position,
        request: dict[str, Any] | None = None,
        **frames: Any,
    ) -> None:
        if not await room.follow(player.client, player.user_id, position, **frames):
            player.client.send(_snapshot_required(room, request))
        if player.user_id not in room.exercise.member_of:
            self._leave(player, room)

    # Which sessions are followed, and for whom.

    async def _room(self, session_id: str) -> Room:
        """The session, followed from now on. Raises SessionNotFoundError."""
        room = self._rooms.get(session_id)
        if room is not None:
            return room
        opening = self._opening.get(session_id)
        if opening is None:
            opening = self._opening[session_id] = asyncio.create_task(self._open(session_id))
            opening.add_done_callback(lambda _: self._opening.pop(session_id, None))
        return await asyncio.shield(opening)

    async def _open(self, session_id: str) -> Room:
        folded = await self._storage.read(service.folded, session_id)
        room = Room(session_id, folded.exercise, folded.standing.seq, storage=self._storage, left=self._left)
        room.watch = self._live.feed.watch(stream_of(session_id), after=room.seq, listener=room.hear)
        self._rooms[session_id] = room
        return room

    def _settle_in(self, player: Player, room: Room) -> None:
        if player.room is not room:
            self._part(player)
            player.room = room
            room.followers.add(player.client)

    def _part(self, player: Player) -> None:
        room, player.room = player.room, None
        if room is not None:
            room.followers.discard(player.client)
            if room.here.get(player.user_id) is player.client:
                del room.here[player.user_id]
            self._close_if_empty(room)

    def _leave(self, player: Player, room: Room) -> None:
        """If that is where the player is."""
        if player.room is room:
            self._part(player)

    def _left(self, user_id: str) -> None:
        player = self._players.get(user_id)
        if player is not None:
            self._part(player)

    def _close_if_empty(self, room: Room) -> None:
        if not room.coming and not room.followers and self._rooms.get(room.session_id) is room:
            del self._rooms[room.session_id]
            if room.watch is not None:
                room.watch.close()

    # Those who were put into a session by other means than this socket: by HTTP, by a script, on another node.

    def _stirred(self, _stream: str, entries: Sequence[Entry] | None) -> None:
        if entries is None or any(entry.type == events.MEMBER_JOINED for entry in entries):
            self._look.set()

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_EVERY)
            self._look.clear()
            with suppress(StoaError):
                await self._find_the_idle()
            await asyncio.sleep(0.05)  # however much happens elsewhere

    async def _find_the_idle(self) -> None:
        idle = {user_id: player for user_id, player in self._players.items() if player.idle}
        if not idle:
            return
        found = await self._storage.read(service.sessions_of, list(idle))
        for user_id, session_id in found.items():
            player = idle[user_id]
            with suppress(SessionNotFoundError, MemberNotFoundError):
                room = await self._room(session_id)
                if player.idle and user_id not in room.coming and not player.client.closed:
                    await self._show(player, room, "session-joined")


def _takes_over(client: Client) -> bool:
    """The header of the protocol; a browser's socket, which can send none, says it in ``auth``."""
    auth = client.auth if isinstance(client.auth, dict) else {}
    said = client.headers.get("disconnect-existing", "")
    return said.strip().lower() not in _NO or auth.get("disconnectExisting") is True


def _snapshot(
    exercise: Exercise, member: Member, method: str, request: dict[str, Any] | None, seq: int
) -> Frame:
    """In a thread: a large mission's takes longer than the event loop may wait."""
    return wire.response(method, views.current_session(exercise, member), request, seq=seq)


def _snapshot_required(room: Room, request: dict[str, Any] | None = None) -> Frame:
    data = {"sessionId": room.session_id, "seq": room.seq}
    return wire.response("snapshot-required", data, request)
