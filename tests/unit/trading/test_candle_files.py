"""Files of candles as their makers write them, and every way in which one can be wrong."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.trading.candles import Source, from_parquet, iso, prepare, synthetic
from stoa.trading.errors import CandlesRefusedError
from stoa.trading.model import Timeframe

M1, H1, D1, W1 = Timeframe.M1, Timeframe.H1, Timeframe.D1, Timeframe.W1
STEP = Decimal("0.00001")
HEADER = "ts,open,high,low,close,volume\n"
MONDAY = 1_483_315_200  # 2017-01-02T00:00:00Z


def read(folder, content, timeframe=M1, step=STEP, **more):
    """(what was prepared, all its bars)"""
    path = folder / "candles"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    prepared = prepare(path, folder, timeframe=timeframe, step=step, **more)
    parts = [from_parquet(chunk.path.read_bytes(), timeframe) for chunk in prepared.chunks]
    return prepared, {
        name: np.concatenate([getattr(part, name) for part in parts]).tolist()
        for name in ("ts", "open", "high", "low", "close", "volume")
    }


# --- as their makers write them ----------------------------------------------------------------------------------

TWO = {
    "ts": [MONDAY, MONDAY + 60], "open": [105_155, 105_152], "high": [105_160, 105_197], "low": [105_150, 105_151],
    "close": [105_152, 105_190], "volume": [33, 47],
}  # fmt: skip
FIGURES = ("1.05155,1.05160,1.05150,1.05152,33", "1.05152,1.05197,1.05151,1.05190,47")


def lines(first, second, *, separator=",", end="\n", more=""):
    figures = [text.replace(",", separator) + more for text in FIGURES]
    return f"{first}{separator}{figures[0]}{end}{second}{separator}{figures[1]}{end}"


MT5 = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
DUKASCOPY = "{},Open,High,Low,Close,Volume\n"
FILES = {
    "iso": (Source.COLUMNS, HEADER + lines("2017-01-02T00:00:00Z", "2017-01-02T00:01:00Z")),
    "iso-millis": (Source.COLUMNS, HEADER + lines("2017-01-02T00:00:00.000Z", "2017-01-02T00:01:00.000Z")),
    "iso-offset": (Source.COLUMNS, HEADER + lines("2017-01-02T01:00:00+01:00", "2017-01-02T01:01:00+01:00")),
    "iso-without-zone": (Source.COLUMNS, HEADER + lines("2017-01-02 00:00", "2017-01-02 00:01")),
    "seconds": (Source.COLUMNS, HEADER + lines(MONDAY, MONDAY + 60)),
    "millis": (Source.COLUMNS, HEADER + lines(MONDAY * 1000, MONDAY * 1000 + 60_000)),
    "other-order": (
        Source.COLUMNS,
        f"Volume;Close;Low;High;Open;Time;spread\n33;1.05152;1.05150;1.05160;1.05155;{MONDAY};2\n47;1.05190;1.05151;1.05197;1.05152;{MONDAY + 60};2\n",
    ),
    "quoted": (
        Source.COLUMNS,
        '"ts","open","high","low","close","volume"\r\n'
        + lines("2017-01-02 00:00:00", "2017-01-02 00:01:00", end="\r\n").replace(",", '","').replace("2017-01-02 00:0", '"2017-01-02 00:0').replace("\r\n", '"\r\n'),
    ),
    "pandas": (
        Source.COLUMNS, ",Open,High,Low,Close,Volume\n" + lines("2017-01-02 00:00:00", "2017-01-02 00:01:00"),
    ),
    "byte-order-mark": (Source.COLUMNS, "﻿" + HEADER + lines(MONDAY, MONDAY + 60)),
    "utf-16": (Source.COLUMNS, ("﻿" + HEADER + lines(MONDAY, MONDAY + 60)).encode("utf-16-le")),
    "no-end-of-line": (Source.COLUMNS, (HEADER + lines(MONDAY, MONDAY + 60)).rstrip()),
    "blank-lines": (Source.COLUMNS, HEADER + lines(MONDAY, MONDAY + 60, end="\n\n") + "\n\n"),
    "mt4": (Source.METATRADER, lines("2017.01.02,00:00", "2017.01.02,00:01")),
    "mt5": (
        Source.METATRADER,
        MT5 + lines("2017.01.02\t00:00:00", "2017.01.02\t00:01:00", separator="\t", more="\t0\t5"),
    ),
    "mt5-without-header": (
        Source.METATRADER,
        lines("2017.01.02\t00:00:00", "2017.01.02\t00:01:00", separator="\t", more="\t0\t5"),
    ),
    "mt5-utf-16": (
        Source.METATRADER,
        b"\xff\xfe"
        + (
            MT5 + lines("2017.01.02\t00:00:00", "2017.01.02\t00:01:00", separator="\t", more="\t0\t5", end="\r\n")
        ).encode("utf-16-le"),
    ),
    "histdata": (Source.HISTDATA, lines("20170101 190000", "20170101 190100", separator=";")),
    "dukascopy": (
        Source.DUKASCOPY,
        DUKASCOPY.format("Gmt time") + lines("02.01.2017 00:00:00.000", "02.01.2017 00:01:00.000"),
    ),
    "dukascopy-local": (
        Source.DUKASCOPY,
        DUKASCOPY.format("Local time")
        + lines("02.01.2017 01:00:00.000 GMT+0100", "02.01.2017 01:01:00.000 GMT+0100"),
    ),
    "dukascopy-offset-in-header": (
        Source.DUKASCOPY,
        DUKASCOPY.format("Local time (GMT-5:30)") + lines("01.01.2017 18:30:00.000", "01.01.2017 18:31:00.000"),
    ),
    "dukascopy-utc": (
        Source.DUKASCOPY, DUKASCOPY.format("Time (UTC)") + lines("2017.01.02 00:00:00", "2017.01.02 00:01:00"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_maker_is_recognised_and_its_times_are_utc(tmp_path, name):
    source, content = FILES[name]
    prepared, bars = read(tmp_path, content)
    assert prepared.source is source
    assert bars == TWO
    assert prepared.span == (MONDAY, MONDAY + 60)


def test_winter_and_summer_are_alike_to_histdata(tmp_path):
    _, bars = read(tmp_path, "20170702 170000;1.1;1.1;1.1;1.1;0\n")
    assert iso(bars["ts"][0]) == "2017-07-02T22:00:00Z"


def test_a_local_time_may_change_its_offset(tmp_path):
    content = DUKASCOPY.format("Local time") + lines(
        "26.03.2017 01:59:00.000 GMT+0100", "26.03.2017 03:00:00.000 GMT+0200"
    )
    _, bars = read(tmp_path, content)
    assert bars["ts"][1] - bars["ts"][0] == 60


@pytest.mark.parametrize("content", [
    "2017.01.02,1.05155,1.05160,1.05150,1.05152,33\n",
    "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n2017.01.02\t1.05155\t1.05160\t1.05150\t1.05152\t33\n",
    "date,open,high,low,close,volume\n2017-01-02,1.05155,1.05160,1.05150,1.05152,33\n",
], ids=["mt4", "mt5", "columns"])  # fmt: skip
def test_days_need_no_time(tmp_path, content):
    _, bars = read(tmp_path, content, D1)
    assert (bars["ts"], bars["volume"]) == ([MONDAY], [33])


def test_volume_may_be_missing(tmp_path):
    _, bars = read(tmp_path, f"ts,open,high,low,close\n{MONDAY},1.1,1.1,1.1,1.1\n")
    assert bars["volume"] == [0]


def frame(times, dtype=pl.Float64):
    columns = {name: [1.05155, 1.05156] for name in ("open", "high", "low", "close")}
    return pl.DataFrame({"ts": times, **columns, "volume": [1.0, 2.0]}).with_columns(
        pl.col("open", "high", "low", "close").cast(dtype)
    )


TIMES = pl.Series([MONDAY, MONDAY + 60])
PARQUET = {
    "seconds": frame(TIMES),
    "millis": frame(TIMES * 1000),
    "instants": frame((TIMES * 1000).cast(pl.Datetime("ms", "UTC"))),
    "another-zone": frame((TIMES * 1000).cast(pl.Datetime("ms", "UTC")).dt.convert_time_zone("Europe/Paris")),
    "nanos": frame((TIMES * 1_000_000_000).cast(pl.Datetime("ns"))),
    "texts": frame(["2017-01-02T00:00:00Z", "2017-01-02T00:01:00Z"]),
    "float32": frame(TIMES, pl.Float32),
    "decimals": frame(TIMES, pl.Decimal(18, 5)),
    "strings": frame(TIMES, pl.String),
    "capitals": frame(TIMES).rename(str.title),
}


@pytest.mark.parametrize("name", PARQUET)
def test_parquet_of_many_types(tmp_path, name):
    PARQUET[name].write_parquet(tmp_path / "given")
    prepared, bars = read(tmp_path, (tmp_path / "given").read_bytes())
    assert prepared.source is Source.PARQUET
    assert bars["ts"] == [MONDAY, MONDAY + 60]
    assert bars["open"] == bars["close"] == [105_155, 105_156]
    assert bars["volume"] == [1, 2]


# --- refused -----------------------------------------------------------------------------------------------------

GOOD = [f"{MONDAY + 60 * n},1.05155,1.05160,1.05150,1.05152,33" for n in range(6)]


def with_line(number, line):
    """GOOD with another line; the header is line 1."""
    changed = list(GOOD)
    changed[number - 2] = line
    return HEADER + "\n".join(changed) + "\n"


def row(n, **columns):
    values = {
        "ts": MONDAY + 60 * (n - 2), "open": "1.05155", "high": "1.05160", "low": "1.05150", "close": "1.05152",
        "volume": "33",
    } | columns  # fmt: skip
    return ",".join(str(value) for value in values.values())


BAD = {
    "unsorted": (row(5, ts=MONDAY), "is earlier than the line before"),
    "twice": (row(5, ts=MONDAY + 120), "is there twice"),
    "high-below-open": (row(5, high="1.05154"), "high 1.05154 is below open 1.05155 or close 1.05152"),
    "high-below-close": (row(5, close="1.05161"), "high 1.05160 is below"),
    "low-above": (row(5, low="1.05153"), "low 1.05153 is above"),
    "zero": (row(5, low="0"), "low 0 is not above 0"),
    "negative": (row(5, open="-1.05155"), "open -1.05155 is not above 0"),
    "nan": (row(5, high="NaN"), "high 'NaN' is no number"),
    "infinite": (row(5, high="inf"), "high 'inf' is no number"),
    "beyond-doubles": (row(5, high="1e400"), "high '1e400' is no number"),
    "huge": (row(5, high="1e308"), "high 1e308 is too large"),
    "beyond-the-ledger": (row(5, high="10000.00001"), "high 10000.00001 is too large"),
    "word": (row(5, close="about one"), "close 'about one' is no number"),
    "empty": (row(5, close=""), "close '' is no number"),
    "finer-than-the-step": (row(5, open="1.051555"), "open 1.051555 is no multiple of the step 0.00001"),
    "finer-than-doubles": (row(5, open="1.0515500000000000000001"), "is no multiple of the step"),
    "off-the-grid": (row(5, ts=MONDAY + 181), "2017-01-02T00:03:01Z is not the start of a bar of M1"),
    "no-time": (row(5, ts="yesterday"), "has a time that can't be read"),
    "before-the-epoch": (row(5, ts="-60"), "has a time that can't be read"),
    "millis-among-seconds": (row(5, ts=MONDAY * 1000 + 180_000), "has a time that can't be read"),
    "volume": (row(5, volume="-1"), "volume '-1' is no number from 0 on"),
    "no-volume": (row(5, volume="nan"), "volume 'nan' is no number from 0 on"),
    "too-few-fields": (f"{MONDAY + 180},1.05155,1.05160", "low '' is no number"),
    "too-many-fields": (row(5) + ",7", "has 7 fields, where 6 are expected"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_named_and_nothing_is_kept(tmp_path, name):
    line, saying = BAD[name]
    with pytest.raises(CandlesRefusedError) as refused:
        read(tmp_path, with_line(5, line))
    error = refused.value
    assert error.details["lines"] == [5]
    assert error.details["count"] == 1
    assert [fault.field for fault in error.faults] == ["line 5"]
    assert saying in error.faults[0].message
    assert "1 line is refused and nothing is stored: line 5" in error.message
    assert saying in error.message


def test_what_is_no_text_is_named_too(tmp_path):
    content = with_line(5, row(5)).encode().replace(b"1.05150", b"1.05\xff50")
    with pytest.raises(CandlesRefusedError) as refused:
        read(tmp_path, content)
    assert refused.value.details["count"] == 6
    assert refused.value.faults[0].message == "is not UTF-8 text."


def test_many_bad_lines_are_counted_and_the_first_are_told(tmp_path):
    content = HEADER + "\n".join(row(n + 2, low="9") for n in range(5_000)) + "\n"
    with pytest.raises(CandlesRefusedError) as refused:
        read(tmp_path, content)
    assert refused.value.details["count"] == 5_000
    assert refused.value.details["lines"] == list(range(2, 22))
    assert "5,000 lines are refused" in refused.value.message


def test_lines_are_right_in_a_file_of_many_blocks(tmp_path, monkeypatch):
    from stoa.trading.candles import _reading

    monkeypatch.setattr(_reading, "_BLOCK", 1_000)
    content = HEADER + "\n".join(
        row(n, **({"low": "9"} if n in (3, 700, 999) else {})) for n in range(2, 1_002)
    )
    with pytest.raises(CandlesRefusedError) as refused:
        read(tmp_path, content)
    assert refused.value.details["lines"] == [3, 700, 999]
    _, bars = read(tmp_path, content.replace(",9,", ",1.05150,"))
    assert bars["ts"] == [MONDAY + 60 * n for n in range(1_000)]


@pytest.mark.parametrize("block", [999, 1_000, 1_001])
def test_utf_16_may_be_cut_anywhere(tmp_path, monkeypatch, block):
    from stoa.trading.candles import _reading

    monkeypatch.setattr(_reading, "_BLOCK", block)
    content = HEADER + "\n".join(row(n) for n in range(2, 502))
    _, bars = read(tmp_path, ("\ufeff" + content).encode("utf-16-le"))
    assert bars["ts"] == [MONDAY + 60 * n for n in range(500)]


def test_order_is_watched_from_block_to_block(tmp_path, monkeypatch):
    from stoa.trading.candles import _reading

    monkeypatch.setattr(_reading, "_BLOCK", 150)
    with pytest.raises(CandlesRefusedError) as refused:
        read(tmp_path, with_line(5, row(4)))
    assert refused.value.details["lines"] == [5]


def test_rows_of_parquet_count_from_one(tmp_path):
    frame(TIMES).with_columns(low=pl.Series([1.0, 2.0])).write_parquet(tmp_path / "given")
    with pytest.raises(CandlesRefusedError) as refused:
        read(tmp_path, (tmp_path / "given").read_bytes())
    assert refused.value.details["lines"] == [2]


def test_parquet_with_date_and_time_apart_is_refused(tmp_path):
    apart = frame(TIMES).rename({"ts": "date"}).with_columns(time=pl.Series(["00:00", "00:01"]))
    apart.write_parquet(tmp_path / "given")
    with pytest.raises(CandlesRefusedError, match="in one column, ts"):
        read(tmp_path, (tmp_path / "given").read_bytes())


def test_computed_prices_that_only_look_like_steps_are_refused(tmp_path):
    frame(TIMES).with_columns(open=pl.Series([0.1 + 0.2, 1.05156])).write_parquet(tmp_path / "given")
    with pytest.raises(CandlesRefusedError, match=r"open 0\.30000000000000004"):
        read(tmp_path, (tmp_path / "given").read_bytes())


UNKNOWN = {
    "nothing": b"",
    "a-line-end": b"\n",
    "prose": b"Dear all,\nplease find attached\n",
    "json": b'{"candles": [1, 2, 3, 4, 5, 6]}',
    "binary": bytes(range(256)) * 100,
    "one-long-line": b"1," * 50_000,
    "columns-without-header": b"1483315200,1.05155,1.05160,1.05150,1.05152,33\n",
    "no-close": b"ts,open,high,low,volume,x\n1483315200,1,1,1,1,1\n",
    "two-opens": b"ts,open,high,low,close,open\n1483315200,1,1,1,1,1\n",
    "header-alone": HEADER.encode(),
    "american-dates": HEADER.encode() + b"01/02/2017 00:00,1.1,1.1,1.1,1.1,1\n",
    "local-without-offset": DUKASCOPY.format("Local time").encode() + b"02.01.2017 00:00:00.000,1,1,1,1,1\n",
    "short-first-line": HEADER.encode() + b"1483315200,1.1\n",
    "not-parquet": b"PAR1 and no more",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_unknown_is_refused_in_a_sentence(tmp_path, name):
    with pytest.raises(CandlesRefusedError) as refused:
        read(tmp_path, UNKNOWN[name])
    assert refused.value.message.endswith(".")


def test_a_refusal_says_what_is_accepted(tmp_path):
    with pytest.raises(
        CandlesRefusedError, match=r"ts,open,high,low,close,volume.*MetaTrader.*HistData.*Dukascopy"
    ):
        read(tmp_path, UNKNOWN["prose"])


@given(st.binary(max_size=300), st.booleans())
def test_whatever_is_sent_is_read_or_refused(tmp_path_factory, content, headed):
    folder = tmp_path_factory.mktemp("any")
    try:
        read(folder, (HEADER.encode() if headed else b"") + content)
    except CandlesRefusedError as error:
        assert error.message  # noqa: PT017 - it may be fine as well


@given(st.text(alphabet='0123456789.,;:\t\n <>TZ-+eN"é', max_size=200))
def test_whatever_looks_like_candles_is_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("like")
    for begin in (HEADER, MT5, DUKASCOPY.format("Gmt time"), GOOD[0] + "\n", "2017.01.02,00:00,1,1,1,1,1\n"):
        try:
            read(folder, begin + content)
        except CandlesRefusedError as error:
            assert error.message  # noqa: PT017


# --- exactly -----------------------------------------------------------------------------------------------------

STEPS = ("0.00001", "0.001", "0.01", "0.1", "0.25", "1", "0.00000001", "0.00005", "5")
prices = st.integers(1, 10**9)


@given(st.sampled_from(STEPS), st.lists(prices, min_size=1, max_size=20), st.integers(0, 6))
def test_prices_are_the_steps_that_decimal_counts(tmp_path_factory, step, counts, zeros):
    folder = tmp_path_factory.mktemp("exact")
    exact = [count * Decimal(step) for count in counts]
    texts = [f"{price:f}" + ("0" * zeros if "." in f"{price:f}" else "") for price in exact]
    content = HEADER + "".join(f"{MONDAY + 60 * n},{t},{t},{t},{t},0\n" for n, t in enumerate(texts))
    _, bars = read(folder, content, step=Decimal(step))
    assert bars["open"] == bars["close"] == counts


@given(st.sampled_from(STEPS), prices, st.integers(1, 9), st.integers(1, 12))
def test_a_price_between_two_steps_never_passes(tmp_path_factory, step, count, digit, places):
    folder = tmp_path_factory.mktemp("between")
    price = (count + digit * Decimal(10) ** -places) * Decimal(step)
    content = HEADER + f"{MONDAY},{price:f},{price:f},{price:f},{price:f},0\n"
    with pytest.raises(CandlesRefusedError, match=r"no multiple of the step|too large"):
        read(folder, content, step=Decimal(step))


# --- chunks, spans, gaps -----------------------------------------------------------------------------------------


def many(start, count, seconds):
    return HEADER + "".join(f"{start + n * seconds},1.1,1.1,1.1,1.1,0\n" for n in range(count))


@pytest.mark.parametrize(
    ("timeframe", "count", "chunks"), [(M1, 3 * 1440, 1), (M1, 40 * 1440, 2), (H1, 400 * 24, 2)]
)
def test_minutes_are_kept_by_the_month_and_the_rest_by_the_year(tmp_path, timeframe, count, chunks):
    prepared, bars = read(tmp_path, many(MONDAY, count, timeframe.seconds), timeframe)
    assert len(prepared.chunks) == chunks
    assert prepared.count == len(bars["ts"]) == count
    assert [chunk.start for chunk in prepared.chunks[1:]] == [
        chunk.end + timeframe.seconds for chunk in prepared.chunks[:-1]
    ]


@pytest.mark.parametrize(("timeframe", "start", "fine"), [
    (D1, MONDAY, True), (D1, MONDAY + 3600, False), (W1, MONDAY, True), (W1, MONDAY - 86400, False),
    (Timeframe.H4, MONDAY + 4 * 3600, True), (Timeframe.H4, MONDAY + 3 * 3600, False),
])  # fmt: skip
def test_days_begin_at_midnight_and_weeks_on_monday(tmp_path, timeframe, start, fine):
    content = many(start, 1, timeframe.seconds)
    if fine:
        assert read(tmp_path, content, timeframe)[1]["ts"] == [start]
    else:
        with pytest.raises(CandlesRefusedError, match="is not the start of a bar"):
            read(tmp_path, content, timeframe)


def test_stored_spans_are_refused_by_line(tmp_path):
    with pytest.raises(CandlesRefusedError) as refused:
        read(tmp_path, HEADER + "\n".join(GOOD), stored=[(MONDAY + 120, MONDAY + 180)])
    assert refused.value.details["lines"] == [4, 5]


def at(text):
    return int(np.datetime64(text, "s").astype(int))


def test_gaps_are_counted_and_weekends_told_apart(tmp_path):
    hours = [
        *range(at("2017-01-02T00:00"), at("2017-01-03T10:00"), 3600),
        *range(at("2017-01-03T13:00"), at("2017-01-06T22:00"), 3600),  # three hours missing
        *range(at("2017-01-08T22:00"), at("2017-01-11T05:00"), 3600),  # a weekend
        *range(at("2017-01-12T05:00"), at("2017-01-13T00:00"), 3600),  # a day missing
    ]
    content = HEADER + "".join(f"{ts},1.1,1.1,1.1,1.1,0\n" for ts in hours)
    prepared, bars = read(tmp_path, content, H1)
    gaps = prepared.gaps
    assert (gaps.count, gaps.missing, gaps.weekends) == (2, 27, 1)
    assert [(gap.missing, iso(gap.start), iso(gap.end)) for gap in gaps.largest] == [
        (24, "2017-01-11T05:00:00Z", "2017-01-12T05:00:00Z"),
        (3, "2017-01-03T10:00:00Z", "2017-01-03T13:00:00Z"),
    ]
    assert bars["ts"] == hours, "nothing is filled in"


@pytest.mark.parametrize(("last", "following", "weekend"), [
    ("2017-01-06T21:00", "2017-01-08T22:00", True),
    ("2017-01-06T19:00", "2017-01-09T04:00", True),
    ("2017-01-06T18:00", "2017-01-08T22:00", False),
    ("2017-01-06T21:00", "2017-01-09T05:00", False),
    ("2017-01-06T21:00", "2017-01-15T22:00", False),
    ("2017-01-07T21:00", "2017-01-08T02:00", True),
    ("2017-01-03T21:00", "2017-01-05T22:00", False),
])  # fmt: skip
def test_a_weekend_lies_between_friday_evening_and_monday_morning(tmp_path, last, following, weekend):
    content = HEADER + "".join(f"{at(text)},1.1,1.1,1.1,1.1,0\n" for text in (last, following))
    gaps = read(tmp_path, content, H1)[0].gaps
    assert (gaps.weekends, gaps.count) == ((1, 0) if weekend else (0, 1))


def test_progress_ends_with_the_file(tmp_path):
    told = []
    content = many(MONDAY, 1000, 60)
    read(tmp_path, content, progress=told.append)
    assert told[-1] == len(content)
    assert told == sorted(told)


# --- there and back ----------------------------------------------------------------------------------------------


def stamped(pattern, shift=0):
    return lambda ts: (datetime.fromtimestamp(ts, UTC) + timedelta(hours=shift)).strftime(pattern)


WRITERS = {
    "columns": (HEADER, ",", stamped("%Y-%m-%dT%H:%M:%SZ"), ""),
    "millis": (HEADER, ",", lambda ts: ts * 1000, ""),
    "mt4": ("", ",", stamped("%Y.%m.%d,%H:%M"), ""),
    "mt5": (MT5, "\t", stamped("%Y.%m.%d\t%H:%M:%S"), "\t0\t3"),
    "histdata": ("", ";", stamped("%Y%m%d %H%M%S", -5), ""),
    "dukascopy": (DUKASCOPY.format("Gmt time"), ",", stamped("%d.%m.%Y %H:%M:%S.000"), ""),
}


@given(
    st.sampled_from(list(WRITERS)), st.integers(0, 2**32), st.integers(1, 500), st.sampled_from(STEPS),
    st.integers(1, 10**6),
)  # fmt: skip
def test_what_is_written_out_comes_back_the_same(tmp_path_factory, name, seed, count, step, price):
    header, separator, time_of, more = WRITERS[name]
    bars = synthetic(seed, M1, MONDAY, MONDAY + count * 60, price=price)
    columns = [
        [f"{n * Decimal(step):f}" for n in getattr(bars, name).tolist()]
        for name in ("open", "high", "low", "close")
    ]
    rows = zip(map(time_of, bars.ts.tolist()), *columns, bars.volume.astype(int).tolist(), strict=True)
    content = header + "".join(separator.join(map(str, row)) + more + "\n" for row in rows)
    _, found = read(tmp_path_factory.mktemp("back"), content, step=Decimal(step))
    assert found == {name: getattr(bars, name).tolist() for name in found}
