"""Candle files read in batches, so that the largest needs no more memory than a small one.

Numbers stay texts here: what they are exactly is for the checks to say.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import polars as pl
from polars.exceptions import ComputeError, PolarsError, SchemaError

from stoa.trading.candles._layouts import (
    PRICES,
    Layout,
    Source,
    TimeFormat,
    places_of,
    recognise,
    time_format,
)
from stoa.trading.candles._zones import Zone, unsaid
from stoa.trading.errors import CandlesRefusedError

_BLOCK = 8 * 2**20
_ROWS = 250_000
_LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a file. ``millis`` are starts of bars since the epoch, null where they can't be read.

    ``broken`` says of rows, by index, why they are none. ``lines`` counts from 1, a header included; ``read`` is how
    many of the file's bytes are behind this batch.
    """

    lines: pl.Series
    millis: pl.Series
    texts: pl.DataFrame
    read: int
    broken: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)


def read_batches(path: Path, zone: Zone | None = None) -> tuple[Source, Iterator[Batch]]:
    """Who wrote the file, and its rows, whose times are of ``zone`` (None: UTC).

    Raises CandlesRefusedError for a file that is not known here, TradingInvalidError where it says its own zone.
    """
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    if is_parquet:
        return Source.PARQUET, _parquet_batches(path, zone)
    return _csv_batches(path, zone)


# --- text --------------------------------------------------------------------------------------------------------


def _csv_batches(path: Path, zone: Zone | None) -> tuple[Source, Iterator[Batch]]:
    blocks = _blocks(path)
    first, read = next(blocks, (b"", 0))
    begin = _decoded(first[: 4 * _LONGEST_LINE]).split("\n")
    layout = recognise([line for line in begin[:2] if line.strip()]).within(zone)
    return layout.source, _batches_of(chain([(first, read)], blocks), layout)


def _blocks(path: Path) -> Iterator[tuple[bytes, int]]:
    """(whole lines in UTF-8, how many of the file's bytes are read)."""
    with path.open("rb") as raw:
        file: BinaryIO | codecs.StreamRecoder = raw
        mark = raw.read(3)
        raw.seek(0)
        if mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            file = codecs.EncodedFile(raw, "utf-8", "utf-16", errors="replace")
        elif mark == codecs.BOM_UTF8:
            raw.seek(3)
        rest = b""
        while chunk := file.read(_BLOCK):
            cut = chunk.rfind(b"\n") + 1
            if len(chunk) - cut > _LONGEST_LINE or (not cut and len(rest) > _LONGEST_LINE):
                raise CandlesRefusedError("This is no text with a candle a line: its lines are too long.")
            if cut:
                yield rest + chunk[:cut], raw.tell()
                rest = b""
            rest += chunk[cut:]
        if rest:
            yield rest, raw.tell()


def _batches_of(blocks: Iterator[tuple[bytes, int]], layout: Layout) -> Iterator[Batch]:
    line = 1
    for block, read in blocks:
        body = block
        if line == 1 and layout.has_header:
            body = block[block.index(b"\n") + 1 :] if b"\n" in block else b""
            line = 2
        if body:
            batch = _batch(body, layout, line, read)
            line += body.count(b"\n")
            if len(batch):
                yield batch


def _batch(body: bytes, layout: Layout, line: int, read: int) -> Batch:
    broken: dict[int, str] = {}
    try:
        frame = _frame(body, layout)
    except (ComputeError, SchemaError):
        body, broken = _without_broken(body, layout)
        frame = _frame(body, layout)
    lines = pl.int_range(line, line + frame.height, eager=True).alias("line")
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if blank.any():
        kept = ~blank | (lines - line).is_in(list(broken))
        frame, lines = frame.filter(kept), lines.filter(kept)
        broken = (
            {row: broken[at - line] for row, at in enumerate(lines) if at - line in broken} if broken else {}
        )
    if "date" in layout.places and "time" in layout.places:
        times = frame.select(pl.concat_str("date", "time", separator=" ")).to_series()
    else:
        times = frame["ts"]
    return Batch(lines, _millis(times, layout.time), _texts(frame), read, broken)


