"""What holds of counting whatever comes, in whatever order, from however many clients."""

import hypothesis.strategies as st
from hypothesis import given, settings

from stoa.activity.model import Counter, Path, Ping
from stoa.activity.tally import WINDOW, add, begin, ping, tab_duration, visible_duration, whole_seconds

ALIVE = 300_000
PATHS = [Path(("/a",)), Path(("/a", "t")), Path(("/b", "t")), Path(("/b", "")), Path(("/c",))]


def paths():
    return st.sampled_from(PATHS)


def maybe(strategy):
    return st.none() | strategy


def pings(**fixed):
    fields = {
        "path": paths(),
        "visible": st.booleans(),
        "claim_ms": maybe(st.integers(0, 60_000)),
        "age_ms": st.just(0) | st.integers(0, 90_000),
        "seq": maybe(st.integers(0, 60)),
        "client": st.sampled_from(["", "x", "y"]),
    }
    return st.builds(Ping, **(fields | fixed))


def arrivals(sent=pings(), *, gaps=st.integers(-20_000, 60_000)):  # noqa: B008 - strategies are values
    """Pings, each with the time since the one before it; a negative one is a clock that was set back."""
    return st.lists(st.tuples(gaps, sent), max_size=40)


def play(stream, *, start=1_000_000):
    """Yields what is known after each ping: now, the standing, the counters."""
    now, standing, counters, memories = start, begin(now_ms=start), {}, {}
    for gap, sent in stream:
        now += gap
        outcome = ping(standing, sent, now_ms=now, alive_ms=ALIVE, memory=memories.get(sent.client))
        if sent.seq is not None:
            memories[sent.client] = outcome.memory
        standing, counters = outcome.standing, add(counters, outcome.credits)
        yield now, standing, counters


def end(stream):
    *_, last = (None, begin(now_ms=1_000_000), {}), *play(stream)
    return last[1], {place: ms for place, ms in last[2].items() if ms}


@given(arrivals())
def test_visible_is_always_the_sum_of_the_counters(stream):
    for _, standing, counters in play(stream):
        assert standing.visible_ms == sum(counters.values())


@given(arrivals())
def test_nothing_is_ever_above_the_clock(stream):
    latest = 1_000_000
    for now, standing, _ in play(stream):
        latest = max(latest, now)
        assert standing.last_ping_ms <= latest
        assert standing.visible_ms + standing.free_ms <= standing.last_ping_ms - standing.start_ms


@given(arrivals())
def test_no_counter_is_ever_below_zero(stream):
    for _, standing, counters in play(stream):
        assert all(ms >= 0 for ms in counters.values())
        assert standing.free_ms >= 0


@given(arrivals())
def test_a_session_s_time_never_runs_backwards(stream):
    before = begin(now_ms=1_000_000)
    for _, standing, _ in play(stream):
        assert standing.last_ping_ms >= before.last_ping_ms
        assert standing.last_visible_ping_ms >= before.last_visible_ping_ms
        before = standing


@given(arrivals(pings(claim_ms=st.none(), age_ms=st.just(0), seq=st.none()), gaps=st.integers(0, 60_000)))
def test_a_documented_client_gets_rule_4_to_the_letter(stream):
    expected: dict = {}
    for gap, sent in stream:
        if sent.visible and gap:
            place = (sent.path.view, sent.path.tab)
            expected[place] = expected.get(place, 0) + gap
    assert end(stream)[1] == expected


@given(arrivals(pings(age_ms=st.just(0), seq=st.integers(0, 20))), st.data())
def test_duplicates_count_once(stream, data):
    """Each repeated ping takes no time of its own: what follows comes when it would have come."""
    repeated = []
    for index, (gap, sent) in enumerate(stream):
        again = data.draw(st.integers(0, index - 1)) if index else None
        if again is not None:
            repeated.append((0, stream[again][1]))
        repeated.append((gap, sent))
    assert end(repeated) == end(stream)


@st.composite
def displaced(draw, sent):
    """One client's numbered pings, the same in another order, and the gaps between arrivals (the same for both)."""
    count = draw(st.integers(2, WINDOW))
    numbered = [draw(sent(seq=st.just(n), client=st.just("x"))) for n in range(count)]
    gaps = draw(st.lists(st.integers(0, 30_000), min_size=count, max_size=count))
    return gaps, numbered, draw(st.permutations(numbered))


@given(displaced(lambda **fixed: pings(claim_ms=st.none(), age_ms=st.just(0), **fixed)))
def test_numbers_out_of_order_give_equal_counters(case):
    gaps, numbered, shuffled = case
    assert end(zip(gaps, shuffled, strict=True))[1] == end(zip(gaps, numbered, strict=True))[1]


@st.composite
def honest(draw):
    """Spans that happened one after another, seen by several clients, each reported after it ended, in any order."""
    spans = draw(
        st.lists(
            st.tuples(st.integers(0, 9_000), st.sampled_from("xyz"), paths()), min_size=1, max_size=WINDOW
        )
    )
    reports = [Ping(path, claim_ms=ms, seq=n, client=client) for n, (ms, client, path) in enumerate(spans)]
    return sum(ms for ms, _, _ in spans), reports, draw(st.permutations(reports))


@given(honest())
def test_honest_claims_count_in_full_in_any_order(case):
    elapsed, reports, shuffled = case
    in_order = end([(elapsed, reports[0]), *((0, sent) for sent in reports[1:])])
    mixed = end([(elapsed, shuffled[0]), *((0, sent) for sent in shuffled[1:])])
    assert mixed[1] == in_order[1]
    assert mixed[0].visible_ms == elapsed


@given(honest(), st.integers(0, 5))
def test_honest_claims_sent_at_once_count_in_full(case, late_ms):
    _, reports, _ = case
    standing, _ = end([(sent.claim_ms + late_ms, sent) for sent in reports])
    assert standing.visible_ms == sum(sent.claim_ms for sent in reports)


@given(arrivals(pings(visible=st.just(False))))
def test_hidden_counts_nothing(stream):
    assert end(stream)[1] == {}


counters = st.lists(
    st.builds(
        Counter, view=st.sampled_from("abc"), tab=st.sampled_from([None, "t", "u"]), ms=st.integers(0, 10**8)
    ),
    max_size=12,
)


def flat(shape):
    return [
        value
        for inner in shape.values()
        for value in (inner.values() if isinstance(inner, dict) else [inner])
    ]


@given(counters)
def test_answered_seconds_add_up(counted):
    assert sum(flat(tab_duration(counted))) == visible_duration(counted)


@given(counters)
@settings(max_examples=200)
def test_answered_seconds_are_within_one_of_the_truth(counted):
    exact: dict = {}
    for counter in counted:
        exact[counter.view, counter.tab] = exact.get((counter.view, counter.tab), 0) + counter.ms
    for place, seconds in whole_seconds(counted).items():
        assert abs(seconds * 1000 - exact[place]) < 1000
