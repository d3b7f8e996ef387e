"""A composing process as the server sees it: started or joined, watched, killed if it hangs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from stoa.kernel.clock import to_millis
from stoa.kernel.errors import StoaError
from stoa.live.composing import DONE, FAILED, JOB, LOCK, PROGRESS
from stoa.live.service import ToCompose
from stoa.platform.subprocesses import environment

MODULE = "stoa.live.composing"
LOOKS = 0.25
HANGS = 300.0
"""Seconds without a sign of work after which it is as good as dead."""

Told = Callable[[float], Awaitable[None]]


class NotMadeError(StoaError):
    """The message may be journalled. ``again``: another try may succeed."""

    code = "live.not_made"

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


async def compose(folder: Path, tracks: Path, asked: ToCompose, told: Told) -> None:
    """Has the files made in ``folder``. One that an earlier server started is waited for. Raises NotMadeError.

    A cancelled wait leaves the process alone: it goes on without this server.
    """
    if await asyncio.to_thread((folder / DONE).exists):
        return
    process = await asyncio.to_thread(_begin, folder, _job(tracks, asked))
    loop = asyncio.get_running_loop()
    seen, moved_at = 0, loop.time()
    while process.poll() is None:
        await asyncio.sleep(LOOKS)
        beat, progress = await asyncio.to_thread(_look, folder / PROGRESS)
        if beat != seen:
            seen, moved_at = beat, loop.time()
        elif loop.time() - moved_at > HANGS:
            await asyncio.to_thread(kill, folder)
            process.kill()
        await told(progress)
    if await asyncio.to_thread((folder / DONE).exists):
        return
    failed = await asyncio.to_thread(_read, folder / FAILED)
    if not failed:
        raise NotMadeError(f"The composing process ended with {process.returncode}.", again=True)
    plain = json.loads(failed)
    raise NotMadeError(plain["reason"], again=plain["again"])


def kill(folder: Path) -> None:
    """Ends whoever makes the files in that folder."""
    with suppress(OSError, ValueError):
        pid = int((folder / LOCK).read_text())
        if MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)


def _begin(folder: Path, job: dict[str, Any]) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{JOB}.new"
    unfinished.write_text(json.dumps(job))
    unfinished.replace(folder / JOB)
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-P", "-m", MODULE, str(folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), start_new_session=True,
        )  # fmt: skip


def _job(tracks: Path, asked: ToCompose) -> dict[str, Any]:
    ended = asked.recording.stopped_at
    people = {
        one.user_id: {
            "name": one.name,
            "times": [[to_millis(came), _millis(left)] for came, left in one.times],
        }
        for one in asked.people
    }
    return {"tracks": str(tracks), "ended": _millis(ended), "people": people}


def _millis(at: datetime | None) -> int | None:
    return None if at is None else to_millis(at)


def _look(path: Path) -> tuple[int, float]:
    """When it was last written or touched, and how much is done."""
    text = _read(path)
    try:
        return path.stat().st_mtime_ns, float(text or 0)
    except FileNotFoundError:
        return 0, 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
