"""How somebody was in a class: held when, there how long, late by what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stoa.live.model import LiveSession, Participant, Role, Status
from stoa.live.rules import class_attended, class_span

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SESSION = LiveSession("id", "algebra", "room", Status.LIVE, NOW, None, "ines", True, None, NOW, NOW)


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def was(user, joined, left=None):
    return Participant(
        f"{user}{joined}{left}", "id", user, Role.STUDENT, None if joined is None else at(joined),
        None if left is None else at(left), False, True, True, NOW, NOW,
    )  # fmt: skip


def attended(*people, user="lea", ends=60, now=90):
    session = replace(SESSION, ends_at=None if ends is None else at(ends))
    return class_attended(session, people, user, now=at(now))


def minutes(one):
    return (one.length // 60, one.present // 60, None if one.late is None else one.late // 60)


def test_from_its_start_to_its_end():
    assert minutes(attended(was("ines", -5, 60), was("lea", 10, 40))) == (60, 30, 10)


def test_before_and_after_the_class_do_not_count_and_nobody_is_late_who_was_early():
    assert minutes(attended(was("ines", -5, 70), was("lea", -4, 70))) == (60, 60, 0)


def test_nobody_is_late_in_a_class_that_begins_late():
    assert minutes(attended(was("ines", 20, 60), was("lea", 20, 60))) == (40, 40, 0)


def test_a_class_to_which_nobody_came_was_not_held():
    one = attended()
    assert (one.length, one.present, one.share, one.late, one.intervals) == (None, 0, None, None, ())
    assert attended(was("lea", None)).length is None, "a place that nobody took"


def test_who_did_not_come_was_not_there():
    one = attended(was("ines", 0, 60))
    assert (one.present, one.share, one.late) == (0, 0.0, None)


def test_a_class_that_goes_on_is_as_long_as_until_now():
    assert minutes(attended(was("ines", 0), was("lea", 30), ends=None, now=45)) == (45, 15, 30)
    assert minutes(attended(was("ines", 0, 20), ends=None, now=45)) == (20, 0, None), "all have left"


def test_a_class_held_before_its_time():
    assert minutes(attended(was("ines", -60, -30), was("lea", -50, -40), ends=-30)) == (30, 10, 10)


spans = st.tuples(st.integers(-120, 180), st.integers(0, 180)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(spans, max_size=6), st.lists(spans, max_size=3), st.integers(-60, 180) | st.none())
def test_present_is_the_minutes_of_the_class_in_which_they_were_there(mine, others, ends):
    people = [was("lea", *each) for each in mine] + [was("tom", *each) for each in others]
    session = replace(SESSION, ends_at=None if ends is None else at(ends))
    one = class_attended(session, people, "lea", now=at(400))
    held = class_span(session, people, now=at(400))
    if held is None:
        assert not people
        return
    begin, end = ((moment - NOW) // timedelta(minutes=1) for moment in held)
    there = {minute for joined, left in mine for minute in range(joined, left)}
    assert one.present == 60 * len(there & set(range(begin, end)))
    assert 0 <= one.present <= one.length == 60 * (end - begin)
    assert 0 <= one.share <= 1
    assert (one.late is None) == (not mine)
    assert one == class_attended(session, [*reversed(people)], "lea", now=at(400)) or len(mine) > 1
