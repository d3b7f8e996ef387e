"""Films of recordings that nobody sent, decoded from their beginning to their end."""

import json
import resource
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tests.support.recorded import Film, camera, mic, recorded

from stoa.live.composing import DONE, FAILED, JOB, POSTER, VIDEO, WAVEFORM, film, layout
from stoa.live.composing.sight import Sight
from stoa.live.composing.synthetic import Sent
from stoa.live.composing.timeline import read

NAMES = {"ada": "Ada Lovelace", "bob": "Bob Ross"}


def composed(folder, names=NAMES, **how):
    timeline = read((folder / "manifest.jsonl").read_text().splitlines(), **how)
    told = []
    film.compose(folder, timeline, names, folder, told.append, lambda: None)
    assert told == sorted(told)
    assert not told or told[-1] == 1
    return Film(folder / VIDEO)


def inside(box):
    return box.left + 8, box.top + 8, box.width - 16, box.height - 16


def tiles(count, *, screen=False):
    return layout.arranged(count, 1280, 720, screen=screen)


def test_people_are_seen_while_they_are_there(tmp_path):
    sent = [camera(0, 0, 6000), camera(1, 2000, 4000)]
    made = composed(recorded(tmp_path, *sent))
    assert made.seconds == pytest.approx(6, abs=0.05)
    assert made.seen_seconds == pytest.approx(6, abs=0.05)
    (alone,), (left, right) = tiles(1), tiles(2)
    assert made.bright(1, *inside(alone)) > 60
    assert made.bright(3, *inside(left)) > 60
    assert made.bright(3, *inside(right)) > 60
    assert made.bright(5, *inside(alone)) > 60
    outside = (0, 0, 1280, 4)
    assert made.bright(3, *outside) < 30


def test_a_camera_that_is_off_is_a_dark_tile_with_a_name(tmp_path):
    made = composed(recorded(tmp_path, camera(0, 0, 6000), camera(1, 0, 2000), mic(1, 0, 6000)))
    _, right = tiles(2)
    assert made.bright(1, *inside(right)) > 60
    assert 30 < made.bright(4, *inside(right)) < 60
    assert made.at(4)[right.top : right.top + right.height, right.left : right.left + right.width].max() > 200


def test_who_speaks_is_marked(tmp_path):
    made = composed(recorded(tmp_path, camera(0, 0, 6000), camera(1, 0, 6000)))
    left, right = tiles(2)

    def mark(seconds, box):
        return made.bright(seconds, box.left, box.top - 4, box.width, 4)

    assert mark(2, left) > 120
    assert mark(2, right) < 60
    assert mark(5, right) > 120
    assert mark(5, left) < 60


def test_names_stand_under_the_tiles(tmp_path):
    made = composed(recorded(tmp_path, camera(0, 0, 3000), camera(1, 0, 3000), millis=3000), {"ada": "Ada"})
    left, right = tiles(2)

    def name(box):
        return made.at(2)[
            box.top + box.height + 4 : box.top + box.height + layout.BAR, box.left : box.left + box.width
        ]

    assert name(left).max() > 150
    assert name(right).max() < 60  # nobody knows who that is


def test_a_screen_is_large_beside_small_tiles(tmp_path):
    screen = Sent(0, "screen", 1000, 5000, 320, 180, 2)
    made = composed(recorded(tmp_path, camera(0, 0, 6000), camera(1, 0, 6000), screen))
    large, *small = tiles(2, screen=True)
    assert made.bright(3, *inside(large.fitted(16, 9))) > 150
    for box in small:
        assert 60 < made.bright(3, *inside(box)) < 150
    assert made.bright(0.5, *inside(tiles(2)[0])) > 60


def test_each_sound_is_heard_when_it_was_made(tmp_path):
    sent = [mic(0, 1500, 3000), mic(1, 4500, 6000)]
    made = composed(recorded(tmp_path, *sent))
    assert made.heard_seconds == pytest.approx(6, abs=0.05)
    assert made.loud(0, 1.4) < 0.001
    assert made.loud(1.6, 2.9) > 0.02
    assert made.loud(3.2, 4.4) < 0.001
    assert made.loud(4.7, 5.9) > 0.02
    first = np.flatnonzero(np.abs(made.sound) > 0.01)[0] / 48000
    assert first == pytest.approx(1.5, abs=0.12)
    peaks = json.loads((tmp_path / WAVEFORM).read_text())
    highs = peaks["data"][1::2]
    assert max(highs[:14]) <= 1
    assert max(highs[16:29]) > 5


def test_many_who_speak_at_once_are_not_cut_off(tmp_path):
    people = [f"p{number}" for number in range(8)]
    folder = recorded(tmp_path, *(mic(0, 0, 3000) for _ in people), people=people, millis=3000)
    made = composed(folder)
    assert np.abs(made.sound).max() <= 1.1
    assert np.mean(np.abs(made.sound) > 0.98) < 0.01
    assert made.loud(0.5, 2.5) > 0.1


def test_an_empty_room_is_black_and_silent_for_its_time(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "manifest.jsonl").write_text('{"event":"started","at":0}\n{"event":"stopped","at":7300}\n')
    made = composed(folder)
    assert made.seconds == pytest.approx(7.3, abs=0.05)
    assert made.seen_seconds == pytest.approx(7.3, abs=0.05)
    assert made.loud(0, 7) == 0
    assert max(picture.max() for _, picture in made.pictures) <= 130
    assert len(made.pictures) < 12  # what stands still costs nothing
    assert Image.open(folder / POSTER).size == (1280, 720)


