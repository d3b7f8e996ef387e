"""A room's tracks as they come, on disk: a WebM file for each track, and a manifest that says when each part was.

The folder holds ``manifest.jsonl`` and one file per track. A file grows by whole clusters of about a second, each written
with one call, and the manifest by a line after each: what a line names is on disk. A process that is killed loses the
cluster that it had not written yet. Clusters need not begin with a key frame: a file is one stream, so it is only its
first frame that has to be one, and asking for one every second would cost every viewer half of the picture's quality.

Lines of the manifest, each with ``at`` in milliseconds since 1970:

- ``{"event": "started"}``, ``{"event": "stopped"}``: between them was recorded; a crash leaves the second out.
- ``{"event": "track", "track", "participant", "source", "kind", "codec", "file"}``: its file begins.
- ``{"event": "segment", "track", "media", "millis", "offset", "bytes"}``: a cluster, whose first frame came at ``at``
  and stands at ``media`` milliseconds of the file's time, and lasts ``millis`` up to its last frame.
- ``{"event": "speaker", "participant"}``: who speaks from now on (null: nobody).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stoa.live.media.publishing import Layer, Publication
from stoa.live.rtp import matroska, negotiation, vp8
from stoa.live.rtp.forwarding import MARKER, Forwarding, Inbound
from stoa.live.rtp.frames import Assembler, Frame, Frames, Vp8Assembler
from stoa.live.rtp.matroska import Block
from stoa.live.rtp.rtcp import SenderReport

_CLUSTER_MILLIS = 1000
_LATE = 1.0
_MOST_WAITING = 2000
_PAUSE = 3.0
"""Seconds that a picture is not recorded after it could not be written."""
_MOST_LINES = 1024 * 1024
"""Bytes of lines that wait for room."""

Line = dict[str, Any]

_log = logging.getLogger(__name__)


class Disk:
    """One thread that writes, so that a slow disk holds up no packet."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="recording", daemon=True)
        self._thread.start()

    @property
    def is_behind(self) -> bool:
        """Whether it is so slow that more would only fill the memory."""
        return self._tasks.qsize() > _MOST_WAITING

    def do(self, task: Callable[[], None]) -> None:
        self._tasks.put(task)

    def finish(self) -> None:
        """Waits until all is written."""
        self._tasks.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except Exception:  # noqa: BLE001 - one track's mistake must not stop every room's recording
                _log.exception("A recording's task failed.")


class Growing:
    """A file that only grows, by whole parts after its head: a part that does not fit is taken back."""

    def __init__(self, path: Path, head: bytes = b"") -> None:
        self._head = head
        self._file = path.open("ab", buffering=0)
        self.size = self._file.tell()

    def append(self, part: bytes) -> int:
        """Where the part begins. OSError if it could not be written whole; then the file is as it was."""
        began = self.size
        whole = part if began else self._head + part
        try:
            _write_whole(self._file.fileno(), whole)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), began)
            raise
        self.size += len(whole)
        return self.size - len(part)

    def close(self) -> None:
        self._file.close()


def _write_whole(file: int, data: bytes) -> None:
    """A disk that fills up takes a part first, and refuses the rest."""
    while data:
        data = data[os.write(file, data) :]


