"""Everybody's sound in one: each piece where it belongs in time, and silence between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from stoa.live.composing.decoding import frames_of
from stoa.live.composing.timeline import Track

RATE = 48_000
_PER_MILLI = RATE // 1000

Sound = Any
"""An array of 32-bit floats, two rows of samples."""


class Mixer:
    """Asked for one stretch after another, from the beginning."""

    def __init__(self, folder: Path, tracks: Sequence[Track]) -> None:
        self._folder = folder
        self._coming = sorted(
            (track for track in tracks if track.kind == "audio"), key=lambda track: -track.began
        )
        self._voices: list[_Voice] = []
        self._gain = 1.0

    def mixed(self, began: int, ended: int) -> Sound:
        """From and to milliseconds."""
        while self._coming and self._coming[-1].began < ended:
            self._voices.append(_Voice(self._folder, self._coming.pop()))
        sound = np.zeros((2, (ended - began) * _PER_MILLI), np.float32)
        self._voices = [voice for voice in self._voices if voice.add_to(sound, began * _PER_MILLI)]
        return self._limited(sound)

    def _limited(self, sound: Sound) -> Sound:
        """Many who speak at once are turned down together, and not cut off."""
        before, self._gain = self._gain, 1 / max(1.0, float(np.abs(sound).max(initial=0.0)))
        if before == self._gain == 1.0:
            return sound
        ramp = np.full(sound.shape[1], self._gain, np.float32)
        part = ramp[: RATE // 50]
        part[:] = np.linspace(before, self._gain, len(part), dtype=np.float32)
        return np.clip(sound * ramp, -1, 1)


class _Voice:
    def __init__(self, folder: Path, track: Track) -> None:
        self._pieces = _pieces(folder / track.file, track)
        self._held: tuple[int, Sound] | None = None

    def add_to(self, sound: Sound, began: int) -> bool:
        """Whether there is more to come."""
        ended = began + sound.shape[1]
        while True:
            piece = self._held or next(self._pieces, None)
            if piece is None:
                return False
            start, data = piece
            stop = start + data.shape[1]
            low, high = max(start, began), min(stop, ended)
            if low < high:
                sound[:, low - began : high - began] += data[:, low - start : high - start]
            self._held = piece if stop > ended else None
            if self._held is not None:
                return True


def _pieces(path: Path, track: Track) -> Iterator[tuple[int, Sound]]:
    """(first sample's number in the film, samples). Where some are missing, there is silence."""
    even = av.AudioResampler("fltp", "stereo", RATE)
    for media, frame in frames_of(path, av.AudioFrame):
        start = track.film_time(media) * _PER_MILLI
        if (frame.format.name, frame.layout.name, frame.sample_rate) == ("fltp", "stereo", RATE):
            yield start, frame.to_ndarray()
            continue
        for each in even.resample(frame):
            yield start, each.to_ndarray()
            start += each.samples
