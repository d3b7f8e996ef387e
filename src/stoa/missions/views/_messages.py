"""The frame of the protocol's messages."""

from __future__ import annotations

from typing import Any


def message(
    method: str, data: dict[str, Any], *, request: dict[str, Any] | None = None, fulfilled: bool = True
) -> dict[str, Any]:
    """``request`` is the event's: what was asked, and by whom. A change that nobody asked for carries none."""
    framed: dict[str, Any] = {"method": method, "data": data}
    if request is not None:
        framed["request"] = {**request, "fulfilled": fulfilled}
    return framed
