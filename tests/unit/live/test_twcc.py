import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.live.rtp.packet import MalformedPacketError
from stoa.live.rtp.twcc import TICK, Arrivals, packed_feedback, parse_feedback

TIMES = st.lists(st.one_of(st.none(), st.floats(100, 101)), min_size=1, max_size=300)


@given(st.integers(0, 65535), TIMES)
def test_arrivals_are_told_to_a_quarter_of_a_millisecond(first, times):
    read = parse_feedback(packed_feedback(first, times, 0))
    assert [arrival.sequence for arrival in read] == [(first + index) & 0xFFFF for index in range(len(times))]
    assert [arrival.at is None for arrival in read] == [at is None for at in times]
    offset = next((arrival.at - at for arrival, at in zip(read, times, strict=True) if at is not None), 0)
    for arrival, at in zip(read, times, strict=True):
        assert at is None or arrival.at - offset == pytest.approx(at, abs=2 * TICK)


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(packed):
    with contextlib.suppress(MalformedPacketError):
        assert len(parse_feedback(packed)) <= 0x4000


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        bytes(7),
        b"\x00\x00\x00\x01" + bytes(4),
        b"\x00\x00\xff\xff" + bytes(4),
        b"\0\0\0\1" + bytes(4) + b"\x20\x01",
    ],
    ids=range(5),
)
def test_what_is_no_feedback(packed):
    with pytest.raises(MalformedPacketError):
        parse_feedback(packed)


@pytest.mark.parametrize(
    "symbols",
    [b"\x20\x05", b"\xd5\x50", b"\xbe\x00"],
    ids=["a run", "seven of two bits", "fourteen of one bit"],
)
def test_every_kind_of_chunk_is_read(symbols):
    read = parse_feedback(b"\x00\x07\x00\x05\x00\x00\x01\x00" + symbols + b"\x04" * 5)
    assert [arrival.at is not None for arrival in read] == [True] * 5


def told(arrivals):
    packed = arrivals.feedback()
    return None if packed is None else {each.sequence: each.at is not None for each in parse_feedback(packed)}


def test_nothing_came():
    assert told(Arrivals()) is None


def test_feedback_goes_on_where_the_last_ended():
    arrivals = Arrivals()
    for number in (1, 2, 4):
        arrivals.add(number, 1.0)
    assert told(arrivals) == {1: True, 2: True, 3: False, 4: True}
    assert told(arrivals) is None
    arrivals.add(7, 1.1)
    assert told(arrivals) == {5: False, 6: False, 7: True}


def test_one_that_came_late_is_told_again_with_its_neighbours():
    arrivals = Arrivals()
    for number in (1, 3, 4):
        arrivals.add(number, 1.0)
    told(arrivals)
    arrivals.add(2, 1.1)
    assert told(arrivals) == {2: True, 3: True, 4: True}


def test_a_copy_is_not_told():
    arrivals = Arrivals()
    arrivals.add(1, 1.0)
    told(arrivals)
    arrivals.add(1, 1.1)
    assert told(arrivals) is None


def test_numbers_wrap_around():
    arrivals = Arrivals()
    for number in (65534, 65535, 0, 1):
        arrivals.add(number, 1.0)
    assert told(arrivals) == {65534: True, 65535: True, 0: True, 1: True}


def test_feedback_fits_into_a_datagram():
    arrivals = Arrivals()
    for number in range(5000):
        arrivals.add(number * 2, number / 10)
    packed = arrivals.feedback()
    assert len(packed) < 1200
    assert parse_feedback(packed)[-1].sequence == 9998


def test_what_came_very_long_ago_is_not_told():
    arrivals = Arrivals()
    arrivals.add(5000, 1.0)
    told(arrivals)
    arrivals.add(10, 1.0)
    assert told(arrivals) is None


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_every_packet_is_told_as_come_in_the_end(order):
    arrivals, come = Arrivals(), {}
    for index, number in enumerate(order):
        arrivals.add(number, index / 100)
        come |= {key: True for key, value in (told(arrivals) or {}).items() if value}
    assert set(come) == set(order)
