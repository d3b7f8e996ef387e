"""Instruments and candles over HTTP: /trading/instruments."""

import csv
import io
import json

import polars as pl
import pytest
from sqlalchemy import text

pytestmark = pytest.mark.anyio
SERVED = ("trading",)
ROOT = "/trading/instruments"
EURUSD = {"symbol": "EURUSD", "display_name": "Euro / US dollar", "pip_size": 0.0001}
SHOWN = {
    "id": 1, **EURUSD, "step": 0.00001, "contract_size": 100_000, "liquidation_level": 50, "enabled": True,
}  # fmt: skip
MONDAY = 1_483_315_200
HEADER = "ts,open,high,low,close,volume\n"


@pytest.fixture
async def admin(house):
    async with house.client("ada.admin") as client:
        yield client


@pytest.fixture
async def student(house):
    async with house.client("lea.student") as client:
        yield client


@pytest.fixture
async def eurusd(admin):
    answer = await admin.post(ROOT, json=EURUSD)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
async def visitor(shared_house):
    """An administrator of a house that has the instrument 1, and that nobody changes."""
    async with shared_house.client("ada.admin") as client:
        assert (await client.post(ROOT, json=EURUSD)).status_code == 201
        yield client


def rows(count, start=MONDAY, seconds=3600):
    return HEADER + "".join(
        f"{start + n * seconds},1.1{n:04},1.2{n:04},1.0{n:04},1.15{n:03},{n}\n" for n in range(count)
    )


async def store(client, content, timeframe="H1", instrument=1):
    return await client.post(f"{ROOT}/{instrument}/candles", params={"timeframe": timeframe}, content=content)


# --- instruments -------------------------------------------------------------------------------------------------


async def test_an_instrument_is_made_shown_changed_and_gone(admin, student):
    made = await admin.post(ROOT, json=EURUSD)
    assert (made.status_code, made.json()) == (201, SHOWN)
    assert (await student.get(f"{ROOT}/1")).json() == {**SHOWN, "candles": []}
    changed = await admin.put(
        f"{ROOT}/1", json={"display_name": "Euro", "symbol": "EURUSD", "pip_size": 0.001}
    )
    assert changed.json() == {**SHOWN, "display_name": "Euro", "pip_size": 0.001, "step": 0.0001}
    gone = await admin.delete(f"{ROOT}/1")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await student.get(f"{ROOT}/1")).status_code == 404
    assert (await student.get(f"{ROOT}/1")).json() == {"error": "Instrument not found"}


async def test_it_is_disabled_and_enabled(admin, eurusd):
    off = await admin.post(f"{ROOT}/1/disable")
    assert (off.status_code, off.json()["enabled"]) == (200, False)
    assert (await admin.get(ROOT, params={"enabled": "true"})).json()["total"] == 0
    assert (await admin.post(f"{ROOT}/1/enable")).json()["enabled"] is True


async def test_a_symbol_is_taken_once_and_for_good(admin, eurusd):
    twice = await admin.post(ROOT, json=EURUSD)
    assert (twice.status_code, twice.json()) == (409, {"error": "There is an instrument EURUSD already."})
    other = await admin.put(f"{ROOT}/1", json={"symbol": "EURGBP"})
    assert other.status_code == 400
    assert other.json()["details"] == [{"field": "symbol", "message": "can't be changed."}]


@pytest.mark.parametrize("status", [401, 403])
async def test_only_administrators_write(house, eurusd, status):
    async with house.client("ines.teacher" if status == 403 else None) as client:
        asked = [
            await client.post(ROOT, json=EURUSD),
            await client.put(f"{ROOT}/1", json={"display_name": "x"}),
            await client.delete(f"{ROOT}/1"),
            await client.post(f"{ROOT}/1/disable"),
            await client.post(f"{ROOT}/1/enable"),
            await store(client, rows(3)),
            await client.delete(f"{ROOT}/1/candles?timeframe=H1"),
        ]
        assert [answer.status_code for answer in asked] == [status] * len(asked)
        assert all(set(answer.json()) == {"error"} for answer in asked)


