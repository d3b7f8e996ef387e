"""Recordings that Janus writes: a folder each, that it shares with Stoa.

Janus writes ``*.mjr`` into it, a file a track and part, packets as they came. Stoa writes ``stoa.jsonl``: when the
recording started and stopped, and who spoke. ``tracks`` in it is the house's form, made by ``convert`` once it is asked
for.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from stoa.kernel.clock import Clock, to_millis
from stoa.kernel.errors import UnavailableError

NOTES, TRACKS = "stoa.jsonl", "tracks"
_CONVERTER = "stoa.live.janus.convert"


class ConversionFailedError(UnavailableError):
    code = "live.janus.conversion"


class Shelf:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._converting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def begin(self, recording: str) -> None:
        """OSError if the folder can't be written to."""
        await self.note(recording, {"event": "started", "at": self._now()})

    async def end(self, recording: str) -> None:
        await self.note(recording, {"event": "stopped", "at": self._now()})

    async def note(self, recording: str, line: dict[str, Any]) -> None:
        await asyncio.to_thread(self._append, recording, line)

    def _append(self, recording: str, line: dict[str, Any]) -> None:
        folder = self._folder / recording
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(PermissionError):
                folder.chmod(0o2775)  # Janus may be another user of the same group
        file = os.open(folder / NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o664)
        try:
            os.write(file, json.dumps(line, separators=(",", ":")).encode() + b"\n")
        finally:
            os.close(file)

    async def tracks(self, recording: str) -> Path:
        """The folder with the tracks. Made anew for as long as the recording has not stopped."""
        folder = self._folder / recording
        async with self._converting[recording]:
            made = folder / TRACKS
            if not await asyncio.to_thread(made.is_dir):
                if not await asyncio.to_thread(folder.is_dir):
                    return made
                is_over = await asyncio.to_thread(_is_over, folder)
                if not is_over:
                    made = folder / f"{TRACKS}-{secrets.token_hex(4)}"
                await self._convert(folder, made)
        self._converting.pop(recording, None)
        return made

    async def _convert(self, folder: Path, made: Path) -> None:
        unfinished = folder / f".{TRACKS}-{secrets.token_hex(4)}"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _CONVERTER, str(folder), str(unfinished),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            _, said = await process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            raise
        if process.returncode:
            await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
            raise ConversionFailedError(said.decode(errors="replace")[-500:])
        try:
            await asyncio.to_thread(unfinished.rename, made)
        except OSError:  # another node was quicker
            await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)

    def _now(self) -> int:
        return to_millis(self._clock.now())


def _is_over(folder: Path) -> bool:
    with suppress(FileNotFoundError):
        lines = (folder / NOTES).read_text().splitlines()
        return any(json.loads(line)["event"] == "stopped" for line in lines)
    return False
