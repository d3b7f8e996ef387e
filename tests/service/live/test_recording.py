"""What a recorded call leaves on disk, read back with PyAV."""

import asyncio
import itertools
import json
import os
import resource
import signal
import subprocess

import av
import pytest
from tests.support.callers import Hall, Stage, eventually
from tests.support.recorded import Film

from stoa.live.composing import VIDEO, film, layout
from stoa.live.composing.timeline import read
from stoa.live.media import messages as m

pytestmark = pytest.mark.anyio


def lines(folder):
    """The manifest, without a last line that was cut off."""
    text = (folder / "manifest.jsonl").read_text()
    return [json.loads(line) for line in text.split("\n")[:-1]]


def of(folder, event, **about):
    return [
        line
        for line in lines(folder)
        if line["event"] == event and all(line[key] == about[key] for key in about)
    ]


def frames(path):
    with av.open(str(path)) as container:
        return list(container.decode(container.streams[0]))


def segments(folder):
    return lambda: (folder / "manifest.jsonl").exists() and len(of(folder, "segment"))


async def test_each_track_is_written_as_it_comes(hall, tmp_path):
    await hall.caller("ada")
    await hall.controller.start_recording(hall.room, tmp_path)
    await hall.caller("bob")
    await eventually(lambda: segments(tmp_path)() >= 8)
    await hall.controller.stop_recording(hall.room)
    await eventually(lambda: of(tmp_path, "stopped"))
    tracks = of(tmp_path, "track")
    assert sorted((each["participant"], each["source"]) for each in tracks) == [
        ("ada", "camera"), ("ada", "mic"), ("bob", "camera"), ("bob", "mic"),
    ]  # fmt: skip
    for track in tracks:
        decoded = frames(tmp_path / track["file"])
        told = of(tmp_path, "segment", track=track["track"])
        length = (told[-1]["media"] + told[-1]["millis"]) / 1000
        assert decoded[-1].time == pytest.approx(length, abs=0.03)
        rate = {"mic": 50, "camera": 20}[track["source"]]
        assert len(decoded) == pytest.approx(length * rate, rel=0.4, abs=5)
        assert (
            sum(each["bytes"] for each in told) + told[0]["offset"]
            == (tmp_path / track["file"]).stat().st_size
        )


async def test_segments_are_short_and_follow_the_wall_clock(hall, tmp_path):
    await hall.controller.start_recording(hall.room, tmp_path)
    await hall.caller("ada")
    await eventually(lambda: segments(tmp_path)() >= 8)
    for track in of(tmp_path, "track"):
        told = of(tmp_path, "segment", track=track["track"])
        for before, after in itertools.pairwise(told):
            assert before["millis"] <= 2000
            assert after["offset"] == before["offset"] + before["bytes"]
            # What arrives late on a busy machine does not shift what follows.
            assert after["at"] - told[0]["at"] == pytest.approx(after["media"] - told[0]["media"], abs=1500)
    await hall.controller.stop_recording(hall.room)


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.long)])
async def test_a_worker_that_is_killed_loses_two_seconds_at_most_and_goes_on(tmp_path, anyio_backend, times):
    stage = Stage(tmp_path / "run")
    hall = Hall(stage, "r")
    folder = tmp_path / "recording"
    try:
        await hall.controller.open_room("r")
        await hall.caller("ada")
        await hall.controller.start_recording("r", folder)
        began = asyncio.get_running_loop().time()
        for round_ in range(times):
            await eventually(lambda: len(of(folder, "segment")) >= 3 * (round_ + 1))  # noqa: B023
            await asyncio.sleep(0.5)
            os.kill(int((tmp_path / "run/media-0.sock.lock").read_text()), signal.SIGKILL)
            loop = asyncio.get_running_loop()
            killed = loop.time()
            await eventually(lambda: len(hall.of(m.RoomLost)) == round_ + 1)  # noqa: B023
            await hall.callers["r", "ada"].close()
            await hall.caller("ada")
            await eventually(lambda: len(of(folder, "started")) == round_ + 2)  # noqa: B023
            told = [line["at"] + line["millis"] for line in of(folder, "segment")]
            lost = of(folder, "started")[-1]["at"] - max(told)
            assert lost <= 2000 + (loop.time() - killed) * 1000
        await eventually(lambda: len(of(folder, "track")) == 2 * (times + 1))
        await eventually(lambda: len(of(folder, "segment")) >= 3 * (times + 1))
        took = asyncio.get_running_loop().time() - began
        await hall.controller.stop_recording("r")
        await eventually(lambda: of(folder, "stopped"))
        for track in of(folder, "track"):
            assert frames(folder / track["file"])
        check_film(folder, took, times)
    finally:
        await stage.close()


def check_film(folder, seconds, kills):
    """It plays from end to end, is as long as it took, and shows what came before, between and after the kills."""
    timeline = read((folder / "manifest.jsonl").read_text().splitlines())
    film.compose(folder, timeline, {}, folder, lambda _: None, lambda: None)
    made = Film(folder / VIDEO)
    assert made.seconds == pytest.approx(seconds, abs=min(2 * kills, 4))
    assert made.seen_seconds == pytest.approx(made.seconds, abs=0.1)
    assert made.heard_seconds == pytest.approx(made.seconds, abs=0.1)
    for track in timeline.tracks:
        if track.kind == "video":
            (box,) = layout.arranged(1, 1280, 720, screen=False)
            middle = (track.began + track.ended) / 2000
            inside = box.fitted(4, 3)
            pictures = [made.at(middle + step / 3) for step in range(-3, 4)]
            seen = {int(each[inside.top + 20, inside.left + 20]) for each in pictures}
            assert len(seen) > 1  # it moves


