"""``python -m stoa.live.janus.convert FOLDER TARGET``: Janus' recordings into the form that ``media.recording`` tells of.

A process of its own, so that an hour of video holds nobody up. Nothing is decoded: packets become frames, frames
clusters.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from stoa.live.janus import _mjr
from stoa.live.janus._recordings import NOTES
from stoa.live.janus._rooms import user_of
from stoa.live.rtp import matroska, packet, vp8
from stoa.live.rtp.frames import Assembler, Frame, Frames, Vp8Assembler
from stoa.live.rtp.matroska import Block
from stoa.live.rtp.negotiation import CLOCK

_CLUSTER_MILLIS = 1000
_GAP = 2.0
"""Seconds without a packet after which numbers begin anew: somebody was muted, and numbers may have gone round."""
_NAME = re.compile(r"-user-(?P<feed>.+)-\d+-(?:audio|video)-\d+\.mjr")
_CODECS = {"opus": "opus", "vp8": "VP8"}

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Timed:
    """A frame, and where it stands in its file, in milliseconds."""

    millis: int
    frame: Frame


def convert(folder: Path, target: Path) -> None:
    target.mkdir(parents=True)
    lines = list(_notes(folder / NOTES))
    found: list[tuple[int, str, Path]] = []
    for path in filter(_mjr.is_recording, folder.iterdir()):
        with path.open("rb") as file:
            head = _mjr.read_head(file)
        if head is not None and head.codec in _CODECS:
            found.append((head.began, path.name, path))
    count = 0
    for _, _, path in sorted(found):
        with path.open("rb") as file:
            made = list(_track(file, path.name, count + 1, target))
        count += bool(made)
        lines += made
    lines.sort(key=lambda line: line["at"])
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (target / "manifest.jsonl").write_text(text)


def _notes(path: Path) -> Iterator[Line]:
    """A line that was being written when the power went is left out."""
    if path.exists():
        for text in path.read_text(errors="replace").splitlines():
            try:
                yield json.loads(text)
            except ValueError:
                continue


def _track(file: BinaryIO, name: str, number: int, target: Path) -> Iterator[Line]:
    """Writes the track's file. The manifest's lines about it; none if there is no whole frame in it."""
    head = _mjr.read_head(file)
    named = _NAME.search(name)
    if head is None or named is None:
        return
    source = head.source or ("mic" if head.kind == "audio" else "camera")
    track = f"{number:04}-{source}"
    out: BinaryIO | None = None
    size = 0
    try:
        for cluster in _clusters(_timed(file, head)):
            at = head.began + round(cluster[0].frame.at * 1000)
            if out is None:
                begin = _begin(head.kind, cluster[0].frame)
                out = (target / f"{track}.webm").open("wb")
                size = out.write(begin)
                yield {
                    "event": "track", "track": track, "participant": user_of(named["feed"]), "source": source,
                    "kind": head.kind, "codec": _CODECS[head.codec], "file": f"{track}.webm", "at": at,
                }  # fmt: skip
            blocks = [Block(each.millis, each.frame.data, each.frame.key) for each in cluster]
            part = matroska.cluster(blocks)
            out.write(part)
            yield {
                "event": "segment", "track": track, "media": blocks[0].millis,
                "millis": blocks[-1].millis - blocks[0].millis, "offset": size, "bytes": len(part), "at": at,
            }  # fmt: skip
            size += len(part)
    finally:
        if out is not None:
            out.close()


def _begin(kind: str, frame: Frame) -> bytes:
    return matroska.opus_head() if kind == "audio" else matroska.vp8_head(*vp8.size_of(frame.data))


def _timed(file: BinaryIO, head: _mjr.Head) -> Iterator[Timed]:
    """Frames with their times in the file, which begins with the first: by RTP's clock, and across gaps by arrival."""
    began: float | None = None
    for frames in _runs(file, head.kind):
        base: int | None = None
        first = 0
        for frame in frames:
            began = frame.at if began is None else began
            if base is None:
                base, first = round((frame.at - began) * 1000), frame.timestamp
            yield Timed(base + (frame.timestamp - first) * 1000 // CLOCK[head.kind], frame)


def _runs(file: BinaryIO, kind: str) -> Iterator[Iterator[Frame]]:
    """Frames between gaps, each run with numbers of its own."""
    packets = _mjr.packets(file)
    waiting: list[tuple[int, bytes]] = [each for each in [next(packets, None)] if each is not None]

    def run() -> Iterator[Frame]:
        frames = Frames(Assembler if kind == "audio" else Vp8Assembler)
        before = waiting[0][0]
        while waiting:
            millis, data = waiting[0]
            if millis - before > _GAP * 1000:
                break
            waiting.pop()
            before = millis
            yield from _added(frames, millis / 1000, data)
            waiting.extend(each for each in [next(packets, None)] if each is not None)
        yield from frames.flush()

    while waiting:
        yield run()


def _added(frames: Frames, at: float, data: bytes) -> Iterator[Frame]:
    try:
        read = packet.parse(data)
    except packet.MalformedPacketError:
        return
    yield from frames.add(read.sequence, read.timestamp, marker=read.marker, payload=read.payload, now=at)


def _clusters(timed: Iterator[Timed]) -> Iterator[list[Timed]]:
    cluster: list[Timed] = []
    last = 0
    for each in timed:
        one = Timed(max(each.millis, last), each.frame)
        last = one.millis
        if cluster and one.millis - cluster[0].millis >= _CLUSTER_MILLIS:
            yield cluster
            cluster = []
        cluster.append(one)
    if cluster:
        yield cluster


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
