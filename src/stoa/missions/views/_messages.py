"""The frame of the protocol's messages."""

from __future__ import annotations

from typing import Any

from stoa.kernel.errors import StoaError
from stoa.missions.errors import number_of


def message(
    method: str, data: dict[str, Any], *, request: dict[str, Any] | None = None, fulfilled: bool = True
) -> dict[str, Any]:
    """``request`` is the event's: what was asked, and by whom. A change that nobody asked for carries none."""
    framed: dict[str, Any] = {"method": method, "data": data}
    if request is not None:
        framed["request"] = {**request, "fulfilled": fulfilled}
    return framed


def error_message(error: StoaError, *, request: dict[str, Any] | None = None) -> dict[str, Any]:
    framed: dict[str, Any] = {
        "method": "error",
        "code": number_of(error),
        "message": error.message,
        "data": {},
    }
    if request is not None:
        framed["request"] = {**request, "fulfilled": False}
    return framed
