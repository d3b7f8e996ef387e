"""Rules 2 to 4: sessions and counting, ping by ping."""

import pytest

from stoa.activity.model import Counter, Path, Ping
from stoa.activity.tally import (
    DAY_MS,
    WINDOW,
    Credit,
    add,
    begin,
    is_active,
    ping,
    tab_duration,
    visible_duration,
    whole_seconds,
)

A, B = Path(("/a",)), Path(("/b", "tab"))
ALIVE = 300_000


def run(pings, *, start=0):
    """(at, ping) in order → the standing and the counters, remembering each client's numbers."""
    standing, counters, memories = begin(now_ms=start), {}, {}
    for at, sent in pings:
        outcome = ping(standing, sent, now_ms=at, alive_ms=ALIVE, memory=memories.get(sent.client))
        if sent.seq is not None:
            memories[sent.client] = outcome.memory
        standing, counters = outcome.standing, add(counters, outcome.credits)
    return standing, counters


def total(counters):
    return sum(counters.values())


def test_a_session_begins_with_nothing():
    standing = begin(now_ms=1_000)
    assert standing.start_ms == standing.last_ping_ms == standing.last_visible_ping_ms == 1_000
    assert (standing.visible_ms, standing.free_ms, standing.last_visible_path) == (0, 0, ())


@pytest.mark.parametrize(
    ("silent_ms", "active"), [(0, True), (299_999, True), (300_000, False), (-5_000, True)]
)
def test_active_means_pinged_within_the_time(silent_ms, active):
    assert is_active(begin(now_ms=10_000), now_ms=10_000 + silent_ms, alive_ms=ALIVE) is active


def test_a_visible_ping_adds_the_time_since_the_last_to_its_own_path():
    standing, counters = run([(10_000, Ping(A)), (25_500, Ping(B))])
    assert counters == {("/a", None): 10_000, ("/b", "tab"): 15_500}
    assert standing.visible_ms == 25_500
    assert standing.last_visible_path == ("/b", "tab")
    assert standing.last_ping_ms == standing.last_visible_ping_ms == 25_500


def test_an_invisible_ping_only_sets_last_ping():
    standing, counters = run([(10_000, Ping(A)), (20_000, Ping(B, visible=False))])
    assert counters == {("/a", None): 10_000}
    assert standing.last_ping_ms == 20_000
    assert standing.last_visible_ping_ms == 10_000
    assert standing.last_visible_path == ("/a",)


def test_after_an_invisible_ping_only_the_time_since_it_counts():
    _, counters = run([(10_000, Ping(A, visible=False)), (12_000, Ping(A))])
    assert counters == {("/a", None): 2_000}


def test_a_clock_set_back_counts_nothing_until_it_has_caught_up():
    standing, counters = run([(10_000, Ping(A)), (4_000, Ping(A)), (9_000, Ping(A)), (11_000, Ping(A))])
    assert counters == {("/a", None): 11_000}
    assert standing.last_ping_ms == 11_000


def test_a_claim_counts_what_it_says():
    standing, counters = run([(10_000, Ping(A, claim_ms=4_000)), (20_000, Ping(B, claim_ms=500))])
    assert counters == {("/a", None): 4_000, ("/b", "tab"): 500}
    assert standing.free_ms == 15_500


def test_a_claim_is_no_more_than_the_clock():
    _, counters = run([(10_000, Ping(A, claim_ms=3_600_000))])
    assert counters == {("/a", None): 10_000}


def test_two_pages_visible_at_once_share_the_clock():
    pings = [(at, Ping(p, claim_ms=10_000)) for at in range(10_000, 100_001, 10_000) for p in (A, B)]
    assert total(run(pings)[1]) == 100_000


def test_a_hidden_page_takes_nothing_from_a_visible_one():
    pings = [(5_000, Ping(B, visible=False, claim_ms=0)), (10_000, Ping(A, claim_ms=10_000))]
    assert run(pings)[1] == {("/a", None): 10_000}


