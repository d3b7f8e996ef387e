"""What a participant receives: a stream of each publication, and the downward half of their media."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct
from typing import Protocol

from stoa.live.media._aiortc import Identity
from stoa.live.media.peer import Peer, random_ssrc
from stoa.live.media.port import Port
from stoa.live.media.publishing import Layer, Publication
from stoa.live.rtp import negotiation, sdp
from stoa.live.rtp.bandwidth import Bandwidth
from stoa.live.rtp.forwarding import MARKER, Forwarding, Inbound
from stoa.live.rtp.layers import Demand, allocate
from stoa.live.rtp.loss import History
from stoa.live.rtp.rtcp import (
    FullIntraRequest,
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    Report,
    ReportBlock,
    SenderReport,
    SourceDescription,
    TransportFeedback,
)
from stoa.live.rtp.twcc import parse_feedback

_HEADER = Struct("!BBHLL5sHx")
"""RTP with one extension: the packet's number on the path. Packed in one go, for it is done for every packet."""
_PLAIN = Struct("!BBHLL")
_NUMBERED = b"\xbe\xde\x00\x01" + bytes((negotiation.TRANSPORT_CC_ID << 4 | 1,))
_SHARE = 0.9
"""Of the bandwidth, for pictures: the rest is for sound and for what is sent again."""
_REPORTS_KEPT = 8
_UNLIMITED = 1 << 16


class Stream:
    """One publication's way to one viewer: a sink of the one, a part of the other's transport."""

    def __init__(self, publication: Publication, viewer: Viewer, ssrc: int, repair_ssrc: int) -> None:
        self.publication, self.viewer = publication, viewer
        self.ssrc, self.repair_ssrc = ssrc, repair_ssrc
        self.max_height = _UNLIMITED
        self.packets = self.octets = 0
        self.loss = self.jitter = 0.0
        kind = publication.kind
        self.forwarding = Forwarding(
            clock=negotiation.CLOCK[kind],
            first_sequence=secrets.randbits(15),
            first_timestamp=secrets.randbits(31),
            renumber=bool(publication.accepted.rids),
        )
        self._payload_type = negotiation.PAYLOAD_TYPE[kind]
        self._history = History() if kind == "video" else None
        self._repair_sequence = secrets.randbits(15)
        self._reports: dict[int, float] = {}

    def deliver(self, inbound: Inbound, now: float) -> None:
        sent = self.forwarding.forward(inbound, self._payload_type, now)
        if sent is None:
            return
        if self.viewer.send(sent.second, sent.sequence, sent.timestamp, self.ssrc, sent.payload, now):
            self.packets += 1
            self.octets += len(sent.payload)
            if self._history is not None:
                self._history.add(sent)

    def reported(self, report: SenderReport, now: float) -> None:
        """The sender's report, in this stream's numbers: so a viewer keeps lips and voice together."""
        timestamp = self.forwarding.timestamp_of(report.ssrc, report.timestamp)
        if timestamp is None:
            return
        told = SenderReport(self.ssrc, report.ntp, timestamp, self.packets, self.octets)
        self.viewer.peer.send_rtcp((told, SourceDescription(self.ssrc, self.publication.participant)))
        self._reports[report.ntp >> 16 & 0xFFFFFFFF] = now
        if len(self._reports) > _REPORTS_KEPT:
            del self._reports[next(iter(self._reports))]

    def appeared(self, layer: Layer) -> None:
        if self.forwarding.target is None:
            self.choose(layer)

    def paused(self) -> None:
        self.forwarding.pause()

    def choose(self, layer: Layer) -> None:
        """Which layer to send from its next key frame on."""
        if self.forwarding.target != layer.ssrc:
            self.forwarding.target = layer.ssrc
        if self.forwarding.source != layer.ssrc:
            self.publication.want_key_frame(layer.ssrc)

    def want_key_frame(self) -> None:
        self.publication.want_key_frame(self.forwarding.source or self.forwarding.target)

    def resend(self, sequences: Iterable[int], now: float) -> None:
        if self._history is None:
            return
        for sequence in sequences:
            sent = self._history.again(sequence, now)
            if sent is None:
                continue
            self._repair_sequence = (self._repair_sequence + 1) & 0xFFFF
            payload = sequence.to_bytes(2, "big") + sent.payload
            self.viewer.send(
                negotiation.RETRANSMISSION | sent.second & MARKER, self._repair_sequence, sent.timestamp, self.repair_ssrc,
                payload, now,
            )  # fmt: skip

    def answered(self, block: ReportBlock, now: float) -> float | None:
        """A viewer's report on this stream. Answers the round trip in seconds, if it tells one."""
        self.loss = block.fraction_lost / 256
        self.jitter = block.jitter / negotiation.CLOCK[self.publication.kind]
        sent_at = self._reports.get(block.last_sr)
        return None if sent_at is None else max(0.0, now - sent_at - block.delay_since_sr / 65536)


