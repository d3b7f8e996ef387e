import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.live.rtp import vp8

KEY = b"\x10\x02\x00\x9d\x01\x2a\x80\x02\x68\x01rest"
DELTA = b"\x11\x02\x00rest"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("10", {"begins_frame": True, "picture_id": None}),
        ("00", {"begins_frame": False}),
        ("11", {"begins_frame": False}),
        ("908012", {"begins_frame": True, "picture_id": 0x12, "wide": False}),
        ("90809234", {"picture_id": 0x1234, "wide": True}),
        ("9040ab", {"tl0_index": 0xAB, "picture_id": None}),
        ("902080", {"temporal_layer": 2}),
        ("901080", {"temporal_layer": 0}),
        ("90f09234ab40", {"picture_id": 0x1234, "tl0_index": 0xAB, "temporal_layer": 1}),
        ("80f09234ab40", {"begins_frame": False}),
    ],
)
def test_a_descriptor(head, expected):
    head = bytes.fromhex(head)
    found = vp8.describe(head + KEY)
    assert found.size == len(head)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("payload", ["", "90", "10", "9080", "908092", "9040", "90f0923456", "90f092345678"])
def test_what_is_no_payload(payload):
    assert vp8.describe(bytes.fromhex(payload)) is None


@given(st.binary(max_size=20))
def test_anything_is_described_or_not(payload):
    found = vp8.describe(payload)
    assert found is None or 0 < found.size < len(payload)


@given(st.integers(0, 0x7FFF), st.integers(0, 255), st.binary(min_size=1, max_size=20))
def test_numbers_are_put_in_their_places(picture_id, tl0_index, frame):
    payload = bytes.fromhex("90f09234ab40") + frame
    changed = vp8.renumbered(payload, vp8.describe(payload), picture_id, tl0_index)
    found = vp8.describe(changed)
    assert (found.picture_id, found.tl0_index, found.temporal_layer) == (picture_id, tl0_index, 1)
    assert changed[found.size :] == frame


def test_a_short_picture_number_stays_short():
    payload = bytes.fromhex("908012") + DELTA
    changed = vp8.renumbered(payload, vp8.describe(payload), 0x1FF, 0)
    assert vp8.describe(changed).picture_id == 0x7F
    assert len(changed) == len(payload)


def test_without_numbers_nothing_changes():
    payload = b"\x10" + DELTA
    assert vp8.renumbered(payload, vp8.describe(payload), 7, 7) == payload


def test_the_size_of_a_key_frame():
    assert vp8.is_key_frame(KEY)
    assert vp8.size_of(KEY) == (640, 360)


@pytest.mark.parametrize("frame", [DELTA, KEY[:9], b"\x10\x02\x00\x00\x00\x00" + bytes(9), b""], ids=range(4))
def test_what_is_no_key_frame(frame):
    assert not vp8.is_key_frame(frame)
