"""The trading kind over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stoa.platform.files import Files
from stoa.trading import due, engine, realtime, store
from stoa.trading.api import _candles, _instruments, _ledger, _sessions, _trading
from stoa.trading.market import Market
from stoa.trading.service import Quota, Underway
from stoa.trading.wire import DIALECT, PATHS
from stoa.web.house import House
from stoa.web.kind import Kind


@dataclass(frozen=True, slots=True)
class Compiled:
    """Where the engine's compiled loops are kept, if they can't be beside the package."""

    folder: Path


def parts(files: Files, *, cache_mb: int, compiled: Path, active_sessions: int) -> dict[type[Any], Any]:
    """The parts of the house that trading needs."""
    market = Market(files, cache_bytes=cache_mb * 2**20)
    return {Market: market, Underway: Underway(), Compiled: Compiled(compiled), Quota: Quota(active_sessions)}


@asynccontextmanager
async def _alongside(house: House) -> AsyncGenerator[None]:
    """The compiled loops are loaded first, so that no request waits for them; a release's first start compiles them."""
    await asyncio.to_thread(_load_engine, house.part(Compiled).folder)
    yield


def _load_engine(folder: Path) -> None:
    engine.use_cache(folder)
    engine.compile_all()


KIND = Kind(
    name="trading",
    title="Trading",
    about="Replays of market history: instruments and candles, sessions that play them, orders, reports.",
    prefix="/trading",
    paths=PATHS,
    handlers=[
        *_sessions.HANDLERS,
        *_trading.HANDLERS,
        *_ledger.TRANSACTIONS,
        *_ledger.REPORTS,
        *_instruments.HANDLERS,
        *_candles.HANDLERS,
    ],
    dialect=DIALECT,
    tables=store.metadata,
    due_handlers=due.handlers,
    alongside=_alongside,
    namespaces=realtime.namespaces,
)

__all__ = ["KIND", "parts"]
