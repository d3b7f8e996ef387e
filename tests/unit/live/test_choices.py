"""Bandwidth, layers, speakers, quality."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.live.rtp.bandwidth import LEAST, MOST, Bandwidth
from stoa.live.rtp.hearing import Speakers
from stoa.live.rtp.layers import Demand, allocate
from stoa.live.rtp.quality import Quality, quality
from stoa.live.rtp.twcc import Arrival


class Path:
    """A path with a capacity, a way and a loss; sends at a rate, answers every 100 ms."""

    def __init__(self, estimate, capacity=float("inf"), way=0.02, lose_every=0):
        self.estimate, self.capacity, self.way, self.lose_every = estimate, capacity, way, lose_every
        self.now, self.free_at, self.number, self.under_way = 0.0, 0.0, 0, []

    def run(self, seconds, rate):
        count = max(1, round(rate * 0.1 / 8000))
        for _ in range(round(seconds / 0.1)):
            for index in range(count):
                self.number += 1
                at = self.now + 0.1 * index / count
                self.estimate.sent(self.number & 0xFFFF, 1000, at)
                self.free_at = max(self.free_at, at) + 8000 / self.capacity
                self.under_way.append((self.number, self.free_at + self.way))
            self.now += 0.1
            come = [each for each in self.under_way if each[1] <= self.now]
            self.under_way = self.under_way[len(come) :]
            self.estimate.heard([self.arrival(number, at) for number, at in come], self.now)
        return self.estimate.bitrate

    def arrival(self, number, at):
        """On the receiver's clock, which counts from another moment."""
        lost = self.lose_every and number % self.lose_every == 0
        return Arrival(number & 0xFFFF, None if lost else at + 1000)


def test_a_good_path_is_trusted_more_and_more():
    estimate = Bandwidth(0.0, start=500_000)
    path = Path(estimate)
    first = path.run(5, 300_000)
    assert first > 800_000
    assert path.run(5, 300_000) > first


def test_a_queue_that_does_not_empty_lowers_the_estimate_to_what_comes_through():
    estimate = Bandwidth(0.0, start=2_000_000)
    path = Path(estimate, capacity=1_000_000)
    assert path.run(3, 2_000_000) < 1_200_000


def test_a_burst_that_drains_is_no_reason():
    estimate = Bandwidth(0.0, start=1_000_000)
    path = Path(estimate, capacity=5_000_000)
    path.run(2, 500_000)
    path.free_at += 0.3
    before = estimate.bitrate
    path.run(2, 500_000)
    assert estimate.bitrate >= before


@pytest.mark.parametrize(("lose_every", "grows"), [(0, True), (100, True), (20, None), (5, False)])
def test_loss_decides(lose_every, grows):
    estimate = Bandwidth(0.0, start=1_000_000)
    Path(estimate, lose_every=lose_every).run(4, 1_000_000)
    if grows is None:
        assert estimate.bitrate == 1_000_000
    else:
        assert (estimate.bitrate > 1_000_000) is grows


def test_near_the_last_congestion_it_grows_with_care():
    estimate = Bandwidth(0.0, start=2_000_000)
    path = Path(estimate, capacity=1_500_000)
    path.run(2, 2_000_000)
    low = estimate.bitrate
    path.free_at = 0
    path.run(3, 800_000)
    assert estimate.bitrate < low * 1.7


def test_the_receivers_own_word_is_a_ceiling():
    estimate = Bandwidth(0.0, start=2_000_000)
    estimate.told(700_000)
    assert estimate.available == 700_000
    estimate.told(0)
    assert estimate.available == LEAST


@pytest.mark.parametrize(("fraction", "grows"), [(0.0, True), (0.05, None), (0.3, False)])
def test_reports_do_where_there_is_no_feedback(fraction, grows):
    estimate = Bandwidth(0.0, start=1_000_000)
    for second in range(1, 6):
        estimate.reported(fraction, float(second))
    if grows is None:
        assert estimate.bitrate == 1_000_000
    else:
        assert (estimate.bitrate > 1_000_000) is grows


@given(st.lists(st.tuples(st.integers(0, 65535), st.one_of(st.none(), st.floats(0, 1e6))), max_size=50))
def test_no_feedback_breaks_the_estimate(arrivals):
    estimate = Bandwidth(0.0)
    for number in range(0, 65536, 97):
        estimate.sent(number, 1200, number / 65536)
    for index in range(5):
        estimate.heard([Arrival(sequence, at) for sequence, at in arrivals], 1.0 + index)
    assert LEAST <= estimate.available <= MOST


LADDER = (100.0, 400.0, 1500.0)


