"""A track's pictures at the moments that the film shows, in the size of their tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from stoa.live.composing.decoding import frames_of
from stoa.live.composing.layout import Box
from stoa.live.composing.timeline import Track

Picture = tuple[Box, Any]
"""Where it stands, and its planes one under the other, as ``VideoFrame.to_ndarray`` has them."""


class Sight:
    """Asked for one moment after another. One thread at a time. ``works`` is called with every picture that is decoded:
    of somebody who is shown for the first time after hours that may be hours' worth.
    """

    def __init__(self, folder: Path, track: Track, works: Callable[[], None]) -> None:
        self._frames, self._works = _frames(folder, track), works
        self._now: av.VideoFrame | None = None
        self._next = next(self._frames, None)
        self._scaling = VideoReformatter()
        self._box: Box | None = None

    def pictures(self, moments: Sequence[int], box: Box, *, anew: bool) -> list[Picture | None]:
        """One for each moment; None where it is still the one before it. ``anew``: where nothing is drawn yet."""
        if anew:
            self._box = None
        return [self._picture(at, box) for at in moments]

    def _picture(self, at: int, box: Box) -> Picture | None:
        is_new = box != self._box
        while self._next is not None and self._next[0] <= at:
            self._now, is_new = self._next[1], True
            self._next = next(self._frames, None)
            self._works()
        if self._now is None or not is_new:
            return None
        self._box = box
        place = box.fitted(self._now.width, self._now.height)
        scaled = self._scaling.reformat(
            self._now, place.width, place.height, "yuv420p", interpolation="BILINEAR"
        )
        return place, scaled.to_ndarray()


def _frames(folder: Path, track: Track) -> Iterator[tuple[int, av.VideoFrame]]:
    """(when it is seen, the frame). Where one is missing, the picture stands still."""
    for media, frame in frames_of(folder / track.file, av.VideoFrame):
        yield track.film_time(media), frame
