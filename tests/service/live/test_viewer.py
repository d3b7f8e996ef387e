"""Offers and answers of one viewer, without anybody at the other end."""

import asyncio

import pytest

from stoa.live.media._aiortc import Identity
from stoa.live.media._setup import Listen
from stoa.live.media.port import Port
from stoa.live.media.publishing import Publication, Source
from stoa.live.media.subscribing import Viewer
from stoa.live.rtp import negotiation, sdp

pytestmark = pytest.mark.anyio


class Told:
    """Notes each offer: its version, and what it shows."""

    def __init__(self):
        self.offers = []

    def offered(self, viewer):
        self.offers.append((viewer.version, [shown.id for _, shown in viewer.shown()]))

    def connected(self):
        pass

    def receives_no_more(self):
        pass


@pytest.fixture(scope="module")
async def port(anyio_backend):
    port = Port([Listen("127.0.0.1")], 0, asyncio.get_running_loop())
    yield port
    port.close()


@pytest.fixture
async def viewer(port):
    told = Told()
    viewer = Viewer(port, Identity(), told, 0.0)
    viewer.told = told
    viewer.offer()
    yield viewer
    viewer.close()


def publication(name, source=Source.CAMERA):
    accepted = negotiation.Accepted("0", source.kind, True, 96, None, {}, (), (), {})
    return Publication(name, "ada", source, accepted)


def answer(viewer, version=None):
    """As a browser would to the last offer."""
    mirrored = viewer.sdp.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:active")
    viewer.answer(version or viewer.version, sdp.parse(mirrored))


async def test_the_first_offer_is_for_a_transport_alone(viewer):
    assert viewer.told.offers == [(1, [])]
    assert viewer.sdp.count("m=") == 1


async def test_nothing_changed_nothing_offered(viewer):
    answer(viewer)
    viewer.offer()
    assert len(viewer.told.offers) == 1


async def test_what_changes_before_the_answer_is_offered_after_it(viewer):
    for name in "abc":
        viewer.show([publication(name)])
        viewer.offer()
    assert len(viewer.told.offers) == 1
    answer(viewer)
    assert viewer.told.offers[1:] == [(2, ["a", "b", "c"])]


async def test_the_offer_that_stands_is_the_one_that_was_made(viewer):
    before = viewer.sdp
    viewer.show([publication("a")])
    viewer.offer()
    viewer.remind()
    assert viewer.sdp == before
    assert viewer.told.offers == [(1, []), (1, [])]


async def test_nobody_is_reminded_of_what_is_answered(viewer):
    answer(viewer)
    viewer.remind()
    assert len(viewer.told.offers) == 1


async def test_packets_go_nowhere_before_the_answer(viewer):
    answer(viewer)
    shown = publication("a")
    viewer.show([shown])
    viewer.offer()
    assert shown.sinks == []
    answer(viewer)
    assert shown.sinks == viewer.streams


async def test_a_section_is_used_again_for_the_same_kind(viewer):
    answer(viewer)
    first, second, sound = publication("a"), publication("b"), publication("c", Source.MIC)
    viewer.show([first])
    viewer.offer()
    answer(viewer)
    ssrc = viewer.streams[0].ssrc
    viewer.hide(first)
    assert first.sinks == []
    viewer.show([second, sound])
    viewer.offer()
    answer(viewer)
    assert viewer.sdp.count("m=") == 2
    assert ssrc not in [stream.ssrc for stream in viewer.streams]
    assert {stream.publication.id for stream in viewer.streams} == {"b", "c"}


async def test_what_took_a_place_before_the_answer_waits_for_its_own_offer(viewer):
    answer(viewer)
    first, second = publication("a"), publication("b")
    viewer.show([first])
    viewer.offer()
    viewer.hide(first)
    viewer.show([second])
    viewer.offer()
    answer(viewer)
    assert viewer.streams == []
    assert viewer.told.offers[-1] == (3, ["b"])
    answer(viewer)
    assert [stream.publication for stream in viewer.streams] == [second]


@pytest.mark.parametrize("refusal", ["m=video 0", "a=inactive", "a=sendonly"])
async def test_a_section_that_the_viewer_refuses_gets_nothing(viewer, refusal):
    answer(viewer)
    viewer.show([publication("a")])
    viewer.offer()
    mirrored = viewer.sdp.replace("a=setup:actpass", "a=setup:active")
    head, _, last = mirrored.rpartition("m=video 9" if refusal.startswith("m") else "a=sendonly")
    viewer.answer(2, sdp.parse(head + refusal + last))
    assert viewer.streams == []


async def test_an_answer_of_another_shape_is_refused(viewer):
    answer(viewer)
    short = viewer.sdp
    viewer.show([publication("a")])
    viewer.offer()
    with pytest.raises(sdp.MalformedSdpError, match="sections"):
        viewer.answer(2, sdp.parse(short))
    answer(viewer)
    assert len(viewer.streams) == 1


@pytest.mark.parametrize("version", [0, 1, 3, -1])
async def test_an_answer_to_another_offer_is_nothing(viewer, version):
    answer(viewer)
    viewer.show([publication("a")])
    viewer.offer()
    viewer.answer(version, sdp.parse(viewer.sdp))
    assert viewer.streams == []


async def test_a_tile_of_nothing_is_not_remembered(viewer):
    viewer.limit("nobody", 100)
    assert viewer._heights == {}
