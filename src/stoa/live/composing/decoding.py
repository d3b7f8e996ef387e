"""The frames of a track's file, as far as they can be read: what strangers sent, a killed process left, a disk lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import av

_MOST_PIXELS = 4096 * 2304
"""Of a picture: a sender may claim any size, and memory would be taken for it."""
Frame = TypeVar("Frame", av.AudioFrame, av.VideoFrame)


def frames_of(path: Path, kind: type[Frame]) -> Iterator[tuple[int, Frame]]:
    """(milliseconds of the file's own time, the frame). What can't be decoded is left out."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams[0]
            stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}
            for packet in container.demux(stream):
                for frame in _decoded(packet):
                    if isinstance(frame, kind) and frame.pts is not None and frame.time_base is not None:
                        yield round(frame.pts * frame.time_base * 1000), frame
    except (av.FFmpegError, IndexError):
        return  # no file, no track in it, or nothing more that could be read


def _decoded(packet: Any) -> list[object]:
    try:
        return list(packet.decode())
    except av.FFmpegError:
        return []
