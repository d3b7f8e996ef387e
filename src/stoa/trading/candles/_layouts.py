"""What a text file of candles looks like, told from its first lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from stoa.trading.candles._zones import Zone, unsaid
from stoa.trading.errors import CandlesRefusedError

ACCEPTED = (
    "Accepted are Parquet, and text with a header ts,open,high,low,close,volume (ts as ISO 8601, or epoch seconds or "
    "milliseconds), MetaTrader 4 and 5 exports, HistData's Generic ASCII bars (20170102 170000;…) and Dukascopy's "
    "candles (Gmt time, or local time with its offset)."
)
PRICES = ("open", "high", "low", "close")
_TIMES = frozenset({"", "ts", "time", "timestamp", "datetime", "date"})  # pandas leaves its index unnamed
_VOLUMES = ("volume", "tickvol", "vol")
_DUKASCOPY = re.compile(
    r"(?:gmt|local|utc) time|(?:local )?time \((?:gmt|utc)(?P<sign>[+-])?(?P<hours>\d{1,2})?:?(?P<minutes>\d\d)?\)"
)
_HISTDATA_SHIFT = 5 * 3600
"""HistData writes Eastern Standard Time all the year, five hours behind UTC."""


class Source(StrEnum):
    """Who wrote the file."""

    COLUMNS = "columns"
    METATRADER = "MetaTrader"
    HISTDATA = "HistData"
    DUKASCOPY = "Dukascopy"
    PARQUET = "Parquet"


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """``pattern`` is strptime's, or "s" or "ms" for epochs. ``shift`` seconds make the file's time UTC, or ``zone`` does."""

    pattern: str
    shift: int = 0
    zone: Zone | None = None

    @property
    def has_offset(self) -> bool:
        return self.pattern.endswith("%z")

    def within(self, zone: Zone | None) -> TimeFormat:
        """The same where times are those of ``zone``. Raises TradingInvalidError where they say their own."""
        is_said = self.pattern in ("s", "ms") or self.pattern.endswith(("%z", "Z"))
        return replace(self, zone=unsaid(zone, is_said=is_said))


@dataclass(frozen=True, slots=True)
class Layout:
    """``places`` are the columns' indices in a line of ``width`` fields: ``ts`` or ``date`` and ``time``, prices, volume."""

    source: Source
    separator: str
    width: int
    places: Mapping[str, int]
    has_header: bool
    time: TimeFormat

    def within(self, zone: Zone | None) -> Layout:
        """The same with the file's times in ``zone``. Raises TradingInvalidError where they are known already."""
        unsaid(zone, is_said=self.source in (Source.HISTDATA, Source.DUKASCOPY))
        return replace(self, time=self.time.within(zone))


def recognise(lines: Sequence[str]) -> Layout:
    """The layout of a file that begins with ``lines``, two of them. Raises CandlesRefusedError for an unknown one."""
    first = lines[0] if lines else ""
    for separator in "\t;,":
        fields = split(first, separator)
        if len(fields) < 5:
            continue
        if {"open", "high", "low", "close"} <= {_plain(name) for name in fields}:
            return _with_header(fields, separator, lines[1:])
        layout = _without_header(fields, separator)
        if layout is not None:
            return layout
    raise CandlesRefusedError(f"This is no file of candles that is known here. {ACCEPTED}")


def split(line: str, separator: str) -> list[str]:
    return [field.strip(' "\r\n') for field in line.split(separator)]


def places_of(names: Sequence[str]) -> dict[str, int]:
    """Where the columns are among ``names``. Raises CandlesRefusedError where one is missing or there twice."""
    plain = [_plain(name) for name in names]
    if "date" in plain and "time" in plain:
        wanted = {"date": "date", "time": "time"}
    else:
        wanted = {"ts": next((name for name in plain if name in _TIMES or _DUKASCOPY.fullmatch(name)), "ts")}
    wanted |= {name: name for name in PRICES}
    volume = next((name for name in _VOLUMES if name in plain), None)
    if volume is not None:
        wanted["volume"] = volume
    for name in wanted.values():
        if plain.count(name) != 1:
            fault = "is there more than once" if name in plain else "is missing"
            raise CandlesRefusedError(f"The column {name} {fault}. {ACCEPTED}")
    return {role: plain.index(name) for role, name in wanted.items()}


