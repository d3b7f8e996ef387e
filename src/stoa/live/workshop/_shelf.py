"""What is made of a recording, where it is kept, and in which form."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from stoa.live.composing import POSTER, VIDEO, WAVEFORM

PREFIX = "live/recordings"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Made:
    """``name`` is the file's name in the store."""

    name: str
    content_type: str


MADE = {
    "video": Made(VIDEO, "video/mp4"),
    "poster": Made(POSTER, "image/jpeg"),
    "waveform": Made(WAVEFORM, "application/json"),
    "tracks": Made("tracks.zip", "application/zip"),
}


def key_of(recording_id: str, made: Made) -> str:
    return f"{PREFIX}/{recording_id}/{made.name}"


async def pieces_of(path: Path) -> AsyncIterator[bytes]:
    """A file's bytes, some at a time."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, _CHUNK):
            yield piece


async def zipped(folder: Path) -> AsyncIterator[bytes]:
    """A folder's files in a ZIP that is never whole in memory or on disk."""
    pieces = _pieces(folder)
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


class _Outlet(io.RawIOBase):
    """What a ZIP is written to while it is sent; it can't be sought, so sizes follow each file."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def _pieces(folder: Path) -> Iterator[bytes]:
    """Video does not shrink: the files are stored as they are."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for path in sorted(folder.iterdir()):
            with path.open("rb") as source, archive.open(path.name, "w", force_zip64=True) as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    yield outlet.take()
    yield outlet.take()
