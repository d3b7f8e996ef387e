"""A part of a longer list, and a bookmark in one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stoa.kernel.errors import InvalidError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``total`` counts all that match, not only these."""

    items: Sequence[T]
    total: int


def encode_cursor(*parts: Any) -> str:
    """An opaque bookmark: the sort key of the last thing seen."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode_cursor(text: str, *, length: int) -> list[Any]:
    """Raises InvalidError for anything that encode_cursor did not make."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or len(parts) != length or not all(map(_is_storable, parts)):
        raise InvalidError.field("cursor", "must be one that an earlier answer gave.")
    return parts


def _is_storable(part: Any) -> bool:
    """A number or a text that a database can compare with: no NUL, no half of a surrogate pair, 64 bits."""
    if isinstance(part, str):
        return "\0" not in part and part.isprintable()
    return type(part) is int and -_LARGEST <= part <= _LARGEST


_LARGEST = 2**62
