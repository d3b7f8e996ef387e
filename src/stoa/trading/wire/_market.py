"""Instruments and candles on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from msgspec import UNSET, Meta, Struct, UnsetType

from stoa.kernel.errors import Fault
from stoa.trading.candles import Bars, Gap, candle_ids, iso, prices
from stoa.trading.errors import TradingInvalidError
from stoa.trading.market import Imported, InstrumentChange, Shelf
from stoa.trading.model import Instrument, Timeframe
from stoa.web.values import InstantText

Positive = Annotated[float, Meta(gt=0, le=1e12)]
Symbol = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": 32})]
DisplayName = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": 200})]
Price = Annotated[float, Meta(gt=0)]


class CreateInstrument(Struct):
    """``step``, the smallest difference of two prices, is a tenth of ``pip_size`` unless said."""

    symbol: Symbol
    display_name: DisplayName
    pip_size: Positive
    enabled: bool = True
    step: Positive | UnsetType = UNSET
    contract_size: Positive = 100_000
    liquidation_level: Positive = 50

    def to_instrument(self) -> Instrument:
        return Instrument(
            0, self.symbol, self.display_name, exact(self.pip_size),
            step=Decimal(0) if self.step is UNSET else exact(self.step), contract_size=exact(self.contract_size),
            liquidation_level=exact(self.liquidation_level), enabled=self.enabled,
        )  # fmt: skip


class ChangeInstrument(Struct):
    """Only what is sent is changed; the symbol stays what it is."""

    symbol: Symbol | UnsetType = UNSET
    display_name: DisplayName | UnsetType = UNSET
    pip_size: Positive | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    step: Positive | UnsetType = UNSET
    contract_size: Positive | UnsetType = UNSET
    liquidation_level: Positive | UnsetType = UNSET

    def to_change(self) -> InstrumentChange:
        return InstrumentChange(
            symbol=None if self.symbol is UNSET else self.symbol,
            display_name=None if self.display_name is UNSET else self.display_name,
            pip_size=_exact_or_none(self.pip_size), step=_exact_or_none(self.step),
            contract_size=_exact_or_none(self.contract_size),
            liquidation_level=_exact_or_none(self.liquidation_level),
            enabled=None if self.enabled is UNSET else self.enabled,
        )  # fmt: skip


class InstrumentBody(Struct):
    id: int
    symbol: str
    display_name: str
    pip_size: float
    step: float
    contract_size: float
    liquidation_level: float
    enabled: bool

    @classmethod
    def of(cls, instrument: Instrument) -> InstrumentBody:
        return cls(**_instrument_fields(instrument))


class StoredBody(Struct):
    """What is stored of a timeframe: ``start_ts`` and ``end_ts`` are the first and the last bar's starts."""

    timeframe: Timeframe
    records_count: int
    start_ts: InstantText
    end_ts: InstantText


class OneInstrumentBody(InstrumentBody, kw_only=True):
    """An instrument with the candles that are stored of it."""

    candles: list[StoredBody]

    @classmethod
    def holding(cls, instrument: Instrument, shelf: Shelf) -> OneInstrumentBody:
        stored = [(timeframe, shelf.of(timeframe)) for timeframe in shelf.timeframes]
        candles = [
            StoredBody(timeframe, sum(file.count for file in files), iso(files[0].start), iso(files[-1].end))
            for timeframe, files in stored
        ]
        return cls(**_instrument_fields(instrument), candles=candles)


class InstrumentsBody(Struct):
    instruments: list[InstrumentBody]
    total: int
    page: int
    limit: int


class CandleBody(Struct):
    """``ts`` is the start of the bar, prices are bids."""

    id: int
    instrument_id: int
    timeframe: Timeframe
    ts: InstantText
    open: Price
    high: Price
    low: Price
    close: Price
    volume: float


class CandlesBody(Struct):
    candles: list[CandleBody]
    total: int
    page: int
    limit: int

    @classmethod
    def of(cls, bars: Bars, instrument: Instrument, *, total: int, page: int, limit: int) -> CandlesBody:
        columns = (prices(column, instrument.step) for column in (bars.open, bars.high, bars.low, bars.close))
        rows = zip(
            candle_ids(bars, instrument.id).tolist(), bars.ts.tolist(), *(column.tolist() for column in columns),
            bars.volume.tolist(), strict=True,
        )  # fmt: skip
        candles = [
            CandleBody(number, instrument.id, bars.timeframe, iso(ts), opened, high, low, closed, volume)
            for number, ts, opened, high, low, closed, volume in rows
        ]
        return cls(candles, total, page, limit)


class GapBody(Struct):
    """Bars that are missing from ``start_ts`` until the bar that begins at ``end_ts``."""

    start_ts: InstantText
    end_ts: InstantText
    missing: int

    @classmethod
    def of(cls, gap: Gap) -> GapBody:
        return cls(iso(gap.start), iso(gap.end), gap.missing)


class ImportedBody(Struct):
    """``gaps`` are stretches without candles inside the week, ``missing`` the bars in them all.

    ``duplicates`` is always 0: a file with any is refused. ``format`` is how the file was written.
    """

    records_count: int
    start_ts: InstantText
    end_ts: InstantText
    duplicates: int
    gaps: int
    missing: int
    weekends: int
    largest_gaps: list[GapBody]
    format: str

    @classmethod
    def of(cls, imported: Imported) -> ImportedBody:
        gaps = imported.gaps
        return cls(
            records_count=imported.count,
            start_ts=iso(imported.start),
            end_ts=iso(imported.end),
            duplicates=0,
            gaps=gaps.count,
            missing=gaps.missing,
            weekends=gaps.weekends,
            largest_gaps=[GapBody.of(gap) for gap in gaps.largest],
            format=imported.source.value,
        )


@dataclass
class CandlesOperation(Operation):
    """A body that is a file: Litestar does not document what a handler reads itself."""

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        media_types = ("text/csv", "application/vnd.apache.parquet", "application/octet-stream")
        content = {media_type: OpenAPIMediaType(schema) for media_type in media_types}
        self.request_body = RequestBody(required=True, content=content)


def timeframe_from(text: str | None) -> Timeframe:
    """Raises TradingInvalidError where it is missing or none."""
    names = ", ".join(Timeframe)
    if text is None:
        raise TradingInvalidError.of(Fault("timeframe", f"is required: one of {names}."))
    if text not in Timeframe.__members__:
        raise TradingInvalidError.of(Fault("timeframe", f"must be one of {names}."))
    return Timeframe(text)


def _instrument_fields(instrument: Instrument) -> dict[str, Any]:
    return {
        "id": instrument.id, "symbol": instrument.symbol, "display_name": instrument.display_name,
        "pip_size": float(instrument.pip_size), "step": float(instrument.step),
        "contract_size": float(instrument.contract_size), "liquidation_level": float(instrument.liquidation_level),
        "enabled": instrument.enabled,
    }  # fmt: skip


def exact(number: float) -> Decimal:
    """The number as it was written: 0.1 is a tenth."""
    return Decimal(repr(number))


def _exact_or_none(number: float | UnsetType) -> Decimal | None:
    return None if isinstance(number, UnsetType) else exact(number)
