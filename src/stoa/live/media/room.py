"""A room: who is in it, what they send, and who receives it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stoa.live.media._aiortc import Identity
from stoa.live.media.messages import (
    Event,
    Joined,
    Left,
    Offered,
    QualityChanged,
    RecordingFailed,
    RefusedError,
    RoomFullError,
    SdpRefusedError,
    Shown,
    SpeakerChanged,
    TrackChanged,
    UnknownError,
)
from stoa.live.media.port import Port
from stoa.live.media.publishing import Publication, Publisher, Source
from stoa.live.media.recording import Disk, Recording
from stoa.live.media.subscribing import Viewer
from stoa.live.rtp import negotiation, sdp
from stoa.live.rtp.hearing import Speakers
from stoa.live.rtp.quality import Quality, quality

DEAD_AFTER = 4.2
"""Seconds without a sign of life: a browser sends a check at least every 2.5 s on each of its two transports."""
UNCONNECTED_AFTER = 20.0
FAILURES_APART = 60.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker lends its rooms. ``wall`` tells milliseconds since 1970 for a monotonic time."""

    port: Port
    identity: Identity
    disk: Disk
    emit: Callable[[Event], None]
    wall: Callable[[float], int]
    later: Callable[[Callable[[], None]], object]
    """Runs something on the loop, from any thread."""


@dataclass(slots=True)
class Allowed:
    mic: bool = True
    camera: bool = True
    muted: set[Source] = field(default_factory=set)

    def passes(self, source: Source) -> bool:
        return (self.mic if source.kind == "audio" else self.camera) and source not in self.muted


class Participant:
    """One person in a room: a publisher if they send, and a viewer."""

    def __init__(self, room: Room, name: str, allowed: Allowed, now: float) -> None:
        self.room, self.name, self.allowed = room, name, allowed
        self.entered_at = now
        self.joined_at: float | None = None
        self.quality = Quality.GOOD
        self.publisher: Publisher | None = None
        self.viewer = Viewer(room.around.port, room.around.identity, self, now)

    def heard_at(self) -> float:
        peers = [self.viewer.peer] + ([self.publisher.peer] if self.publisher else [])
        return max(peer.heard_at for peer in peers)

    def heard(self, source: Source, level: int, now: float) -> None:
        if source is Source.MIC:
            self.room.speakers.heard(self.name, level, now)

    def connected(self) -> None:
        if self.joined_at is None:
            self.joined_at = time.monotonic()
            self.room.emit(Joined, participant=self.name)

    def sends_no_more(self, publisher: Publisher) -> None:
        """They may go on watching, and send again by a new connection."""
        if publisher is self.publisher:
            self.publisher = None
            self.room.withdraw(list(publisher.publications.values()))

    def receives_no_more(self) -> None:
        self.room.lost(self)

    def offered(self, viewer: Viewer) -> None:
        self.room.emit(
            Offered, participant=self.name, version=viewer.version, sdp=viewer.sdp, tracks=self.tracks()
        )

    def tracks(self) -> list[Shown]:
        now = time.monotonic()
        return [
            Shown(mid, shown.id, shown.participant, shown.source, on=shown.is_on(now))
            for mid, shown in self.viewer.shown()
        ]

    @property
    def publications(self) -> list[Publication]:
        return list(self.publisher.publications.values()) if self.publisher else []

    def close(self) -> None:
        self.viewer.close()
        if self.publisher is not None:
            self.publisher.peer.close()


