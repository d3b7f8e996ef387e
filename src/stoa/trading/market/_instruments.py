"""Use cases of instruments."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from stoa.kernel.errors import Fault
from stoa.platform.storage import lock
from stoa.trading.errors import (
    InstrumentNotFoundError,
    InstrumentUsedError,
    SymbolTakenError,
    TradingInvalidError,
)
from stoa.trading.model import Instrument
from stoa.trading.store import _candles, _instruments

_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]{0,31}", re.ASCII)
_MOST_NAME = 200

InUse = Callable[[Connection, int], bool]
"""(connection, instrument id) → whether a session plays it."""


@dataclass(frozen=True, slots=True)
class InstrumentChange:
    """What is None stays. A symbol that is said must be the one it has."""

    symbol: str | None = None
    display_name: str | None = None
    pip_size: Decimal | None = None
    step: Decimal | None = None
    contract_size: Decimal | None = None
    liquidation_level: Decimal | None = None
    enabled: bool | None = None


def find_instrument(connection: Connection, instrument_id: int) -> Instrument:
    """Raises InstrumentNotFoundError."""
    found = _instruments.get_instrument(connection, instrument_id)
    if found is None:
        raise InstrumentNotFoundError
    return found


def add_instrument(connection: Connection, instrument: Instrument) -> Instrument:
    """Raises TradingInvalidError, SymbolTakenError."""
    _check(instrument)
    try:
        with connection.begin_nested():
            return replace(instrument, id=_instruments.insert_instrument(connection, instrument))
    except IntegrityError:
        raise SymbolTakenError(instrument.symbol) from None


def change_instrument(connection: Connection, instrument_id: int, change: InstrumentChange) -> Instrument:
    """Raises InstrumentNotFoundError, TradingInvalidError; the step stays while candles count in it."""
    lock(connection, f"trading:candles:{instrument_id}")
    old = find_instrument(connection, instrument_id)
    values: dict[str, Any] = {
        entry.name: getattr(change, entry.name)
        for entry in fields(change)
        if getattr(change, entry.name) is not None
    }
    if values.get("symbol", old.symbol) != old.symbol:
        raise TradingInvalidError.of(Fault("symbol", "can't be changed."))
    if "pip_size" in values and "step" not in values:
        values["step"] = Decimal(0)  # a tenth of the pip, as for a new one
    new = replace(old, **values)
    _check(new)
    if new.step != old.step and _candles.newest_file(connection, instrument_id):
        field = "step" if change.step is not None else "pip_size"
        raise TradingInvalidError.of(Fault(field, "can't change the step while there are candles."))
    _instruments.update_instrument(connection, new)
    return new


def delete_instrument(connection: Connection, instrument_id: int, *, in_use: InUse) -> None:
    """Raises InstrumentNotFoundError, and InstrumentUsedError while it has candles or sessions."""
    lock(connection, f"trading:candles:{instrument_id}")
    find_instrument(connection, instrument_id)
    if in_use(connection, instrument_id) or _candles.newest_file(connection, instrument_id):
        raise InstrumentUsedError
    _instruments.delete_instrument(connection, instrument_id)


def _check(instrument: Instrument) -> None:
    faults = []
    if not _SYMBOL.fullmatch(instrument.symbol):
        faults.append(Fault("symbol", "must be 1 to 32 letters, digits and . _ / # - (not first)."))
    if not instrument.display_name.strip() or len(instrument.display_name) > _MOST_NAME:
        faults.append(Fault("display_name", f"must have 1 to {_MOST_NAME} characters."))
    if faults:
        raise TradingInvalidError.of(*faults)