@pytest.mark.parametrize(
    ("available", "most", "current", "layer"),
    [
        (10_000, 2, 0, 2), (10_000, 1, 0, 1), (10_000, 0, 2, 0), (1600, 2, 2, 2), (1600, 2, 0, 1), (1500, 2, 2, 2),
        (1499, 2, 2, 1), (450, 2, 1, 1), (450, 2, 0, 0), (10, 2, 2, 0),
    ],
)  # fmt: skip
def test_the_layer_of_one_picture(available, most, current, layer):
    assert allocate(available, [Demand("a", LADDER, most)], {"a": current}) == {"a": layer}


def test_everybody_is_lifted_in_turn():
    demands = [Demand(name, LADDER, 2) for name in "abc"]
    assert allocate(1500, demands, {}) == {"a": 1, "b": 1, "c": 1}
    assert allocate(3000, demands, {}) == {"a": 2, "b": 1, "c": 1}


def test_one_layer_is_given_whatever_it_costs():
    assert allocate(10, [Demand("a", (500.0,), 5), Demand("b", (), 0)], {}) == {"a": 0}


@given(
    st.floats(0, 10_000),
    st.lists(st.tuples(st.lists(st.floats(1, 3000), min_size=1, max_size=3), st.integers(0, 2)), max_size=8),
)
def test_layers_fit_into_the_bandwidth_where_the_lowest_do(available, pictures):
    demands = [Demand(str(index), tuple(sorted(rates)), most) for index, (rates, most) in enumerate(pictures)]
    chosen = allocate(available, demands, {})
    lowest = sum(demand.bitrates[0] for demand in demands)
    assert sum(demand.bitrates[chosen[demand.id]] for demand in demands) <= max(available, lowest) + 1e-6
    assert all(chosen[demand.id] <= max(0, min(demand.most, len(demand.bitrates) - 1)) for demand in demands)


def heard(speakers, levels, since, seconds):
    """Packets of 20 ms of each voice. The last answer, and the time."""
    now = since
    while now < since + seconds:
        for who, level in levels.items():
            speakers.heard(who, level, now)
        now += 0.02
    return speakers.speaker(now), now


def test_nobody_speaks_in_silence():
    assert heard(Speakers(), {"ada": 127, "bob": 90}, 0, 2)[0] is None


def test_the_loudest_speaks():
    assert heard(Speakers(), {"ada": 30, "bob": 60}, 0, 2)[0] == "ada"


def test_a_short_noise_takes_no_ones_place():
    speakers = Speakers()
    who, now = heard(speakers, {"ada": 30, "bob": 127}, 0, 2)
    who, now = heard(speakers, {"ada": 30, "bob": 28}, now, 0.1)
    assert who == "ada"


def test_a_short_pause_loses_no_place():
    speakers = Speakers()
    _, now = heard(speakers, {"ada": 30}, 0, 2)
    assert heard(speakers, {"ada": 127}, now, 0.5)[0] == "ada"
    assert speakers.speaker(now + 0.5) == "ada"


def test_who_goes_quiet_is_followed():
    speakers = Speakers()
    _, now = heard(speakers, {"ada": 30, "bob": 127}, 0, 2)
    speakers.speaker(now)
    _, now = heard(speakers, {"ada": 127, "bob": 40}, now, 1.5)
    assert heard(speakers, {"ada": 127, "bob": 40}, now, 0.5)[0] == "bob"


def test_who_leaves_speaks_no_more():
    speakers = Speakers()
    _, now = heard(speakers, {"ada": 30}, 0, 1)
    speakers.left("ada")
    assert speakers.speaker(now) is None


def test_who_is_muted_is_forgotten():
    speakers = Speakers()
    _, now = heard(speakers, {"ada": 30}, 0, 1)
    assert speakers.speaker(now + 2.0) is None


def test_the_activity_bit_is_no_loudness():
    assert heard(Speakers(), {"ada": 0x80 | 127}, 0, 1)[0] is None


@pytest.mark.parametrize(
    ("loss", "round_trip", "jitter", "word"),
    [
        (0, 0, 0, Quality.GOOD), (0.02, 0.1, 0.01, Quality.GOOD), (0.05, 0, 0, Quality.LOW), (0, 0.4, 0, Quality.LOW),
        (0, 0, 0.1, Quality.LOW), (0.2, 0, 0, Quality.VERY_LOW), (0, 1, 0, Quality.VERY_LOW), (0, 0, 0.2, Quality.VERY_LOW),
    ],
)  # fmt: skip
def test_quality(loss, round_trip, jitter, word):
    assert quality(loss=loss, round_trip=round_trip, jitter=jitter) is word
