"""Replays as they are served: five hundred at full speed on one core, and a year of minutes reached anywhere."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec
import numpy as np

from bench.figure import Bench, Figure, Result, millis
from bench.people import add_people, url_of
from bench.processes import cores, environment, running, stoa_server
from bench.trading import wandering
from bench.watchers import Replay, Seen, Watching
from stoa.kernel.actor import AccessLevel, Actor
from stoa.kernel.clock import SystemClock
from stoa.kernel.ids import SystemIds
from stoa.platform.files import Files, open_store
from stoa.platform.storage import sqlite_engine
from stoa.trading import market as market_data
from stoa.trading import service
from stoa.trading.candles import Bars
from stoa.trading.market import Market
from stoa.trading.model import Action, CommandKind, Instrument, OrderType, Side, Speed, Timeframe
from stoa.trading.service import Draft, NewOrder

SESSIONS = 500
MOST_LATE = 0.050
MOST_SECONDS = 0.200
_BARS_A_SECOND = 15.0
_YEAR_OF_MINUTES = 372_000


class Setting:
    """A database with an instrument, and somebody to play it, before its server begins."""

    def __init__(self, folder: Path, bars: Bars) -> None:
        ((self.actor, self.bearer),) = add_people(folder, count=1, access=AccessLevel.ADMIN)
        self.clock, ids = SystemClock(), SystemIds()
        self.engine = sqlite_engine(url_of(folder))
        files = Files(open_store(str(folder / "files")), clock=self.clock, secret=b"bench")
        self.market = Market(files)
        self.start = datetime.fromtimestamp(int(bars.ts[0]), UTC)
        with self.engine.begin() as connection:
            made = market_data.add_instrument(
                connection, Instrument(0, "EURUSD", "Synthetic", Decimal("0.0001"))
            )
            self.instrument = made.id
            market_data.add_bars(connection, files, made.id, bars, ids=ids, now=self.clock.now())

    def draft(self, timeframe: Timeframe, start: datetime) -> Draft:
        return Draft(
            self.instrument, timeframe, Speed.FIFTEEN, start, None, Decimal(1_000_000), Decimal(100),
            spread_pts=10, slippage_pts=2, commission_per_fill=Decimal(2),
        )  # fmt: skip


def measure_lateness(bench: Bench) -> list[Result]:
    """All run at 15x and start at different moments; one in ten holds a position, so that its account moves, too."""
    sessions = bench.pick(SESSIONS, 100)
    folder = bench.folder / "late"
    folder.mkdir()
    bench.telling.about(f"replays: starting {sessions} sessions")
    replays, bearer = _started(folder, sessions)
    command = [sys.executable, "-m", "bench.watchers"]
    with (
        stoa_server(folder, STOA_MESSAGE_RATE_LIMIT="0") as (port, _),
        running(
            command, log=folder / "watchers.log", core=cores()[1], env=environment(), pipe=True
        ) as process,
    ):
        bench.telling.about(f"replays: {sessions} sessions at 15x")
        wanted = Watching(port, bearer, replays, _BARS_A_SECOND, warm=3.0, seconds=float(bench.pick(20, 5)))
        seen = _asked(process, wanted)
    if seen.missing:
        raise AssertionError(f"{seen.missing} candles were never told.")
    median, late, most = seen.late
    rate = seen.candles / seen.seconds
    note = f"{rate:,.0f} candles a second on one core; median {millis(median)}, worst {millis(most)}"
    figure = f"{sessions} replays at 15x, candles late by (p99)"
    return [Result(figure, millis(late), f"≤ {millis(MOST_LATE)}", late <= MOST_LATE, note=note)]


def _started(folder: Path, sessions: int) -> tuple[list[Replay], str]:
    setting = Setting(folder, wandering(40_000, Timeframe.H1))
    replays = []
    with setting.engine.begin() as connection:
        for number in range(sessions):
            draft = setting.draft(Timeframe.H1, setting.start + timedelta(hours=number % 24))
            made = service.create(connection, setting.market, draft, actor=setting.actor, clock=setting.clock)
            time.sleep(0.001)  # no two at the same millisecond
            begun = service.act(
                connection, setting.market, made.id, Action.START, actor=setting.actor, clock=setting.clock
            )
            if number % 10 == 0:
                order = NewOrder(OrderType.MARKET, Side.BUY, Decimal("0.1"))
                service.place(
                    connection, setting.market, made.id, order, actor=setting.actor, clock=setting.clock
                )
            first = int(begun.first_ts.timestamp()) // 60
            replays.append(Replay(made.id, begun.anchor.at.timestamp(), first))
    setting.engine.dispose()
    return replays, setting.bearer


def _asked(process: subprocess.Popen[bytes], wanted: Watching) -> Seen:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(wanted) + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("The watchers ended.")
    return msgspec.json.decode(line, type=Seen)


def measure_reach(bench: Bench) -> list[Result]:
    """Through HTTP, in a year of minutes with a hundred trades behind: forward, back, and to the next fill."""
    folder = bench.folder / "reach"
    folder.mkdir()
    setting = Setting(folder, wandering(_YEAR_OF_MINUTES))
    session = _traded(setting)
    setting.engine.dispose()
    chance = np.random.default_rng(8)
    slowest: dict[str, float] = {}
    with (
        stoa_server(folder) as (port, _),
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}/trading/sessions/{session}",
            headers={"authorization": f"Bearer {setting.bearer}"}, timeout=60,
        ) as client,
    ):  # fmt: skip
        bench.telling.about("replays: anywhere in a year of minutes")
        client.get("/account").raise_for_status()
        for _ in range(bench.pick(20, 5)):
            at, back = sorted(chance.integers(20_000, _YEAR_OF_MINUTES, 2).tolist(), reverse=True)
            for what, action, body in (
                ("reached", "advance", {"to": _moment(setting, at)}),
                ("sought", "seek", {"to": _moment(setting, back), "confirm": True}),
                ("stepped", "advance", {"bars": 1}),
            ):
                began = time.perf_counter()
                answer = client.post(f"/{action}", json=body)
                took = time.perf_counter() - began
                answer.raise_for_status()
                slowest[what] = max(slowest.get(what, 0.0), took)
            client.post("/seek", json={"to": _moment(setting, 15_000), "confirm": True}).raise_for_status()
    return [
        Result(
            f"a session {what} anywhere in a year of M1, slowest", millis(took), f"≤ {millis(MOST_SECONDS)}",
            took <= MOST_SECONDS,
        )
        for what, took in slowest.items()
    ]  # fmt: skip


def _moment(setting: Setting, minute: int) -> str:
    return (setting.start + timedelta(minutes=minute)).isoformat()


def _traded(setting: Setting) -> int:
    """A session at its 15,000th minute with a hundred trades behind it, and one open with levels far away."""
    actor: Actor = setting.actor
    with setting.engine.begin() as connection:
        made = service.create(
            connection, setting.market, setting.draft(Timeframe.M1, setting.start), actor=actor,
            clock=setting.clock,
        )  # fmt: skip
        for _ in range(100):
            _step(setting, made.id, 100, connection)
            placed = service.place(
                connection, setting.market, made.id, NewOrder(OrderType.MARKET, Side.BUY, Decimal("0.1")),
                actor=actor, clock=setting.clock,
            )  # fmt: skip
            _step(setting, made.id, 40, connection)
            service.close(
                connection, setting.market, placed.id, CommandKind.CLOSE, actor=actor, clock=setting.clock
            )
        order = NewOrder(
            OrderType.MARKET, Side.BUY, Decimal("0.1"), sl_price=Decimal("0.2"), tp_price=Decimal(5)
        )
        service.place(connection, setting.market, made.id, order, actor=actor, clock=setting.clock)
        _step(setting, made.id, 1_000, connection)
    return made.id


def _step(setting: Setting, session: int, bars: int, connection: object) -> None:
    service.advance(
        connection, setting.market, session, service.Advance(bars=bars), actor=setting.actor,  # type: ignore[arg-type]
        clock=setting.clock,
    )  # fmt: skip


FIGURES = (
    Figure("replays", "replays: 500 at 15x", measure_lateness),
    Figure("reach", "replays: anywhere in a year", measure_reach),
)
