"""The film: pictures and sound of a recording in one file that every browser plays and can seek in (H.264, AAC, MP4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from av.video.frame import PictureType
from PIL import Image

from stoa.live.composing import POSTER, VIDEO, WAVEFORM
from stoa.live.composing import timeline as times
from stoa.live.composing.hearing import RATE, Mixer
from stoa.live.composing.sight import Picture, Sight
from stoa.live.composing.stage import HEIGHT, WIDTH, Stage, boxes_of
from stoa.live.composing.timeline import Scene, Timeline

MOST_PEOPLE = 16
_FRAMES = 25
_TICK = 1000 // _FRAMES
_CHUNK = 1000
_DECODERS = 2
_STILL = 1000
"""Milliseconds after which a picture is encoded again, though nothing moved."""
_KEY_EVERY = 2000
_SHORTEST = 200
"""A film has something in it, even of a recording that died at once."""
_PEAKS = 10
"""Of the sound, a second."""
_OPTIONS = {
    "preset": "veryfast",
    "crf": "25",
    "forced-idr": "1",
    "x264-params": "keyint=250:bframes=0:rc-lookahead=10",
}

Progress = Callable[[float], None]
Works = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A stretch in which one scene is seen. ``sights`` are of its tiles with a picture; ``sound`` is its samples."""

    began: int
    ended: int
    scene: Scene
    is_first: bool

    @property
    def moments(self) -> list[int]:
        return list(range(-(-self.began // _TICK) * _TICK, self.ended, _TICK))


def compose(
    folder: Path, timeline: Timeline, names: Mapping[str, str], into: Path, told: Progress, works: Works
) -> None:
    """Makes the film, its poster and its waveform out of the tracks in ``folder``. ``told`` hears 0 to 1; ``works`` is
    called, from any thread, while it goes on.
    """
    timeline = replace(timeline, millis=max(timeline.millis, _SHORTEST))
    with _Output(into / VIDEO) as output, ThreadPoolExecutor(_DECODERS) as pool:
        film = _Film(folder, timeline, names, output, pool, works)
        film.run(told)
    film.save_poster(into / POSTER)
    film.save_waveform(into / WAVEFORM)


class _Film:
    def __init__(
        self,
        folder: Path,
        timeline: Timeline,
        names: Mapping[str, str],
        output: _Output,
        pool: ThreadPoolExecutor,
        works: Works,
    ) -> None:
        self._folder, self._timeline, self._output, self._pool = folder, timeline, output, pool
        self._works = works
        self._stage = Stage(names)
        self._mixer = Mixer(folder, timeline.tracks)
        self._sights: dict[str, Sight] = {}
        self._peaks: list[int] = []
        self._rest = np.zeros(0, np.float32)
        self._poster, self._poster_shows = self._stage.canvas.copy(), -1
        self._encoded_at, self._changed = -_STILL, False

    def run(self, told: Progress) -> None:
        """While one chunk is drawn and encoded, the next is decoded."""
        chunks = list(_chunks(self._timeline))
        asked = self._ask(chunks[0]) if chunks else None
        for number, chunk in enumerate(chunks):
            assert asked is not None
            pictures, sound = [each.result() for each in asked[0]], asked[1].result()
            if chunk.is_first:
                self._stage.set(chunk.scene)
                self._changed = True
            asked = self._ask(chunks[number + 1]) if number + 1 < len(chunks) else None
            self._draw(chunk, pictures)
            self._output.hear(sound, chunk.began)
            self._measure(sound)
            self._works()
            told(chunk.ended / self._timeline.millis)
        last = (self._timeline.millis - 1) // _TICK * _TICK
        if last > self._encoded_at:
            self._see(last)

    def _ask(self, chunk: _Chunk) -> tuple[list[Future[list[Picture | None]]], Future[Any]]:
        boxes = boxes_of(chunk.scene)
        seen = [(tile.track, box) for tile, box in boxes if tile.track is not None]
        self._forget(chunk.began)
        futures = [
            self._pool.submit(
                self._sight(track).pictures, chunk.moments, box, anew=chunk.is_first
            )
            for track, box in seen
        ]  # fmt: skip
        return futures, self._pool.submit(self._mixer.mixed, chunk.began, chunk.ended)

    def _sight(self, track: times.Track) -> Sight:
        if track.name not in self._sights:
            self._sights[track.name] = Sight(self._folder, track, self._works)
        return self._sights[track.name]

    def _forget(self, now: int) -> None:
        """Closes what is over."""
        over = {track.name for track in self._timeline.tracks if track.ended < now}
        self._sights = {name: sight for name, sight in self._sights.items() if name not in over}

    def _draw(self, chunk: _Chunk, pictures: Sequence[list[Picture | None]]) -> None:
        for index, at in enumerate(chunk.moments):
            for each in pictures:
                picture = each[index]
                if picture is not None:
                    self._stage.show(picture)
                    self._changed = True
            if self._changed or at - self._encoded_at >= _STILL:
                self._see(at)
        shows = len(pictures)
        if shows > self._poster_shows and (not chunk.is_first or self._poster_shows < 0):
            self._poster, self._poster_shows = self._stage.canvas.copy(), shows

    def _see(self, at: int) -> None:
        self._output.see(self._stage.canvas, at)
        self._encoded_at, self._changed = at, False

    def _measure(self, sound: Any) -> None:
        """The lowest and the highest of each tenth of a second, in 8 bits."""
        both = np.concatenate([self._rest, sound.mean(axis=0)])
        step = RATE // _PEAKS
        whole = both[: len(both) // step * step].reshape(-1, step)
        self._rest = both[whole.size :]
        lows, highs = whole.min(axis=1, initial=0.0), whole.max(axis=1, initial=0.0)
        pairs = np.clip(np.stack([lows, highs], axis=1) * 127, -128, 127).round()
        self._peaks += pairs.astype(int).ravel().tolist()

    def save_poster(self, path: Path) -> None:
        """The first moment with most to see."""
        picture = av.VideoFrame.from_ndarray(self._poster, "yuv420p").to_ndarray(format="rgb24")
        Image.fromarray(picture).save(path, "JPEG", quality=85)

    def save_waveform(self, path: Path) -> None:
        """In the form of ``audiowaveform``, which players of waveforms read."""
        told = {
            "version": 2, "channels": 1, "sample_rate": RATE, "samples_per_pixel": RATE // _PEAKS, "bits": 8,
            "length": len(self._peaks) // 2, "data": self._peaks,
        }  # fmt: skip
        path.write_text(json.dumps(told, separators=(",", ":")))


class _Output:
    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        video = self._container.add_stream("libx264", rate=_FRAMES, options=_OPTIONS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 1000)
        video.codec_context.thread_count = 2
        sound = self._container.add_stream("aac", rate=RATE, layout="stereo")
        sound.bit_rate = 96_000
        self._video, self._sound = video, sound
        self._key_at = 0

    def see(self, canvas: Any, at: int) -> None:
        frame = av.VideoFrame.from_ndarray(canvas, "yuv420p")
        frame.pts, frame.time_base = at, Fraction(1, 1000)
        if at >= self._key_at:
            frame.pict_type, self._key_at = PictureType.I, at + _KEY_EVERY
        self._container.mux(self._video.encode(frame))

    def hear(self, sound: Any, at: int) -> None:
        if not sound.shape[1]:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at * RATE // 1000, Fraction(1, RATE)
        self._container.mux(self._sound.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None:
            for stream in (self._video, self._sound):
                self._container.mux(stream.encode(None))
        self._container.close()


def _chunks(timeline: Timeline) -> Iterator[_Chunk]:
    for scene in times.scenes(timeline, most=MOST_PEOPLE):
        for began in range(scene.began, scene.ended, _CHUNK):
            yield _Chunk(began, min(began + _CHUNK, scene.ended), scene, is_first=began == scene.began)