async def test_nobody_reads_without_signing_in(house, eurusd):
    async with house.client() as client:
        for path in (ROOT, f"{ROOT}/1", f"{ROOT}/1/candles?timeframe=H1"):
            assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize(("change", "field"), [
    ({"pip_size": 0}, "pip_size"), ({"pip_size": -1}, "pip_size"), ({"pip_size": "a"}, "pip_size"),
    ({"symbol": 7}, "symbol"), ({"display_name": None}, "display_name"), ({"step": 1e13}, "step"),
    ({"enabled": "yes"}, "enabled"), ({"contract_size": 0}, "contract_size"),
], ids=str)  # fmt: skip
async def test_what_breaks_the_schema_is_422_with_its_field(visitor, change, field):
    answer = await visitor.post(ROOT, json=EURUSD | change)
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


@pytest.mark.parametrize(("change", "field"), [
    ({"symbol": ""}, "symbol"), ({"symbol": "EUR USD"}, "symbol"), ({"symbol": "X" * 33}, "symbol"),
    ({"display_name": " "}, "display_name"), ({"display_name": "x" * 201}, "display_name"),
    ({"step": 0.00003}, "step"), ({"pip_size": 1e-12}, "pip_size"), ({"pip_size": 1e-11}, "pip_size"),
], ids=str)  # fmt: skip
async def test_what_makes_no_sense_is_400_with_its_field(visitor, change, field):
    answer = await visitor.post(ROOT, json=EURUSD | change)
    assert answer.status_code == 400
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


async def test_what_is_no_json_is_400(visitor):
    answer = await visitor.post(ROOT, content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}


async def test_lists_are_paged_sorted_and_searched(admin):
    for symbol, pip in (("EURUSD", 0.0001), ("USDJPY", 0.01), ("BTCUSD", 1), ("XAUUSD", 0.1)):
        name = {"USDJPY": "Yen 100%"}.get(symbol, symbol.title())
        await admin.post(ROOT, json={"symbol": symbol, "display_name": name, "pip_size": pip})

    async def symbols(**asked):
        answer = await admin.get(ROOT, params=asked)
        assert answer.status_code == 200, answer.text
        return [one["symbol"] for one in answer.json()["instruments"]]

    assert await symbols() == ["BTCUSD", "EURUSD", "USDJPY", "XAUUSD"]
    assert await symbols(sort="pip_size") == ["EURUSD", "USDJPY", "XAUUSD", "BTCUSD"]
    assert await symbols(sort="pip_size", order="desc", limit=2) == ["BTCUSD", "XAUUSD"]
    assert await symbols(limit=3, page=2) == ["XAUUSD"]
    assert await symbols(page=9) == []
    assert await symbols(q="eur") == ["EURUSD"]
    assert await symbols(q="100%") == ["USDJPY"]
    whole = (await admin.get(ROOT, params={"limit": 2})).json()
    assert {key: whole[key] for key in ("total", "page", "limit")} == {"total": 4, "page": 1, "limit": 2}


@pytest.mark.parametrize("asked", [
    {"page": 0}, {"limit": 0}, {"limit": 101}, {"sort": "created_at"}, {"order": "up"}, {"q": "\0"}, {"enabled": "x"},
], ids=str)  # fmt: skip
async def test_a_list_says_which_parameter_is_wrong(visitor, asked):
    answer = await visitor.get(ROOT, params=asked)
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == list(asked)


async def test_an_instrument_with_candles_keeps_its_step_and_stays(admin, eurusd):
    assert (await store(admin, rows(3))).status_code == 201
    refused = await admin.delete(f"{ROOT}/1")
    assert (refused.status_code, refused.json()) == (400, {"error": "The instrument has dependencies."})
    pip = await admin.put(f"{ROOT}/1", json={"pip_size": 0.01})
    assert (pip.status_code, pip.json()["details"][0]["field"]) == (400, "pip_size")
    assert (await admin.put(f"{ROOT}/1", json={"pip_size": 0.0001, "display_name": "E"})).status_code == 200
    assert (await admin.delete(f"{ROOT}/1/candles?timeframe=H1")).status_code == 204
    assert (await admin.delete(f"{ROOT}/1")).status_code == 204


# --- candles -----------------------------------------------------------------------------------------------------