def _frame(body: bytes, layout: Layout) -> pl.DataFrame:
    read = pl.read_csv(
        body, separator=layout.separator, has_header=False, quote_char=None, missing_columns="insert",
        schema={str(place): pl.String for place in range(layout.width)},
        columns=sorted(layout.places.values()),
    )  # fmt: skip
    return read.select(
        pl.col(str(place)).str.strip_chars(' "\r').alias(role) for role, place in layout.places.items()
    )


def _without_broken(body: bytes, layout: Layout) -> tuple[bytes, dict[int, str]]:
    """The same lines, those blanked that are no lines of this layout, and what is wrong with them."""
    lines, broken = body.split(b"\n"), dict[int, str]()
    for index, line in enumerate(lines):
        fields = line.count(layout.separator.encode()) + 1
        if "�" in _decoded(line):
            broken[index] = "is not UTF-8 text."
        elif fields > layout.width:
            broken[index] = f"has {fields} fields, where {layout.width} are expected."
        if index in broken:
            lines[index] = b""
    return b"\n".join(lines), broken


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _texts(frame: pl.DataFrame) -> pl.DataFrame:
    volume = pl.col("volume") if "volume" in frame.columns else pl.lit("0").alias("volume")
    return frame.select(*PRICES, volume)


def _millis(times: pl.Series, form: TimeFormat) -> pl.Series:
    shift = form.shift * 1000
    if form.pattern in ("s", "ms"):
        return times.cast(pl.Int64, strict=False) * (1000 if form.pattern == "s" else 1) + shift
    parsed = times.str.to_datetime(form.pattern, time_unit="ms", strict=False, ambiguous="null")
    if form.zone is not None:
        parsed = form.zone.to_utc(parsed)
    return parsed.dt.timestamp("ms") + shift


# --- Parquet -----------------------------------------------------------------------------------------------------


def _parquet_batches(path: Path, zone: Zone | None) -> Iterator[Batch]:
    """Rows are its lines, from 1. Prices of any numeric type become the shortest texts that mean them."""
    try:
        scan = pl.scan_parquet(path)
        schema = scan.collect_schema()
        count = int(scan.select(pl.len()).collect().item())
    except PolarsError as error:
        raise _unreadable(error) from None
    names = list(schema.names())
    places = places_of(names)
    if "ts" not in places:
        raise CandlesRefusedError("A Parquet file says date and time in one column, ts.")
    columns = [pl.col(names[place]).alias(role) for role, place in places.items()]
    size = path.stat().st_size
    for start in range(0, count, _ROWS):
        try:
            frame = scan.select(columns).slice(start, _ROWS).collect()
            texts = _texts(frame).cast(pl.String)
            millis = _parquet_millis(frame["ts"], zone)
        except PolarsError as error:
            raise _unreadable(error) from None
        lines = pl.int_range(start + 1, start + 1 + frame.height, eager=True)
        yield Batch(lines, millis, texts, size * (start + frame.height) // count)


def _unreadable(error: Exception) -> CandlesRefusedError:
    reason = re.sub(r"\s+", " ", str(error)).partition(". ")[0][:200]
    return CandlesRefusedError(f"The Parquet file can't be read: {reason}.")


def _parquet_millis(times: pl.Series, zone: Zone | None) -> pl.Series:
    if times.dtype.is_temporal():
        moments = times.cast(pl.Datetime("us"))
        zone = unsaid(zone, is_said=getattr(times.dtype, "time_zone", None) is not None)
        if zone is not None:
            moments = zone.to_utc(moments)
        micros = moments.dt.timestamp("us")
        return (micros // 1000).set(micros % 1000 != 0, None)
    texts = times.cast(pl.String)
    known = time_format(next((text for text in texts if text is not None), ""))
    if known is None:
        raise CandlesRefusedError("The column ts is no time that is known here.")
    return _millis(texts, known.within(zone))
