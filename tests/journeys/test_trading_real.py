"""A year of real EUR/USD hours: imported over HTTP, replayed with orders, reported, and the same as a script measures."""

import csv
import io
from decimal import Decimal

import pytest
from backtesting.test import EURUSD

from stoa.trading import engine
from stoa.trading.candles import Bars
from stoa.trading.model import Command, CommandKind, Instrument, OrderType, Side, Terms, Timeframe

pytestmark = pytest.mark.anyio
FROM = EURUSD.index[0].strftime("%Y-%m-%dT%H:%M:%SZ")
EVERY, HELD = 120, 60


def hours():
    """The candles as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("ts", "open", "high", "low", "close", "volume"))
    for at, row in EURUSD.iterrows():
        writer.writerow(
            (at.strftime("%Y-%m-%dT%H:%M:%SZ"), row.Open, row.High, row.Low, row.Close, row.Volume)
        )
    return text.getvalue()


def bars():
    starts = EURUSD.index.astype("int64").to_numpy() // {"ns": 10**9, "us": 10**6, "s": 1}[EURUSD.index.unit]
    columns = [
        (EURUSD[name] * 1e5).round().astype("int64").to_numpy() for name in ("Open", "High", "Low", "Close")
    ]
    return Bars(Timeframe.H1, starts, *columns, EURUSD["Volume"].to_numpy().astype(float))


async def post(client, path, body=None):
    answer = await client.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def test_a_year_of_hours_is_imported_replayed_and_reported(start):
    server = start()
    async with server.client(server.sign_in()["access_token"]) as client:
        instrument = await post(
            client, "/trading/instruments", {"symbol": "EURUSD", "display_name": "Euro", "pip_size": 0.0001}
        )
        answer = await client.post(
            f"/trading/instruments/{instrument['id']}/candles?timeframe=H1", content=hours(),
            headers={"content-type": "text/csv"},
        )  # fmt: skip
        assert (answer.status_code, answer.json()["records_count"]) == (201, len(EURUSD)), answer.text
        session = await post(client, "/trading/sessions", {
            "instrument_id": instrument["id"], "timeframe": "H1", "speed": "15x", "start_ts": FROM,
            "initial_balance": 10_000.0, "leverage": 100, "spread_pts": 10, "slippage_pts": 2,
            "commission_per_fill": 2.0,
        })  # fmt: skip
        path = f"/trading/sessions/{session['id']}"
        await post(client, path + "/advance", {"bars": EVERY})
        commands, bar, side = [], EVERY - 1, Side.BUY
        for number in range(1, 31):
            position = await post(
                client,
                "/trading/positions",
                {"session_id": session["id"], "side": side, "quantity_lots": 0.1},
            )
            commands.append(Command(CommandKind.OPEN, bar, side=side, type=OrderType.MARKET, lots=10))
            await post(client, path + "/advance", {"bars": HELD})
            bar += HELD
            closed = await post(client, f"/trading/positions/{position['id']}/close")
            assert closed["position_status"] == "CLOSED"
            commands.append(Command(CommandKind.CLOSE, bar, number=number))
            await post(client, path + "/advance", {"bars": EVERY - HELD})
            bar += EVERY - HELD
            side = Side.SELL if side is Side.BUY else Side.BUY
        done = await post(client, path + "/stop")
        assert done["session_status"] == "COMPLETED"
        account = (await client.get(path + "/account")).json()
        report = await post(client, path + "/generate-report")
        page = await client.get(f"/trading/reports/{report['id']}/page")
        table = await client.get(f"/trading/reports/{report['id']}/trades.csv")
        rows = (await client.get(path + "/transactions?limit=100&sort=id&order=asc")).json()["transactions"]
    terms = Terms.of(
        Instrument(instrument["id"], "EURUSD", "Euro", Decimal("0.0001")), initial_balance=Decimal(10_000),
        leverage=Decimal(100), spread_pts=10, slippage_pts=2, commission_per_fill=Decimal(2),
    )  # fmt: skip
    commands.append(Command(CommandKind.STOP, bar))
    ledger = engine.run(terms, bars()[: bar + 1], commands)
    assert engine.ledger_hash(ledger) == account["ledger_hash"]
    assert report["summary_json"]["total_trades"] == 30
    assert sum(Decimal(str(row["amount"])) for row in rows) == Decimal(str(account["balance"]))
    assert len(table.text.splitlines()) == 31
    assert page.text.count("<svg") >= 3