class Room:
    def __init__(self, name: str, around: Surroundings, max_participants: int | None = None) -> None:
        self.name, self.around, self.max_participants = name, around, max_participants
        self.participants: dict[str, Participant] = {}
        self.speakers = Speakers()
        self.speaker: str | None = None
        self.recording: Recording | None = None
        self.used_at = time.monotonic()
        """When it was opened, the last time, or left by the last."""
        self._count = 0
        self._on: set[str] = set()
        self._failed_at = float("-inf")

    def emit(self, kind: type[Event], **about: object) -> None:
        self.around.emit(kind(room=self.name, at=self.around.wall(time.monotonic()), **about))

    def join(self, name: str, allowed: Allowed) -> None:
        """A participant who is in already starts anew: their page was loaded again."""
        before = self.participants.get(name)
        if before is not None:
            self.leave(name, "replaced")
        elif self.max_participants is not None and len(self.participants) >= self.max_participants:
            raise RoomFullError("The room is full.")
        participant = Participant(self, name, allowed, time.monotonic())
        self.participants[name] = participant
        participant.viewer.show(self.publications())
        participant.viewer.offer()

    def leave(self, name: str, reason: str) -> None:
        participant = self.participants.pop(name, None)
        if participant is None:
            raise UnknownError("Nobody of that name is in the room.")
        self.withdraw(participant.publications)
        participant.close()
        self.used_at = time.monotonic()
        self.speakers.left(name)
        self.emit(Left, participant=name, reason=reason)

    def lost(self, participant: Participant) -> None:
        """The transport by which they are in the room is gone."""
        if self.participants.get(participant.name) is participant:
            self.leave(participant.name, "closed" if participant.joined_at is not None else "unconnected")

    def publish(self, name: str, text: str, sources: dict[str, str]) -> str:
        """The answer to a participant's offer of what they send."""
        participant = self.participant(name)
        try:
            offer = sdp.parse(text)
            transport = offer.transport()
            accepted = negotiation.accept(offer)
        except sdp.MalformedSdpError as error:
            raise SdpRefusedError(str(error)) from None
        sent = [each for each in accepted if each.sends]
        assigned = _assigned(sent, sources)
        publisher = self._publisher(participant, transport)
        publisher.peer.connect(transport)
        self._republish(participant, publisher, sent, assigned)
        return negotiation.answer(offer, accepted, publisher.peer.agent())

    def answer(self, name: str, version: int, text: str) -> None:
        participant = self.participant(name)
        try:
            participant.viewer.answer(version, sdp.parse(text))
        except sdp.MalformedSdpError as error:
            raise SdpRefusedError(str(error)) from None

    def withdraw(self, publications: list[Publication]) -> None:
        """Nobody sees them any more. Every viewer who must know gets an offer."""
        for publication in publications:
            for other in self.participants.values():
                other.viewer.hide(publication)
            if self.recording is not None:
                self.recording.remove(publication)
            self._on.discard(publication.id)
            self._emit_track(publication, "gone")
        for other in self.participants.values():
            other.viewer.offer()

    def permit(self, name: str, *, mic: bool, camera: bool) -> None:
        participant = self.participant(name)
        participant.allowed.mic, participant.allowed.camera = mic, camera
        self._apply(participant)

    def mute(self, name: str, source: Source, *, muted: bool) -> None:
        participant = self.participant(name)
        (participant.allowed.muted.add if muted else participant.allowed.muted.discard)(source)
        self._apply(participant)

    def start_recording(self, folder: Path) -> None:
        if self.recording is not None:
            raise RefusedError("The room is being recorded.")
        now = time.monotonic()

        def failed(reason: str) -> None:
            self.around.later(lambda: self._recording_failed(reason))

        try:
            self.recording = Recording(folder, self.around.disk, self.around.wall, failed)
        except OSError as error:
            raise RefusedError(f"The recording can not be written: {error}") from None
        self.recording.start(now)
        for publication in self.publications():
            self.recording.add(publication, now)

    def stop_recording(self) -> None:
        if self.recording is None:
            raise RefusedError("The room is not being recorded.")
        self.recording.stop(time.monotonic())
        self.recording = None

    def is_idle(self, now: float, seconds: float) -> bool:
        return not self.participants and self.recording is None and now - self.used_at >= seconds

    def close(self) -> None:
        for name in list(self.participants):
            self.leave(name, "room-closed")
        if self.recording is not None:
            self.stop_recording()

    def participant(self, name: str) -> Participant:
        found = self.participants.get(name)
        if found is None:
            raise UnknownError("Nobody of that name is in the room.")
        return found

    def publications(self) -> list[Publication]:
        return [each for participant in self.participants.values() for each in participant.publications]

    # What time brings --------------------------------------------------------------------------------------------

    def ask_again(self, now: float) -> None:
        """Every few milliseconds: lost packets and key frames are asked for."""
        for participant in self.participants.values():
            if participant.publisher is not None:
                requests = participant.publisher.requests(now)
                if requests:
                    participant.publisher.peer.send_rtcp(requests)

    def feed_back(self) -> None:
        """Some twenty times a second: senders learn when their packets came."""
        for participant in self.participants.values():
            if participant.publisher is not None:
                feedback = participant.publisher.feedback()
                if feedback:
                    participant.publisher.peer.send_rtcp(feedback)

    def look_around(self, now: float) -> None:
        """A few times a second: who is dead, who speaks, what comes, which layers go where."""
        for participant in list(self.participants.values()):
            if participant.joined_at is None:
                if now - participant.entered_at > UNCONNECTED_AFTER:
                    self.leave(participant.name, "unconnected")
            elif now - participant.heard_at() > DEAD_AFTER:
                self.leave(participant.name, "dead")
            else:
                participant.viewer.choose_layers(now)
        self._look_at_tracks(now)
        speaker = self.speakers.speaker(now)
        if speaker != self.speaker:
            self.speaker = speaker
            self.emit(SpeakerChanged, participant=speaker)
            if self.recording is not None:
                self.recording.note({"event": "speaker", "participant": speaker}, now)
        if self.recording is not None:
            self.recording.tick(now)

    def report(self, now: float) -> None:
        """Once a second: receiver reports, and how good everybody's network is."""
        for participant in self.participants.values():
            publisher, viewer = participant.publisher, participant.viewer
            loss = jitter = 0.0
            if publisher is not None and publisher.publications:
                publisher.peer.send_rtcp(publisher.reports(now))
                publisher.round_trip = viewer.round_trip
                loss, jitter = publisher.loss, publisher.jitter
            loss = max([loss, *(stream.loss for stream in viewer.streams)])
            jitter = max([jitter, *(stream.jitter for stream in viewer.streams)])
            found = quality(loss=loss, round_trip=viewer.round_trip, jitter=jitter)
            if found is not participant.quality:
                participant.quality = found
                self.emit(QualityChanged, participant=participant.name, quality=found)

    # Inside ------------------------------------------------------------------------------------------------------

    def _publisher(self, participant: Participant, transport: sdp.Section) -> Publisher:
        """The participant's, or a new one where the description is of a new connection."""
        publisher = participant.publisher
        if publisher is not None and not publisher.peer.is_of(transport):
            self.withdraw(participant.publications)
            publisher.peer.close()
            publisher = None
        if publisher is None:
            publisher = participant.publisher = Publisher(self.around.port, self.around.identity, participant)
        return publisher

    def _republish(
        self,
        participant: Participant,
        publisher: Publisher,
        accepted: list[negotiation.Accepted],
        sources: dict[str, Source],
    ) -> None:
        kept = {each.mid for each in accepted}
        added: list[Publication] = []
        gone = [publisher.drop(mid) for mid in list(publisher.publications) if mid not in kept]
        for each in accepted:
            present = publisher.publications.get(each.mid)
            if present is not None:
                present.accepted = each
                continue
            self._count += 1
            publication = Publication(f"p{self._count}", participant.name, sources[each.mid], each)
            publication.is_open = participant.allowed.passes(publication.source)
            publisher.take(each.mid, publication)
            added.append(publication)
        for other in self.participants.values():
            if other is not participant:
                other.viewer.show(added)
        self.withdraw(gone)
        if self.recording is not None:
            for publication in added:
                self.recording.add(publication, time.monotonic())

    def _apply(self, participant: Participant) -> None:
        self._look_at_tracks(time.monotonic())  # what is on and not told yet could not be told to be off
        for publication in participant.publications:
            publication.open(participant.allowed.passes(publication.source))
        if not participant.allowed.passes(Source.MIC):
            self.speakers.left(participant.name)
        self._look_at_tracks(time.monotonic())

    def _recording_failed(self, reason: str) -> None:
        """Told now and then: a full disk fails every second, for every track."""
        now = time.monotonic()
        if now - self._failed_at >= FAILURES_APART:
            self._failed_at = now
            self.emit(RecordingFailed, reason=reason)

    def _look_at_tracks(self, now: float) -> None:
        for publication in self.publications():
            on = publication.is_on(now)
            if on and publication.id not in self._on:
                self._on.add(publication.id)
                self._emit_track(publication, "on")
            elif not on and publication.id in self._on:
                self._on.discard(publication.id)
                self._emit_track(publication, "off")

    def _emit_track(self, publication: Publication, state: str) -> None:
        self.emit(
            TrackChanged,
            participant=publication.participant,
            publication=publication.id,
            source=publication.source,
            state=state,
        )


def _assigned(accepted: list[negotiation.Accepted], sources: dict[str, str]) -> dict[str, Source]:
    """What each section is: as it is told; else the first sound is the microphone, the first picture the camera."""
    found: dict[str, Source] = {}
    for each in accepted:
        named = sources.get(each.mid)
        if named is None:
            free = (source for source in Source if source.kind == each.kind and source not in found.values())
            source = next(free, None)
        else:
            source = Source(named) if named in set(Source) else None
        if source is None or source.kind != each.kind:
            raise SdpRefusedError(f"Section {each.mid} is no {named or 'source'} of kind {each.kind}.")
        found[each.mid] = source
    return found
