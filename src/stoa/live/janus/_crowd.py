"""Everybody whose browser signals to this node, and what Janus says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from stoa.kernel.errors import UnavailableError
from stoa.live.janus import _describing as describing
from stoa.live.janus._fleet import Fleet
from stoa.live.janus._places import Place
from stoa.live.janus._recordings import Shelf
from stoa.live.janus._rooms import Person, Publication, Room, new_feed, user_of
from stoa.live.janus._server import Answer, JanusGoneError, JanusRefusedError, Message, Server
from stoa.live.janus._telling import Teller
from stoa.live.media import messages as m

_UNCONNECTED_AFTER = 20.0
_DEAD_AFTER = 2.6
"""Seconds after Janus says that nothing comes, which it does within two."""
_DOUBTED = 4.0
_GOOD_AFTER = 5.0
_VERY_LOW = 30
"""Packets lost in a second."""
_BY_JANUS = "Close PC"
"""Why Janus hangs up where its plugin says so: to throw somebody out, or to close the room."""
_SMALL, _MIDDLE = 200, 400
"""Tiles up to so many pixels tall get the lowest of three layers, or the middle one."""


class Crowd:
    """``rooms`` are those in which this node has somebody."""

    fleet: Fleet

    def __init__(self, teller: Teller, shelf: Shelf) -> None:
        self._teller, self._shelf = teller, shelf
        self._tell, self._do, self._now = teller.tell, teller.do, teller.now
        self.rooms: dict[str, Room] = {}
        self._handles: dict[tuple[str, int], Person] = {}
        self._recorded: dict[str, str] = {}

    def stop(self) -> None:
        for person in self._handles.values():
            person.stop_timers()

    # Who is there --------------------------------------------------------------------------------------------------

    def person(self, room: str, user: str) -> Person | None:
        found = self.rooms.get(room)
        return None if found is None else found.people.get(user)

    def people(self, room: str) -> list[Person]:
        found = self.rooms.get(room)
        return [] if found is None else list(found.people.values())

    def publications(self, room: str, user: str) -> list[Publication]:
        found = self.rooms.get(room)
        return [] if found is None else found.of_user(user)

    def is_known(self, room: str, user: str) -> bool:
        return bool(self.publications(room, user))

    def recorded(self, room: str, recording: str | None) -> None:
        if recording is None:
            self._recorded.pop(room, None)
        else:
            self._recorded[room] = recording

    # Coming and going ----------------------------------------------------------------------------------------------

    async def enter(self, person: Person, place: Place) -> None:
        """They are offered something when this returns."""
        room = self.rooms.setdefault(person.room, Room(person.room))
        room.people[person.user] = person
        try:
            person.sender = await self._attached(person)
            joined = await self._join(person, place)
            person.receiver = await self._attached(person)
            publishers = joined.data.get("publishers", [])
            dummy = next(each for each in publishers if each.get("dummy"))
            streams = [{"feed": dummy["id"], "mid": dummy["streams"][0]["mid"]}]
            request = {
                "request": "join", "ptype": "subscriber", "room": place.room, "pin": place.secret,
                "streams": streams,
            }  # fmt: skip
            self._offered(person, await person.server.ask(person.receiver, request))
        except BaseException:
            await self.out(person, "unconnected", tell=False)
            raise
        person.timers["unconnected"] = asyncio.get_running_loop().call_later(
            _UNCONNECTED_AFTER, self._later_out, person, "unconnected"
        )
        self._learned(room, publishers)

    async def _join(self, person: Person, place: Place) -> Answer:
        request = {
            "request": "join", "ptype": "publisher", "room": place.room, "pin": place.secret, "id": person.feed,
            "display": person.user,
        }  # fmt: skip
        return await person.server.ask(person.sender, request)

    async def _attached(self, person: Person) -> int:
        handle = await person.server.attach()
        self._handles[person.server.address, handle] = person
        return handle

    async def out(self, person: Person, reason: str, *, tell: bool = True) -> None:
        """They are hung up on when this returns. Again is no error."""
        room = self.forget(person)
        if room is None:
            return
        for each in list(room.forget(room.of_feed(person.feed))):
            self._tell_track(room, each)
        self._talks(room, person.feed, talks=False)
        if tell:
            self._tell(m.Left(room.name, self._now(), person.user, reason))
        for handle in (person.sender, person.receiver):
            if handle:
                with suppress(UnavailableError):
                    await person.server.detach(handle)

    def forget(self, person: Person) -> Room | None:
        """The room that they were in; None if they were out already."""
        person.stop_timers()
        room = self.rooms.get(person.room)
        for handle in (person.sender, person.receiver):
            self._handles.pop((person.server.address, handle), None)
        if room is None or room.people.get(person.user) is not person:
            return None
        del room.people[person.user]
        if not room.people:
            del self.rooms[room.name]
        return room

    def doubt(self, person: Person) -> None:
        """They are dead, unless something is heard of them soon."""
        person.timers["doubt"] = asyncio.get_running_loop().call_later(
            _DOUBTED, self._later_out, person, "dead"
        )

    def _later_out(self, person: Person, reason: str) -> None:
        self._do(self.out(person, reason))

    # What they send and are sent -----------------------------------------------------------------------------------

    async def publish(self, person: Person, place: Place, offer: describing.Offer) -> str:
        """A page that was loaded again, or a connection that is new, gets a new handle and a new name at Janus."""
        if person.identity and person.identity != offer.identity:
            await self._renew(person, place)
        descriptions = [{"mid": mid, "description": source} for mid, source in offer.sources.items()]
        request = {"request": "configure" if person.identity else "publish", "descriptions": descriptions}
        answer = await person.server.ask(person.sender, request, offer.sdp)
        if answer.sdp is None:
            raise JanusRefusedError(0, "it answered nothing to an offer.")
        person.identity, person.sources = offer.identity, offer.sources
        return answer.sdp

    async def _renew(self, person: Person, place: Place) -> None:
        room, before = self.rooms[person.room], person.sender
        self._handles.pop((person.server.address, before), None)
        for each in list(room.forget(room.of_feed(person.feed))):
            self._tell_track(room, each)
        person.feed, person.identity, person.is_sending = new_feed(person.user), (), False
        person.flowing.clear()
        person.sender = await self._attached(person)
        await self._join(person, place)
        await person.server.detach(before)

    def settled(self, person: Person) -> None:
        """What they send was agreed on. If it flows already, all know of it."""
        if person.is_sending:
            self._sends(person)

    def _sends(self, person: Person) -> None:
        room = self.rooms[person.room]
        streams = [
            {"mid": mid, "description": source, "moderated": not person.may_send(source)}
            for mid, source in person.sources.items()
        ]
        self._learned(room, [{"id": person.feed, "streams": streams}])

    async def answer(self, person: Person, answer: str) -> None:
        await person.server.ask(person.receiver, {"request": "start"}, answer, is_offer=False)

    async def show(self, person: Person, publication: str, height: int) -> None:
        feed, _, mid = publication.rpartition(":")
        section = next((each for each, stream in person.streams.items() if stream == (feed, mid)), None)
        if section is None:
            return
        wanted: Message = {"mid": section, "send": height > 0}
        if height:
            wanted["substream"] = 0 if height <= _SMALL else 1 if height <= _MIDDLE else 2
        with suppress(JanusRefusedError):
            await person.server.ask(person.receiver, {"request": "configure", "streams": [wanted]})

    async def want_key_frame(self, person: Person) -> None:
        with suppress(JanusRefusedError):
            await person.server.ask(person.sender, {"request": "configure", "keyframe": True})

    def _want_settled(self, person: Person) -> None:
        if not person.is_settling:
            person.is_settling = True
            self._do(self._settle(person))

    async def _settle(self, person: Person) -> None:
        """Has Janus send them all that others send in their room."""
        try:
            while (room := self.rooms.get(person.room)) and room.people.get(person.user) is person:
                sent = {
                    (each.feed, each.mid) for each in room.publications.values() if each.user != person.user
                }
                there = set(person.streams.values())
                more = sorted(sent - there - person.refused)
                if not more:
                    break
                await self._subscribe(person, more)
        except JanusGoneError:
            pass
        finally:
            person.is_settling = False

    async def _subscribe(self, person: Person, more: list[tuple[str, str]]) -> None:
        for several in (more, *([one] for one in more)):
            request = {
                "request": "update",
                "subscribe": [{"feed": feed, "mid": mid} for feed, mid in several],
            }
            try:
                self._offered(person, await person.server.ask(person.receiver, request))
            except JanusRefusedError:  # one of them has gone meanwhile
                if len(several) == 1:
                    person.refused.add(several[0])
            else:
                known = set(person.streams.values())
                person.refused.update(each for each in several if each not in known)
                if several is more:
                    return

    def _offered(self, person: Person, answer: Answer) -> None:
        """What each section shows, and the offer if there is one."""
        listed = answer.data.get("streams")
        if listed is None:
            return
        before = set(person.streams.values())
        sources: dict[str, str] = {}
        person.streams.clear()
        for each in listed:
            if each.get("active") and each.get("feed_description") in describing.KINDS:
                mid = str(each["mid"])
                person.streams[mid] = (str(each["feed_id"]), str(each["feed_mid"]))
                sources[mid] = each["feed_description"]
        for feed, mid in set(person.streams.values()) - before:
            height = person.heights.get(f"{feed}:{mid}")
            if height is not None:
                self._do(self.show(person, f"{feed}:{mid}", height))
        if answer.sdp is None:
            return
        tracks = [
            m.Shown(mid, f"{feed}:{feed_mid}", user_of(feed), sources[mid])
            for mid, (feed, feed_mid) in person.streams.items()
        ]
        version = 1 if person.offered is None else person.offered.version + 1
        text = describing.offered(answer.sdp, tracks)
        person.offered = m.Offered(person.room, self._now(), person.user, version, text, tracks)
        self._tell(person.offered)

    # What Janus says -----------------------------------------------------------------------------------------------

    def heard(self, server: Server, handle: int, message: Message) -> None:
        person = self._handles.get((server.address, handle))
        room = None if person is None else self.rooms.get(person.room)
        if person is None or room is None or room.people.get(person.user) is not person:
            return
        is_sender = handle == person.sender
        match message["janus"]:
            case "webrtcup":
                self._came(room, person, is_sender=is_sender)
            case "media" if is_sender:
                self._flows(room, person, str(message["mid"]), comes=bool(message["receiving"]))
            case "slowlink":
                self._slow(room, person, int(message.get("lost", 0)))
            case "hangup" if message.get("reason") == _BY_JANUS:
                self._do(self._thrown_out(person))
            case "hangup" | "detached":
                reason = "closed" if person.is_in else "unconnected"
                self._do(self.out(person, "dead" if "ICE" in str(message.get("reason")) else reason))
            case "event":
                self._event(room, person, message, is_sender=is_sender)

    def _event(self, room: Room, person: Person, message: Message, *, is_sender: bool) -> None:
        data = message.get("plugindata", {}).get("data", {})
        if not is_sender:
            self._offered(person, Answer(data, message.get("jsep", {}).get("sdp")))
            return
        kind = data.get("videoroom")
        if kind == "destroyed":
            self._do(self.out(person, "room-closed"))
        elif kind in ("talking", "stopped-talking"):
            self._talks(room, str(data["id"]), talks=kind == "talking")
        elif data.get("leaving") == "ok":
            self._do(self._thrown_out(person))
        elif "moderation" in data:
            self._moderated(room, str(data["id"]), str(data["mid"]), is_muted=data["moderation"] == "muted")
        elif "publishers" in data:
            self._learned(room, data["publishers"])
        else:
            gone = str(data.get("leaving") or data.get("kicked") or data.get("unpublished") or "")
            self._gone(room, gone)

    def _came(self, room: Room, person: Person, *, is_sender: bool) -> None:
        if not person.is_in:
            person.is_in = True
            person.timers.pop("unconnected").cancel()
            self._tell(m.Joined(room.name, self._now(), person.user))
        if is_sender:
            person.is_sending = True
            self._sends(person)

    def _flows(self, room: Room, person: Person, mid: str, *, comes: bool) -> None:
        """Who is quiet altogether, and did not say so, is dead."""
        (person.flowing.add if comes else person.flowing.discard)(mid)
        for each in room.of_feed(person.feed):
            if each.mid == mid:
                each.receiving = comes
                for changed in list(room.changed(each)):
                    self._tell_track(room, changed)
        timer = person.timers.pop("dead", None)
        if timer is not None:
            timer.cancel()
        if not person.flowing and not person.muted.issuperset(person.sources.values()):
            person.timers["dead"] = asyncio.get_running_loop().call_later(
                _DEAD_AFTER, self._later_out, person, "dead"
            )

    def _slow(self, room: Room, person: Person, lost: int) -> None:
        self._has(room, person, "very-low" if lost >= _VERY_LOW else "low")
        timer = person.timers.pop("quality", None)
        if timer is not None:
            timer.cancel()
        person.timers["quality"] = asyncio.get_running_loop().call_later(
            _GOOD_AFTER, self._has, room, person, "good"
        )

    def _has(self, room: Room, person: Person, quality: str) -> None:
        if person.quality != quality:
            person.quality = quality
            self._tell(m.QualityChanged(room.name, self._now(), person.user, quality))

    async def _thrown_out(self, person: Person) -> None:
        """By another node; or because they joined anew there."""
        reason = "kicked"
        try:
            there = await self.fleet.feeds(await self.fleet.place(person.room))
            if any(user_of(feed) == person.user for feed in there):
                reason = "replaced"
        except m.UnknownError:
            reason = "room-closed"
        except UnavailableError:
            pass
        await self.out(person, reason)

    def _talks(self, room: Room, feed: str, *, talks: bool) -> None:
        if room.heard(feed, talks=talks):
            at = self._now()
            self._tell(m.SpeakerChanged(room.name, at, room.speaker))
            recording = self._recorded.get(room.name)
            if recording is not None:
                self._do(
                    self._shelf.note(recording, {"event": "speaker", "participant": room.speaker, "at": at})
                )

    def _moderated(self, room: Room, feed: str, mid: str, *, is_muted: bool) -> None:
        found = room.publications.get(f"{feed}:{mid}")
        if found is not None:
            found.moderated = is_muted
            for each in list(room.changed(found)):
                self._tell_track(room, each)

    def _learned(self, room: Room, publishers: Sequence[Message]) -> None:
        for publisher in publishers:
            if not publisher.get("dummy"):
                for each in list(room.learn(str(publisher["id"]), publisher.get("streams", []))):
                    self._tell_track(room, each)
        for person in room.people.values():
            if person.offered is not None:
                self._want_settled(person)

    def _gone(self, room: Room, feed: str) -> None:
        for each in list(room.forget(room.of_feed(feed))):
            self._tell_track(room, each)
        self._talks(room, feed, talks=False)

    # Telling -------------------------------------------------------------------------------------------------------

    def _tell_track(self, room: Room, each: Publication) -> None:
        now = self._teller.now()
        self._tell(m.TrackChanged(room.name, now, each.user, each.id, each.source, each.told))