def test_a_documented_hidden_page_takes_nothing_from_a_claim():
    assert run([(5_000, Ping(B, visible=False)), (10_000, Ping(A, claim_ms=10_000))])[1] == {
        ("/a", None): 10_000
    }


def test_a_claim_in_an_invisible_ping_is_ignored():
    assert run([(10_000, Ping(A, visible=False, claim_ms=10_000))])[1] == {}


def test_a_documented_ping_beside_claims_stays_under_the_clock():
    pings = [(10_000, Ping(A, claim_ms=10_000)), (15_000, Ping(B)), (20_000, Ping(A, claim_ms=10_000))]
    standing, counters = run(pings)
    assert counters == {("/a", None): 15_000, ("/b", "tab"): 5_000}
    assert standing.visible_ms == 20_000


def test_a_late_report_finds_its_time():
    late = [Ping(A, claim_ms=10_000, seq=n, client="x") for n in range(1, 25)]
    assert run([(241_000, sent) for sent in late])[1] == {("/a", None): 240_000}


def test_time_that_nobody_claimed_for_as_long_as_a_session_lives_is_gone():
    hidden = [(at, Ping(A, visible=False, claim_ms=0)) for at in range(60_000, 3_600_001, 60_000)]
    assert total(run([*hidden, (3_600_000, Ping(A, claim_ms=3_600_000))])[1]) == ALIVE


def test_a_claim_from_before_the_session_changes_nothing():
    assert run([(10_000, Ping(A, claim_ms=5_000, age_ms=10_001))]) == run([])


def test_only_the_part_of_a_claim_since_the_start_counts():
    assert run([(10_000, Ping(A, claim_ms=9_000, age_ms=7_000))])[1] == {("/a", None): 3_000}


@pytest.mark.parametrize("more", [{}, {"claim_ms": 0}, {"seq": 1}])
def test_a_visible_place_is_counted_from_its_first_ping_on(more):
    assert run([(0, Ping(A, **more))])[1] == {("/a", None): 0}


def test_the_same_number_twice_counts_once_and_changes_nothing():
    once = run([(10_000, Ping(A, seq=1)), (20_000, Ping(A, seq=2))])
    twice = run(
        [
            (10_000, Ping(A, seq=1)),
            (15_000, Ping(B, seq=1)),
            (20_000, Ping(A, seq=2)),
            (30_000, Ping(B, seq=2)),
        ]
    )
    assert once == twice


def test_a_duplicate_is_called_one():
    first = ping(begin(now_ms=0), Ping(A, seq=7), now_ms=1_000, alive_ms=ALIVE)
    second = ping(first.standing, Ping(A, seq=7), now_ms=2_000, alive_ms=ALIVE, memory=first.memory)
    assert (first.duplicate, second.duplicate) == (False, True)
    assert (second.standing, second.memory, second.credits) == (first.standing, first.memory, ())


def test_each_client_has_its_own_numbers():
    pings = [
        (10_000, Ping(A, seq=1, client="x", claim_ms=5_000)),
        (10_000, Ping(B, seq=1, client="y", claim_ms=5_000)),
    ]
    assert run(pings)[1] == {("/a", None): 5_000, ("/b", "tab"): 5_000}


def test_a_late_number_takes_its_place():
    """A client's n-th gap is its n-th number's: A has 10 s, then nobody 30 s, then B 5 s."""
    in_order = [(10_000, Ping(A, seq=1)), (40_000, Ping(A, visible=False, seq=2)), (45_000, Ping(B, seq=3))]
    shuffled = [(10_000, Ping(A, seq=1)), (40_000, Ping(B, seq=3)), (45_000, Ping(A, visible=False, seq=2))]
    assert run(in_order)[1] == {("/a", None): 10_000, ("/b", "tab"): 5_000}
    assert run(shuffled)[1] == run(in_order)[1]
    assert run(shuffled)[0].visible_ms == 15_000


