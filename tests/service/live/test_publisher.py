"""What a publisher passes on, without anybody at the other end."""

import asyncio

import pytest

from stoa.live.media._aiortc import Identity
from stoa.live.media._setup import Listen
from stoa.live.media.port import Port
from stoa.live.media.publishing import Publication, Publisher, Source
from stoa.live.rtp import negotiation
from stoa.live.rtp.packet import RtpPacket, build

pytestmark = pytest.mark.anyio
VP8, REPAIR, H264 = 96, 97, 102
OURS, OTHER = b"\x10\x00\x00", b"\x65 another codec's"


class Sink:
    def __init__(self):
        self.payloads = []

    def deliver(self, inbound, now):
        self.payloads.append(inbound.payload)

    def appeared(self, layer):
        pass


class Room:
    def heard(self, source, level, now):
        pass


@pytest.fixture
async def publisher(anyio_backend):
    port = Port([Listen("127.0.0.1")], 0, asyncio.get_running_loop())
    publisher = Publisher(port, Identity(), Room())
    yield publisher
    publisher.peer.close()
    port.close()


def packet(sequence, payload_type, payload, ssrc=7):
    return build(RtpPacket(payload_type, sequence, sequence * 3000, ssrc, payload))


async def test_only_the_codec_that_was_negotiated_is_passed_on(publisher):
    """A client that switches codecs in mid-stream would have every viewer decode it as what they were offered."""
    accepted = negotiation.Accepted("0", "video", True, VP8, REPAIR, {}, (), (7, 8), {8: 7})
    publication = Publication("p1", "ada", Source.CAMERA, accepted)
    publication.sinks.append(sink := Sink())
    publisher.take("0", publication)
    publisher.rtp_received(packet(1, H264, OTHER), 0.0)
    for sequence, payload_type, payload in [
        (1, VP8, OURS),
        (2, H264, OTHER),
        (3, VP8, OURS),
        (4, REPAIR, OTHER),
    ]:
        publisher.rtp_received(packet(sequence, payload_type, payload), 0.1)
    publisher.rtp_received(packet(9, REPAIR, (2).to_bytes(2, "big") + OURS, ssrc=8), 0.2)
    publisher.rtp_received(packet(10, VP8, (5).to_bytes(2, "big") + OTHER, ssrc=8), 0.3)
    assert sink.payloads == [OURS, OURS, OURS]
