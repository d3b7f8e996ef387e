"""Where each tile stands on the canvas. Pure; all numbers are pixels, and even: colours have half of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

GAP = 8
BAR = 28
"""How tall the name under a tile is."""
_COLUMN = 5
"""Small tiles beside a screen are a fifth of the width, and so many at most stand under each other before they shrink."""


@dataclass(frozen=True, slots=True)
class Box:
    """What a tile may use; a picture keeps its shape inside, and the name stands under it."""

    left: int
    top: int
    width: int
    height: int

    def fitted(self, width: int, height: int) -> Box:
        """The largest box of that shape, in the middle."""
        scale = min(self.width / max(width, 1), self.height / max(height, 1))
        wide, tall = max(2, _even(width * scale)), max(2, _even(height * scale))
        return Box(
            self.left + _even((self.width - wide) / 2), self.top + _even((self.height - tall) / 2), wide, tall
        )


def arranged(people: int, width: int, height: int, *, screen: bool) -> list[Box]:
    """A grid of that many tiles. With a screen, its box comes first, and the tiles stand in a column beside it."""
    if not screen:
        return list(_grid(people, Box(0, 0, width, height)))
    column = _even(width / _COLUMN) if people else 0
    beside = Box(width - column, 0, column, height)
    return [_cell(0, 0, width - column, height), *_column(people, beside)]


def _grid(count: int, inside: Box) -> Iterator[Box]:
    """Rows as full as they can be; the last stands in the middle."""
    if not count:
        return
    columns = 1
    while columns * columns < count:
        columns += 1
    rows = -(-count // columns)
    wide, tall = inside.width / columns, inside.height / rows
    for index in range(count):
        row, column = divmod(index, columns)
        in_row = min(columns, count - row * columns)
        left = inside.left + (inside.width - in_row * wide) / 2 + column * wide
        yield _cell(left, inside.top + row * tall, wide, tall).fitted(16, 9)


def _column(count: int, inside: Box) -> Iterator[Box]:
    wanted = inside.width * 9 / 16 + BAR
    columns = 1 if count <= _COLUMN else 2
    rows = max(1, -(-count // columns))
    wide, tall = inside.width / columns, min(wanted / columns + BAR, inside.height / rows)
    top = inside.top + (inside.height - rows * tall) / 2
    for index in range(count):
        row, column = divmod(index, columns)
        yield _cell(inside.left + column * wide, top + row * tall, wide, tall).fitted(16, 9)


def _cell(left: float, top: float, width: float, height: float) -> Box:
    """Without the gap around it and the name's bar under it."""
    return Box(
        _even(left + GAP),
        _even(top + GAP),
        max(2, _even(width - 2 * GAP)),
        max(2, _even(height - 2 * GAP - BAR)),
    )


def _even(length: float) -> int:
    return int(length) // 2 * 2
