import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.live.rtp import vp8
from stoa.live.rtp.forwarding import MARKER, Forwarding, Inbound


def inbound(source, number, timestamp=None, starts=False, marker=False, picture=None, payload=b"x"):
    timestamp = number * 3000 if timestamp is None else timestamp
    return Inbound(source, number, timestamp % 2**32, marker, payload, starts, picture)


def forwarding(target=1, **how):
    made = Forwarding(clock=90000, first_sequence=100, first_timestamp=5000, **how)
    made.target = target
    return made


def test_nothing_goes_out_before_a_start():
    out = forwarding()
    assert out.forward(inbound(1, 10), 96, 0.0) is None
    assert out.forward(inbound(1, 11, starts=True), 96, 0.0).sequence == 100


def test_nothing_goes_out_of_what_is_not_the_target():
    out = forwarding(target=2)
    assert out.forward(inbound(1, 10, starts=True), 96, 0.0) is None


def test_numbers_begin_where_they_should_and_follow_the_source():
    out = forwarding()
    first = out.forward(inbound(1, 65536 + 9, starts=True), 96, 0.0)
    second = out.forward(inbound(1, 65536 + 12), 96, 0.1)
    assert (first.sequence, first.timestamp) == (100, 5000)
    assert (second.sequence, second.timestamp) == (103, 5000 + 9000)


def test_the_marker_goes_with_the_payload_type():
    out = forwarding()
    assert out.forward(inbound(1, 1, starts=True, marker=True), 96, 0.0).second == 96 | MARKER
    assert out.forward(inbound(1, 2), 96, 0.0).second == 96


def test_one_that_comes_late_takes_its_place():
    out = forwarding()
    out.forward(inbound(1, 1, starts=True), 96, 0.0)
    out.forward(inbound(1, 4), 96, 0.1)
    assert out.forward(inbound(1, 2), 96, 0.2).sequence == 101


def test_one_from_before_the_start_does_not_go_out():
    out = forwarding()
    out.forward(inbound(1, 5, starts=True), 96, 0.0)
    assert out.forward(inbound(1, 4), 96, 0.1) is None


def test_a_switch_waits_for_its_start_and_goes_on_seamlessly():
    out = forwarding()
    out.forward(inbound(1, 1, starts=True), 96, 0.0)
    out.target = 2
    assert out.forward(inbound(2, 900), 96, 0.5) is None
    assert out.forward(inbound(1, 2), 96, 0.5).sequence == 101
    switched = out.forward(inbound(2, 901, timestamp=77, starts=True), 96, 1.0)
    assert switched.sequence == 102
    assert switched.timestamp == 5000 + 3000 + 45000
    assert out.forward(inbound(1, 3), 96, 1.0) is None
    assert out.forward(inbound(2, 902, timestamp=77 + 3000), 96, 1.1).timestamp == switched.timestamp + 3000


def test_a_pause_leaves_no_hole_in_the_numbers_and_one_in_time():
    out = forwarding()
    out.forward(inbound(1, 1, starts=True), 96, 0.0)
    out.pause()
    assert out.forward(inbound(1, 50), 96, 1.0) is None
    again = out.forward(inbound(1, 60, starts=True), 96, 2.0)
    assert again.sequence == 101
    assert again.timestamp == 5000 + 180000


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2, 3]), st.booleans(), st.integers(1, 5)), min_size=1, max_size=120
    )
)
def test_whatever_the_layers_do_numbers_only_grow(steps):
    """In order and without loss, a receiver sees consecutive numbers and times that never go back."""
    out, numbers, last, now = forwarding(), {1: 65536, 2: 70000, 3: 80000}, None, 0.0
    for source, starts, target in steps:
        now += 0.05
        numbers[source] += 1
        out.target = min(3, target)
        sent = out.forward(
            inbound(source, numbers[source], starts=starts, timestamp=round(now * 90000)), 96, now
        )
        if sent is None:
            continue
        if last is not None:
            gap = (sent.sequence - last.sequence) % 2**16
            assert gap == 1 or out.source == source
            assert 0 < gap < 200
            assert (sent.timestamp - last.timestamp) % 2**32 < 2**31
        last = sent


def test_a_report_is_translated_for_the_source_that_goes_out():
    out = forwarding()
    out.forward(inbound(1, 1, timestamp=1000, starts=True), 96, 0.0)
    assert out.timestamp_of(1, 1000) == 5000
    assert out.timestamp_of(1, 4000) == 8000
    assert out.timestamp_of(2, 1000) is None


def pictured(picture_id, tl0_index, key=False):
    payload = bytes((0x90, 0xC0, 0x80 | picture_id >> 8, picture_id & 0xFF, tl0_index)) + (
        b"\x10" if key else b"\x11"
    )
    return {"payload": payload, "picture": vp8.describe(payload), "starts": key}


def numbers_of(sent):
    found = vp8.describe(sent.payload)
    return found.picture_id, found.tl0_index


def test_pictures_are_renumbered_over_a_switch():
    out = forwarding(renumber=True)
    first = out.forward(inbound(1, 1, **pictured(500, 9, key=True)), 96, 0.0)
    second = out.forward(inbound(1, 2, **pictured(501, 10)), 96, 0.1)
    out.target = 2
    third = out.forward(inbound(2, 1, **pictured(32767, 255, key=True)), 96, 0.2)
    fourth = out.forward(inbound(2, 2, **pictured(0, 0)), 96, 0.3)
    assert [numbers_of(sent) for sent in (first, second, third, fourth)] == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_packets_of_one_picture_keep_one_number():
    out = forwarding(renumber=True)
    sent = [out.forward(inbound(1, n, **pictured(500, 9, key=n == 1)), 96, 0.0) for n in (1, 2, 3)]
    assert {numbers_of(each) for each in sent} == {(0, 0)}


def test_a_late_packet_does_not_set_the_pictures_back():
    out = forwarding(renumber=True)
    out.forward(inbound(1, 1, **pictured(500, 9, key=True)), 96, 0.0)
    out.forward(inbound(1, 3, **pictured(502, 9)), 96, 0.0)
    assert numbers_of(out.forward(inbound(1, 2, **pictured(501, 9)), 96, 0.0)) == (1, 0)
    out.target = 2
    assert numbers_of(out.forward(inbound(2, 1, **pictured(40, 40, key=True)), 96, 0.1)) == (3, 1)


def test_without_renumbering_the_payload_is_the_same_object():
    out = forwarding()
    payload = b"shared by all receivers"
    assert out.forward(inbound(1, 1, starts=True, payload=payload), 96, 0.0).payload is payload


@pytest.mark.parametrize("payload", [b"", b"\x10"])
def test_what_has_no_picture_goes_out_as_it_is(payload):
    out = forwarding(renumber=True)
    assert out.forward(inbound(1, 1, starts=True, payload=payload), 96, 0.0).payload == payload
