"""The process that makes one recording's files: ``python -m stoa.live.composing FOLDER``.

The folder has ``job.json``: ``{"tracks": folder, "ended": milliseconds since 1970, "people": {id: {"name", "times":
[[joined, left]]}}}``. It gets the files, ``progress`` while they are made (its time says when it was last at work), and in the end ``done`` or ``failed``
(``{"reason", "again"}``). Whoever holds ``lock`` makes them: one that outlived its server goes on, and the next finds all done.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from stoa.live.composing import DONE, FAILED, JOB, LOCK, POSTER, PROGRESS, VIDEO, WAVEFORM

_NICE = 10
_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_STEP = 0.005
_SETTLES, _LOOKS = 10.0, 0.2
"""Seconds that the last segments may take until they are on disk."""
_BEATS = 2.0


def main() -> int:
    folder = Path(sys.argv[1])
    os.nice(_NICE)
    with (folder / LOCK).open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        if (folder / DONE).exists():
            return 0
        for before in (FAILED, PROGRESS):
            (folder / before).unlink(missing_ok=True)
        try:
            _compose(folder)
        except Exception as error:
            _write(folder / FAILED, json.dumps(_told(error)))
            raise
        _write(folder / DONE, "")
    return 0


def _compose(folder: Path) -> None:
    # A process that only waits for another loads nothing.
    from stoa.live.composing import film, timeline  # noqa: PLC0415

    job = json.loads((folder / JOB).read_text())
    tracks, people, told, beat = Path(job["tracks"]), job["people"], -1.0, 0.0

    def tell(progress: float) -> None:
        nonlocal told
        if progress - told >= _STEP or progress >= 1:
            told = progress
            _write(folder / PROGRESS, f"{progress:.3f}")

    def works() -> None:
        nonlocal beat
        now = time.monotonic()
        if now - beat >= _BEATS:
            beat = now
            os.utime(folder / PROGRESS)

    tell(0)
    lines = _settled(tracks / "manifest.jsonl")
    times = {who: each["times"] for who, each in people.items()}
    names = {who: each["name"] for who, each in people.items()}
    film.compose(tracks, timeline.read(lines, ended=job["ended"], people=times), names, folder, tell, works)
    for name in (VIDEO, POSTER, WAVEFORM):
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())


def _settled(manifest: Path) -> list[str]:
    """The manifest once it tells of the stop. One that died does not: it is taken as it is in the end."""
    from stoa.live.composing import timeline  # noqa: PLC0415

    given_up = time.monotonic() + _SETTLES
    while True:
        lines = manifest.read_text(errors="replace").splitlines()
        if not timeline.is_open(lines) or time.monotonic() >= given_up:
            return lines
        time.sleep(_LOOKS)


def _told(error: Exception) -> dict[str, Any]:
    """A disk may have room again; what can't be read never will be."""
    if isinstance(error, FileNotFoundError):
        return {"reason": "The tracks are gone.", "again": False}
    number = getattr(error, "errno", None)  # FFmpeg's errors are no OSError, but have its numbers
    if number in _PASSING:
        return {"reason": os.strerror(number), "again": True}
    if isinstance(error, OSError):
        return {"reason": error.strerror or "The files can not be read or written.", "again": True}
    return {"reason": f"{type(error).__name__}: {error}", "again": False}


def _write(path: Path, text: str) -> None:
    """Whole or not at all, whoever reads it meanwhile."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(text)
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main())
