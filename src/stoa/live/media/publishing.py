"""What a participant sends: their publications, and the upward half of their media."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from stoa.live.media._aiortc import Identity
from stoa.live.media.peer import Peer, random_ssrc
from stoa.live.media.port import Port
from stoa.live.rtp import negotiation, sdp, vp8
from stoa.live.rtp.forwarding import Inbound
from stoa.live.rtp.loss import KeyFrames, Losses
from stoa.live.rtp.packet import RtpPacket, parse, unwrap_retransmission
from stoa.live.rtp.reception import Reception
from stoa.live.rtp.rtcp import (
    Bye,
    Nack,
    PictureLoss,
    ReceiverReport,
    Report,
    SenderReport,
    SourceDescription,
    TransportFeedback,
)
from stoa.live.rtp.twcc import Arrivals

_MOST_STREAMS = 32
_STALE = 1.5
"""Seconds without a packet after which a layer counts as not being sent."""
_FLOWING = 5.0


class Source(StrEnum):
    """What a track shows or lets hear."""

    MIC = "mic"
    CAMERA = "camera"
    SCREEN = "screen"
    SCREEN_AUDIO = "screen-audio"

    @property
    def kind(self) -> str:
        return "audio" if self in (Source.MIC, Source.SCREEN_AUDIO) else "video"


class Sink(Protocol):
    """Where a publication's packets go: a viewer, or a recording."""

    def deliver(self, inbound: Inbound, now: float) -> None: ...
    def reported(self, report: SenderReport, now: float) -> None: ...
    def appeared(self, layer: Layer) -> None: ...
    def paused(self) -> None: ...


class Layer:
    """One SSRC of a publication: its only one, or one of its simulcast layers."""

    def __init__(self, ssrc: int, kind: str) -> None:
        self.ssrc = ssrc
        self.height = 0
        self.width = 0
        self.reception = Reception(ssrc, negotiation.CLOCK[kind])
        self.losses = Losses()
        self.key_frames = KeyFrames()

    def is_live(self, now: float) -> bool:
        return now - self.reception.last_at < _STALE


@dataclass(frozen=True, slots=True)
class _Route:
    publication: Publication
    layer: Layer
    is_repair: bool


class Publication:
    """One track of one participant, to which others may be subscribed."""

    def __init__(
        self, publication_id: str, participant: str, source: Source, accepted: negotiation.Accepted
    ) -> None:
        self.id = publication_id
        self.participant = participant
        self.source = source
        self.accepted = accepted
        self.layers: dict[int, Layer] = {}
        self.sinks: list[Sink] = []
        self.is_open = True
        """Whether its packets may be passed on: not while it is muted or its participant lacks the permission."""
        self.heard_at = float("-inf")

    @property
    def kind(self) -> str:
        return self.accepted.kind

    def is_on(self, now: float) -> bool:
        return self.is_open and now - self.heard_at < _FLOWING

    def open(self, is_open: bool) -> None:
        """Lets its packets through, or holds them back."""
        if self.is_open == is_open:
            return
        self.is_open = is_open
        for sink in self.sinks:
            sink.paused()
        for ssrc in self.layers:
            self.want_key_frame(ssrc)

    def ladder(self, now: float) -> list[Layer]:
        """The layers that come now, lowest first."""
        live = [layer for layer in self.layers.values() if layer.is_live(now)]
        return sorted(live, key=lambda layer: (layer.width * layer.height, layer.reception.bitrate))

    def want_key_frame(self, ssrc: int | None) -> None:
        layer = self.layers.get(ssrc) if ssrc is not None else None
        if layer is not None and self.kind == "video":
            layer.key_frames.want()

    def received(self, layer: Layer, packet: RtpPacket, number: int, now: float) -> None:
        """A packet that is new goes to everybody."""
        self.heard_at = now
        starts, picture = True, None
        if self.kind == "video":
            picture = vp8.describe(packet.payload)
            starts = picture is not None and picture.begins_frame and not packet.payload[picture.size] & 1
            if starts and picture is not None:
                self._key_frame_came(layer, packet.payload[picture.size :])
        if not self.is_open:
            return
        inbound = Inbound(
            layer.ssrc, number, packet.timestamp, packet.marker, packet.payload, starts, picture
        )
        for sink in self.sinks:
            sink.deliver(inbound, now)

    @staticmethod
    def _key_frame_came(layer: Layer, begin: bytes) -> None:
        layer.key_frames.came()
        if vp8.is_key_frame(begin):
            layer.width, layer.height = vp8.size_of(begin)


