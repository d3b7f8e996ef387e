import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.live.rtp.loss import History, KeyFrames, Losses, Sent


def fed(*sequences, at=0.0):
    losses = Losses()
    for sequence in sequences:
        losses.add(sequence, at)
    return losses


def test_nothing_is_missing_of_a_whole_stream():
    assert fed(1, 2, 3).due(1.0) == ()


def test_a_hole_is_asked_for_after_the_tolerance():
    losses = fed(1, 4)
    assert losses.due(0.01) == ()
    assert losses.due(0.03) == (2, 3)


def test_one_that_is_only_late_is_never_asked_for():
    losses = fed(1, 3, 2)
    assert losses.due(1.0) == ()


def test_a_hole_is_asked_for_again_after_a_round_trip():
    losses = fed(1, 3)
    assert losses.due(0.05, 0.2) == (2,)
    assert losses.due(0.2, 0.2) == ()
    assert losses.due(0.3, 0.2) == (2,)


def test_a_hole_is_given_up():
    losses = fed(1, 3)
    assert losses.due(2.0) == ()
    assert losses.missing == 0


def test_a_hole_is_not_asked_for_for_ever():
    losses = fed(1, 3)
    asked = sum(len(losses.due(0.05 + 0.1 * index)) for index in range(14))
    assert asked <= 10


def test_what_is_asked_for_wraps_around():
    assert fed(65534, 1).due(0.1) == (65535, 0)


def test_a_jump_is_a_new_beginning():
    losses = fed(1, 3, 2000)
    assert losses.due(0.1) == ()


def test_who_plays_with_numbers_fills_no_memory():
    losses = fed(*(number * 300 % 65536 for number in range(2000)))
    assert losses.missing < 1000


@pytest.mark.parametrize(
    ("sequences", "last"),
    [
        ((5,), True),
        ((5, 6), True),
        ((5, 5), False),
        ((5, 7, 6), True),
        ((5, 7, 6, 6), False),
        ((5, 4), False),
        ((5, 900, 6), False),
    ],
)
def test_whether_a_packet_is_new(sequences, last):
    losses = fed(*sequences[:-1])
    assert (losses.add(sequences[-1], 0.0) is not None) is last


@given(st.sets(st.integers(0, 300)), st.randoms(use_true_random=False))
def test_what_is_missing_is_what_did_not_come(come, chance):
    losses = fed(0)
    order = [*come, 301]
    for sequence in sorted(order):
        losses.add(sequence, 0.0)
    missing = set(range(1, 301)) - come
    assert set(losses.due(0.1)) == missing
    for sequence in chance.sample(sorted(missing), len(missing) // 2):
        assert losses.add(sequence, 0.1) is not None
        missing.discard(sequence)
    assert set(losses.due(0.5)) == missing


@pytest.mark.parametrize("first", [0, 100, 65_533])
def test_what_is_sent_again_fills_what_is_missing(first):
    losses = fed(first, (first + 3) % 65_536)
    for gone in (1, 2):
        number = losses.fill((first + gone) % 65_536)
        assert number is not None
        assert number % 65_536 == (first + gone) % 65_536
        assert losses.fill((first + gone) % 65_536) is None
    assert not losses.missing


@given(st.lists(st.integers(0, 65_535)))
def test_what_is_sent_again_under_any_number_stops_nothing(numbers):
    losses, untouched = fed(10, 11), fed(10, 11)
    assert [losses.fill(number) for number in numbers] == [None] * len(numbers)
    assert losses.add(12, 0.0) == untouched.add(12, 0.0) is not None


def test_a_history_gives_what_it_has():
    history = History()
    for sequence in range(65000, 65536):
        history.add(Sent(sequence, 0, 96, b""))
    assert history.again(65100, 1.0).sequence == 65100
    assert history.again(5, 1.0) is None


def test_a_history_forgets_the_oldest():
    history = History()
    for sequence in range(History.SIZE + 1):
        history.add(Sent(sequence, 0, 96, b""))
    assert history.again(0, 1.0) is None
    assert history.again(1, 1.0) is not None


def test_a_history_does_not_repeat_itself_at_once():
    history = History()
    history.add(Sent(1, 0, 96, b""))
    assert history.again(1, 1.0) is not None
    assert history.again(1, 1.01) is None
    assert history.again(1, 1.03) is not None


def test_a_key_frame_is_asked_for_once_for_all_who_want_it():
    wanted = KeyFrames()
    assert not wanted.due(0.0)
    for _ in range(100):
        wanted.want()
    assert wanted.due(0.0)
    assert not wanted.due(0.1)


def test_a_key_frame_that_does_not_come_is_asked_for_again():
    wanted = KeyFrames()
    wanted.want()
    assert wanted.due(0.0)
    assert wanted.due(0.5)
    wanted.came()
    assert not wanted.due(1.0)


def test_the_next_wish_waits_its_turn():
    wanted = KeyFrames()
    wanted.want()
    assert wanted.due(0.0)
    wanted.came()
    wanted.want()
    assert not wanted.due(0.2)
    assert wanted.due(0.4)