def test_a_late_number_does_not_bring_back_an_old_path():
    standing, _ = run([(10_000, Ping(B, seq=2)), (11_000, Ping(A, seq=1))])
    assert standing.last_visible_path == ("/b", "tab")


@pytest.mark.parametrize(
    ("behind", "counts"), [(1, True), (WINDOW - 1, True), (WINDOW, False), (WINDOW + 100, False)]
)
def test_a_number_may_be_late_by_the_window(behind, counts):
    pings = [(1_000, Ping(A, seq=1_000, claim_ms=0)), (2_000, Ping(B, seq=1_000 - behind, claim_ms=1_000))]
    assert bool(total(run(pings)[1])) is counts


def test_a_memory_stays_small():
    pings = [(n * 1_000, Ping(A, seq=n)) for n in range(1, 500)]
    outcome, memory = None, None
    standing = begin(now_ms=0)
    for at, sent in pings:
        outcome = ping(standing, sent, now_ms=at, alive_ms=ALIVE, memory=memory)
        standing, memory = outcome.standing, outcome.memory
    assert memory is not None
    assert len(memory.slots) == WINDOW
    assert memory.seen < 2**WINDOW


def test_time_is_counted_on_the_day_of_its_ping():
    start = 20_000 * DAY_MS - 5_000
    outcome = ping(begin(now_ms=start), Ping(A), now_ms=start + 10_000, alive_ms=ALIVE)
    assert outcome.credits == (Credit("/a", None, 20_000, 10_000),)


def test_a_moved_gap_stays_on_the_day_it_was_counted():
    start = 20_000 * DAY_MS - 5_000
    first = ping(begin(now_ms=start), Ping(B, seq=2), now_ms=start + 4_000, alive_ms=ALIVE)
    second = ping(first.standing, Ping(A, seq=1), now_ms=start + 7_000, alive_ms=ALIVE, memory=first.memory)
    assert second.credits == (Credit("/a", None, 20_000, 4_000), Credit("/b", "tab", 19_999, -1_000))


def test_the_document_s_example_adds_up():
    counters = [
        Counter("/view/da7", "view-tab_edd", 3_000_000),
        Counter("/view/other-view", "other-tab", 50_000),
        Counter("/exploitation/pbehaviors", None, 700_000),
    ]
    assert visible_duration(counters) == 3750
    assert tab_duration(counters) == {
        "/view/da7": {"view-tab_edd": 3000},
        "/view/other-view": {"other-tab": 50},
        "/exploitation/pbehaviors": 700,
    }


@pytest.mark.parametrize(
    ("counters", "shape"),
    [
        ([], {}),
        ([("v", None, 2_000)], {"v": 2}),
        ([("v", "t", 2_000)], {"v": {"t": 2}}),
        ([("v", None, 2_000), ("v", "t", 3_000)], {"v": {"": 2, "t": 3}}),
        ([("v", "t", 3_000), ("v", "u", 1_000), ("w", None, 1_000)], {"v": {"t": 3, "u": 1}, "w": 1}),
        ([("v", None, 1_500), ("v", None, 1_500)], {"v": 3}),
        ([("v", None, 400)], {"v": 0}),
    ],
)
def test_the_shape_of_tab_duration(counters, shape):
    assert tab_duration([Counter(*counter) for counter in counters]) == shape


@pytest.mark.parametrize(
    ("millis", "seconds"),
    [
        ([999], [0]),
        ([999, 1], [1, 0]),
        ([600, 500], [1, 0]),
        ([1_600, 1_600, 1_600], [2, 1, 1]),
        ([333, 333, 333], [0, 0, 0]),
        ([500, 500, 500, 500], [1, 1, 0, 0]),
    ],
)
def test_missing_seconds_go_to_those_that_lost_most(millis, seconds):
    counters = [Counter(f"v{index}", None, ms) for index, ms in enumerate(millis)]
    assert list(whole_seconds(counters).values()) == seconds