async def test_candles_are_stored_and_read(admin, student, eurusd):
    answer = await store(admin, rows(48))
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "records_count": 48, "start_ts": "2017-01-02T00:00:00Z", "end_ts": "2017-01-03T23:00:00Z",
            "duplicates": 0, "gaps": 0, "missing": 0, "weekends": 0, "largest_gaps": [], "format": "columns",
        },
    )  # fmt: skip
    listed = (
        await student.get(f"{ROOT}/1/candles", params={"timeframe": "H1", "limit": 2, "page": 2})
    ).json()
    assert {key: listed[key] for key in ("total", "page", "limit")} == {"total": 48, "page": 2, "limit": 2}
    ids = [candle.pop("id") for candle in listed["candles"]]
    assert len(set(ids)) == 2
    assert listed["candles"][0] == {
        "instrument_id": 1, "timeframe": "H1", "ts": "2017-01-02T02:00:00Z", "open": 1.10002, "high": 1.20002,
        "low": 1.00002, "close": 1.15002, "volume": 2.0,
    }  # fmt: skip
    shown = (await student.get(f"{ROOT}/1")).json()["candles"]
    assert shown == [
        {
            "timeframe": "H1", "records_count": 48, "start_ts": "2017-01-02T00:00:00Z",
            "end_ts": "2017-01-03T23:00:00Z",
        }
    ]  # fmt: skip


async def test_gaps_are_reported(admin, eurusd):
    content = rows(3) + rows(3, start=MONDAY + 10 * 3600).removeprefix(HEADER)
    answer = (await store(admin, content)).json()
    assert (answer["records_count"], answer["gaps"], answer["missing"]) == (6, 1, 7)
    assert answer["largest_gaps"] == [
        {"start_ts": "2017-01-02T03:00:00Z", "end_ts": "2017-01-02T10:00:00Z", "missing": 7}
    ]


async def test_spans_order_and_building(admin, student, eurusd):
    await store(admin, rows(48, seconds=900), "M15")

    async def starts(**asked):
        answer = await student.get(f"{ROOT}/1/candles", params={"timeframe": "H1", **asked})
        assert answer.status_code == 200, answer.text
        return [candle["ts"][11:16] for candle in answer.json()["candles"]], answer.json()["total"]

    assert await starts() == ([f"{hour:02}:00" for hour in range(12)], 12)
    assert await starts(**{"from": "2017-01-02T03:00:00Z", "to": "2017-01-02T05:00:00Z"}) == (
        ["03:00", "04:00", "05:00"], 3,
    )  # fmt: skip
    assert await starts(**{"from": "2017-01-02T02:00:00.001Z", "limit": 1}) == (["03:00"], 9)
    assert await starts(order="desc", limit=2) == (["11:00", "10:00"], 12)
    assert await starts(order="desc", limit=5, page=3) == (["01:00", "00:00"], 12)
    assert await starts(page=7) == ([], 12)
    assert await starts(timeframe="M15", order="desc", limit=1) == (["11:45"], 48)
    assert await starts(**{"timeframe": "M15", "from": "2017-01-02T11:15:00Z"}) == (
        ["11:15", "11:30", "11:45"],
        3,
    )
    assert await starts(timeframe="M1") == ([], 0)


async def test_a_brokers_times_are_those_of_its_zone(admin, eurusd):
    content, path = "2017.01.02,12:00,1.1,1.2,1.0,1.1,5\n", f"{ROOT}/1/candles?timeframe=H1&timezone="
    for zone in ("Mars", "UTC+99"):
        answer = await admin.post(path + zone, content=content)
        assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "timezone")
    told = await admin.post(path + "UTC", content=HEADER + "2017-01-02T12:00:00Z,1.1,1.2,1.0,1.1,5\n")
    assert (told.status_code, told.json()["details"][0]["field"]) == (400, "timezone")
    for zone in ("America/New_York+7", "UTC%2B2"):  # a plus may come as a space
        assert (await admin.post(path + zone, content=content)).json()["start_ts"] == "2017-01-02T10:00:00Z"
        await admin.delete(f"{ROOT}/1/candles?timeframe=H1")


async def test_parquet_is_taken_as_well(admin, eurusd):
    buffer = io.BytesIO()
    pl.read_csv(rows(48).encode()).write_parquet(buffer)
    answer = await store(admin, buffer.getvalue())
    assert (answer.status_code, answer.json()["format"]) == (201, "Parquet")
    listed = (await admin.get(f"{ROOT}/1/candles?timeframe=H1")).json()
    assert listed["candles"][47]["close"] == 1.15047


