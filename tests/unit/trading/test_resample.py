"""Timeframes built from finer ones, against the plainest way to say it, and candles of no market."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoa.trading.candles import (
    Bars,
    aggregate,
    candle_ids,
    from_parquet,
    is_made_of,
    joined,
    resample,
    synthetic,
    write_chunks,
)
from stoa.trading.model import Timeframe

NAMES = ("ts", "open", "high", "low", "close", "volume")
PAIRS = [(coarse, fine) for coarse in Timeframe for fine in Timeframe if is_made_of(coarse, fine)]


def rows_of(bars):
    return list(zip(*(getattr(bars, name).tolist() for name in NAMES), strict=True))


def bars_of(timeframe, rows):
    columns = [np.array(column, np.int64) for column in list(zip(*rows, strict=True))[:5]]
    return Bars(timeframe, *columns, np.array([row[5] for row in rows], np.float64))


def start_of(ts, timeframe):
    """When the bar begins that ``ts`` lies in, by the calendar."""
    at = datetime.fromtimestamp(ts, UTC)
    midnight = at.replace(hour=0, minute=0, second=0)
    if timeframe is Timeframe.W1:
        return midnight - timedelta(days=at.weekday())
    if timeframe is Timeframe.D1:
        return midnight
    return midnight + (at - midnight) // timedelta(seconds=timeframe.seconds) * timedelta(
        seconds=timeframe.seconds
    )


def oracle(bars, timeframe):
    made, end = {}, None
    for ts, opened, high, low, closed, volume in rows_of(bars):
        start = int(start_of(ts, timeframe).timestamp())
        before = made.get(start, (start, opened, high, low, closed, 0))
        made[start] = (
            start,
            before[1],
            max(before[2], high),
            min(before[3], low),
            closed,
            before[5] + volume,
        )
        end = ts + bars.timeframe.seconds
    return [row for start, row in made.items() if start + timeframe.seconds <= end]


@st.composite
def markets(draw):
    """Bars with holes, anywhere in time."""
    coarse, fine = draw(st.sampled_from(PAIRS))
    start = draw(st.integers(0, 20_000)) * 86_400 * 7 + 4 * 86_400 + draw(st.integers(0, 300)) * fine.seconds
    steps = draw(st.lists(st.integers(1, draw(st.sampled_from([1, 3, 2_000]))), min_size=1, max_size=60))
    rows, ts = [], start
    for step in steps:
        opened, closed = draw(st.integers(50, 60)), draw(st.integers(50, 60))
        high, low = (
            max(opened, closed) + draw(st.integers(0, 9)),
            min(opened, closed) - draw(st.integers(0, 9)),
        )
        rows.append((ts, opened, high, low, closed, float(step)))
        ts += step * fine.seconds
    return bars_of(fine, rows), coarse


@given(markets())
def test_a_built_bar_is_what_the_plainest_code_says(market):
    bars, timeframe = market
    assert rows_of(resample(bars, timeframe)) == oracle(bars, timeframe)


@given(markets(), st.data())
def test_what_a_replay_has_reached_builds_the_beginning_of_the_whole(market, data):
    bars, timeframe = market
    reached = data.draw(st.integers(0, len(bars)))
    begun = rows_of(resample(bars[:reached], timeframe))
    assert begun == rows_of(resample(bars, timeframe))[: len(begun)]
    now = bars.ts[reached - 1] + bars.timeframe.seconds if reached else 0
    assert all(ts + timeframe.seconds <= now for ts, *_ in begun)


@given(markets(), st.data())
def test_parts_made_apart_are_made_one(market, data):
    bars, timeframe = market
    cut = data.draw(st.integers(0, len(bars)))
    parts = [aggregate(bars[:cut], timeframe), aggregate(bars[cut:], timeframe)]
    assert rows_of(aggregate(joined(parts, timeframe), timeframe)) == rows_of(aggregate(bars, timeframe))


@pytest.mark.parametrize(("coarse", "fine"), PAIRS, ids=lambda timeframe: timeframe.value)
def test_nothing_of_a_bar_is_there_before_it_is_over(coarse, fine):
    count = coarse.seconds // fine.seconds
    start = 1_483_315_200
    rows = [(start + n * fine.seconds, 9, 10, 8, 9, 1.0) for n in range(count)]
    assert len(resample(bars_of(fine, rows[:-1]), coarse)) == 0
    assert rows_of(resample(bars_of(fine, rows), coarse)) == [(start, 9, 10, 8, 9, float(count))]


def test_only_even_parts_make_a_bar():
    assert not is_made_of(Timeframe.M15, Timeframe.M10)
    assert not is_made_of(Timeframe.M5, Timeframe.M5)
    assert not is_made_of(Timeframe.M5, Timeframe.H1)
    assert is_made_of(Timeframe.W1, Timeframe.D1)


def test_ids_tell_candles_apart():
    bars = synthetic(1, Timeframe.M1, 1_483_315_200, 1_483_315_200 + 86_400, price=1_000)
    ids = [
        *candle_ids(bars, 1).tolist(),
        *candle_ids(bars, 2).tolist(),
        *candle_ids(resample(bars, Timeframe.M5), 1).tolist(),
    ]
    assert len(set(ids)) == len(ids)
    assert max(candle_ids(bars, 2**20).tolist()) < 2**53, "a number that JavaScript has, too"


# --- synthetic ---------------------------------------------------------------------------------------------------

YEAR = (1_451_606_400, 1_483_228_800)  # 2016


def test_the_same_seed_is_the_same_market():
    first, second, third = (synthetic(seed, Timeframe.H1, *YEAR, price=108_500) for seed in (1, 1, 2))
    assert rows_of(first) == rows_of(second)
    assert rows_of(first) != rows_of(third)


@pytest.mark.parametrize("timeframe", [Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1])
def test_synthetic_candles_are_possible_ones_of_a_week(timeframe):
    bars = synthetic(7, timeframe, *YEAR, price=108_500)
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert (bars.volume > 0).all()
    assert (np.diff(bars.ts) >= timeframe.seconds).all()
    assert (bars.open[1:] == bars.close[:-1]).all()
    weekdays = {datetime.fromtimestamp(ts, UTC).weekday() for ts in bars.ts.tolist()}
    assert 5 not in weekdays, "no Saturday"
    assert 50_000 < bars.close.min() <= bars.close.max() < 200_000


def test_london_moves_more_than_the_night():
    bars = synthetic(7, Timeframe.H1, *YEAR, price=108_500)
    reach = bars.high - bars.low
    hours = bars.ts // 3600 % 24
    assert reach[hours == 14].mean() > 2 * reach[hours == 3].mean()


@given(
    st.integers(0, 2**32), st.sampled_from([Timeframe.M1, Timeframe.H1, Timeframe.D1]), st.integers(0, 400)
)
def test_chunks_keep_what_they_are_given(tmp_path_factory, seed, timeframe, count):
    folder = tmp_path_factory.mktemp("chunks")
    start = 1_483_315_200
    bars = synthetic(seed, timeframe, start, start + count * timeframe.seconds, price=108_500)
    chunks = write_chunks(bars, folder) if len(bars) else []
    kept = [from_parquet(chunk.path.read_bytes(), timeframe) for chunk in chunks]
    assert rows_of(joined(kept, timeframe)) == rows_of(bars)