async def test_what_is_muted_leaves_a_gap_of_its_length(hall, tmp_path):
    await hall.caller("ada")
    await hall.controller.start_recording(hall.room, tmp_path)
    await eventually(lambda: segments(tmp_path)() >= 2)
    await hall.controller.permit(hall.room, "ada", mic=False, camera=False)
    muted = asyncio.get_running_loop().time()
    await asyncio.sleep(1.5)
    await hall.controller.permit(hall.room, "ada", mic=True, camera=True)
    gap = asyncio.get_running_loop().time() - muted
    count = segments(tmp_path)()
    await eventually(lambda: segments(tmp_path)() >= count + 4)
    await hall.controller.stop_recording(hall.room)
    await eventually(lambda: of(tmp_path, "stopped"))
    for track in of(tmp_path, "track"):
        times = [frame.time for frame in frames(tmp_path / track["file"])]
        steps = [after - before for before, after in itertools.pairwise(times)]
        assert gap - 0.5 < max(steps) < gap + 3


async def test_recording_twice_is_refused(hall, tmp_path):
    await hall.controller.start_recording(hall.room, tmp_path)
    with pytest.raises(m.RefusedError, match="is being recorded"):
        await hall.controller.start_recording(hall.room, tmp_path)
    await hall.controller.stop_recording(hall.room)
    with pytest.raises(m.RefusedError, match="not being recorded"):
        await hall.controller.stop_recording(hall.room)
    assert lines(tmp_path)[0]["event"] == "started"


async def test_an_empty_room_records_its_length(hall, tmp_path):
    await hall.controller.start_recording(hall.room, tmp_path)
    await asyncio.sleep(0.3)
    await hall.controller.stop_recording(hall.room)
    await eventually(lambda: of(tmp_path, "stopped"))
    assert of(tmp_path, "stopped")[0]["at"] - of(tmp_path, "started")[0]["at"] >= 300


async def test_a_folder_that_can_not_be_is_refused(hall, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(m.RefusedError, match="can not be written"):
        await hall.controller.start_recording(hall.room, tmp_path / "file" / "folder")


async def test_a_full_disk_is_told_and_the_call_goes_on(hall, tmp_path):
    """/dev/full refuses every write, as a full disk does."""
    (tmp_path / "manifest.jsonl").symlink_to("/dev/full")
    await hall.caller("ada")
    bob = await hall.caller("bob", publish=False)
    await hall.controller.start_recording(hall.room, tmp_path)
    await eventually(lambda: hall.of(m.RecordingFailed))
    assert "No space left" in hall.of(m.RecordingFailed)[0].reason
    seen = sum(bob.seen.values())
    await eventually(lambda: sum(bob.seen.values()) > seen + 5)
    await hall.controller.stop_recording(hall.room)


class Room:
    """A folder whose disk has no room for more, until it is given some."""

    def __init__(self, kind, folder, pid):
        self.kind, self.folder, self.pid = kind, folder, pid
        folder.mkdir()
        if kind == "limit":
            self._limit(6_000)
        else:
            self._mount("size=24k")

    def give(self):
        if self.kind == "limit":
            self._limit(resource.RLIM_INFINITY)
        else:
            self._mount("remount,size=64m")

    def close(self):
        if self.kind == "limit":
            self._limit(resource.RLIM_INFINITY)
        else:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _limit(self, most):
        """The kernel refuses the worker's files what is beyond."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def _mount(self, options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be made here: {done.stderr.strip()}")


@pytest.fixture(params=["limit", pytest.param("disk", marks=pytest.mark.long)])
def room(request, tmp_path, stage):
    room = Room(request.param, tmp_path / "small", int(stage.lock.read_text()))
    yield room
    room.close()


async def test_a_recording_goes_on_when_a_full_disk_has_room_again(hall, room):
    folder = room.folder / "recording"
    await hall.caller("ada")
    bob = await hall.caller("bob", publish=False)
    await hall.controller.start_recording(hall.room, folder)
    await eventually(lambda: hall.of(m.RecordingFailed))
    kept = len(of(folder, "segment"))
    seen = sum(bob.seen.values())
    await eventually(lambda: sum(bob.seen.values()) > seen + 20)  # the call goes on
    room.give()
    given = max(line["at"] for line in lines(folder))
    video = [each["track"] for each in of(folder, "track", kind="video")]
    assert kept
    await eventually(
        lambda: (
            len([each for each in of(folder, "segment") if each["at"] > given and each["track"] in video])
            >= 2
        ),
    )
    await hall.controller.stop_recording(hall.room)
    await eventually(lambda: of(folder, "stopped"))
    for track in of(folder, "track"):
        told = of(folder, "segment", track=track["track"])
        assert (
            sum(each["bytes"] for each in told) + told[0]["offset"] == (folder / track["file"]).stat().st_size
        )
        assert frames(folder / track["file"])[-1].time == pytest.approx(
            (told[-1]["media"] + told[-1]["millis"]) / 1000, abs=0.05
        )


async def test_half_a_line_of_one_that_was_killed_takes_no_other_with_it(hall, tmp_path):
    (tmp_path / "manifest.jsonl").write_text('{"event":"started","at":1}\n{"event":"segm')
    await hall.controller.start_recording(hall.room, tmp_path)
    await hall.controller.stop_recording(hall.room)
    await eventually(lambda: '"stopped"' in (tmp_path / "manifest.jsonl").read_text())
    text = (tmp_path / "manifest.jsonl").read_text().splitlines()
    assert text[1] == '{"event":"segm'
    assert [json.loads(line)["event"] for line in (text[0], *text[2:])] == ["started", "started", "stopped"]