@pytest.mark.parametrize("millis", [0, 30, 1010])
def test_the_shortest_recordings_can_be_watched(tmp_path, millis):
    lines = [{"event": "started", "at": 0}, {"event": "stopped", "at": millis}]
    (tmp_path / "manifest.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    made = composed(tmp_path)
    assert made.seconds == pytest.approx(max(millis, 200) / 1000, abs=0.05)
    assert made.seen_seconds == pytest.approx(made.seconds, abs=0.05)


def test_parts_with_a_gap_have_their_length(tmp_path):
    made = composed(
        recorded(tmp_path, camera(0, 0, 2000), camera(0, 5000, 8000), mic(0, 5000, 8000), millis=8000)
    )
    assert made.seconds == pytest.approx(8, abs=0.05)
    (box,) = tiles(1)
    assert made.bright(1, *inside(box)) > 60
    assert made.bright(3.5, *inside(box)) < 60
    assert made.bright(6, *inside(box)) > 60


@pytest.mark.parametrize(
    "harm", ["cut", *(pytest.param(harm, marks=pytest.mark.long) for harm in ("garbage", "empty"))]
)
def test_tracks_that_are_harmed_are_watched_as_far_as_they_go(tmp_path, harm):
    folder = recorded(tmp_path)
    for path in sorted(folder.glob("*.webm")):
        data = bytearray(path.read_bytes())
        if harm == "cut":
            data = data[: len(data) * 2 // 3]
        elif harm == "garbage":
            data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
        elif path.name.startswith("0001"):
            data = bytearray()
        path.write_bytes(data)
    made = composed(folder)
    assert made.seconds == pytest.approx(6, abs=0.05)
    assert made.bright(1, *inside(tiles(2)[1])) > 60
    assert made.loud(0.5, 1.5) > 0.01 or harm == "empty"


@pytest.mark.long
def test_twenty_people_are_sixteen_tiles(tmp_path):
    people = [f"p{number}" for number in range(20)]
    sent = [camera(number, 0, 2000, width=64, height=48, rate=5) for number in range(20)]
    made = composed(recorded(tmp_path, *sent, people=people, millis=2000))
    seen = [made.bright(1.5, *inside(box.fitted(4, 3))) > 50 for box in tiles(16)]
    assert all(seen)


def test_who_is_shown_late_is_decoded_with_signs_of_life(tmp_path):
    """The seventeenth who speaks for the first time after hours: all that they sent until then is decoded in one go."""
    folder = recorded(tmp_path, camera(0, 0, 9000), millis=9000)
    (track,) = read((folder / "manifest.jsonl").read_text().splitlines()).tracks
    signs = []
    (picture,) = Sight(folder, track, lambda: signs.append(1)).pictures(
        [8000], layout.Box(0, 0, 160, 90), anew=True
    )
    assert picture is not None
    assert len(signs) > 50


def test_it_can_be_sought_in(tmp_path):
    import av

    composed(recorded(tmp_path, camera(0, 0, 9000), millis=9000))
    with av.open(str(tmp_path / VIDEO)) as container:
        stream = container.streams.video[0]
        keys = [
            float(packet.pts * packet.time_base) for packet in container.demux(stream) if packet.is_keyframe
        ]
        assert len(keys) >= 4
        container.seek(int(5 / stream.time_base), stream=stream)
        assert next(container.decode(stream)).time == pytest.approx(5, abs=2.1)


def test_a_picture_that_claims_to_be_huge_is_not_decoded(tmp_path):
    folder = recorded(tmp_path, camera(0, 0, 3000), camera(1, 0, 3000), millis=3000)
    path = folder / "0001-camera.webm"
    data = path.read_bytes()
    start, size = b"\x9d\x01\x2a", (160).to_bytes(2, "little") + (90).to_bytes(2, "little")
    assert start + size in data
    path.write_bytes(data.replace(start + size, start + (16383).to_bytes(2, "little") * 2))
    made = composed(folder)
    left, right = tiles(2)
    assert made.bright(2, *inside(left)) < 60 < made.bright(2, *inside(right))


def run(work, tracks, *, most=resource.RLIM_INFINITY):
    """The composing process over those tracks, with files of at most so many bytes."""
    work.mkdir(exist_ok=True)
    (work / JOB).write_text(json.dumps({"tracks": str(tracks), "ended": None, "people": {}}))
    return subprocess.run(
        [sys.executable, "-m", "stoa.live.composing", str(work)], check=False, timeout=120, capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY)),
    )  # fmt: skip


def test_a_full_disk_is_told_and_it_is_made_when_there_is_room(tmp_path):
    tracks, work = recorded(tmp_path / "tracks"), tmp_path / "work"
    assert run(work, tracks, most=30_000).returncode
    assert json.loads((work / FAILED).read_text()) == {"reason": "File too large", "again": True}
    assert not (work / DONE).exists()
    done = run(work, tracks)
    assert done.returncode == 0, done.stderr
    assert (work / DONE).exists()
    assert not (work / FAILED).exists()
    assert Film(work / VIDEO).seconds == pytest.approx(6, abs=0.1)
    made = (work / VIDEO).stat().st_mtime_ns
    assert run(work, tracks).returncode == 0
    assert (work / VIDEO).stat().st_mtime_ns == made