@dataclass(slots=True)
class Slot:
    """A section of the viewer's description. It stays when its publication goes, and is used again."""

    mid: str
    kind: str
    ssrc: int = 0
    repair_ssrc: int = 0
    publication: Publication | None = None
    """What is to be shown in it."""
    offered: Publication | None = None
    """What the last offer showed in it."""
    stream: Stream | None = None


class Listening(Protocol):
    """Whom a viewer tells that there is a new offer, and how its transport fares."""

    def offered(self, viewer: Viewer) -> None: ...
    def connected(self) -> None: ...
    def receives_no_more(self) -> None: ...


class Viewer:
    """The downward half of one participant. The server offers, one offer at a time."""

    def __init__(self, port: Port, identity: Identity, listening: Listening, now: float) -> None:
        self.peer = Peer(port, identity, self)
        self.bandwidth = Bandwidth(now)
        self.round_trip = 0.0
        self.version, self.sdp = 0, ""
        """The last offer."""
        self._listening = listening
        # One section from the start: a viewer has a transport before there is anything to see.
        self._slots = [Slot("0", "audio")]
        self._streams: dict[int, Stream] = {}
        self._heights: dict[str, int] = {}
        self._offered = 0
        self._awaiting = False
        self._changed = True
        self._numbered = True
        self._number = 0

    @property
    def streams(self) -> list[Stream]:
        return list(self._streams.values())

    def shown(self) -> list[tuple[str, Publication]]:
        """What the last offer shows, and in which section."""
        return [(slot.mid, slot.offered) for slot in self._slots if slot.offered is not None]

    def show(self, publications: Iterable[Publication]) -> None:
        for publication in publications:
            free = (
                each for each in self._slots if each.kind == publication.kind and each.publication is None
            )
            slot = next(free, None)
            if slot is None:
                slot = Slot(str(len(self._slots)), publication.kind)
                self._slots.append(slot)
            slot.ssrc, slot.repair_ssrc, slot.publication = random_ssrc(), random_ssrc(), publication
            self._changed = True

    def hide(self, publication: Publication) -> None:
        self._heights.pop(publication.id, None)
        for slot in self._slots:
            if slot.publication is publication:
                self._stop(slot)
                slot.publication = None
                self._changed = True

    def offer(self) -> None:
        """Offers what changed: now, or once the last offer is answered."""
        if self._changed and not self._awaiting:
            self._changed, self._awaiting = False, True
            self.version += 1
            for slot in self._slots:
                slot.offered = slot.publication
            sections = [_outgoing(slot) for slot in self._slots]
            self._offered = len(sections)
            self.sdp = negotiation.offer(sections, self.peer.agent(), version=self.version)
            self._listening.offered(self)

    def remind(self) -> None:
        """Hands out the offer that waits for its answer, to somebody who may have missed it."""
        if self._awaiting:
            self._listening.offered(self)

    def answer(self, version: int, answer: sdp.Description) -> None:
        if version != self.version or not self._awaiting:
            return
        if len(answer.sections) != self._offered:
            raise sdp.MalformedSdpError("The answer has other sections than the offer.")
        transport = answer.transport()
        self._numbered = transport.extension(sdp.TRANSPORT_CC) is not None
        self.peer.connect(transport)
        for slot, section in zip(self._slots, answer.sections, strict=False):
            wanted = section.port and section.direction in ("recvonly", "sendrecv")
            if slot.publication is not None and slot.publication is slot.offered and wanted:
                self._start(slot, slot.publication)
        self._awaiting = False
        self.offer()

    def limit(self, publication: str, max_height: int) -> None:
        """The viewer's tile for a publication has so many pixels; none: it is not seen."""
        if publication not in {shown.id for _, shown in self.shown()}:
            return
        self._heights[publication] = max_height
        for stream in self._streams.values():
            if stream.publication.id == publication:
                stream.max_height = max_height

    def send(self, second: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, now: float) -> int:
        if self._numbered:
            self._number = number = (self._number + 1) & 0xFFFF
            size = self.peer.send_rtp(
                _HEADER.pack(0x90, second, sequence, timestamp, ssrc, _NUMBERED, number) + payload
            )
            self.bandwidth.sent(number, size, now)
            return size
        return self.peer.send_rtp(_PLAIN.pack(0x80, second, sequence, timestamp, ssrc) + payload)

    def connected(self) -> None:
        for stream in self._streams.values():
            stream.want_key_frame()
        self._listening.connected()

    def disconnected(self) -> None:
        self._listening.receives_no_more()

    def rtp_received(self, data: bytes, now: float) -> None:
        """A viewer sends no media on this transport."""

    def rtcp_received(self, reports: list[Report], now: float) -> None:
        for report in reports:
            if isinstance(report, TransportFeedback):
                self.bandwidth.heard(parse_feedback(report.packed), now)
            elif isinstance(report, Nack):
                self._resend(report, now)
            elif isinstance(report, PictureLoss):
                self._want_key_frames((report.ssrc,))
            elif isinstance(report, FullIntraRequest):
                self._want_key_frames(report.ssrcs)
            elif isinstance(report, Remb):
                self.bandwidth.told(report.bitrate)
            elif isinstance(report, ReceiverReport | SenderReport):
                self._answered(report.blocks, now)

    def choose_layers(self, now: float) -> None:
        """Gives every picture the layer that its tile needs and the path bears."""
        ladders = {
            ssrc: stream.publication.ladder(now)
            for ssrc, stream in self._streams.items()
            if stream.publication.is_open
        }
        demands, current = [], {}
        for ssrc, ladder in ladders.items():
            stream = self._streams[ssrc]
            if not ladder:
                continue
            if stream.max_height == 0 and stream.publication.kind == "video":
                stream.forwarding.target = None
                stream.forwarding.pause()
                continue
            tall = next(
                (i for i, layer in enumerate(ladder) if layer.height >= stream.max_height), len(ladder) - 1
            )
            demands.append(Demand(str(ssrc), tuple(layer.reception.bitrate for layer in ladder), tall))
            playing = [i for i, layer in enumerate(ladder) if layer.ssrc == stream.forwarding.source]
            current[str(ssrc)] = playing[0] if playing else 0
        for chosen, index in allocate(self.bandwidth.available * _SHARE, demands, current).items():
            self._streams[int(chosen)].choose(ladders[int(chosen)][index])

    def _start(self, slot: Slot, publication: Publication) -> None:
        if slot.stream is None:
            stream = slot.stream = Stream(publication, self, slot.ssrc, slot.repair_ssrc)
            stream.max_height = self._heights.get(publication.id, _UNLIMITED)
            self._streams[slot.ssrc] = stream
            publication.sinks.append(stream)
            self.choose_layers(time.monotonic())

    def _stop(self, slot: Slot) -> None:
        if slot.stream is not None:
            self._streams.pop(slot.stream.ssrc, None)
            if slot.stream in slot.stream.publication.sinks:
                slot.stream.publication.sinks.remove(slot.stream)
            slot.stream = None

    def close(self) -> None:
        for slot in self._slots:
            self._stop(slot)
        self.peer.close()

    def _resend(self, nack: Nack, now: float) -> None:
        stream = self._streams.get(nack.ssrc)
        if stream is not None:
            stream.resend(nack.sequences, now)

    def _want_key_frames(self, ssrcs: Iterable[int]) -> None:
        for ssrc in ssrcs:
            stream = self._streams.get(ssrc)
            if stream is not None:
                stream.want_key_frame()

    def _answered(self, blocks: Iterable[ReportBlock], now: float) -> None:
        worst = 0.0
        for block in blocks:
            stream = self._streams.get(block.ssrc)
            if stream is not None:
                round_trip = stream.answered(block, now)
                worst = max(worst, stream.loss)
                self.round_trip = round_trip if round_trip is not None else self.round_trip
        if not self._numbered:
            self.bandwidth.reported(worst, now)


def _outgoing(slot: Slot) -> negotiation.Outgoing:
    shown = slot.publication
    stream, track = (shown.participant, shown.id) if shown is not None else ("", "")
    return negotiation.Outgoing(
        slot.mid, slot.kind, slot.ssrc, slot.repair_ssrc, stream, track, active=shown is not None
    )