class Speaking(Protocol):
    """Whom a publisher tells how loud each packet of sound is, and how its transport fares."""

    def heard(self, source: Source, level: int, now: float) -> None: ...
    def connected(self) -> None: ...
    def sends_no_more(self, publisher: Publisher) -> None: ...


class Publisher:
    """The upward half of one participant."""

    def __init__(self, port: Port, identity: Identity, speaking: Speaking) -> None:
        self.peer = Peer(port, identity, self)
        self.publications: dict[str, Publication] = {}
        """By the mid of their section."""
        self.round_trip = self.loss = self.jitter = 0.0
        self._speaking = speaking
        self._routes: dict[int, _Route] = {}
        self._rids: dict[tuple[str, bytes], Layer] = {}
        self._arrivals = Arrivals()
        self._ssrc = random_ssrc()
        self._transport_cc = 0

    def connected(self) -> None:
        self._speaking.connected()

    def disconnected(self) -> None:
        self._speaking.sends_no_more(self)

    def rtp_received(self, data: bytes, now: float) -> None:
        packet = parse(data)
        number = packet.extensions.get(self._transport_cc)
        if number is not None and len(number) == 2:
            # Before all else: a probe that belongs to no stream yet tells of the path as well as any.
            self._arrivals.add(int.from_bytes(number, "big"), now)
        route = self._routes.get(packet.ssrc) or self._identified(packet, now)
        if route is None:
            return
        publication, layer = route.publication, route.layer
        taken = publication.accepted
        if packet.payload_type != (taken.retransmission if route.is_repair else taken.payload_type):
            return  # of a codec that was not negotiated: viewers were promised another
        if publication.kind == "audio":
            level = packet.extensions.get(taken.extensions.get(sdp.AUDIO_LEVEL, 0))
            if level and publication.is_open:
                self._speaking.heard(publication.source, level[0], now)
        if route.is_repair:
            self._repaired(publication, layer, packet, now)
            return
        layer.reception.add(packet, now)
        unwrapped = layer.losses.add(packet.sequence, now)
        if unwrapped is not None:
            publication.received(layer, packet, unwrapped, now)

    def rtcp_received(self, reports: list[Report], now: float) -> None:
        for report in reports:
            if isinstance(report, SenderReport):
                route = self._routes.get(report.ssrc)
                if route is not None and not route.is_repair:
                    route.layer.reception.heard(report, now)
                    for sink in route.publication.sinks:
                        sink.reported(report, now)
            elif isinstance(report, Bye):
                for ssrc in report.ssrcs:
                    self._forget(ssrc)

    def requests(self, now: float) -> list[Report]:
        """What to ask of the sender now: lost packets, key frames."""
        found: list[Report] = []
        for publication in self.publications.values():
            for layer in publication.layers.values():
                lost = layer.losses.due(now, self.round_trip)
                if publication.kind != "video":
                    continue
                if lost:
                    found.append(Nack(self._ssrc, layer.ssrc, lost))
                if layer.is_live(now) and layer.key_frames.due(now):
                    found.append(PictureLoss(self._ssrc, layer.ssrc))
        return found

    def feedback(self) -> list[Report]:
        """Arrival times of what came since the last call."""
        packed = self._arrivals.feedback()
        media = next(iter(self._routes), 0)
        return [] if packed is None else [TransportFeedback(self._ssrc, media, packed)]

    def reports(self, now: float) -> list[Report]:
        live = [
            layer
            for publication in self.publications.values()
            for layer in publication.layers.values()
            if layer.is_live(now)
        ]
        blocks = [layer.reception.block(now) for layer in live]
        self.jitter = max((layer.reception.jitter for layer in live), default=0.0)
        self.loss = max((block.fraction_lost for block in blocks), default=0) / 256
        return [ReceiverReport(self._ssrc, tuple(blocks[:31])), SourceDescription(self._ssrc, "stoa")]

    def take(self, mid: str, publication: Publication) -> None:
        self.publications[mid] = publication
        self._transport_cc = publication.accepted.extensions.get(sdp.TRANSPORT_CC, 0)

    def drop(self, mid: str) -> Publication:
        publication = self.publications.pop(mid)
        self._routes = {
            ssrc: route for ssrc, route in self._routes.items() if route.publication is not publication
        }
        return publication

    def _repaired(self, publication: Publication, layer: Layer, repair: RtpPacket, now: float) -> None:
        packet = unwrap_retransmission(
            repair, payload_type=publication.accepted.payload_type, ssrc=layer.ssrc
        )
        if packet is None:
            return
        number = layer.losses.fill(packet.sequence)
        if number is not None:
            layer.reception.add_repaired()
            publication.received(layer, packet, number, now)

    def _identified(self, packet: RtpPacket, now: float) -> _Route | None:
        """Whose a new SSRC is: told by its description, or by the packet's own mid and rid (RFC 8852, 8843)."""
        if len(self._routes) >= _MOST_STREAMS:
            stale = [ssrc for ssrc, route in self._routes.items() if not route.layer.is_live(now)]
            if not stale:
                return None
            for ssrc in stale:
                self._forget(ssrc)
        for publication in self.publications.values():
            accepted = publication.accepted
            if packet.payload_type not in (accepted.payload_type, accepted.retransmission):
                continue
            mid = packet.extensions.get(accepted.extensions.get(sdp.MID, 0))
            if mid is not None:
                mine = mid.decode(errors="replace") == accepted.mid
            else:
                mine = packet.ssrc in accepted.ssrcs or len(self._of_kind(accepted.kind)) == 1
            if mine:
                return self._routed(publication, packet)
        return None

    def _routed(self, publication: Publication, packet: RtpPacket) -> _Route | None:
        accepted = publication.accepted
        if packet.payload_type == accepted.payload_type:
            layer = publication.layers.setdefault(packet.ssrc, Layer(packet.ssrc, accepted.kind))
            rid = packet.extensions.get(accepted.extensions.get(sdp.RID, 0))
            if rid is not None and rid.decode(errors="replace") in accepted.rids:
                self._rids[publication.id, rid] = layer
            layer.key_frames.want()
            for sink in publication.sinks:
                sink.appeared(layer)
            route = _Route(publication, layer, is_repair=False)
        else:
            repaired = self._repaired_by(publication, packet)
            if repaired is None:
                return None
            route = _Route(publication, repaired, is_repair=True)
        self._routes[packet.ssrc] = route
        return route

    def _repaired_by(self, publication: Publication, packet: RtpPacket) -> Layer | None:
        accepted = publication.accepted
        rid = packet.extensions.get(accepted.extensions.get(sdp.REPAIRED_RID, 0))
        if rid is not None:
            return self._rids.get((publication.id, rid))
        primary = accepted.repairs.get(packet.ssrc)
        if primary is not None:
            return publication.layers.get(primary)
        return next(iter(publication.layers.values())) if len(publication.layers) == 1 else None

    def _of_kind(self, kind: str) -> list[Publication]:
        return [each for each in self.publications.values() if each.kind == kind]

    def _forget(self, ssrc: int) -> None:
        route = self._routes.pop(ssrc, None)
        if route is not None and not route.is_repair:
            route.publication.layers.pop(ssrc, None)
