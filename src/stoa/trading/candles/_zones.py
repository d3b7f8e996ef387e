"""The clock that a file's times were read from, where the file does not say it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PolarsError

from stoa.kernel.errors import Fault
from stoa.trading.errors import TradingInvalidError

_AHEAD = re.compile(
    r"(?P<name>\S+)(?P<sign>[+-])(?P<hours>[01]?\d|2[0-3])(?::(?P<minutes>[0-5]\d))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Zone:
    """A clock that is ``ahead`` seconds before that of ``name``, a zone of the IANA database or an offset."""

    name: str
    ahead: int = 0

    @classmethod
    def of(cls, text: str) -> Zone:
        """``Europe/Athens``, ``UTC+2``, or ``America/New_York+7``, as most brokers' MetaTrader keeps it.

        Raises TradingInvalidError naming ``timezone``.
        """
        if _is_known(text):
            return cls(text)
        found = _AHEAD.fullmatch(text)
        if found is None or not _is_known(found["name"]):
            raise TradingInvalidError.of(
                Fault("timezone", "must be a zone such as Europe/Athens, UTC+2 or America/New_York+7.")
            )
        ahead = int(found["hours"]) * 3600 + int(found["minutes"] or 0) * 60
        return cls(found["name"], -ahead if found["sign"] == "-" else ahead)

    def to_utc(self, times: pl.Series) -> pl.Series:
        """Null where the clock is put forward past a time, or back so that it shows it twice."""
        local = times.dt.offset_by(f"{-self.ahead}s")
        return local.dt.replace_time_zone(self.name, ambiguous="null", non_existent="null")


def unsaid(zone: Zone | None, *, is_said: bool) -> Zone | None:
    """``zone``, where a file's times do not say their own. Raises TradingInvalidError where they do."""
    if zone is not None and is_said:
        raise TradingInvalidError.of(
            Fault("timezone", "is not for this file: the zone of its times is known.")
        )
    return zone


def _is_known(name: str) -> bool:
    if not name:
        return False
    try:
        pl.Series([None], dtype=pl.Datetime).dt.replace_time_zone(name)
    except PolarsError:
        return False
    return True
