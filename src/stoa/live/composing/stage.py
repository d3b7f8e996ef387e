"""The canvas: tiles with their names, drawn once a scene, and pictures on them as they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stoa.live.composing import layout
from stoa.live.composing.layout import Box
from stoa.live.composing.sight import Picture
from stoa.live.composing.timeline import Scene, Tile

WIDTH, HEIGHT = 1280, 720
_BLACK, _DARK, _LETTERS, _MARK = (16, 128, 128), (40, 128, 128), 225, (170, 60, 70)
_BORDER = 4
_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf")


class Stage:
    """``canvas`` holds the planes one under the other, as ``VideoFrame.from_ndarray`` takes them."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self.canvas: Any = np.zeros((HEIGHT * 3 // 2, WIDTH), np.uint8)
        flat, whole = self.canvas.reshape(-1), WIDTH * HEIGHT
        half = (HEIGHT // 2, WIDTH // 2)
        self._planes = (
            flat[:whole].reshape(HEIGHT, WIDTH),
            flat[whole : whole + whole // 4].reshape(half),
            flat[whole + whole // 4 :].reshape(half),
        )

    def set(self, scene: Scene) -> None:
        """Draws what stands still."""
        self._fill(Box(0, 0, WIDTH, HEIGHT), _BLACK)
        for tile, box in boxes_of(scene):
            name = self._names.get(tile.participant, "")
            if tile.participant == scene.speaker and not tile.is_screen:
                self._mark(box)
            self._fill(box, _DARK)
            if tile.track is None:
                self._write(name, box, min(44, box.height // 4))
            under = Box(box.left, box.top + box.height + _BORDER, box.width, layout.BAR - _BORDER)
            self._write(f"{name} (screen)" if tile.is_screen else name, under, 17)

    def show(self, picture: Picture) -> None:
        place, data = picture
        flat, whole = data.reshape(-1), place.width * place.height
        half = (place.height // 2, place.width // 2)
        parts = (
            flat[:whole].reshape(place.height, place.width),
            flat[whole : whole + whole // 4].reshape(half),
            flat[whole + whole // 4 :].reshape(half),
        )
        for part, target in zip(parts, self._views(place), strict=True):
            target[:] = part

    def _views(self, box: Box) -> tuple[Any, Any, Any]:
        bright, blue, red = self._planes
        rows, columns = slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)
        half_rows = slice(box.top // 2, (box.top + box.height) // 2)
        half_columns = slice(box.left // 2, (box.left + box.width) // 2)
        return bright[rows, columns], blue[half_rows, half_columns], red[half_rows, half_columns]

    def _fill(self, box: Box, colour: tuple[int, int, int]) -> None:
        for view, value in zip(self._views(box), colour, strict=True):
            view[:] = value

    def _mark(self, box: Box) -> None:
        """Around the tile, in the gap between it and the next."""
        width, height = box.width + 2 * _BORDER, box.height + 2 * _BORDER
        self._fill(Box(box.left - _BORDER, box.top - _BORDER, width, height), _MARK)

    def _write(self, text: str, box: Box, size: int) -> None:
        """In the middle of the box; what is too long is cut."""
        font = _font(size)
        while text and font.getlength(text) > box.width - 8:
            text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
        image = Image.new("L", (box.width, box.height), 0)
        ImageDraw.Draw(image).text((box.width / 2, box.height / 2), text, 255, font, anchor="mm")
        bright, *_ = self._views(box)
        strength = np.asarray(image, np.float32) / 255
        bright[:] = (bright + (_LETTERS - bright.astype(np.float32)) * strength).astype(np.uint8)


def boxes_of(scene: Scene) -> list[tuple[Tile, Box]]:
    """Where the scene's pictures go."""
    tiles = [*([scene.screen] if scene.screen else []), *scene.people]
    boxes = layout.arranged(len(scene.people), WIDTH, HEIGHT, screen=scene.screen is not None)
    return list(zip(tiles, boxes, strict=True))


def _font(size: int) -> Any:
    """One of the system's, which know more scripts than the one that comes with Pillow."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, max(size, 8))
        except OSError:
            continue
    return ImageFont.load_default(max(size, 8))
