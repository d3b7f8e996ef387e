"""A session's place in time is a function of its anchor and the clock."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.trading import playback
from stoa.trading.errors import TradingInvalidError, TransitionRefusedError, UnconfirmedError
from stoa.trading.model import Action, Command, CommandKind, Speed, Status

T0 = datetime(2026, 1, 5, tzinfo=UTC)
LAST = 1000


def after(seconds):
    return T0 + timedelta(seconds=seconds)


def draft(speed=Speed.ONE, last=LAST):
    return playback.new_anchor(T0, speed=speed, last_bar=last)


def running(speed=Speed.ONE, last=LAST):
    return playback.act(draft(speed, last), Action.START, T0)


def test_a_draft_has_seen_nothing_and_a_start_the_first_bar():
    assert playback.position_at(draft(), after(99)) == -1
    assert playback.position_at(running(), T0) == 0


@pytest.mark.parametrize(
    ("speed", "bars"),
    [("0.5x", 5), ("1x", 10), ("2x", 20), ("3x", 30), ("5x", 50), ("10x", 100), ("15x", 150)],
)
def test_one_x_is_a_bar_a_second_and_the_others_multiply(speed, bars):
    assert playback.position_at(running(Speed(speed)), after(10)) == bars
    assert playback.position_at(running(Speed(speed)), after(9.999)) == bars - 1


@given(speed=st.sampled_from(Speed), bar=st.integers(1, LAST))
def test_time_of_is_the_moment_at_which_a_bar_completes(speed, bar):
    anchor = running(speed)
    at = playback.time_of(anchor, bar)
    assert playback.position_at(anchor, at) == bar
    assert playback.position_at(anchor, at - timedelta(milliseconds=1)) == bar - 1


def test_it_completes_at_its_last_bar_whoever_looks():
    anchor = running(last=10)
    assert playback.status_at(anchor, after(9.999)) is Status.RUNNING
    assert playback.completes_at(anchor) == after(10)
    assert playback.status_at(anchor, after(10)) is Status.COMPLETED
    settled = playback.settle(anchor, after(99999))
    assert (settled.status, settled.bar, settled.at) == (Status.COMPLETED, 10, after(10))
    assert playback.settle(anchor, after(5)) is anchor
    assert playback.position_at(anchor, after(99999)) == 10


def test_a_pause_stands_still():
    paused = playback.act(running(), Action.PAUSE, after(10.7))
    assert (paused.status, playback.position_at(paused, after(500))) == (Status.PAUSED, 10)
    assert playback.time_of(paused, 20) is None
    resumed = playback.act(paused, Action.RESUME, after(500))
    assert playback.position_at(resumed, after(503)) == 13


@pytest.mark.parametrize("action", [Action.PAUSE, Action.STOP])
def test_what_is_complete_by_now_can_not_be_paused_or_stopped(action):
    with pytest.raises(TransitionRefusedError):
        playback.act(running(last=10), action, after(10))


def test_stop_and_archive():
    stopped = playback.act(running(), Action.STOP, after(7))
    assert (stopped.status, stopped.bar) == (Status.COMPLETED, 7)
    assert playback.act(stopped, Action.ARCHIVE, after(8)).status is Status.ARCHIVED


@given(
    seconds=st.lists(st.integers(1, 3000), min_size=1, max_size=30),
    speeds=st.lists(st.sampled_from(Speed), min_size=30, max_size=30),
)
def test_changing_the_speed_loses_and_jumps_nothing(seconds, speeds):
    """However often: the place differs by less than a bar from the exact sum."""
    anchor, now, exact = running(Speed.ONE, last=10**9), T0, 0
    for millis, speed in zip(seconds, speeds, strict=False):
        now += timedelta(milliseconds=millis)
        exact += millis * anchor.speed.bars_in_two_seconds
        before = playback.position_at(anchor, now)
        anchor = playback.change_speed(anchor, speed, now)
        assert playback.position_at(anchor, now) == before
    assert -1 < exact / 2000 - playback.position_at(anchor, now) < 1 + 0.015 * len(seconds)


def test_the_speed_of_what_stands_can_be_changed():
    assert playback.change_speed(draft(), Speed.TEN, after(3)).speed is Speed.TEN
    paused = playback.act(running(), Action.PAUSE, after(3))
    assert playback.change_speed(paused, Speed.TEN, after(9)).bar == 3


def test_stepping():
    stepped = playback.advance(draft(), 0, T0)
    assert (stepped.status, stepped.bar) == (Status.PAUSED, 0)
    further = playback.advance(stepped, 25, after(1))
    assert (further.status, further.bar) == (Status.PAUSED, 25)
    end = playback.advance(further, 10**6, after(2))
    assert (end.status, end.bar) == (Status.COMPLETED, LAST)
    with pytest.raises(TradingInvalidError, match="to"):
        playback.advance(further, 24, after(2))
    with pytest.raises(TransitionRefusedError):
        playback.advance(running(), 5, after(1))


def test_going_back():
    anchor = running()
    with pytest.raises(UnconfirmedError):
        playback.seek(anchor, 5, after(10), confirmed=False)
    back = playback.seek(anchor, 5, after(10), confirmed=True)
    assert (back.status, playback.position_at(back, after(12))) == (Status.RUNNING, 7)
    for bar in (-1, 11):
        with pytest.raises(TradingInvalidError, match="to"):
            playback.seek(anchor, bar, after(10), confirmed=True)
    with pytest.raises(TransitionRefusedError):
        playback.seek(draft(), 0, after(10), confirmed=True)


def test_a_completed_session_goes_back_to_paused():
    back = playback.seek(running(last=10), 4, after(60), confirmed=True)
    assert (back.status, back.bar) == (Status.PAUSED, 4)


def test_a_fork_is_paused_where_it_was_taken():
    copy = playback.fork(running(), 5, after(10))
    assert (copy.status, copy.bar, copy.last_bar) == (Status.PAUSED, 5, LAST)
    with pytest.raises(TradingInvalidError, match="at"):
        playback.fork(running(), 11, after(10))


def test_going_back_keeps_what_was_done_until_then_but_no_end():
    given_at = [Command(CommandKind.CLOSE, bar, 1) for bar in (1, 4, 5)] + [playback.closing(5)]
    assert [command.bar for command in playback.kept(given_at, 4)] == [1, 4]
    assert [command.kind for command in playback.kept(given_at, 5)] == [CommandKind.CLOSE] * 3


def test_another_end():
    assert playback.change_end(running(), 50, after(10)).last_bar == 50
    with pytest.raises(TradingInvalidError, match="end_ts"):
        playback.change_end(running(), 9, after(10))


@pytest.mark.parametrize("anchor", [running(), playback.act(running(), Action.PAUSE, after(10))])
def test_an_end_that_is_reached_completes(anchor):
    ended = playback.change_end(anchor, 10, after(10))
    assert (ended.status, ended.bar, ended.last_bar) == (Status.COMPLETED, 10, 10)
    with pytest.raises(TradingInvalidError, match="over"):
        playback.change_end(ended, 50, after(10))


HOURS = np.arange(10) * 3600


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (0, None, (0, 10)),
        (0, 36000, (0, 10)),
        (3600, 7200, (1, 2)),
        (3601, 14399, (2, 4)),
        (32400, None, (9, 10)),
    ],
)
def test_a_span_is_the_candles_that_start_in_it(start, end, found):
    span = playback.span_of(HOURS, at(start), None if end is None else at(end))
    assert (span.start, span.stop) == found


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [(-1, None, "start_ts"), (32401, None, "start_ts"), (3600, 3600, "end_ts"), (7200, 0, "end_ts")],
)
def test_a_span_outside_the_data_names_the_field(start, end, field):
    with pytest.raises(TradingInvalidError) as error:
        playback.span_of(HOURS, at(start), None if end is None else at(end))
    assert [fault.field for fault in error.value.faults] == [field]


@pytest.mark.parametrize(("to", "bar"), [(0, -1), (3599, -1), (3600, 0), (7199, 0), (36000, 9), (10**9, 9)])
def test_a_moments_bar_is_the_last_one_complete(to, bar):
    assert playback.bar_at(HOURS, at(to), 3600) == bar
