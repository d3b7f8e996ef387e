"""Packets into frames, frames into WebM, and WebM read back with PyAV."""

import fractions
import io

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.live.rtp.frames import Assembler, Frames, Vp8Assembler
from stoa.live.rtp.matroska import Block, cluster, opus_head, vp8_head

KEY, DELTA = b"\x10\x02\x00\x9d\x01\x2a\x80\x02\x68\x01", b"\x11\x02\x00"


def packets(*frames, size=4):
    """(sequence, timestamp, marker, payload) of frames, each cut into pieces."""
    found = []
    for index, frame in enumerate(frames):
        pieces = [frame[at : at + size] for at in range(0, len(frame), size)]
        for at, piece in enumerate(pieces):
            head = b"\x10" if at == 0 else b"\x00"
            found.append((65530 + len(found), index * 4500, at == len(pieces) - 1, head + piece))
    return found


def fed(frames, listed, step=0.0):
    found = []
    for index, (sequence, timestamp, marker, payload) in enumerate(listed):
        found += frames.add(sequence & 0xFFFF, timestamp, marker=marker, payload=payload, now=index * step)
    return [frame.data for frame in found]


def test_pieces_make_frames():
    assert fed(Frames(Vp8Assembler), packets(KEY, DELTA, DELTA + b"more")) == [KEY, DELTA, DELTA + b"more"]


def test_nothing_begins_before_a_key_frame():
    frames = Frames(Vp8Assembler)
    assert fed(frames, packets(DELTA, DELTA, KEY, DELTA)) == [KEY, DELTA]
    assert not frames.broken


@given(st.permutations(range(9)))
def test_order_does_not_matter_after_the_first(order):
    listed = packets(KEY, DELTA, DELTA + b"1234", KEY, size=3)[:10]
    assert fed(Frames(Vp8Assembler), [listed[0], *(listed[1 + index] for index in order)]) == fed(
        Frames(Vp8Assembler), listed
    )


def test_a_hole_is_waited_for():
    listed = packets(KEY, DELTA, DELTA)
    late = listed.pop(3)
    frames = Frames(Vp8Assembler)
    assert fed(frames, listed) == [KEY]
    assert [
        frame.data
        for frame in frames.add(late[0] & 0xFFFF, late[1], marker=late[2], payload=late[3], now=0.3)
    ] == [DELTA, DELTA]


def test_a_hole_that_stays_breaks_the_picture_until_the_next_key_frame():
    listed = packets(KEY, DELTA, DELTA, DELTA, KEY, DELTA)
    del listed[3]
    frames = Frames(Vp8Assembler)
    assert fed(frames, listed, step=0.3) == [KEY, KEY, DELTA]
    assert not frames.broken


def test_what_is_broken_is_said():
    listed = packets(KEY, DELTA, DELTA, DELTA)
    del listed[3]
    frames = Frames(Vp8Assembler)
    fed(frames, listed, step=1.0)
    assert frames.broken


def test_copies_change_nothing():
    listed = packets(KEY, DELTA)
    assert fed(Frames(Vp8Assembler), [each for each in listed for _ in range(2)]) == [KEY, DELTA]


def test_empty_packets_take_a_number_and_make_no_frame():
    listed = packets(KEY, DELTA)
    listed.insert(3, (65533, 0, False, b""))
    listed = [(65530 + index, *rest) for index, (_, *rest) in enumerate(listed)]
    assert fed(Frames(Vp8Assembler), listed) == [KEY, DELTA]


def test_sound_is_a_frame_a_packet_and_a_hole_hurts_nobody():
    listed = [(n, n * 960, False, bytes((n,))) for n in (1, 2, 4, 5)]
    assert fed(Frames(Assembler), listed, step=0.7) == [b"\x01", b"\x02", b"\x04", b"\x05"]


def test_what_waits_at_the_end_is_not_thrown_away():
    frames = Frames(Assembler)
    assert fed(frames, [(1, 0, False, b"a"), (3, 1920, False, b"c")]) == [b"a"]
    assert [frame.data for frame in frames.flush()] == [b"c"]