async def test_bad_lines_are_named_and_nothing_is_stored(admin, house, eurusd):
    lines = rows(10).splitlines()
    lines[3], lines[7] = lines[4], lines[7].replace("1.2", "0.2")
    answer = await store(admin, "\n".join(lines))
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "2 lines are refused and nothing is stored: line 5: 2017-01-02T03:00:00Z is there twice: it is the "
        "line before, too.",
        "details": [
            {
                "field": "line 5",
                "message": "2017-01-02T03:00:00Z is there twice: it is the line before, too.",
            },
            {"field": "line 8", "message": "high 0.20006 is below open 1.10006 or close 1.15006."},
        ],
    }
    assert (await admin.get(f"{ROOT}/1")).json()["candles"] == []
    with house.storage.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM trading_candle_orphans")).scalar_one() == 0


async def test_an_overlap_is_refused_and_what_follows_is_appended(admin, eurusd):
    await store(admin, rows(24))
    overlap = await store(admin, rows(24, start=MONDAY + 23 * 3600))
    assert overlap.status_code == 400
    assert overlap.json()["details"] == [
        {"field": "line 2", "message": "2017-01-02T23:00:00Z is in a span that is stored already."}
    ]
    assert (await store(admin, rows(24, start=MONDAY + 24 * 3600))).status_code == 201
    assert (await admin.get(f"{ROOT}/1")).json()["candles"][0]["records_count"] == 48


@pytest.mark.parametrize("asked", [{}, {"timeframe": "H3"}, {"timeframe": ""}], ids=str)
async def test_the_timeframe_is_required(visitor, asked):
    for answer in (
        await visitor.get(f"{ROOT}/1/candles", params=asked),
        await visitor.post(f"{ROOT}/1/candles", params=asked, content=rows(3)),
        await visitor.delete(f"{ROOT}/1/candles", params=asked),
    ):
        assert answer.status_code == 400
        assert [detail["field"] for detail in answer.json()["details"]] == ["timeframe"]


@pytest.mark.parametrize("asked", [
    {"limit": 0}, {"limit": 10_001}, {"page": 0}, {"order": "up"}, {"from": "then"}, {"to": "2017-01-02T00:00"},
], ids=str)  # fmt: skip
async def test_a_list_of_candles_says_which_parameter_is_wrong(visitor, asked):
    answer = await visitor.get(f"{ROOT}/1/candles", params={"timeframe": "H1", **asked})
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == list(asked)


async def test_an_instrument_that_is_not_there(visitor):
    for answer in (
        await visitor.get(f"{ROOT}/7"),
        await visitor.put(f"{ROOT}/7", json={}),
        await visitor.delete(f"{ROOT}/7"),
        await visitor.post(f"{ROOT}/7/enable"),
        await store(visitor, rows(3), instrument=7),
        await visitor.get(f"{ROOT}/7/candles?timeframe=H1"),
        await visitor.delete(f"{ROOT}/7/candles?timeframe=H1"),
    ):
        assert (answer.status_code, answer.json()) == (404, {"error": "Instrument not found"})


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 1000, json.dumps({"candles": []}).encode()], ids=len)
async def test_a_body_that_is_no_file_of_candles(visitor, content):
    answer = await store(visitor, content)
    assert answer.status_code == 400
    assert "Accepted are Parquet" in answer.json()["error"]


# --- real candles ------------------------------------------------------------------------------------------------


async def test_real_hours_of_two_years_come_in_and_out_exactly(admin, eurusd):
    from backtesting.test import EURUSD as FRAME

    content = FRAME.to_csv()
    answer = await store(admin, content)
    assert answer.status_code == 201, answer.text
    report = answer.json()
    assert (report["records_count"], report["start_ts"]) == (5_000, "2017-04-19T09:00:00Z")
    given = list(csv.DictReader(io.StringIO(content)))
    assert (report["gaps"], report["missing"], report["weekends"]) == (2, 144, 40)
    assert [gap["start_ts"] for gap in report["largest_gaps"]] == [
        "2017-12-22T22:00:00Z",
        "2017-12-29T22:00:00Z",
    ]
    found = (await admin.get(f"{ROOT}/1/candles", params={"timeframe": "H1", "limit": 10_000})).json()
    assert found["total"] == 5_000
    for candle, row in zip(found["candles"], given, strict=True):
        assert candle["ts"] == row[""].replace(" ", "T") + "Z"
        assert [candle[name] for name in ("open", "high", "low", "close")] == [
            float(row[name.title()]) for name in ("open", "high", "low", "close")
        ]
    daily = (await admin.get(f"{ROOT}/1/candles", params={"timeframe": "D1"})).json()
    assert daily["total"] == len({row[""][:10] for row in given}) - 1, "the last day is not over"
