"""Reading plain JSON with every fault collected instead of the first one raised."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stoa.kernel.errors import Fault
from stoa.missions.html import clean_html

MAX_FAULTS = 1000
MAX_TEXT = 65_536
MAX_NUMBER = 2**53 - 1
MAX_VALUES = 1_000
MAX_DEPTH = 16
TOO_LONG_CLEANED = f"must be at most {MAX_TEXT} characters long as HTML, where & is &amp;."
NOT_BOUNDED = "must be plain values, not too many, too long or too deep."
REQUIRED: Any = object()
ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
COLOR_PATTERN = re.compile(r"#[0-9a-fA-F]{6}")


class Faults:
    """All that is wrong with a document, in the order found; after a thousand it stops writing them down."""

    def __init__(self) -> None:
        self._all: list[Fault] = []

    def add(self, path: str, message: str) -> None:
        if len(self._all) < MAX_FAULTS:
            self._all.append(Fault(path, message))

    def __bool__(self) -> bool:
        return bool(self._all)

    def tuple(self) -> tuple[Fault, ...]:
        return tuple(self._all)


class Reader:
    """One object of a document, at its path. A method that finds a fault notes it and answers something usable."""

    __slots__ = ("_value", "faults", "path")

    def __init__(self, value: Any, path: str, faults: Faults, *, known: Collection[str]) -> None:
        self.path = path
        self.faults = faults
        if not isinstance(value, Mapping):
            self.fault("", "must be an object.")
            value = {}
        self._value: Mapping[str, Any] = value
        for key in value:
            if key not in known:
                self.fault(key[:MAX_TEXT] if isinstance(key, str) else "", "is not a known field.")

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path and key else self.path or key

    def fault(self, key: str, message: str) -> None:
        self.faults.add(self.at(key), message)

    def has(self, key: str) -> bool:
        return self._value.get(key) is not None

    def raw(self, key: str) -> Any:
        return self._value.get(key)

    def _get(self, key: str, default: Any) -> Any:
        """The value; the default where it is absent. A required one that is absent is noted, and None."""
        value = self._value.get(key, default)
        if value is REQUIRED:
            self.fault(key, "is required.")
            return None
        return value

    def text(self, key: str, *, default: Any = REQUIRED, limit: int = MAX_TEXT, empty: bool = True) -> str:
        value = self._get(key, default)
        if value is default:
            return value if isinstance(value, str) else ""
        if not isinstance(value, str):
            if key in self._value:
                self.fault(key, "must be a text.")
            return ""
        if len(value) > limit:
            self.fault(key, f"must be at most {limit} characters long.")
            return ""
        if not value.isascii() or "\0" in value:
            fault = _indecent(value)
            if fault is not None:
                self.fault(key, fault)
                return ""
        if not empty and not value.strip():
            self.fault(key, "must not be empty.")
        return value

    def html(self, key: str) -> str:
        """Cleaned; a document that was read once can be read again, so that what cleaning makes of it fits too."""
        cleaned = clean_html(self.text(key, default=""))
        if len(cleaned) > MAX_TEXT:
            self.fault(key, TOO_LONG_CLEANED)
            return ""
        return cleaned

    def ident(self, key: str, *, default: Any = REQUIRED) -> str:
        value = self.text(key, default=default)
        if value and not ID_PATTERN.fullmatch(value):
            self.fault(key, "must be an id: letters, digits, - and _, at most 64.")
        elif not value and isinstance(self._value.get(key), str):
            self.fault(key, "must not be empty.")
        return value

    def color(self, key: str, *, default: str) -> str:
        value = self.text(key, default=default)
        if not COLOR_PATTERN.fullmatch(value):
            self.fault(key, "must be a colour such as #65eb59.")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            self.fault(key, "must be true or false.")
            return default
        return value

    def number(self, key: str, *, default: Any = REQUIRED, low: float = 0, high: float = MAX_NUMBER) -> float:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            if key in self._value:
                self.fault(key, "must be a number.")
            return low
        if not low <= value <= high:  # which no NaN is, either
            self.fault(key, f"must be between {low} and {high}.")
            return low
        return value

    def whole(self, key: str, *, default: Any = REQUIRED, low: int = 0, high: int = MAX_NUMBER) -> int:
        value = self.number(key, default=default, low=low, high=high)
        if value != int(value):
            self.fault(key, "must be a whole number.")
        return int(value)

    def list_of(self, key: str, *, low: int = 0, high: int, default: Any = REQUIRED) -> list[Any]:
        value = self._get(key, default)
        if value is default:
            return []
        if not isinstance(value, list | tuple):
            if key in self._value:
                self.fault(key, "must be a list.")
            return []
        if not low <= len(value) <= high:
            self.fault(key, f"must have between {low} and {high} entries.")
        return list(value[:high])

    def objects(
        self, key: str, *, known: Collection[str], high: int, low: int = 0, default: Any = REQUIRED
    ) -> Iterator[Reader]:
        path = self.at(key)
        for index, value in enumerate(self.list_of(key, low=low, high=high, default=default)):
            yield Reader(value, f"{path}[{index}]", self.faults, known=known)


def _indecent(value: str) -> str | None:
    """What is wrong with a text that no database and no socket would carry."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return "must be whole Unicode characters."
    return "must not hold a NUL." if "\0" in value else None


def bounded(document: Any) -> bool:
    """Whether plain JSON of somebody else's making may be kept and handed on: values that every side can carry, not too
    many and not too deep.
    """
    size = 0
    stack: list[tuple[Any, int]] = [(document, 1)]
    while stack:
        value, depth = stack.pop()
        size += 1
        if size > MAX_VALUES or depth > MAX_DEPTH:
            return False
        if isinstance(value, Mapping):
            if not all(isinstance(key, str) and _carried(key) for key in value):
                return False
            stack.extend((below, depth + 1) for below in value.values())
        elif isinstance(value, list):
            stack.extend((below, depth + 1) for below in value)
        elif not _carried(value):
            return False
    return True


def _carried(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and _indecent(value) is None
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or (isinstance(value, bool | int) and abs(value) <= MAX_NUMBER)