class Recording:
    """A room's recording, from start to stop.

    ``wall`` tells milliseconds since 1970 for a monotonic time. ``failed`` is told, from any thread, what could not be
    written; the recording goes on with what can.
    """

    def __init__(
        self, folder: Path, disk: Disk, wall: Callable[[float], int], failed: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self._disk, self._wall, self.failed = disk, wall, failed
        self._tracks: dict[str, Track] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._manifest = Growing(folder / "manifest.jsonl")
        self._lines = b""
        self._heal()
        self._count = len(list(folder.glob("*.webm")))

    def start(self, now: float) -> None:
        self.note({"event": "started"}, now)

    def add(self, publication: Publication, now: float) -> None:
        self._count += 1
        name = f"{self._count:04}-{publication.source}"
        self._tracks[publication.id] = track = Track(name, publication, self)
        publication.sinks.append(track)
        track.choose(now)

    def remove(self, publication: Publication) -> None:
        track = self._tracks.pop(publication.id, None)
        if track is not None:
            publication.sinks.remove(track)
            track.finish()

    def tick(self, now: float) -> None:
        for track in self._tracks.values():
            track.tick(now)

    def stop(self, now: float) -> None:
        for track in list(self._tracks.values()):
            self.remove(track.publication)
        self.note({"event": "stopped"}, now)
        self._disk.do(self._manifest.close)

    def note(self, line: Line, at: float) -> None:
        self._disk.do(lambda: self._write_line(line | {"at": self._wall(at)}))

    def write(self, file: Growing, part: bytes, line: Line, at: float, lost: Callable[[], None]) -> None:
        """A part of a file, and the line that tells of it. ``lost`` is called, from any thread, if it is not written."""
        if self._disk.is_behind:
            self.failed("The disk is too slow.")
            lost()
            return

        def task() -> None:
            try:
                began = file.append(part)
            except OSError as error:
                lost()
                self.failed(str(error))
            else:
                self._write_line(line | {"at": self._wall(at), "offset": began, "bytes": len(part)})

        self._disk.do(task)

    def do(self, task: Callable[[], None]) -> None:
        self._disk.do(task)

    def _write_line(self, line: Line) -> None:
        """What finds no room goes before the next: a track without its line could not be read."""
        self._lines += json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            self._manifest.append(self._lines)
        except OSError as error:
            self._lines = self._lines[-_MOST_LINES:]
            self.failed(str(error))
        else:
            self._lines = b""

    def _heal(self) -> None:
        """A process that was killed may have left half a line, which must not take the next with it."""
        path = self.folder / "manifest.jsonl"
        if path.is_file() and not path.read_bytes().endswith(b"\n") and self._manifest.size:
            self._lines = b"\n"


class Track:
    """One publication's frames on their way into its file."""

    def __init__(self, name: str, publication: Publication, recording: Recording) -> None:
        self.name, self.publication = name, publication
        self._recording = recording
        self._clock = negotiation.CLOCK[publication.kind]
        self._forwarding = Forwarding(clock=self._clock)
        self._frames = Frames(Assembler if publication.kind == "audio" else Vp8Assembler)
        self._file: Growing | None = None
        self._first = -1
        self._blocks: list[Block] = []
        self._began = 0.0
        self._lost_at = 0.0

    def deliver(self, inbound: Inbound, now: float) -> None:
        sent = self._forwarding.forward(inbound, 0, now)
        if sent is None:
            return
        for frame in self._frames.add(
            sent.sequence, sent.timestamp, marker=bool(sent.second & MARKER), payload=sent.payload, now=now
        ):
            self._add(frame)
        if self._frames.broken:
            self.publication.want_key_frame(self._forwarding.source)

    def reported(self, report: SenderReport, now: float) -> None:
        """The manifest's times are those of arrival."""

    def appeared(self, layer: Layer) -> None:
        if self._forwarding.target is None:
            self._forwarding.target = layer.ssrc

    def paused(self) -> None:
        self._forwarding.pause()

    def choose(self, now: float) -> None:
        """The best layer that comes."""
        ladder = self.publication.ladder(now)
        if ladder and self._forwarding.target != ladder[-1].ssrc:
            self._forwarding.target = ladder[-1].ssrc
            self.publication.want_key_frame(ladder[-1].ssrc)

    def tick(self, now: float) -> None:
        self.choose(now)
        if self._blocks and now - self._began >= _LATE:
            self._flush()

    def finish(self) -> None:
        for frame in self._frames.flush():
            self._add(frame)
        if self._blocks:
            self._flush()
        if self._file is not None:
            self._recording.do(self._file.close)

    def lost(self) -> None:
        """From any thread. What follows builds on what is not there: it goes on with a key frame, a while later."""
        if self.publication.kind == "video":
            self._lost_at = time.monotonic()

    def _add(self, frame: Frame) -> None:
        if self._lost_at and not self._goes_on(frame):
            return
        if self._file is None and not self._open(frame):
            self.lost()
            return
        millis = (frame.timestamp - self._first) * 1000 // self._clock
        if self._blocks:
            millis = max(millis, self._blocks[-1].millis)
            if millis - self._blocks[0].millis >= _CLUSTER_MILLIS:
                self._flush()
        if not self._blocks:
            self._began = frame.at
        self._blocks.append(Block(millis, frame.data, frame.key))

    def _goes_on(self, frame: Frame) -> bool:
        """A full disk is tried now and then: each time costs every viewer a key frame."""
        if frame.at - self._lost_at < _PAUSE:
            return False
        if not frame.key:
            self.publication.want_key_frame(self._forwarding.target)
            return False
        self._lost_at = 0.0
        return True

    def _open(self, frame: Frame) -> bool:
        """The file begins with the first frame, which the assembler makes sure is a key frame."""
        head = matroska.opus_head()
        if self.publication.kind == "video":
            head = matroska.vp8_head(*vp8.size_of(frame.data))
        try:
            self._file = Growing(self._recording.folder / f"{self.name}.webm", head)
        except OSError as error:
            self._recording.failed(str(error))
            return False
        self._first = frame.timestamp
        line = {
            "event": "track",
            "track": self.name,
            "participant": self.publication.participant,
            "source": self.publication.source,
            "kind": self.publication.kind,
            "codec": negotiation.CODEC[self.publication.kind],
            "file": f"{self.name}.webm",
        }
        self._recording.note(line, frame.at)
        return True

    def _flush(self) -> None:
        blocks, self._blocks = self._blocks, []
        assert self._file is not None
        line = {
            "event": "segment",
            "track": self.name,
            "media": blocks[0].millis,
            "millis": blocks[-1].millis - blocks[0].millis,
        }
        self._recording.write(self._file, matroska.cluster(blocks), line, self._began, self.lost)
