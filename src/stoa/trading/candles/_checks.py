"""Whether rows are candles: every rule that a stored candle obeys, and the lines that break one.

Prices become whole steps without a doubt: a text of up to 16 characters and the double nearest to it determine each
other, so a double that is exactly the nearest one to a multiple of the step came from that multiple. Longer texts are
read as Decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stoa.kernel.errors import Fault
from stoa.trading.candles._bars import Bars
from stoa.trading.candles._exact import scale_of
from stoa.trading.candles._layouts import PRICES
from stoa.trading.candles._reading import Batch
from stoa.trading.candles._times import MONDAY, iso
from stoa.trading.errors import CandlesRefusedError
from stoa.trading.model import MOST_STEPS, Timeframe

FAULTS_TOLD = 20
_EXACT = 2**53
_SURE = 16
_LATEST = 7_258_118_400
"""The year 2200: what lies beyond is a wrong unit of time."""
_MOST_VOLUME = 1e15

Mask = NDArray[np.bool_]


@dataclass
class Checks:
    """Run over the batches of one file, in order. ``stored`` are the spans (first, last start of a bar) that are taken."""

    timeframe: Timeframe
    step: Decimal
    stored: Sequence[tuple[int, int]] = ()
    faults: list[Fault] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    count: int = 0
    _last: int | None = None

    def __post_init__(self) -> None:
        self._unit, self._scale = scale_of(self.step)
        self._highest = min(float(MOST_STEPS * self.step), _EXACT / self._scale)

    def take(self, batch: Batch) -> Bars | None:
        """The batch as bars; None once a line was refused, in this batch or before."""
        found = _Found(batch)
        starts = found.unreadable(batch.millis)
        opened, high, low, closed = (self._steps(found, name, batch.texts[name]) for name in PRICES)
        found.mark(high < np.maximum(opened, closed), "high {high} is below open {open} or close {close}.")
        found.mark(low > np.minimum(opened, closed), "low {low} is above open {open} or close {close}.")
        volume = found.volume(batch.texts["volume"])
        self._place(found, starts)
        self._note(found)
        if self.count:
            return None
        return Bars(self.timeframe, starts, opened, high, low, closed, volume)

    def done(self) -> None:
        """Raises CandlesRefusedError if any line was refused."""
        if not self.count:
            return
        what = "1 line is" if self.count == 1 else f"{self.count:,} lines are"
        first = f"{self.faults[0].field}: {self.faults[0].message}"
        raise CandlesRefusedError(
            f"{what} refused and nothing is stored: {first}",
            faults=tuple(self.faults), lines=self.lines, count=self.count,
        )  # fmt: skip

    def _steps(self, found: _Found, name: str, texts: pl.Series) -> NDArray[np.int64]:
        """Prices in steps, 0 where there is none."""
        numbers = texts.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        found.mark(~np.isfinite(numbers), f"{name} {{{name}!r}} is no number.")
        found.mark(numbers <= 0, f"{name} {{{name}}} is not above 0.")
        found.mark(numbers > self._highest, f"{name} {{{name}}} is too large.")
        fine = np.where((numbers > 0) & (numbers <= self._highest), numbers, 0.0)
        scaled = np.rint(fine * self._scale)
        whole = scaled.astype(np.int64)
        steps: NDArray[np.int64] = whole // self._unit
        multiple = (scaled / self._scale == fine) & (whole % self._unit == 0)
        long = (texts.str.len_bytes() > _SURE).fill_null(value=False).to_numpy()
        for row in np.flatnonzero(long):
            multiple[row] = _is_multiple(texts[int(row)], self.step)
        found.mark(~multiple, f"{name} {{{name}}} is no multiple of the step {self.step:f}.")
        return steps

    def _place(self, found: _Found, starts: NDArray[np.int64]) -> None:
        seconds = self.timeframe.seconds
        origin = MONDAY if self.timeframe is Timeframe.W1 else 0
        found.mark((starts - origin) % seconds != 0, f"{{ts}} is not the start of a bar of {self.timeframe}.")
        before = np.concatenate([[starts[0] - 1 if self._last is None else self._last], starts[:-1]])
        found.mark(starts == before, "{ts} is there twice: it is the line before, too.")
        found.mark(starts < before, "{ts} is earlier than the line before.")
        lowest, highest = starts.min(), starts.max()
        for first, last in self.stored:
            if last < lowest or first > highest:
                continue
            found.mark((starts >= first) & (starts <= last), "{ts} is in a span that is stored already.")
        self._last = int(starts[-1])

    def _note(self, found: _Found) -> None:
        rows = np.flatnonzero(found.reasons)
        self.count += len(rows)
        for row in rows[: FAULTS_TOLD - len(self.faults)]:
            line = found.batch.lines[int(row)]
            self.lines.append(line)
            self.faults.append(Fault(f"line {line}", found.say(int(row))))


class _Found:
    """For each row of a batch the first thing that is wrong with it, as a number: 0 is nothing."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.reasons = np.zeros(len(batch), np.int16)
        self._sayings: list[str] = [""]
        for row, saying in batch.broken.items():
            self._sayings.append(saying)
            self.reasons[row] = len(self._sayings) - 1

    def mark(self, wrong: Mask, saying: str) -> None:
        if wrong.any():
            self._sayings.append(saying)
            self.reasons[wrong & (self.reasons == 0)] = len(self._sayings) - 1

    def unreadable(self, millis: pl.Series) -> NDArray[np.int64]:
        """Starts in seconds. What is no time at all is marked, and takes the time of the row before."""
        bad = (millis.is_null() | (millis % 1000 != 0) | (millis < 0) | (millis > _LATEST * 1000)).fill_null(
            value=True
        )
        self.mark(bad.to_numpy(), "has a time that can't be read, or is outside 1970 to 2200.")
        seconds = millis.set(bad, None).fill_null(strategy="forward").fill_null(0) // 1000
        self._starts: NDArray[np.int64] = seconds.cast(pl.Int64).to_numpy()
        return self._starts

    def volume(self, texts: pl.Series) -> NDArray[np.float64]:
        numbers: NDArray[np.float64] = texts.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        fine = (numbers >= 0) & (numbers <= _MOST_VOLUME)
        self.mark(~fine, "volume {volume!r} is no number from 0 on.")
        return numbers

    def say(self, row: int) -> str:
        values = {name: _shown(text) for name, text in self.batch.texts.row(row, named=True).items()}
        saying = self._sayings[int(self.reasons[row])]
        if row in self.batch.broken:
            return saying
        return saying.format(ts=iso(int(self._starts[row])), **values)


def _shown(text: str | None) -> str:
    return "" if text is None else text[:40]


def _is_multiple(text: str | None, step: Decimal) -> bool:
    try:
        return Decimal(text or "") % step == 0
    except InvalidOperation:
        return True  # no number or a huge one: that is marked already
