import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.live.rtp import rtcp
from stoa.live.rtp.packet import MalformedPacketError

WORD = st.integers(0, 2**32 - 1)
BLOCKS = st.lists(
    st.builds(
        rtcp.ReportBlock,
        ssrc=WORD,
        fraction_lost=st.integers(0, 255),
        packets_lost=st.integers(-(2**23), 2**23 - 1),
        highest_sequence=WORD,
        jitter=WORD,
        last_sr=WORD,
        delay_since_sr=WORD,
    ),
    max_size=3,
).map(tuple)
REPORTS = st.one_of(
    st.builds(rtcp.SenderReport, WORD, st.integers(0, 2**64 - 1), WORD, WORD, WORD, BLOCKS),
    st.builds(rtcp.ReceiverReport, WORD, BLOCKS),
    st.builds(rtcp.SourceDescription, WORD, st.text(min_size=1, max_size=20)),
    st.builds(rtcp.Bye, st.lists(WORD, max_size=4).map(tuple)),
    st.builds(rtcp.PictureLoss, WORD, WORD),
    st.builds(
        rtcp.FullIntraRequest, WORD, st.lists(WORD, min_size=1, max_size=4).map(tuple), st.integers(0, 255)
    ),
    st.builds(
        rtcp.TransportFeedback, WORD, WORD, st.binary(max_size=40).map(lambda b: b + bytes(-len(b) % 4))
    ),
)


@given(st.lists(REPORTS, max_size=5))
def test_what_is_built_is_read_again(reports):
    assert rtcp.parse(rtcp.build(reports)) == reports


@given(st.sets(st.integers(0, 3000), min_size=1, max_size=80), st.integers(0, 65535))
def test_lost_packets_are_named_across_the_wrap(numbers, base):
    lost = tuple((base + number) & 0xFFFF for number in sorted(numbers))
    (read,) = rtcp.parse(rtcp.build([rtcp.Nack(1, 2, lost)]))
    assert read == rtcp.Nack(1, 2, lost)


@given(st.binary(max_size=120))
def test_anything_is_read_or_refused(data):
    try:
        reports = rtcp.parse(data)
    except MalformedPacketError:
        return
    assert len(reports) <= len(data)


@given(st.lists(REPORTS, min_size=1, max_size=3), st.data())
def test_a_packet_that_is_cut_off_is_refused_or_shorter(reports, data):
    built = rtcp.build(reports)
    size = data.draw(st.integers(0, len(built) - 1))
    with contextlib.suppress(MalformedPacketError):
        assert rtcp.parse(built[:size]) == reports[: len(rtcp.parse(built[:size]))]


@pytest.mark.parametrize("bitrate", [0, 1, 1000, 262_143, 262_144, 1_500_000, 10**9])
def test_an_estimate_keeps_eighteen_bits(bitrate):
    (read,) = rtcp.parse(rtcp.build([rtcp.Remb(1, bitrate, (2, 3))]))
    assert read.bitrate == pytest.approx(bitrate, rel=1 / 2**17)
    assert read.ssrcs == (2, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80", b"\x80\xc8", b"\x00\xc8\x00\x00", b"\x80\xc8\x00\x01", b"\x80\xc8\x00\x00", b"\x81\xc9\x00\x01\x00\x00\x00\x01",
        b"\xa0\xc9\x00\x01\x00\x00\x00\x00", b"\xa0\xc9\x00\x00", b"\x81\xcd\x00\x00", b"\x81\xce\x00\x01\x00\x00\x00\x01",
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_rtcp(data):
    with pytest.raises(MalformedPacketError):
        rtcp.parse(data)


@pytest.mark.parametrize("kind", [192, 199, 204, 207, 223])
def test_what_nobody_knows_is_left_out(kind):
    assert rtcp.parse(bytes((0x80, kind, 0, 1)) + bytes(4)) == []


def test_a_request_names_no_more_than_a_flood():
    lost = tuple(range(0, 60000, 20))
    (read,) = rtcp.parse(rtcp.build([rtcp.Nack(1, 2, lost)]))
    assert len(read.sequences) == 2048


def test_padding_is_taken_off():
    assert rtcp.parse(b"\xa0\xc9\x00\x02\x00\x00\x00\x07\x00\x00\x00\x04") == [rtcp.ReceiverReport(7)]


def test_more_losses_than_the_field_holds():
    block = rtcp.ReportBlock(1, 0, 2**30, 0, 0)
    (read,) = rtcp.parse(rtcp.build([rtcp.ReceiverReport(1, (block,))]))
    assert read.blocks[0].packets_lost == 2**23 - 1
