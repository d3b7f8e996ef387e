"""What needs both the database and the provider, in the right order: what is true is committed, then it is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from stoa.accounts.authenticate import KeyRing
from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock, from_millis
from stoa.kernel.errors import StoaError
from stoa.kernel.ids import Ids
from stoa.live import service, tokens
from stoa.live.errors import ProviderError, SignallingElsewhereError
from stoa.live.ice import Ice
from stoa.live.media import messages as m
from stoa.live.meters import Meters
from stoa.live.model import LiveSession, Member, Pass, Recording, Status
from stoa.live.nodes import Nodes
from stoa.live.provider import Provider, Signalling
from stoa.live.service import Admitted
from stoa.platform.storage import Storage

Listener = Callable[[m.AnyEvent], None]
Done = TypeVar("Done")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Studio:
    """Links to recordings live for ``link_lifetime``. With ``direct_links`` S3 itself gives the video.

    ``listeners`` are told what the provider tells, once it is in the ledger. ``nodes`` are there where the provider's
    rooms are bound to nodes.
    """

    storage: Storage
    clock: Clock
    ids: Ids
    keys: KeyRing
    provider: Provider
    link_lifetime: timedelta
    direct_links: bool = False
    listeners: list[Listener] = field(default_factory=list)
    nodes: Nodes | None = None
    ice: Ice = field(default_factory=Ice)
    meters: Meters | None = None

    @property
    def node(self) -> str:
        """The id of this one; ``""`` where rooms are not bound to nodes."""
        return "" if self.nodes is None else self.nodes.id

    # Tokens.

    async def token(self, room_name: str, actor: Actor, *, for_ours: bool = True) -> str:
        """One to join our namespace with; or, if it is not ``for_ours``, one for the provider's own client if it has one."""
        now = self.clock.now()
        shown, member = await self.storage.write(service.entry, room_name, actor=actor, now=now, ids=self.ids)
        if for_ours or not self.provider.own_clients:
            return tokens.issue(await self.keys.keys(), shown, now=now)
        given = await _done(self.provider.entry(shown, member), "Failed to get session token")
        return str(given["token"])

    async def read_token(self, token: str) -> Pass:
        """Raises TokenRefusedError."""
        return tokens.read(token, await self.keys.keys(), now=self.clock.now())

    async def recording_key(self, recording_id: str) -> tuple[str, datetime]:
        """A key that opens the recording to whoever has it, and until when."""
        now, keys = self.clock.now().replace(microsecond=0), await self.keys.keys()
        key = tokens.recording_key(keys, recording_id, now=now, lifetime=self.link_lifetime)
        return key, now + self.link_lifetime

    async def check_recording_key(self, key: str, recording_id: str) -> None:
        tokens.check_recording_key(key, await self.keys.keys(), recording_id, now=self.clock.now())

    # Sessions.

    async def remove(self, room_name: str, actor: Actor) -> LiveSession:
        """The room goes first: if it can't be closed, the session stays. (Another node's room follows.)"""
        session = await self.storage.read(service.owned_session, room_name, actor=actor, to="delete")
        failed = "Failed to delete session"
        other = await self._other(session)
        if other is None:
            await _done(self.provider.close_room(session.room_name), failed)
        removed = await self.storage.write(service.remove, room_name, actor=actor, now=self.clock.now())
        if other is not None:
            await _done(self._ask(other, room_name), failed)
        return removed

    async def set_status(self, session_id: str, status: Status, actor: Actor) -> LiveSession:
        session = await self.storage.write(
            service.set_status, session_id, status, actor=actor, now=self.clock.now()
        )
        if session.status is Status.ENDED:
            work = self._where_it_is(session.room_name, self.provider.close_room(session.room_name))
            await _done(work, "Failed to close the session's room")
        return session

    # Recording.

    async def start_recording(self, room_name: str, actor: Actor) -> Recording:
        session, recording = await self.storage.write(
            service.begin_recording,
            room_name,
            actor=actor,
            now=self.clock.now(),
            ids=self.ids,
            node=self.node,
        )
        try:
            work = self._where_it_is(room_name, self._record(session, recording))
            await _done(work, "Failed to start session recording")
        except ProviderError:
            await self.storage.write(service.recording_failed, recording, now=self.clock.now())
            raise
        try:
            return await self.storage.write(service.recording_began, session, recording, now=self.clock.now())
        except StoaError:  # it was ended or deleted meanwhile
            work = self._where_it_is(room_name, self._stop(session))
            await _done(work, "Failed to stop session recording")
            raise

    async def stop_recording(self, room_name: str, actor: Actor) -> Recording:
        session, _ = await self.storage.read(service.running_recording, room_name, actor=actor)
        failed = "Failed to stop session recording"
        other = await self._other(session)
        if other is None:
            await _done(self._stop(session), failed)
        ended = await self.storage.write(service.end_recording, room_name, actor=actor, now=self.clock.now())
        if other is not None:
            await _done(self._ask(other, room_name), failed)
        return ended

    async def link(self, recording: Recording) -> tuple[str, datetime]:
        """Where a provider that makes files has this one, and until when."""
        return await _done(self.provider.link(recording), "Failed to get session recording")

    async def _record(self, session: LiveSession, recording: Recording) -> None:
        await self.provider.open_room(session.room_name, max_participants=session.max_participants)
        await self.provider.start_recording(session.room_name, recording.recording_id)

    async def _stop(self, session: LiveSession) -> None:
        """With the recording the session ends, and so does the call."""
        await self.provider.stop_recording(session.room_name)
        await self.provider.close_room(session.room_name)

    # Participants.

    @property
    def signalling(self) -> Signalling:
        """Raises SignallingElsewhereError where browsers signal to the provider itself."""
        if self.provider.signalling is None:
            raise SignallingElsewhereError
        return self.provider.signalling

    async def admit(self, shown: Pass, *, resume: bool = False) -> tuple[Admitted, dict[str, Any]]:
        """A place for who shows the token, and the room open; and the provider's ``entry``. Raises what refuses them."""
        admitted = await self.storage.write(
            service.admit, shown, resume=resume, now=self.clock.now(), ids=self.ids, node=self.node
        )
        session, member = admitted.session, admitted.member
        resumed = admitted.resumed and await self._is_in(session.room_name, member.user_id)
        try:
            if not resumed:
                await self._let_in(session, member)
            entry = await self.provider.entry(shown, member)
        except BaseException:
            if not resumed:
                await self.storage.write(
                    service.left, session.room_name, member.user_id, "unconnected", at=self.clock.now(),
                    node=self.node,
                )  # fmt: skip
            raise
        return replace(admitted, resumed=resumed), entry

    async def _let_in(self, session: LiveSession, member: Member) -> None:
        await self.provider.open_room(session.room_name, max_participants=session.max_participants)
        if self.provider.signalling is not None:
            await self.provider.signalling.join(
                session.room_name, member.user_id, mic=member.mic_allowed, camera=member.camera_allowed
            )

    async def _is_in(self, room_name: str, user_id: str) -> bool:
        if self.provider.signalling is None:
            return True
        try:
            await self.provider.signalling.offer(room_name, user_id)
        except m.UnknownError:
            return False
        return True

    async def kick(self, room_name: str, user_id: str, actor: Actor) -> Member:
        member = await self.storage.write(service.kick, room_name, user_id, actor=actor, now=self.clock.now())
        work = self._where_it_is(room_name, self.provider.eject(room_name, user_id))
        await _done(work, "Failed to remove the participant")
        return member

    async def permit(
        self, room_name: str, user_id: str, *, mic: bool | None, camera: bool | None, banned: bool | None,
        actor: Actor,
    ) -> Member:  # fmt: skip
        member = await self.storage.write(
            service.permit, room_name, user_id, mic=mic, camera=camera, banned=banned, actor=actor,
            now=self.clock.now(),
        )  # fmt: skip
        if member.banned:
            work, failed = self.provider.eject(room_name, user_id), "Failed to remove the participant"
        else:
            allowed = {"mic": member.mic_allowed, "camera": member.camera_allowed}
            work, failed = self.provider.permit(room_name, user_id, **allowed), "Failed to change permissions"
        await _done(self._where_it_is(room_name, work), failed)
        return member

    # Other nodes.

    async def _other(self, session: LiveSession) -> str | None:
        return None if self.nodes is None else await self.nodes.other_of(session.room_name)

    async def _ask(self, node: str, room_name: str) -> None:
        assert self.nodes is not None
        await self.nodes.ask(node, room_name)

    async def _where_it_is(self, room_name: str, work: Coroutine[Any, Any, None]) -> None:
        """Does the work where the room is here; or has the room's node do what the database says already."""
        other = None if self.nodes is None else await self.nodes.other_of(room_name)
        if other is None:
            await work
        else:
            work.close()
            await self._ask(other, room_name)

    async def straighten(self, room_name: str) -> None:
        """Makes a room of this node what the database says of it: who is in, what they may, whether it is recorded."""
        assert self.nodes is not None
        inside = await self.nodes.bound.inside(
            room_name
        )  # first: who comes meanwhile has a place before that
        truth = await self.storage.read(service.truth_of, room_name, self.node)
        if truth is None:
            await self.provider.stop_recording(room_name)
            await self.provider.close_room(room_name)
            return
        for one in () if inside is None else inside.participants:
            member = truth.members.get(one.participant)
            if member is None:
                await self.provider.eject(room_name, one.participant)
            else:
                await self.provider.permit(
                    room_name, member.user_id, mic=member.mic_allowed, camera=member.camera_allowed
                )
        is_recorded = inside is not None and inside.recording
        if truth.recording is not None and not is_recorded:
            await self._record(truth.session, truth.recording)
        elif truth.recording is None and is_recorded:
            await self.provider.stop_recording(room_name)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The provider at work, and this node among the others. Calls go on without this process for a while, and are
        taken up again by the next.
        """
        standing = list(await self.provider.start(self.told))
        if self.nodes is not None:
            await self.nodes.begin([room.room for room in standing])
        await self.resume(standing)
        looking = []
        if self.nodes is not None:
            looking.append(asyncio.create_task(self.nodes.run(self.straighten, self._record)))
            if self.meters is not None:
                looking.append(asyncio.create_task(self.meters.run(self.nodes.bound)))
        try:
            yield
        finally:
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)
            await self.provider.stop()

    # What the provider tells.

    async def told(self, event: m.AnyEvent) -> None:
        """Keeps the ledger true to what the media layer sees. Who joins again is out and in by their new token."""
        if isinstance(event, m.Joined):
            await self._came(event)
        elif isinstance(event, m.Left) and event.reason != "replaced":
            await self.storage.write(
                service.left, event.room, event.participant, event.reason, at=from_millis(event.at),
                node=self.node,
            )  # fmt: skip
        elif isinstance(event, m.RoomLost):
            await self.storage.write(
                service.everybody_left, set(), room_name=event.room, at=from_millis(event.at), node=self.node
            )
        elif isinstance(event, m.RecordingFailed):
            _log.error("live_recording_failed", room=event.room, reason=event.reason)
            await self.storage.write(
                service.recording_troubled, event.room, event.reason, now=from_millis(event.at)
            )
        for listener in self.listeners:
            listener(event)

    async def _came(self, event: m.Joined) -> None:
        """Who was kicked, or whose session ended, while they were coming has no place in it: they are out again."""
        has_place = await self.storage.write(
            service.joined, event.room, event.participant, at=from_millis(event.at), node=self.node
        )
        if not has_place:
            await self.provider.eject(event.room, event.participant)

    async def resume(self, standing: list[m.RoomStanding]) -> None:
        """After a start: whoever is in no call any more is out, who has no place in one is too, and what should be
        recorded is.
        """
        there = {(room.room, name) for room in standing for name in room.participants}
        await self.storage.write(service.everybody_left, there, at=self.clock.now(), node=self.node)
        for room in standing if self.node else ():
            await self.straighten(room.room)
        recorded = {room.room for room in standing if room.recording is not None}
        for recording, session in await self.storage.read(service.all_running, self.node):
            if session.room_name not in recorded:
                try:
                    await self._record(session, recording)
                except Exception:  # noqa: BLE001 - the server starts all the same
                    _log.exception("live_recording_not_resumed", room=session.room_name)


async def _done(work: Awaitable[Done], sentence: str) -> Done:
    """Whatever goes wrong is told with the documented sentence; the cause is in the log only."""
    try:
        return await work
    except Exception as error:
        _log.exception("live_provider_failed")
        raise ProviderError(sentence) from error
