"""Chromium's own WebRTC against the embedded media engine alone. ``test_live_room`` has calls through the whole service."""

import time

import pytest
from tests.support.lossy import Lossy
from tests.support.processes import free_port
from tests.support.signalling import Signalling

from stoa.live.media import messages as m
from stoa.live.media.controller import Listen

pytestmark = pytest.mark.browser

SMALL = {"width": 320, "height": 240, "frameRate": 20}
LAYERS = [
    {"rid": "l", "scaleResolutionDownBy": 4, "maxBitrate": 150_000},
    {"rid": "m", "scaleResolutionDownBy": 2, "maxBitrate": 500_000},
    {"rid": "h", "maxBitrate": 1_500_000},
]


@pytest.fixture(scope="module")
def signalling(tmp_path_factory):
    signalling = Signalling(tmp_path_factory.mktemp("media"))
    yield signalling
    signalling.close()


@pytest.fixture
def room(signalling, request):
    room = "".join(each for each in request.node.name if each.isalnum())
    signalling.run(signalling.controller.open_room(room))
    yield room
    signalling.run(signalling.controller.close_room(room))


@pytest.fixture
def enter(media, signalling, room):
    """``enter(name, video=, encodings=)`` is somebody's page in the room; without a video they only watch."""
    contexts = []

    def enter(name, video=None, encodings=None):
        context = media.new_context()
        contexts.append(context)
        page = context.new_page()
        page.goto(signalling.url)
        page.evaluate("([room, name]) => join(room, name)", [room, name])
        if video is not None:
            page.evaluate("([video, encodings]) => publish(video, encodings)", [video, encodings])
        return page

    yield enter
    for context in contexts:
        context.close()


def statistics(page):
    return page.evaluate("statistics()")


def received(page, kind):
    return [each for each in statistics(page)["receives"] if each["kind"] == kind]


def eventually(page, true, *, within=60):
    deadline = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < deadline, statistics(page)
        page.wait_for_timeout(50)
    return found


def frames(page):
    return sum(each.get("frames") or 0 for each in received(page, "video"))


@pytest.mark.long
def test_a_small_tile_gets_a_small_layer(enter, signalling, room):
    enter("ada", {"width": 1280, "height": 720, "frameRate": 20}, LAYERS)
    viewer = enter("bob")

    def height():
        return next((each.get("height") for each in received(viewer, "video")), None)

    eventually(viewer, lambda: height() == 720)
    (picture,) = [
        each
        for each in signalling.of(m.Offered, room=room, participant="bob")[-1].tracks
        if each.source == "camera"
    ]
    for tile, expected in ((180, 180), (300, 360), (0, None), (1000, 720)):
        signalling.run(signalling.controller.show(room, "bob", picture.publication, max_height=tile))
        if expected is None:
            viewer.wait_for_timeout(500)
            before = frames(viewer)
            viewer.wait_for_timeout(1000)
            assert frames(viewer) - before <= 1
        else:
            eventually(viewer, lambda: height() == expected)  # noqa: B023
    (seen,) = received(viewer, "video")
    assert seen["lost"] == 0


def test_who_comes_after_another_left_is_seen(enter, signalling, room):
    """Their tracks take the sections of those that are gone."""
    viewer = enter("bob")
    for name in ("ada", "eve"):
        page = enter(name, SMALL)
        before = frames(viewer)
        eventually(viewer, lambda: frames(viewer) > before + 5)  # noqa: B023
        page.close()
        eventually(viewer, lambda: signalling.of(m.Left, room=room, participant=name))  # noqa: B023
    assert signalling.of(m.Offered, room=room, participant="bob")[-1].sdp.count("m=") == 2


def test_a_browser_that_is_gone_is_out_within_five_seconds(enter, signalling, room):
    page = enter("ada", SMALL)
    viewer = enter("bob")
    eventually(viewer, lambda: frames(viewer) > 5)
    page.close()
    gone = time.monotonic()
    eventually(viewer, lambda: signalling.of(m.Left, room=room, participant="ada"))
    assert time.monotonic() - gone < 15, "5 s, and more for a busy machine"


@pytest.mark.long
def test_who_sits_still_is_not_taken_for_dead(enter, signalling, room):
    """Nobody sends, so that all that comes of a browser are its checks."""
    page = enter("ada")
    eventually(page, lambda: signalling.of(m.Joined, room=room))
    page.wait_for_timeout(12_000)
    assert not signalling.of(m.Left, room=room)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [10, 60])
@pytest.mark.parametrize("encodings", [[{"maxBitrate": 800_000}], LAYERS], ids=["one layer", "three layers"])
def test_lost_packets_freeze_no_picture(media, tmp_path_factory, seconds, encodings):
    """Five of a hundred, on the way up and on the way down."""
    port = free_port()
    signalling = Signalling(
        tmp_path_factory.mktemp("media"), listen=[Listen("127.0.0.1", "127.0.0.2")], first_port=port
    )
    lossy, contexts = Lossy(port), []
    try:
        signalling.run(signalling.controller.open_room("lossy"))
        for name in ("bob", "ada"):
            contexts.append(media.new_context())
            page = contexts[-1].new_page()
            page.goto(signalling.url)
            page.evaluate("name => join('lossy', name)", name)
            if name == "ada":
                video = {"width": 640, "height": 480, "frameRate": 20}
                page.evaluate("([video, encodings]) => publish(video, encodings)", [video, encodings])
            else:
                viewer = page
        eventually(viewer, lambda: frames(viewer) > 20)
        (before,) = received(viewer, "video")
        viewer.evaluate("longestGap()")
        viewer.wait_for_timeout(3000)
        usual = viewer.evaluate("longestGap()")
        lossy.share = 0.05
        viewer.wait_for_timeout(seconds * 1000)
        (after,) = received(viewer, "video")
        assert lossy.lost > 5 * seconds
        assert after["frames"] - before["frames"] > 15 * seconds
        assert viewer.evaluate("longestGap()") < max(500, 3 * usual), (before, after)
    finally:
        for context in contexts:
            context.close()
        lossy.close()
        signalling.close()
