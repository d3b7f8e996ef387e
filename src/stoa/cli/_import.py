"""``stoa import``: what comes from other systems' files."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Connection

from stoa import server
from stoa.cli._shared import (
    DatabaseOption,
    DataOption,
    err,
    load_settings,
    open_engine,
    out,
    told,
)
from stoa.kernel.clock import SystemClock
from stoa.kernel.errors import Fault, StoaError
from stoa.kernel.ids import SystemIds
from stoa.platform.storage import open_storage
from stoa.settings import Settings
from stoa.trading import market
from stoa.trading.candles import Zone, iso
from stoa.trading.errors import CandlesRefusedError, InstrumentNotFoundError, TradingInvalidError
from stoa.trading.market import Imported
from stoa.trading.model import Instrument, Timeframe
from stoa.trading.service import in_use
from stoa.trading.store import instrument_named

import_app = typer.Typer(no_args_is_help=True, help="Bring in what other systems have written.")
_GAPS_SHOWN = 5


@import_app.command("candles")
def import_candles(  # noqa: PLR0913, PLR0917 - what can be said on the command line
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="FILE",
            help="CSV (own columns, MetaTrader, HistData, Dukascopy) or Parquet.",
        ),
    ],
    instrument: Annotated[
        str, typer.Option(metavar="SYMBOL", help="Whose candles they are, such as EURUSD.")
    ],
    timeframe: Annotated[Timeframe, typer.Option(help="How long each candle is.")],
    create: Annotated[bool, typer.Option("--create", help="Add the instrument if it is not there.")] = False,
    pip_size: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="With --create: its pip, such as 0.0001.")
    ] = None,
    display_name: Annotated[str | None, typer.Option(help="With --create: its name in full.")] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Of times that say none: Europe/Athens, UTC+2, or America/New_York+7, as most brokers' MetaTrader "
            "keeps it. UTC unless said.",
        ),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Store the candles of a file, all of them or none. A running server sees them at once."""
    with told():
        settings, zone = load_settings(data, database), None if timezone is None else Zone.of(timezone)
        new = _new_instrument(instrument, pip_size, display_name) if create else None
        with open_engine(settings) as engine:
            server.prepare(engine)
        try:
            imported = asyncio.run(
                _import(settings, file, file.stat().st_size, instrument, timeframe, new, zone)
            )
        except CandlesRefusedError as error:
            _tell_lines(error)
            raise
    _tell(imported, instrument, timeframe)


def _new_instrument(symbol: str, pip_size: str | None, display_name: str | None) -> Instrument:
    if pip_size is None:
        raise TradingInvalidError.of(Fault("--pip-size", "is needed with --create, for example 0.0001."))
    try:
        return Instrument(0, symbol, display_name or symbol, Decimal(pip_size))
    except InvalidOperation:
        raise TradingInvalidError.of(Fault("--pip-size", f"must be a number, not {pip_size!r}.")) from None


async def _import(
    settings: Settings, file: Path, size: int, symbol: str, timeframe: Timeframe, new: Instrument | None,
    zone: Zone | None,
) -> Imported:  # fmt: skip
    clock, ids, storage = SystemClock(), SystemIds(), open_storage(settings.database_url)
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    try:
        found, is_new = await storage.write(_found_or_added, symbol, new)
        with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
            task = bar.add_task(f"{symbol} {timeframe}", total=size)
            try:
                return await market.import_file(
                    storage, server.open_files(settings, clock=clock, ids=ids), file, instrument_id=found.id,
                    timeframe=timeframe, clock=clock, ids=ids, zone=zone,
                    progress=lambda read: bar.update(task, completed=read),
                )  # fmt: skip
            except BaseException:
                if is_new:
                    with suppress(StoaError):
                        await storage.write(market.delete_instrument, found.id, in_use=in_use)
                raise
    finally:
        await storage.close()


def _found_or_added(connection: Connection, symbol: str, new: Instrument | None) -> tuple[Instrument, bool]:
    """The instrument, and whether it was added now."""
    known = instrument_named(connection, symbol)
    if known is not None:
        return known, False
    if new is None:
        raise InstrumentUnknownError(symbol)
    return market.add_instrument(connection, new), True


class InstrumentUnknownError(InstrumentNotFoundError):
    def __init__(self, symbol: str) -> None:
        super().__init__()
        self.message = f"There is no instrument {symbol}. Add it with --create --pip-size NUMBER."


def _tell_lines(error: CandlesRefusedError) -> None:
    """The lines that are wrong; the error's own sentence comes after them."""
    for fault in error.faults:
        err.print(f"{fault.field}: {fault.message}", markup=False)
    left = error.details.get("count", 0) - len(error.faults)
    if left > 0:
        err.print(f"… and {left:,} more.")


def _tell(imported: Imported, symbol: str, timeframe: Timeframe) -> None:
    gaps = imported.gaps
    out.print(
        f"Stored {imported.count:,} {timeframe} candles of {symbol}, {iso(imported.start)} to {iso(imported.end)} "
        f"({imported.source})."
    )
    out.print(
        f"Gaps inside the week: {gaps.count:,}, {gaps.missing:,} candles in all. Weekends: {gaps.weekends:,}."
    )
    for gap in gaps.largest[:_GAPS_SHOWN]:
        out.print(f"  {gap.missing:,} missing from {iso(gap.start)} to {iso(gap.end)}")
