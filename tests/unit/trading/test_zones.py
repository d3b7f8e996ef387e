"""Files whose times are those of another clock, and do not say so."""

from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest

from stoa.trading.candles import Zone, iso, prepare
from stoa.trading.errors import CandlesRefusedError, TradingInvalidError
from stoa.trading.model import Timeframe

NOON = datetime(2017, 1, 2, 12)  # noqa: DTZ001 - of no zone, as files have it
FIGURES = "1.1,1.1,1.1,1.1,0"


def starts(folder, content, zone):
    """The first and the last bar's start."""
    path = folder / "candles"
    if isinstance(content, pl.DataFrame):
        content.write_parquet(path)
    else:
        path.write_text(content)
    found = prepare(path, folder, timeframe=Timeframe.M1, step=Decimal("0.00001"), zone=Zone.of(zone))
    return [iso(at) for at in found.span]


def minute(*times):
    return "".join(f"{time},{FIGURES}\n" for time in times)


@pytest.mark.parametrize(("zone", "winter", "summer"), [
    ("Europe/Athens", "2017-01-02T10:00:00Z", "2017-07-03T09:00:00Z"),
    ("America/New_York+7", "2017-01-02T10:00:00Z", "2017-07-03T09:00:00Z"),
    ("UTC+2", "2017-01-02T10:00:00Z", "2017-07-03T10:00:00Z"),
    ("+02:00", "2017-01-02T10:00:00Z", "2017-07-03T10:00:00Z"),
    ("UTC-5:30", "2017-01-02T17:30:00Z", "2017-07-03T17:30:00Z"),
    ("Etc/GMT+5", "2017-01-02T17:00:00Z", "2017-07-03T17:00:00Z"),
    ("UTC", "2017-01-02T12:00:00Z", "2017-07-03T12:00:00Z"),
])  # fmt: skip
def test_times_of_another_clock_become_utc(tmp_path, zone, winter, summer):
    assert starts(tmp_path, minute("2017.01.02,12:00", "2017.07.03,12:00"), zone) == [winter, summer]


def test_new_york_decides_when_its_brokers_clocks_change(tmp_path):
    """On 13 March 2017 America had put its clocks forward, and Greece had not."""
    content = minute("2017.03.10,12:00", "2017.03.13,12:00")
    assert starts(tmp_path, content, "America/New_York+7")[1] == "2017-03-13T09:00:00Z"
    assert starts(tmp_path, content, "Europe/Athens")[1] == "2017-03-13T10:00:00Z"


@pytest.mark.parametrize("content", [
    f"ts,open,high,low,close,volume\n2017-01-02 12:00,{FIGURES}\n",
    f"<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>\n2017.01.02,12:00:00,{FIGURES}\n",
    pl.DataFrame({"ts": ["2017-01-02 12:00"], "open": 1.1, "high": 1.1, "low": 1.1, "close": 1.1}),
    pl.DataFrame({"ts": [NOON], "open": 1.1, "high": 1.1, "low": 1.1, "close": 1.1}),
], ids=["columns", "mt5", "parquet-text", "parquet"])  # fmt: skip
def test_whoever_says_no_zone_can_be_told_one(tmp_path, content):
    assert starts(tmp_path, content, "Europe/Athens")[0] == "2017-01-02T10:00:00Z"


@pytest.mark.parametrize("content", [
    f"ts,open,high,low,close,volume\n2017-01-02T12:00:00Z,{FIGURES}\n",
    f"ts,open,high,low,close,volume\n2017-01-02T12:00:00+01:00,{FIGURES}\n",
    f"ts,open,high,low,close,volume\n1483315200,{FIGURES}\n",
    f"20170102 120000;{FIGURES.replace(',', ';')}\n",
    f"Gmt time,Open,High,Low,Close,Volume\n02.01.2017 12:00:00.000,{FIGURES}\n",
    pl.DataFrame({"ts": [1_483_315_200], "open": 1.1, "high": 1.1, "low": 1.1, "close": 1.1}),
    pl.DataFrame({"ts": [NOON], "open": 1.1, "high": 1.1, "low": 1.1, "close": 1.1}).with_columns(
        pl.col("ts").dt.replace_time_zone("UTC")
    ),
], ids=["z", "offset", "epoch", "histdata", "dukascopy", "parquet-epoch", "parquet-utc"])  # fmt: skip
def test_a_zone_for_times_that_say_their_own_is_refused(tmp_path, content):
    with pytest.raises(TradingInvalidError, match="timezone") as caught:
        starts(tmp_path, content, "UTC")
    assert [fault.field for fault in caught.value.faults] == ["timezone"]


@pytest.mark.parametrize("time", ["2017-03-26 03:30", "2017-10-29 03:30"], ids=["skipped", "twice"])
def test_a_time_that_is_no_one_moment_is_refused_by_its_line(tmp_path, time):
    content = f"ts,open,high,low,close,volume\n2017-01-02 12:00,{FIGURES}\n{time},{FIGURES}\n"
    with pytest.raises(CandlesRefusedError) as caught:
        starts(tmp_path, content, "Europe/Athens")
    assert caught.value.details["lines"] == [3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mars",
        "Europe/Athens+",
        "UTC+123",
        "UTC+24",
        "+7",
        "Europe/Athens+7:75",
        "../UTC",
        "UTC+2+2+2",
        "\0",
    ],
)
def test_what_is_no_zone_is_refused(text):
    with pytest.raises(TradingInvalidError, match="timezone"):
        Zone.of(text)
