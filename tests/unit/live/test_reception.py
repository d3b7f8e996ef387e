import pytest

from stoa.live.rtp.packet import RtpPacket
from stoa.live.rtp.reception import Reception
from stoa.live.rtp.rtcp import SenderReport


def packet(sequence, timestamp=None, size=100):
    return RtpPacket(
        96,
        sequence & 0xFFFF,
        (sequence * 3000 if timestamp is None else timestamp) & 0xFFFFFFFF,
        1,
        bytes(size),
    )


def received(sequences, step=1 / 30):
    reception = Reception(1, 90000)
    for index, sequence in enumerate(sequences):
        reception.add(packet(sequence), index * step)
    return reception


def test_a_whole_stream():
    reception = received(range(100))
    block = reception.block(4.0)
    assert (block.fraction_lost, block.packets_lost, block.highest_sequence) == (0, 0, 99)
    assert reception.jitter == pytest.approx(0, abs=1e-4)


def test_loss_is_told_since_the_last_report():
    reception = received([n for n in range(100) if n % 4])
    assert reception.block(4.0).fraction_lost == pytest.approx(64, abs=3)
    for sequence in range(100, 200):
        reception.add(packet(sequence), sequence / 30)
    block = reception.block(8.0)
    assert block.fraction_lost == 0
    assert block.packets_lost == 24


def test_what_is_repaired_was_not_lost():
    reception = received([1, 2, 4, 5])
    reception.add_repaired()
    assert reception.block(1.0).packets_lost == 0


def test_copies_are_no_negative_loss_in_the_fraction():
    reception = received([1, 2, 2, 2, 3])
    block = reception.block(1.0)
    assert block.fraction_lost == 0
    assert block.packets_lost == -2


def test_the_highest_number_counts_its_rounds():
    assert received([65534, 65535, 0, 1]).block(1.0).highest_sequence == 65536 + 1


@pytest.mark.parametrize("swing", [0.0, 0.005, 0.02])
def test_jitter_is_that_of_the_arrivals(swing):
    reception = Reception(1, 90000)
    for index in range(500):
        reception.add(packet(index), index / 30 + (swing if index % 2 else 0))
    assert reception.jitter == pytest.approx(swing, rel=0.05, abs=1e-4)


def test_a_pause_of_the_sender_is_no_jitter():
    reception = Reception(1, 90000)
    for index in range(50):
        reception.add(packet(index), index / 30)
    reception.add(packet(50, timestamp=7), 60.0)
    assert reception.jitter < 0.001


def test_the_bitrate_is_that_of_the_last_seconds():
    reception = Reception(1, 90000)
    for index in range(300):
        reception.add(packet(index, size=1000), index / 100)
    assert reception.bitrate == pytest.approx(800_000, rel=0.05)


def test_a_report_answers_the_senders():
    reception = received([1])
    reception.heard(SenderReport(1, 0x0001_2345_6789_0000, 0, 0, 0), 10.0)
    block = reception.block(10.5)
    assert (block.last_sr, block.delay_since_sr) == (0x23456789, 32768)


def test_an_empty_reception_reports_nothing():
    block = Reception(1, 90000).block(1.0)
    assert (block.fraction_lost, block.packets_lost) == (0, 0)
