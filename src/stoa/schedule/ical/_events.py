"""One VEVENT without its rule: what it is called and when it is; and what Stoa itself wrote into it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from stoa.schedule.ical._foreign import Zones, known_zone
from stoa.schedule.ical._lines import OURS, Node, plain
from stoa.schedule.ical._rules import RefusedError
from stoa.schedule.ical._times import FIRST_YEAR, LAST_YEAR, Moment, end_of, read_moment
from stoa.schedule.ical._wall import shown
from stoa.schedule.model import Override, Series

UNTITLED = "Untitled"


@dataclass(frozen=True, slots=True)
class Found:
    """A VEVENT and the calendar that it stood in."""

    node: Node
    zones: Zones
    home: str

    @property
    def uid(self) -> str | None:
        line = self.node.first("UID")
        return (line.text.strip() or None) if line else None

    @property
    def name(self) -> str | None:
        text = faithful(self.node, "SUMMARY")
        return text if text or self.node.first(f"{OURS}SUMMARY") else None

    @property
    def description(self) -> str | None:
        text = faithful(self.node, "DESCRIPTION")
        return text if text or self.node.first(f"{OURS}DESCRIPTION") else None

    @property
    def version(self) -> tuple[int, str]:
        """Greater for the newer of two versions of one event."""
        sequence = self.node.word("SEQUENCE")
        number = int(sequence) if sequence.isascii() and sequence.isdecimal() and len(sequence) < 10 else 0
        return number, self.node.word("LAST-MODIFIED") or self.node.word("DTSTAMP")

    @property
    def cancelled(self) -> bool:
        return self.node.word("STATUS") == "CANCELLED"

    def moment(self, name: str) -> Moment:
        """Raises RefusedError if the property is absent or can't be read."""
        line = self.node.first(name)
        if line is None:
            raise RefusedError(f"It has no {name}.")
        return read_moment(line.value, line, self.zones, home=self.home)

    def moments(self, name: str) -> list[Moment]:
        lines = self.node.lines.get(name, [])
        return [
            read_moment(text.partition("/")[0], line, self.zones, home=self.home)
            for line in lines
            for text in line.value.split(",")
            if text.strip()
        ]

    def end(self, start: Moment, *, repeats: bool) -> datetime:
        return end_of(self.node, start, self.zones, home=self.home, repeats=repeats)


def zone_of(found: Found, start: Moment, *, repeats: bool) -> str:
    """The zone in whose wall time the session lives: an instant in UTC that happens once can live in any."""
    ours = found.node.first(f"{OURS}ZONE")
    if start.utc and ours is not None and (known := known_zone(ours.text)) == ours.text:
        return known
    return found.home if start.utc and not repeats else start.zone


def faithful(node: Node, name: str) -> str | None:
    """A text, from Stoa's own copy while that still agrees with the standard property."""
    line, copy = node.first(name), node.first(OURS + name)
    if line is None:
        return None
    value = _json(copy.text) if copy else None
    return value if isinstance(value, str) and plain(value) == line.text else line.text


def restored(node: Node, series: Series) -> Series:
    """The series with what iCalendar could not say, if a calendar would show it just as the file does."""
    candidate = replace(
        series,
        start=_instant(node, "START") or series.start,
        end=_instant(node, "END") or series.end,
        until=_instant(node, "UNTIL") or series.until,
    )
    agrees = candidate.start < candidate.end and shown(candidate) == shown(series)
    return candidate if agrees else series


def unseen_overrides(node: Node) -> list[Override]:
    """Overrides that Stoa keeps but that no calendar should show."""
    read = (_override(_json(line.text)) for line in node.lines.get(f"{OURS}OVERRIDE", []))
    return [override for override in read if override is not None]


def _instant(node: Node, name: str) -> datetime | None:
    line = node.first(OURS + name)
    return to_instant(line.value.strip()) if line else None


def to_instant(text: Any) -> datetime | None:
    """An instant in ISO 8601 with its offset, in UTC; None for anything else or far away."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            return None
        at = at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return at if FIRST_YEAR - 1 <= at.year <= LAST_YEAR + 1 else None


def _override(value: Any) -> Override | None:
    if not isinstance(value, dict) or not isinstance(value.get("date"), str):
        return None
    texts = [value.get("name"), value.get("description")]
    if not all(text is None or isinstance(text, str) for text in texts):
        return None
    try:
        on = date.fromisoformat(value["date"])
    except ValueError:
        return None
    return Override(on, to_instant(value.get("start")), to_instant(value.get("end")), texts[0], texts[1])


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
