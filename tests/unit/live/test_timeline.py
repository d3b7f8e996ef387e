import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.live.composing import layout
from stoa.live.composing.timeline import Span, UnreadableError, is_open, read, scenes

BEGAN = 1_800_000_000_000


def at(moment, event, **more):
    return json.dumps({"event": event, "at": BEGAN + moment, **more})


def track(name, who, source="camera", millis=0):
    kind = "audio" if source == "mic" else "video"
    return at(
        millis, "track", track=name, participant=who, source=source, kind=kind, codec="x", file=f"{name}.webm"
    )


def segments(name, began, ended, *, media=0, late=lambda _number: 0):
    return [
        at(began + number * 1000 + late(number), "segment", track=name, media=media + number * 1000, millis=950, offset=0, bytes=1)
        for number in range((ended - began) // 1000)
    ]  # fmt: skip


START, STOP = at(0, "started"), at(10_000, "stopped")


def test_a_track_is_seen_when_it_came():
    found = read([START, track("a", "ada"), *segments("a", 2000, 6000), STOP])
    assert found.millis == 10_000
    assert found.tracks[0].spans == (Span(2000, 6050),)
    assert found.tracks[0].film_time(500) == 2500


def test_segments_that_come_late_move_nothing():
    late = {2: 400, 5: 110, 6: 250}
    found = read([
        START, track("a", "ada"), *segments("a", 0, 10_000, late=lambda number: late.get(number, 20)), STOP,
    ])  # fmt: skip
    assert found.tracks[0].anchors == ((0, 20),)


def test_a_clock_that_jumps_is_followed():
    lines = [*segments("a", 0, 5000), *segments("a", 7000, 10_000, media=5000)]
    found = read([START, track("a", "ada"), *lines, STOP])
    assert found.tracks[0].film_time(4500) == 4500
    assert found.tracks[0].film_time(5500) == 7500
    assert found.tracks[0].spans == (Span(0, 5050), Span(7000, 10_050))


@pytest.mark.parametrize(
    ("lines", "ended", "millis"),
    [
        ([START, STOP], None, 10_000),
        ([START, STOP], 99_000, 10_000),
        ([START], 7_000, 7_000),
        ([START], None, 0),
        ([START, STOP, at(12_000, "started"), at(15_000, "stopped")], None, 15_000),
        ([START, track("a", "ada"), *segments("a", 0, 5000)], None, 4950),
        ([START, track("a", "ada"), *segments("a", 0, 5000)], 5_500, 5_500),
    ],
    ids=["stopped", "stopped before it was known", "died", "died at once", "two parts", "died with tracks", "died and ended"],
)  # fmt: skip
def test_how_long_it_is(lines, ended, millis):
    assert read(lines, ended=None if ended is None else BEGAN + ended).millis == millis


def test_lines_that_make_no_sense_are_passed_over():
    assert read([START, '{"event":"segm', "[]", "7", '{"at": 1}', STOP]).millis == 10_000
    with pytest.raises(UnreadableError):
        read(["", STOP])


@pytest.mark.parametrize(
    ("lines", "open_"), [([START], True), ([START, STOP], False), ([START, STOP, START], True), ([], False)]
)
def test_whether_it_was_stopped(lines, open_):
    assert is_open(lines) is open_


def test_who_is_in_keeps_a_tile_while_nothing_comes_of_them():
    lines = [
        START,
        track("a", "ada"),
        *segments("a", 0, 3000),
        track("b", "bob", "mic"),
        *segments("b", 1000, 2000),
        STOP,
    ]
    people = {"ada": [(BEGAN, BEGAN + 8000)], "bob": [(BEGAN + 500, None)], "cleo": [(BEGAN, None)]}
    found = read(lines, people=people)
    assert found.present == {"ada": (Span(0, 8000),), "bob": (Span(500, 10_000),)}
    seen = [
        (s.began, s.ended, [(t.participant, t.track is not None) for t in s.people])
        for s in scenes(found, most=9)
    ]
    assert seen == [
        (0, 500, [("ada", True)]),
        (500, 3050, [("ada", True), ("bob", False)]),
        (3050, 8000, [("ada", False), ("bob", False)]),
        (8000, 10_000, [("bob", False)]),
    ]


def test_a_crash_of_some_seconds_takes_no_tile_away():
    lines = [
        START, track("a", "ada"), *segments("a", 0, 3000), at(5000, "started"), track("b", "ada"),
        *segments("b", 6000, 9000), STOP,
    ]  # fmt: skip
    assert read(lines).present == {"ada": (Span(0, 9050),)}


def test_scenes_follow_speakers_and_screens():
    lines = [
        START, track("a", "ada"), *segments("a", 0, 10_000), track("s", "ada", "screen"), *segments("s", 4000, 6000),
        at(2000, "speaker", participant="ada"), at(8000, "speaker", participant=None), STOP,
    ]  # fmt: skip
    made = [(s.began, s.ended, s.screen is not None, s.speaker) for s in scenes(read(lines), most=9)]
    assert made == [
        (0, 2000, False, None), (2000, 4000, False, "ada"), (4000, 6050, True, "ada"), (6050, 8000, False, "ada"),
        (8000, 10_000, False, None),
    ]  # fmt: skip


def test_of_too_many_those_are_seen_who_speak():
    lines = [START]
    for number in range(6):
        lines += [track(f"t{number}", f"p{number}"), *segments(f"t{number}", 0, 10_000)]
    lines += [at(0, "speaker", participant="p5"), at(3000, "speaker", participant="p4"), STOP]
    (first, second) = scenes(read(lines), most=3)
    assert [tile.participant for tile in first.people] == ["p0", "p4", "p5"]
    assert [tile.participant for tile in second.people] == ["p0", "p4", "p5"]
    assert (first.speaker, second.speaker) == ("p5", "p4")


@given(st.integers(0, 16), st.booleans())
def test_tiles_stand_side_by_side_on_the_canvas(people, screen):
    boxes = layout.arranged(people, 1280, 720, screen=screen)
    assert len(boxes) == people + screen
    for box in boxes:
        assert not any(number % 2 for number in (box.left, box.top, box.width, box.height))
        assert min(box.width, box.height) >= 32
        assert box.left >= 4 and box.top >= 4
        assert box.left + box.width + 4 <= 1280 and box.top + box.height + layout.BAR <= 720
    for one, other in itertools.combinations(boxes, 2):
        beside = one.left + one.width + 8 <= other.left or other.left + other.width + 8 <= one.left
        low = min(one, other, key=lambda box: box.top)
        assert beside or low.top + low.height + layout.BAR + 4 <= max(one.top, other.top)


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_a_picture_keeps_its_shape(width, height):
    box = layout.Box(100, 50, 640, 360)
    fitted = box.fitted(width, height)
    assert fitted.left >= 100 and fitted.left + fitted.width <= 740
    assert fitted.top >= 50 and fitted.top + fitted.height <= 410
    assert fitted.width >= 2 and fitted.height >= 2
