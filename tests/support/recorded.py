"""Recordings that nobody sent, and what can be seen and heard in a film."""

from datetime import UTC, datetime

import av
import numpy as np

from stoa.kernel.clock import to_millis
from stoa.live.composing.synthetic import Sent, write

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)


def camera(person, began, ended, **more):
    return Sent(person, "camera", began, ended, **({"width": 160, "height": 90, "rate": 10} | more))


def mic(person, began, ended):
    return Sent(person, "mic", began, ended)


def recorded(folder, *sent, people=("ada", "bob"), millis=6000):
    """A recording's folder with those tracks; all speak in turn, four seconds each."""
    sent = sent or [
        each for person in range(len(people)) for each in (camera(person, 0, millis), mic(person, 0, millis))
    ]
    write(folder, people, sent, millis=millis, began=to_millis(BEGAN))
    return folder


class Film:
    """A film decoded from its beginning to its end. ``seconds`` are what the container says."""

    def __init__(self, path):
        with av.open(str(path)) as container:
            self.seconds = container.duration / 1e6
            self.codecs = [stream.codec_context.name for stream in container.streams]
            sounds, self.pictures = [], []
            for frame in container.decode():
                if isinstance(frame, av.VideoFrame):
                    self.pictures.append((frame.time, frame.to_ndarray()))
                else:
                    sounds.append(frame.to_ndarray().mean(axis=0))
        self.sound = np.concatenate(sounds)

    @property
    def seen_seconds(self):
        return self.pictures[-1][0] + 0.04

    @property
    def heard_seconds(self):
        return len(self.sound) / 48000

    def at(self, seconds):
        """The picture at that time: its planes one under the other."""
        return max((one for one in self.pictures if one[0] <= seconds + 0.001), key=lambda one: one[0])[1]

    def bright(self, seconds, left, top, width, height):
        """How bright a part of the picture is; black is 16."""
        return float(self.at(seconds)[top : top + height, left : left + width].mean())

    def loud(self, began, ended):
        part = self.sound[round(began * 48000) : round(ended * 48000)]
        return float(np.sqrt(np.mean(np.square(part)))) if len(part) else 0.0
