"""When each thing of a recording was: the manifest read, as spans and scenes of the film. Pure.

Times are milliseconds of the film, which begins with the recording's first ``started``. What the tracks say of time is
when their segments arrived; arrival jitters, so that a track keeps one distance between its own time and the film's for as
long as that fits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

_LOOK = 5
"""Segments of which the one that came soonest says how late the others were."""
_FITS = 120
_BRIDGED_TRACK, _BRIDGED_PERSON = 1_500, 5_000
"""Gaps that are none: of a picture or a sound, and of somebody's presence."""
_AFTER_LAST = 100
"""How long a segment's last frame lasts."""


class UnreadableError(Exception):
    """The manifest tells of no recording."""


@dataclass(frozen=True, slots=True)
class Span:
    began: int
    ended: int


@dataclass(frozen=True, slots=True)
class Track:
    """``anchors`` are (media time, distance): from then on a frame is seen at its own time plus that distance."""

    name: str
    participant: str
    source: str
    kind: str
    file: str
    anchors: tuple[tuple[int, int], ...]
    spans: tuple[Span, ...]

    @property
    def began(self) -> int:
        return self.spans[0].began

    @property
    def ended(self) -> int:
        return self.spans[-1].ended

    def film_time(self, media: int) -> int:
        distance = self.anchors[0][1]
        for since, each in self.anchors:
            if since > media:
                break
            distance = each
        return media + distance

    def runs(self, at: int) -> bool:
        return any(span.began <= at < span.ended for span in self.spans)


@dataclass(frozen=True, slots=True)
class Timeline:
    """``speakers`` are (since, who); ``present`` who is to be seen, and when."""

    millis: int
    tracks: tuple[Track, ...]
    speakers: tuple[tuple[int, str | None], ...]
    present: Mapping[str, tuple[Span, ...]]


