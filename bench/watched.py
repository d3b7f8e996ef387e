"""The file that people watch, of a recorded class of four: how much faster than the class it is made.

The pictures are VP8 of 640x360, or 1280x720, 25 a second, a head that sways before a still background; the composing process is
the one that the server starts, its start included, at the low priority that it runs with.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import av

from bench.figure import Bench, Figure, Result
from stoa.live.composing import JOB, VIDEO
from stoa.live.composing.synthetic import Sent, write

_WANTED = 2.0
_PEOPLE = ("ada", "bob", "cleo", "dan")
_SIZES = ((640, 360), (1280, 720))


def _made(folder: Path, width: int, height: int, seconds: int) -> tuple[float, float, float]:
    """(how often real time, core-seconds a second of class, megabits a second of the file)."""
    tracks, work, millis = folder / "tracks", folder / "work", seconds * 1000
    sent = [Sent(person, "mic", 0, millis) for person in range(len(_PEOPLE))]
    sent += [Sent(person, "camera", 0, millis, width, height, 25) for person in range(len(_PEOPLE))]
    write(tracks, _PEOPLE, sent, millis=millis, began=0)
    work.mkdir()
    people = {who: {"name": who.title(), "times": []} for who in _PEOPLE}
    (work / JOB).write_text(json.dumps({"tracks": str(tracks), "ended": millis, "people": people}))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "stoa.live.composing", str(work)], check=True)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    core = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    with av.open(str(work / VIDEO)) as container:
        assert container.duration is not None
        assert abs(container.duration / 1e6 - seconds) < 0.5
    return seconds / took, core / seconds, (work / VIDEO).stat().st_size * 8 / seconds / 1e6


def _measured(bench: Bench) -> list[Result]:
    seconds, results = bench.pick(120, 20), []
    for width, height in _SIZES:
        bench.telling.about(f"a recorded class of four, {width}x{height}")
        rate, core, megabits = _made(bench.folder / f"{height}", width, height, seconds)
        results.append(Result(
            f"the watched file of four participants, {width}x{height}", f"{rate:.1f} × real time",
            f"{_WANTED:g} × real time", rate >= _WANTED,
            note=f"1280x720, 25 a second, {megabits:.1f} Mbit/s; {core:.2f} core-seconds a second of class",
        ))  # fmt: skip
    return results


FIGURES = (Figure("watched-file", "Making the file that people watch", _measured),)
