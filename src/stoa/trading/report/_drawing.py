"""Pictures as inline SVG that stretches to its box. Lines keep their width, and labels are HTML that keeps its size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import numpy as np

from stoa.trading.metrics import Floats, Integers
from stoa.trading.report._numbers import round_steps

WIDTH, HEIGHT = 1000.0, 400.0
_ROOM = 0.06
"""Share of the height left free above and below."""
_MOST_LABELS = 7


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values are drawn: points 0 … ``last`` from left to right, ``low`` … ``high`` from bottom to top."""

    last: int
    low: float
    high: float

    @classmethod
    def around(cls, last: int, *columns: Floats, top: float | None = None) -> Frame:
        low = min(float(column.min()) for column in columns)
        high = max(float(column.max()) for column in columns) if top is None else top
        room = (high - low) * _ROOM or max(abs(high) * 0.01, 1e-9)
        return cls(max(last, 1), low - room, high + room if top is None else top)

    def x(self, points: Integers | Floats) -> Floats:
        return np.asarray(points, np.float64) * (WIDTH / self.last)

    def y(self, values: Floats) -> Floats:
        return (self.high - np.asarray(values, np.float64)) * (HEIGHT / (self.high - self.low))


def by_column(values: Floats, *, columns: int = int(WIDTH)) -> Integers:
    """Indices that draw the same line: of every pixel column its first, lowest, highest and last point."""
    count = len(values)
    if count <= 4 * columns:
        return np.arange(count)
    edges = np.linspace(0, count, columns + 1).astype(np.int64)
    kept = [
        (begin, begin + values[begin:end].argmin(), begin + values[begin:end].argmax(), end - 1)
        for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]
    return np.unique(np.array(kept))


def line(frame: Frame, values: Floats) -> str:
    """A path's ``d`` through all of the values, as fine as pixels are."""
    kept = by_column(values)
    return "M" + "L".join(points(frame.x(kept), frame.y(values[kept])))


def area(frame: Frame, values: Floats, floor: float) -> str:
    """A path's ``d`` between the values and a level."""
    level = number(float(frame.y(np.array([floor]))[0]))
    return f"{line(frame, values)}V{level}H0Z"


def steps(frame: Frame, values: Floats) -> str:
    """A path's ``d`` for what changes seldom: level, then a jump."""
    changed = np.flatnonzero(np.diff(values)) + 1
    if len(changed) > 2 * WIDTH:
        return line(frame, values)
    xs, ys = frame.x(changed), frame.y(values[changed])
    start = number(float(frame.y(values[:1])[0]))
    jumps = "".join(f"H{number(x)}V{number(y)}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
    return f"M0,{start}{jumps}H{number(WIDTH)}"


def points(xs: Floats, ys: Floats) -> list[str]:
    return [f"{number(x)},{number(y)}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]


def number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def path(kind: str, d: str) -> str:
    return f'<path class="{kind}" d="{d}"/>' if d else ""


def picture(
    frame: Frame,
    drawn: Iterable[str],
    *,
    name: str,
    title: str,
    about: str,
    times: Integers,
    label: Callable[[float], str],
) -> str:
    """A figure: the SVG with its title and description, and labels beside it. ``times`` are the points' epoch seconds."""
    rises = [value for value in round_steps(frame.low, frame.high) if frame.low < value <= frame.high]
    heights = (frame.y(np.array(rises)) / HEIGHT * 100).tolist()
    grid = "".join(f"M0,{number(height * HEIGHT / 100)}H{number(WIDTH)}" for height in heights)
    beside = "".join(
        f'<span style="top:{height:.2f}%">{label(value)}</span>'
        for value, height in zip(rises, heights, strict=True)
    )
    below = "".join(
        f'<span style="left:{100 * at / frame.last:.2f}%">{text}</span>' for at, text in time_labels(times)
    )
    return (
        f'<div class="picture {name}"><svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-labelledby="{name}-title {name}-about"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-about">{escape(about)}</desc>{path("grid", grid)}{"".join(drawn)}</svg>'
        f'<div class="rises" aria-hidden="true">{beside}</div><div class="days" aria-hidden="true">{below}</div></div>'
    )


_CALENDAR: Sequence[tuple[str, str]] = (
    ("Y", "%Y"),
    ("M", "%b %Y"),
    ("D", "%d %b"),
    ("h", "%d %b %H:%M"),
    ("m", "%d %b %H:%M"),
)


def time_labels(times: Integers) -> list[tuple[int, str]]:
    """(point, text) at beginnings of years, months, days, hours or minutes: the coarsest of which there are three."""
    for unit, shape in _CALENDAR:
        spans = times.astype("datetime64[s]").astype(f"datetime64[{unit}]")
        begins = np.flatnonzero(spans[1:] != spans[:-1]) + 1
        if len(begins) >= 3:
            chosen = begins[:: -(-len(begins) // _MOST_LABELS)]
            return [(at, f"{datetime.fromtimestamp(int(times[at]), UTC):{shape}}") for at in chosen.tolist()]
    ends = (0, len(times) - 1)
    return [(at, f"{datetime.fromtimestamp(int(times[at]), UTC):%d %b %H:%M}") for at in dict.fromkeys(ends)]
