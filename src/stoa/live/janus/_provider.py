"""The provider: what Stoa asks of rooms and of people in them, done at Janus."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from stoa.kernel.clock import Clock
from stoa.kernel.errors import UnavailableError
from stoa.kernel.ids import Ids
from stoa.live.janus import _describing as describing
from stoa.live.janus._crowd import Crowd
from stoa.live.janus._fleet import Fleet, Setup
from stoa.live.janus._places import Place
from stoa.live.janus._recordings import Shelf
from stoa.live.janus._recovery import Recovery
from stoa.live.janus._rooms import Person, new_feed, user_of
from stoa.live.janus._server import JanusRefusedError
from stoa.live.janus._telling import Teller
from stoa.live.media import messages as m
from stoa.live.model import Member, Pass, Recording
from stoa.live.provider import Told
from stoa.live.rtp import sdp
from stoa.platform.storage import Storage

_NAME = re.compile(r"[A-Za-z0-9_.:@+-]{1,128}")


class Janus:
    """Rooms on one or many Janus servers. Browsers signal to Stoa, as with the embedded provider, and know no Janus.

    Several nodes of Stoa may share the servers.
    """

    name = "janus"
    makes_files = False
    own_clients = False

    def __init__(self, setup: Setup, storage: Storage, clock: Clock, ids: Ids) -> None:
        self.recordings = setup.recordings
        self._shelf = Shelf(setup.recordings, clock)
        self._teller = Teller(clock)
        self._crowd = Crowd(self._teller, self._shelf)
        self._recovery = Recovery(self._crowd, self._teller)
        self._fleet = self._crowd.fleet = Fleet(
            setup, storage, clock, ids, heard=self._crowd.heard, lost=self._recovery.lost
        )
        self._doors: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def signalling(self) -> Janus:
        return self

    async def start(self, told: Told) -> Sequence[m.RoomStanding]:
        """Whoever is at Janus of an earlier process is in until they join anew, or Janus lets go of them."""
        await self._fleet.start()
        standing: list[m.RoomStanding] = []
        for place in await self._fleet.places():
            try:
                names = sorted({user_of(feed) for feed in await self._fleet.feeds(place)})
            except UnavailableError:
                continue
            standing.append(m.RoomStanding(place.room, place.max_participants, place.recording, names))
        self._teller.start(told)
        self._recovery.start(standing)
        return standing

    async def stop(self) -> None:
        """Calls go on without their signalling, for as long as Janus keeps a session that nobody claims."""
        self._crowd.stop()
        await self._teller.stop()
        await self._fleet.stop()

    async def entry(self, _shown: Pass, _member: Member) -> dict[str, Any]:
        """The offer that follows is all they need."""
        return {}

    # Rooms ---------------------------------------------------------------------------------------------------------

    async def open_room(self, room: str, *, max_participants: int | None) -> None:
        _check(room)
        await self._fleet.open(room, max_participants)

    async def close_room(self, room: str) -> None:
        await self._fleet.close(room)
        for person in self._crowd.people(room):
            await self._crowd.out(person, "room-closed")
        self._doors.pop(room, None)

    async def start_recording(self, room: str, recording_id: str) -> None:
        place = await self._fleet.place(room)
        await self._shelf.begin(recording_id)
        await self._fleet.record(place, recording_id)
        await self._fleet.note_recording(room, recording_id)
        self._crowd.recorded(room, recording_id)

    async def stop_recording(self, room: str) -> None:
        """To stop what does not run is no error."""
        with suppress(m.UnknownError):
            place = await self._fleet.place(room)
            if place.recording is None:
                return
            with suppress(UnavailableError):  # a Janus that is gone writes no more
                await self._fleet.record(place, None)
            await self._fleet.note_recording(room, None)
            self._crowd.recorded(room, None)
            await self._shelf.end(place.recording)

    async def tracks(self, recording_id: str) -> Path:
        return await self._shelf.tracks(recording_id)

    async def link(self, _recording: Recording) -> tuple[str, datetime]:
        raise NotImplementedError("The file is made by Stoa.")

    async def eject(self, room: str, user_id: str) -> None:
        with suppress(m.UnknownError):
            await self.leave(room, user_id, reason="kicked")

    async def permit(self, room: str, user_id: str, *, mic: bool, camera: bool) -> None:
        person = self._crowd.person(room, user_id)
        if person is not None:
            person.mic, person.camera = mic, camera
        with suppress(m.UnknownError):
            await self._moderate(await self._fleet.place(room), user_id, mic=mic, camera=camera)

    # People --------------------------------------------------------------------------------------------------------

    async def join(self, room: str, participant: str, *, mic: bool = True, camera: bool = True) -> None:
        """An ``Offered`` event follows at once, ``Joined`` when the media is there. A second join replaces the first."""
        _check(room, participant)
        async with self._doors[room]:
            place = await self._fleet.place(room)
            before = await self._fleet.feeds(place)
            others = {user_of(feed) for feed in before} - {participant}
            if place.max_participants is not None and len(others) >= place.max_participants:
                raise m.RoomFullError("The room is full.")
            older = self._crowd.person(room, participant)
            if older is not None:
                await self._crowd.out(older, "replaced")
            server = self._fleet.server_of(place)
            person = Person(participant, room, server, mic, camera, new_feed(participant))
            self._crowd.recorded(room, place.recording)
            await self._crowd.enter(person, place)
            for feed in before:
                if user_of(feed) == participant and (older is None or feed != older.feed):
                    await self._fleet.kick(place, feed)

    async def publish(
        self, room: str, participant: str, offer: str, sources: dict[str, str] | None = None
    ) -> str:
        """The answer to a description of what the participant sends. See ``media.controller``."""
        person = self._inside(room, participant)
        read = describing.read_offer(offer, sources or {})
        place = await self._fleet.place(room)
        async with person.negotiating:
            try:
                answer = await self._crowd.publish(person, place, read)
            except JanusRefusedError as error:
                raise m.SdpRefusedError(str(error)) from None
            for mid, source in read.sources.items():
                if not person.may_send(source):
                    await self._fleet.moderate(place, person.feed, mid, mute=True)
            self._crowd.settled(person)
        return describing.answered(answer)

    async def answer(self, room: str, participant: str, version: int, answer: str) -> None:
        person = self._inside(room, participant)
        read = describing.read_answer(answer)
        if person.offered is None or version != person.offered.version or version <= person.answered:
            return
        person.answered = version
        try:
            await self._crowd.answer(person, read)
        except JanusRefusedError as error:
            raise m.SdpRefusedError(str(error)) from None

    async def offer(self, room: str, participant: str) -> m.Offered:
        offered = self._inside(room, participant).offered
        assert offered is not None, "who is in was offered something"
        return offered

    async def candidate(self, room: str, participant: str, candidate: str) -> None:
        """It is checked for form. Janus learns an address when a signed check comes from it, and needs none."""
        self._inside(room, participant)
        try:
            sdp.parse_candidate(candidate)
        except sdp.MalformedSdpError as error:
            raise m.SdpRefusedError(str(error)) from None

    async def cut_off(self, room: str, participant: str) -> None:
        """Janus notices only after a minute that somebody is dead who sends nothing: they have some seconds to come back."""
        person = self._crowd.person(room, participant)
        if person is not None and not person.flowing:
            self._crowd.doubt(person)

    def is_silent(self, room: str, participant: str) -> bool:
        person = self._crowd.person(room, participant)
        return person is not None and person.is_in and not person.flowing

    async def leave(self, room: str, participant: str, *, reason: str = "left") -> None:
        """They are out when this returns, of whatever node they are."""
        person = self._crowd.person(room, participant)
        place = await self._fleet.place(room)
        if person is not None:
            await self._crowd.out(person, reason)
        theirs = [feed for feed in await self._fleet.feeds(place) if user_of(feed) == participant]
        for feed in theirs:
            await self._fleet.kick(place, feed)
        if person is None and not theirs:
            raise m.UnknownError("Nobody of that name is in the room.")

    async def mute(self, room: str, participant: str, source: str, *, muted: bool) -> None:
        person = self._crowd.person(room, participant)
        if source not in describing.KINDS:
            raise m.RefusedError(f"There is no source {source!r}.")
        if person is not None:
            (person.muted.add if muted else person.muted.discard)(source)
        elif not self._crowd.is_known(room, participant):
            raise m.UnknownError("Nobody of that name is in the room.")
        await self._moderate(await self._fleet.place(room), participant, source=source, muted=muted)

    async def show(self, room: str, participant: str, publication: str, *, max_height: int) -> None:
        """Of a picture that comes in three layers, the one for a tile of that height; 0: none at all."""
        person = self._inside(room, participant)
        person.heights[publication] = max_height
        await self._crowd.show(person, publication, max_height)

    # ---------------------------------------------------------------------------------------------------------------

    def _inside(self, room: str, participant: str) -> Person:
        person = self._crowd.person(room, participant)
        if person is None:
            raise m.UnknownError("Nobody of that name is in the room.")
        if (doubt := person.timers.pop("doubt", None)) is not None:
            doubt.cancel()
        return person

    async def _moderate(
        self, place: Place, user: str, *, mic: bool = True, camera: bool = True, source: str = "",
        muted: bool = False,
    ) -> None:  # fmt: skip
        """Has Janus pass on what may pass. Of somebody of another node only what is said here is known."""
        person = self._crowd.person(place.room, user)
        for each in self._crowd.publications(place.room, user):
            if person is not None:
                may = person.may_send(each.source)
            else:
                if source not in ("", each.source):
                    continue
                may = not muted and (mic if describing.KINDS[each.source] == "audio" else camera)
            if each.moderated is may:
                await self._fleet.moderate(place, each.feed, each.mid, mute=not may)
                if may and person is not None:
                    await self._crowd.want_key_frame(person)


def _check(*names: str) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise m.NameRefusedError("A name has 1 to 128 of A-Z a-z 0-9 _ . : @ + -")
