"""Bytes to a tree of components with their raw properties: tolerant of what programs get wrong, strict on size.

icalendar's own reader is not used here. It keeps every VTIMEZONE of a file in a cache that the whole process shares,
so that one caller's file changes how the next one's is read; and asking one of its times for its offset walks the
rules in them, which a few hostile lines (FREQ=SECONDLY) make last for minutes. This reader interprets nothing, and
its cost grows with the file's length alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stoa.kernel.errors import InvalidError

MAX_BYTES = 5_000_000
MAX_COMPONENTS = 10_000
MAX_DEPTH = 16

WANTED = frozenset(
    [
        "BEGIN",
        "END",
        "UID",
        "SUMMARY",
        "DESCRIPTION",
        "DTSTART",
        "DTEND",
        "DURATION",
        "RRULE",
        "EXRULE",
        "RDATE",
        "EXDATE",
        "RECURRENCE-ID",
        "STATUS",
        "SEQUENCE",
        "DTSTAMP",
        "LAST-MODIFIED",
        "METHOD",
        "TZID",
        "TZOFFSETFROM",
        "TZOFFSETTO",
        "X-LIC-LOCATION",
        "X-WR-TIMEZONE",
    ]
)
OURS = "X-STOA-"

_LINE_ENDS = re.compile(rb"[\r\n]+")
_FOLD = re.compile(rb"\n[ \t]")
_LINE = re.compile(r'([\w.-]+)[ \t]*((?:;(?:[^":]|"[^"]*")*)?):(.*)', re.DOTALL)
_PARAMETER = re.compile(r';[ \t]*([\w-]+)[ \t]*=[ \t]*("[^"]*"|[^;]*)')
_ESCAPE = re.compile(r'\\([\\,;:"nN])')
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Line:
    value: str
    parameters: dict[str, str]

    @property
    def text(self) -> str:
        """The value as TEXT: escapes undone, control characters dropped."""
        return plain(_ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], self.value))


@dataclass(slots=True)
class Node:
    name: str
    lines: dict[str, list[Line]] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    def first(self, name: str) -> Line | None:
        found = self.lines.get(name)
        return found[0] if found else None

    def word(self, name: str) -> str:
        """The first value of a property that is one word, in capitals; empty where there is none."""
        line = self.first(name)
        return line.value.strip().upper() if line else ""


def plain(text: str) -> str:
    """Text as iCalendar can carry it: line feeds and tabs are its only control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text).encode("utf-8", "replace").decode()


def read(data: bytes) -> list[Node]:
    """The file's VCALENDARs. Raises InvalidError for the field ``file`` if it is not iCalendar or too much."""
    if len(data) > MAX_BYTES:
        raise _bad(f"is larger than {MAX_BYTES // 1_000_000} MB.")
    # Some programs fold in the middle of a character, so lines are joined before they are decoded.
    joined = _FOLD.sub(b"", _LINE_ENDS.sub(b"\n", data))
    try:
        text = joined.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _bad("is not UTF-8 text, so it is not an iCalendar file.") from None
    root = _tree(text)
    if not root.children:
        raise _bad("is not an iCalendar file: it has no VCALENDAR.")
    return root.children


def _tree(text: str) -> Node:
    root = Node("")
    open_nodes = [root]
    count = 0
    for raw in text.split("\n"):
        found = _LINE.match(raw)
        if len(open_nodes) == 1 and raw.strip(" \t\0\x1a") and not _opens_calendar(found):
            raise _bad("is not an iCalendar file: it must begin with BEGIN:VCALENDAR.")
        if found is None:
            continue  # An unfolded rest of somebody's description: every program skips those.
        name = found[1].upper()
        if name == "BEGIN":
            count += 1
            _guard(count, len(open_nodes))
            node = Node(found[3].strip().upper())
            open_nodes[-1].children.append(node)
            open_nodes.append(node)
        elif name == "END":
            if open_nodes.pop().name != found[3].strip().upper():
                raise _bad(f"is damaged: END:{found[3].strip()[:40]} closes something else.")
        elif name in WANTED or name.startswith(OURS):
            open_nodes[-1].lines.setdefault(name, []).append(_line(found))
    if len(open_nodes) > 1:
        raise _bad(f"is damaged: it ends inside of a {open_nodes[-1].name[:40]}.")
    return root


def _opens_calendar(found: re.Match[str] | None) -> bool:
    return found is not None and found[1].upper() == "BEGIN" and found[3].strip().upper() == "VCALENDAR"


def _guard(count: int, depth: int) -> None:
    if count > MAX_COMPONENTS:
        raise _bad(f"has more than {MAX_COMPONENTS:,} components.")
    if depth > MAX_DEPTH:
        raise _bad(f"nests components more than {MAX_DEPTH} deep.")


def _line(found: re.Match[str]) -> Line:
    section, value = found[2], found[3]
    if "TZID=" in section.upper() and ":" in value:
        # Exchange writes TZID=tzone://Microsoft/Custom without the quotes that its colon needs.
        rest, _, value = value.rpartition(":")
        section = f"{section}:{rest}"
    return Line(value, _parameters(section))


def _parameters(section: str) -> dict[str, str]:
    return {name.upper(): value.strip().strip('"') for name, value in _PARAMETER.findall(section)}


def _bad(message: str) -> InvalidError:
    return InvalidError.field("file", message)