def time_format(text: str) -> TimeFormat | None:
    """How times are written of which ``text`` is one; None where that is not known. Without a zone it is UTC."""
    if text.isascii() and text.isdigit() and len(text) != len("20170102"):
        return TimeFormat("s" if len(text) <= len("99999999999") else "ms")
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    pattern = next(pattern for shape, pattern in _DATES if re.fullmatch(shape, found["date"]))
    if found["clock"]:
        clock = {4: "%H:%M", 5: "%H:%M", 6: "%H%M%S"}.get(len(found["clock"]), "%H:%M:%S")
        # candles begin at whole seconds: a fraction that is not zero is found by its line
        pattern += found["between"] + clock + re.sub(r"\d", "0", found["fraction"] or "")
    return TimeFormat(pattern + re.sub(r"[+-].*", "%z", found["zone"] or ""))


_TIME = re.compile(
    r"""
    (?P<date> \d{4}-\d\d?-\d\d? | \d{4}\.\d\d\.\d\d | \d\d\.\d\d\.\d{4} | \d{8} )
    (?: (?P<between>[T ]) (?P<clock> \d\d?:\d\d (?::\d\d)? | \d{6} ) (?P<fraction>\.\d{1,9})?
        (?P<zone> Z | \ ?(?:GMT|UTC)? [+-]\d\d:?\d\d )? )?
    """,
    re.VERBOSE | re.ASCII,
)
_DATES = (
    (r"\d+-.*", "%Y-%m-%d"), (r"\d{4}\..*", "%Y.%m.%d"), (r"\d\d\..*", "%d.%m.%Y"), (r"\d{8}", "%Y%m%d"),
)  # fmt: skip


def _plain(name: str) -> str:
    return name.strip("<>").lower()


def _with_header(names: list[str], separator: str, lines: Sequence[str]) -> Layout:
    places = places_of(names)
    if not lines:
        raise CandlesRefusedError("The file has a header and no candles.")
    fields = split(lines[0], separator)
    if len(fields) != len(names):
        raise _at_line_two(f"has {len(fields)} fields, where the header has {len(names)}")
    at = "date" if "date" in places else "ts"
    text = " ".join(fields[places[role]] for role in ("date", "time", "ts") if role in places)
    time = time_format(text)
    if time is None:
        raise _at_line_two(f"has a time that is not known here, {text!r}")
    name = _plain(names[places[at]])
    source = Source.METATRADER if names[0].startswith("<") or "date" in places else Source.COLUMNS
    if dukascopy := _DUKASCOPY.fullmatch(name):
        source = Source.DUKASCOPY
        time = _dukascopy_time(time, name, dukascopy)
    return Layout(source, separator, len(names), places, has_header=True, time=time)


def _dukascopy_time(time: TimeFormat, name: str, found: re.Match[str]) -> TimeFormat:
    if time.has_offset:
        return time
    if name == "local time":
        raise _at_line_two("has a local time without its offset from UTC; export it as GMT")
    offset = int(found["hours"] or 0) * 3600 + int(found["minutes"] or 0) * 60
    return TimeFormat(time.pattern, offset if found["sign"] == "-" else -offset)


def _at_line_two(what: str) -> CandlesRefusedError:
    return CandlesRefusedError(f"Line 2 {what}. {ACCEPTED}", lines=[2])


def _without_header(fields: list[str], separator: str) -> Layout | None:
    """HistData's own, and MetaTrader's: its daily candles have no time of day."""
    date = fields[0]
    if re.fullmatch(r"\d{8} \d{6}", date, re.ASCII):
        time = TimeFormat("%Y%m%d %H%M%S", _HISTDATA_SHIFT)
        return _plain_layout(Source.HISTDATA, separator, fields, ("ts",), time)
    if re.fullmatch(r"\d{4}\.\d\d\.\d\d", date, re.ASCII):
        roles = ("date", "time") if ":" in fields[1] else ("ts",)
        known = time_format(" ".join(fields[: len(roles)]))
        return None if known is None else _plain_layout(Source.METATRADER, separator, fields, roles, known)
    return None


def _plain_layout(
    source: Source, separator: str, fields: list[str], roles: Sequence[str], time: TimeFormat
) -> Layout | None:
    order = (*roles, *PRICES, "volume")
    places = {role: place for place, role in enumerate(order) if place < len(fields)}
    if "close" not in places:
        return None
    return Layout(source, separator, len(fields), places, has_header=False, time=time)
