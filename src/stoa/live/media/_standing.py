"""How a room stands, in numbers."""

from __future__ import annotations

from stoa.live.media import messages as m
from stoa.live.media.publishing import Layer, Publication
from stoa.live.media.room import Participant, Room
from stoa.live.media.subscribing import Stream


def room_standing(room: Room) -> m.RoomStanding:
    recording = None if room.recording is None else str(room.recording.folder)
    return m.RoomStanding(room.name, room.max_participants, recording, list(room.participants))


def room_stats(room: Room, now: float) -> m.RoomStats:
    people = [_participant(participant, now) for participant in room.participants.values()]
    return m.RoomStats(room.name, room.speaker, room.recording is not None, people)


def _participant(participant: Participant, now: float) -> m.ParticipantStats:
    publisher, viewer = participant.publisher, participant.viewer
    joined = participant.joined_at
    return m.ParticipantStats(
        participant=participant.name,
        joined_at=None if joined is None else participant.room.around.wall(joined),
        quality=participant.quality,
        round_trip=viewer.round_trip,
        bandwidth=viewer.bandwidth.available,
        loss_up=publisher.loss if publisher else 0.0,
        refused=viewer.peer.refused + (publisher.peer.refused if publisher else 0),
        sends=[_track(publication, now) for publication in participant.publications],
        receives=[_stream(stream) for stream in viewer.streams],
    )


def _track(publication: Publication, now: float) -> m.TrackStats:
    layers = [_layer(layer) for layer in publication.ladder(now)]
    return m.TrackStats(publication.id, publication.source, publication.is_on(now), layers)


def _layer(layer: Layer) -> m.LayerStats:
    got = layer.reception
    return m.LayerStats(layer.width, layer.height, got.bitrate, got.packets, got.lost, got.jitter)


def _stream(stream: Stream) -> m.StreamStats:
    source = stream.forwarding.source
    layer = stream.publication.layers.get(source) if source is not None else None
    return m.StreamStats(
        stream.publication.id, layer.height if layer else 0, stream.packets, stream.octets, stream.loss
    )
