"""Recordings that nobody sent: generated pictures and tones, in the form that ``media.recording`` tells of.

``python -m stoa.live.composing.synthetic`` reads a plan as JSON and writes it: ``{"folder", "people": [ids], "seconds",
"began"}``, the last in milliseconds since 1970.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from stoa.live.rtp import matroska
from stoa.live.rtp.matroska import Block

_RATE, _PIECE = 48000, 960
_TURN = 4_000
"""Milliseconds that somebody speaks before the next does."""
_LOOP = 2_000
"""Milliseconds of a picture that is then repeated."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one person sent from ``began`` to ``ended``, in milliseconds of the recording. Size and rate are a picture's."""

    person: int
    source: str
    began: int
    ended: int
    width: int = 640
    height: int = 360
    rate: int = 12

    @property
    def kind(self) -> str:
        return "audio" if self.source in ("mic", "screen-audio") else "video"


def planned(people: int, millis: int) -> list[Sent]:
    """A class: the first shares a screen for a while, the last comes late and ends with the camera off."""
    sent = []
    for person in range(people):
        late = 0 if person == 0 or person < people - 1 else millis // 10
        dark = millis if person == 0 or person < people - 1 else millis * 8 // 10
        sent += [Sent(person, "mic", late, millis), Sent(person, "camera", late, dark)]
    return [*sent, Sent(0, "screen", millis // 2, millis * 3 // 4, 1280, 720, 2)]


def write(folder: Path, people: Sequence[str], sent: Sequence[Sent], *, millis: int, began: int) -> None:
    """The tracks and their manifest. Everybody speaks in turn. ``began`` is in milliseconds since 1970."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = [
        {"event": "started", "at": began},
        {"event": "stopped", "at": began + millis},
    ]
    lines += [
        {"event": "speaker", "participant": people[_speaker(at, len(people))], "at": began + at}
        for at in range(0, millis, _TURN)
    ]
    for number, each in enumerate(sent, 1):
        lines += _written(folder, f"{number:04}-{each.source}", people, each, began)
    lines.sort(key=lambda line: (line["at"], line["event"] != "started", line["event"] == "stopped"))
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (folder / "manifest.jsonl").write_text(text)


def _speaker(at: int, people: int) -> int:
    return at // _TURN % people


def _written(
    folder: Path, name: str, people: Sequence[str], sent: Sent, began: int
) -> Iterator[dict[str, Any]]:
    codec = "opus" if sent.kind == "audio" else "VP8"
    yield {
        "event": "track", "track": name, "participant": people[sent.person], "source": sent.source,
        "kind": sent.kind, "codec": codec, "file": f"{name}.webm", "at": began + sent.began,
    }  # fmt: skip
    head = matroska.opus_head() if sent.kind == "audio" else matroska.vp8_head(sent.width, sent.height)
    blocks = _sound(sent, len(people)) if sent.kind == "audio" else _picture(sent, len(people))
    with (folder / f"{name}.webm").open("wb") as file:
        file.write(head)
        for cluster in _clusters(blocks):
            offset, part = file.tell(), matroska.cluster(cluster)
            file.write(part)
            first, last = cluster[0].millis, cluster[-1].millis
            yield {
                "event": "segment", "track": name, "media": first, "millis": last - first,
                "at": began + sent.began + first, "offset": offset, "bytes": len(part),
            }  # fmt: skip


def _clusters(blocks: Iterator[Block]) -> Iterator[list[Block]]:
    cluster: list[Block] = []
    for block in blocks:
        if cluster and block.millis - cluster[0].millis >= 1000:
            yield cluster
            cluster = []
        cluster.append(block)
    if cluster:
        yield cluster


def _sound(sent: Sent, people: int) -> Iterator[Block]:
    """A voice of one pitch, in syllables, while it is the person's turn."""
    codec = av.CodecContext.create("libopus", "w")
    assert isinstance(codec, av.AudioCodecContext)
    codec.sample_rate, codec.format, codec.layout, codec.bit_rate = (
        _RATE,
        av.AudioFormat("s16"),
        av.AudioLayout("stereo"),
        32_000,
    )
    pitch = 110.0 * 2 ** (sent.person * 5 % 12 / 12)
    for number in range((sent.ended - sent.began) // 20):
        at = (number * _PIECE + np.arange(_PIECE)) / _RATE
        wave = np.zeros(_PIECE)
        if _speaker(sent.began + number * 20, people) == sent.person:
            tones = sum(np.sin(2 * math.pi * pitch * over * at) / over for over in range(1, 6))
            wave = tones * (0.5 - 0.5 * np.cos(2 * math.pi * 4 * at)) * 0.2
        both = np.repeat((wave * 32767).astype(np.int16), 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(both, "s16", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = _RATE, number * _PIECE, Fraction(1, _RATE)
        for packet in codec.encode(frame):
            yield Block(_millis(packet), bytes(packet), key=True)


def _picture(sent: Sent, people: int) -> Iterator[Block]:
    """Two seconds of silence and two of speech, as often as they are needed: to encode each of them anew takes too long."""
    said: dict[bool, list[Block]] = {}
    for began in range(0, sent.ended - sent.began, _LOOP):
        speaks = _speaker(sent.began + began, people) == sent.person
        if speaks not in said:
            said[speaks] = list(_loop(sent, speaks=speaks))
        for block in said[speaks]:
            if began + block.millis < sent.ended - sent.began:
                yield Block(began + block.millis, block.data, block.key)


def _loop(sent: Sent, *, speaks: bool) -> Iterator[Block]:
    codec = av.CodecContext.create("libvpx", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = sent.width, sent.height, "yuv420p"
    codec.time_base, codec.bit_rate, codec.gop_size = (
        Fraction(1, sent.rate),
        sent.width * sent.height * 3,
        1000,
    )
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    draw = _slide if sent.source == "screen" else _face
    background = _background(sent)
    for number in range(_LOOP * sent.rate // 1000):
        canvas = background.copy()
        draw(canvas, sent, number * 1000 // sent.rate, speaks=speaks)
        frame = av.VideoFrame.from_ndarray(canvas, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, sent.rate)
        for packet in codec.encode(frame):
            yield Block(_millis(packet), bytes(packet), key=packet.is_keyframe)


def _millis(packet: av.Packet[Any]) -> int:
    assert packet.pts is not None
    assert packet.time_base is not None
    return max(0, round(packet.pts * packet.time_base * 1000))


def _planes(canvas: Any, width: int, height: int) -> tuple[Any, Any, Any]:
    """Views of brightness and of the two colours."""
    flat, whole, quarter = canvas.reshape(-1), width * height, width * height // 4
    shape = (height // 2, width // 2)
    return (
        flat[:whole].reshape(height, width),
        flat[whole : whole + quarter].reshape(shape),
        flat[whole + quarter :].reshape(shape),
    )


def _background(sent: Sent) -> Any:
    canvas = np.full((sent.height * 3 // 2, sent.width), 128, np.uint8)
    bright, blue, red = _planes(canvas, sent.width, sent.height)
    if sent.source == "screen":
        bright[:] = 225
        return canvas
    rows, columns = np.mgrid[0 : sent.height, 0 : sent.width]
    grain = (rows * 7 + columns * 13) % 11
    bright[:] = 60 + rows * 70 // sent.height + columns * 30 // sent.width + grain
    angle = sent.person * 2.4
    blue[:], red[:] = 128 + round(45 * math.cos(angle)), 128 + round(45 * math.sin(angle))
    return canvas


def _face(canvas: Any, sent: Sent, at: int, *, speaks: bool) -> None:
    """A head that sways, and a mouth that opens while it speaks."""
    bright, blue, red = _planes(canvas, sent.width, sent.height)
    size = sent.height
    turn = 2 * math.pi * at / _LOOP
    column = sent.width // 2 + round(size * 0.15 * math.sin(turn + sent.person))
    row = size // 2 + round(size * 0.03 * math.sin(2 * turn))
    _disc(bright, row, column, size * 0.3, size * 0.24, 190)
    _disc(blue, row // 2, column // 2, size * 0.15, size * 0.12, 110)
    _disc(red, row // 2, column // 2, size * 0.15, size * 0.12, 150)
    for side in (-1, 1):
        _disc(bright, row - size // 12, column + side * size // 11, size * 0.03, size * 0.03, 40)
    opening = 0.05 * abs(math.sin(5 * turn)) if speaks else 0.0
    _disc(bright, row + size // 8, column, size * (0.012 + opening), size * 0.09, 50)


def _slide(canvas: Any, sent: Sent, _at: int, *, speaks: bool) -> None:  # noqa: ARG001 - drawn as a face is
    """Lines of text."""
    bright, *_ = _planes(canvas, sent.width, sent.height)
    step = sent.height // 14
    bright[step : 2 * step, sent.width // 12 : sent.width // 2] = 60
    for line in range(9):
        top = (3 + line) * step
        bright[top : top + step // 3, sent.width // 12 : sent.width * (7 + line * 3 % 4) // 12] = 110


def _disc(plane: Any, row: int, column: int, tall: float, wide: float, value: int) -> None:
    """An ellipse, as far as it is on the plane."""
    top, left = max(0, round(row - tall)), max(0, round(column - wide))
    part = plane[top : max(top, round(row + tall) + 1), left : max(left, round(column + wide) + 1)]
    rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
    part[((rows - row) / max(tall, 1)) ** 2 + ((columns - column) / max(wide, 1)) ** 2 <= 1] = value


def main() -> None:
    plan = json.loads(sys.stdin.read())
    millis = round(plan["seconds"] * 1000)
    sent = planned(len(plan["people"]), millis)
    write(Path(plan["folder"]), plan["people"], sent, millis=millis, began=plan["began"])


if __name__ == "__main__":
    main()