def test_timestamps_do_not_wrap():
    frames = Frames(Assembler)
    found = frames.add(1, 2**32 - 960, marker=False, payload=b"a", now=0) + frames.add(
        2, 0, marker=False, payload=b"b", now=0
    )
    assert found[1].timestamp - found[0].timestamp == 960


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=6), st.booleans()), max_size=60))
def test_any_packets_make_frames_in_order(listed):
    frames, found = Frames(Vp8Assembler), []
    for index, (sequence, payload, marker) in enumerate(listed):
        found += frames.add(sequence, sequence * 3000, marker=marker, payload=payload, now=index / 10)
    times = [frame.timestamp for frame in found]
    assert times == sorted(times)


# WebM


@pytest.fixture(scope="module")
def encoded():
    """Real VP8: two seconds at ten a second."""
    codec = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 64, 48, "yuv420p", fractions.Fraction(1, 10)
    codec.options = {"deadline": "realtime", "lag-in-frames": "0"}
    found = []
    for index in range(20):
        frame = av.VideoFrame(64, 48, "yuv420p")
        frame.pts = index
        found += [(bytes(packet), packet.is_keyframe) for packet in codec.encode(frame)]
    found += [(bytes(packet), packet.is_keyframe) for packet in codec.encode(None)]
    return found


def written(encoded, each=5):
    blocks = [Block(index * 100, data, key) for index, (data, key) in enumerate(encoded)]
    return vp8_head(64, 48), [cluster(blocks[at : at + each]) for at in range(0, len(blocks), each)]


def decoded(data):
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams[0]
        return stream.codec_context.name, [round(frame.time * 1000) for frame in container.decode(stream)]


def test_a_picture_is_read_back(encoded):
    head, clusters = written(encoded)
    assert decoded(head + b"".join(clusters)) == ("vp8", [index * 100 for index in range(20)])


def test_sound_is_read_back():
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format, codec.time_base = (
        48000,
        "stereo",
        "s16",
        fractions.Fraction(1, 48000),
    )
    found = []
    for index in range(50):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 48000, index * 960
        found += [bytes(packet) for packet in codec.encode(frame)]
    name, times = decoded(
        opus_head() + cluster(Block(index * 20, data, key=True) for index, data in enumerate(found))
    )
    assert name in ("opus", "libopus")
    assert times == [index * 20 for index in range(len(found))]


@pytest.mark.parametrize("part", [0.1, 0.37, 0.5, 0.83, 0.99])
def test_a_file_that_is_cut_off_anywhere_is_good_as_far_as_it_goes(encoded, part):
    head, clusters = written(encoded)
    whole = b"".join(clusters)
    cut = round(len(whole) * part)
    ends = [sum(len(each) for each in clusters[: index + 1]) for index in range(len(clusters))]
    sure = sum(5 for end in ends if end <= cut)
    if sure:
        assert decoded(head + whole[:cut])[1][:sure] == [index * 100 for index in range(sure)]


def test_a_file_that_a_second_process_went_on_with(encoded):
    """Clusters stand for themselves: whole ones may follow whole ones, whoever wrote them."""
    head, clusters = written(encoded)
    assert len(decoded(head + clusters[0] + clusters[1])[1]) == 10


@given(st.integers(0, 10**7), st.lists(st.integers(0, 30000), min_size=1, max_size=10).map(sorted))
def test_a_cluster_takes_any_times(start, times):
    built = cluster(Block(start + at, b"x", key=True) for at in times)
    assert built[:4] == b"\x1f\x43\xb6\x75"


@pytest.mark.parametrize("size", [1, 125, 126, 127, 128, 16381, 16382, 16383, 16384, 2_097_150, 2_097_151])
def test_sizes_around_the_steps_of_their_length(size):
    built = vp8_head(64, 48) + cluster([Block(0, bytes(size), key=True)])
    with av.open(io.BytesIO(built)) as container:
        assert next(container.demux()).size == size