@dataclass(frozen=True, slots=True)
class Tile:
    """A person, with their camera if it is on; or a screen that they share."""

    participant: str
    track: Track | None
    is_screen: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A time in which the same is to be seen: the screen, if one is shared, and people; and one of them speaks."""

    began: int
    ended: int
    screen: Tile | None
    people: tuple[Tile, ...]
    speaker: str | None


@dataclass(slots=True)
class _Raw:
    """A track as its lines tell of it. Segments are (arrived at, media time, length)."""

    line: Mapping[str, Any]
    segments: list[tuple[int, int, int]] = field(default_factory=list)


def is_open(lines: Iterable[str]) -> bool:
    """Whether it is recorded still, or was when it died."""
    return _is_open(list(_parsed(lines)))


def read(
    lines: Iterable[str],
    *,
    ended: int | None = None,
    people: Mapping[str, Sequence[tuple[int, int | None]]] | None = None,
) -> Timeline:
    """From the manifest; a line that was cut off is passed over.

    ``ended`` is when the recording was stopped, where the manifest does not know; ``people`` are when each was in the room
    (None: up to the end). Those are milliseconds since 1970. Raises UnreadableError.
    """
    told = list(_parsed(lines))
    starts = [line["at"] for line in told if line["event"] == "started"]
    if not starts:
        raise UnreadableError("The manifest tells of no beginning.")
    began = starts[0]
    raw: dict[str, _Raw] = {}
    for line in told:
        if line["event"] == "track":
            raw.setdefault(line["track"], _Raw(line))
        elif line["event"] == "segment" and line["track"] in raw:
            segment = (line["at"] - began, line["media"], line["millis"])
            raw[line["track"]].segments.append(segment)
    tracks = tuple(_track(each) for each in raw.values() if each.segments)
    millis = _length(told, tracks, began, ended)
    return Timeline(millis, tracks, _speakers(told, began), _present(tracks, people or {}, began, millis))


def scenes(timeline: Timeline, *, most: int) -> list[Scene]:
    """One after another from the beginning to the end, each with at most so many people."""
    edges = {0, timeline.millis}
    for spans in [*(track.spans for track in timeline.tracks), *timeline.present.values()]:
        edges.update(edge for span in spans for edge in (span.began, span.ended))
    edges.update(at for at, _ in timeline.speakers)
    spoken = _spoken(timeline)
    made: list[Scene] = []
    for began, after in pairwise(sorted(edge for edge in edges if 0 <= edge <= timeline.millis)):
        scene = _scene(timeline, began, after, most, spoken)
        last = made[-1] if made else None
        if last is not None and (last.screen, last.people, last.speaker) == (
            scene.screen,
            scene.people,
            scene.speaker,
        ):
            made[-1] = Scene(last.began, after, last.screen, last.people, last.speaker)
        else:
            made.append(scene)
    return made


def _parsed(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for text in lines:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and {"event", "at"} <= line.keys():
            yield line


def _track(raw: _Raw) -> Track:
    anchors = _anchors(raw.segments)
    line = raw.line
    track = Track(line["track"], line["participant"], line["source"], line["kind"], line["file"], anchors, ())
    spans = (
        Span(track.film_time(media), track.film_time(media) + millis + _AFTER_LAST)
        for _, media, millis in raw.segments
    )
    return Track(
        track.name, track.participant, track.source, track.kind, track.file, anchors,
        _joined(spans, _BRIDGED_TRACK),
    )  # fmt: skip


def _anchors(segments: Sequence[tuple[int, int, int]]) -> tuple[tuple[int, int], ...]:
    """What comes late says nothing: the soonest of some segments says what the distance is."""
    distances = [at - media for at, media, _ in segments]
    anchors: list[tuple[int, int]] = []
    for index, (_, media, _) in enumerate(segments):
        distance = min(distances[index : index + _LOOK])
        if not anchors or abs(distance - anchors[-1][1]) > _FITS:
            anchors.append((media, distance))
    return tuple(anchors)


def _joined(spans: Iterable[Span], bridged: int) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans, key=lambda each: each.began):
        if joined and span.began - joined[-1].ended <= bridged:
            joined[-1] = Span(joined[-1].began, max(joined[-1].ended, span.ended))
        else:
            joined.append(span)
    return tuple(joined)


def _length(
    lines: Sequence[Mapping[str, Any]], tracks: Sequence[Track], began: int, ended: int | None
) -> int:
    """Up to the stop; a recording that died has none, and ends when it was given up."""
    stops = [line["at"] for line in lines if line["event"] in ("started", "stopped")]
    known: list[int] = [stops[-1] - began, *(track.ended - _AFTER_LAST for track in tracks)]
    if _is_open(lines) and ended is not None:
        known.append(ended - began)
    return max(0, *known)


def _is_open(lines: Sequence[Mapping[str, Any]]) -> bool:
    turns = [line["event"] for line in lines if line["event"] in ("started", "stopped")]
    return bool(turns) and turns[-1] == "started"


def _speakers(lines: Iterable[Mapping[str, Any]], began: int) -> tuple[tuple[int, str | None], ...]:
    """After a crash nobody speaks, until somebody is heard again."""
    return tuple(
        (line["at"] - began, line.get("participant"))
        for line in lines
        if line["event"] in ("speaker", "started", "stopped")
    )


def _present(
    tracks: Iterable[Track], people: Mapping[str, Sequence[tuple[int, int | None]]], began: int, millis: int
) -> dict[str, tuple[Span, ...]]:
    """Those who were ever heard or seen, for as long as they were in the room."""
    found: dict[str, list[Span]] = {}
    for track in tracks:
        found.setdefault(track.participant, []).extend(track.spans)
    for person, spans in found.items():
        for joined, left in people.get(person, ()):
            start, end = max(joined - began, 0), millis if left is None else min(left - began, millis)
            if start < end:
                spans.append(Span(start, end))
    return {person: _joined(spans, _BRIDGED_PERSON) for person, spans in found.items()}


def _spoken(timeline: Timeline) -> dict[str, int]:
    """Milliseconds that each spoke, over all."""
    spoken: dict[str, int] = {}
    ends = [*(at for at, _ in timeline.speakers[1:]), timeline.millis]
    for (since, who), until in zip(timeline.speakers, ends, strict=False):
        if who is not None:
            spoken[who] = spoken.get(who, 0) + until - since
    return spoken


def _scene(timeline: Timeline, began: int, ended: int, most: int, spoken: Mapping[str, int]) -> Scene:
    there = [
        person
        for person, spans in timeline.present.items()
        if any(span.began <= began < span.ended for span in spans)
    ]
    speaker = next((who for since, who in reversed(timeline.speakers) if since <= began), None)
    cameras: dict[str, Track] = {}
    screens: list[Track] = []
    for track in timeline.tracks:
        if track.source == "camera" and track.runs(began):
            cameras[track.participant] = track
        elif track.source == "screen" and track.runs(began):
            screens.append(track)
    shown = sorted(there, key=lambda who: (who != speaker, -spoken.get(who, 0), who))[:most]
    people = tuple(
        Tile(who, cameras.get(who)) for who in sorted(shown, key=lambda who: _arrived(timeline, who))
    )
    newest = max(screens, key=lambda track: track.began, default=None)
    screen = None if newest is None else Tile(newest.participant, newest, is_screen=True)
    return Scene(began, ended, screen, people, speaker if speaker in shown else None)


def _arrived(timeline: Timeline, who: str) -> tuple[int, str]:
    return timeline.present[who][0].began, who
