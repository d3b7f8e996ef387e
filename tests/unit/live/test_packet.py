import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.live.rtp.packet import (
    MalformedPacketError,
    RtpPacket,
    Unwrapper,
    build,
    is_rtcp,
    parse,
    unwrap_retransmission,
)

PACKETS = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 65535),
    timestamp=st.integers(0, 2**32 - 1),
    ssrc=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=60),
    marker=st.booleans(),
    extensions=st.dictionaries(
        st.integers(1, 255).filter(lambda i: i != 15), st.binary(max_size=30), max_size=5
    ),
)


@given(PACKETS)
def test_what_is_built_is_read_again(packet):
    assert parse(build(packet)) == packet


@given(st.binary(max_size=80))
def test_anything_is_read_or_refused(data):
    try:
        packet = parse(data)
    except MalformedPacketError:
        return
    assert 0 <= packet.payload_type < 128
    assert len(packet.payload) <= len(data) - 12


@given(PACKETS, st.integers(0, 100))
def test_a_packet_that_is_cut_off_is_refused_or_shorter(packet, size):
    data = build(packet)
    try:
        assert len(parse(data[:size]).payload) <= len(packet.payload)
    except MalformedPacketError:
        assert size < len(data)


@pytest.mark.parametrize(
    ("data", "about"),
    [
        (b"", "12 bytes"),
        (b"\x80" * 11, "12 bytes"),
        (b"\x00" * 12, "version"),
        (b"\xc0" + bytes(20), "version"),
        (b"\x90" + bytes(11), "cut off"),
        (b"\x90" + bytes(13), "cut off"),
        (b"\x90" + bytes(11) + b"\xbe\xde\x00\x02" + bytes(4), "cut off"),
        (b"\x90" + bytes(11) + b"\xbe\xde\x00\x01\x1f\x00\x00\x00", "cut off"),
        (b"\x8f" + bytes(11), "shorter"),
        (b"\xa0" + bytes(11) + b"\x00", "Padding"),
        (b"\xa0" + bytes(11) + b"\x05", "shorter"),
    ],
    ids=range(11),
)
def test_what_is_no_packet(data, about):
    with pytest.raises(MalformedPacketError, match=about):
        parse(data)


def test_padding_is_taken_off():
    assert parse(b"\xa0" + bytes(11) + b"payload\x00\x00\x03").payload == b"payload"


def test_contributing_sources_are_skipped():
    assert parse(b"\x82" + bytes(11) + bytes(8) + b"payload").payload == b"payload"


def test_padding_between_extensions_is_skipped():
    block = b"\xbe\xde\x00\x02\x00\x10\xaa\x00\x21\xbb\xcc\x00"
    assert parse(b"\x90" + bytes(11) + block).extensions == {1: b"\xaa", 2: b"\xbb\xcc"}


def test_an_id_of_fifteen_ends_the_extensions():
    assert parse(b"\x90" + bytes(11) + b"\xbe\xde\x00\x01\x10\xaa\xf0\x00").extensions == {1: b"\xaa"}


def test_extensions_of_an_unknown_profile_are_left_out():
    assert parse(b"\x90" + bytes(11) + b"\x12\x34\x00\x01abcd" + b"payload").payload == b"payload"


@pytest.mark.parametrize(
    ("second", "is_it"), [(191, False), (192, True), (200, True), (223, True), (224, False), (96, False)]
)
def test_rtcp_is_told_from_rtp(second, is_it):
    assert is_rtcp(bytes((0x80, second))) is is_it


def test_a_retransmission_holds_its_packet():
    repair = RtpPacket(97, 5, 90, 2, b"\x12\x34frame", marker=True, extensions={3: b"\x00\x01"})
    assert unwrap_retransmission(repair, payload_type=96, ssrc=1) == RtpPacket(
        96, 0x1234, 90, 1, b"frame", marker=True, extensions={3: b"\x00\x01"}
    )


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x00\x01"])
def test_a_retransmission_of_nothing(payload):
    assert unwrap_retransmission(RtpPacket(97, 5, 90, 2, payload), payload_type=96, ssrc=1) is None


@given(st.integers(0, 65535), st.lists(st.integers(-1000, 1000), max_size=200))
def test_numbers_are_unwrapped(first, steps):
    unwrapper = Unwrapper()
    highest = expected = unwrapper.unwrap(first)
    for step in steps:
        expected = highest + step
        assert unwrapper.unwrap(expected & 0xFFFF) == expected
        highest = max(highest, expected)


@pytest.mark.parametrize(
    ("first", "second", "step"),
    [(65535, 0, 1), (0, 65535, -1), (10, 10, 0), (65000, 500, 1036), (500, 65000, -1036)],
)
def test_numbers_wrap_around(first, second, step):
    unwrapper = Unwrapper()
    one = unwrapper.unwrap(first)
    assert unwrapper.unwrap(second) - one == step
