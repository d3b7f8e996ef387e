"""Candles in the house: imported, appended, found again, built from finer ones, cleaned up."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from obstore.store import MemoryStore
from sqlalchemy import text
from tests.support.house import NOW
from tests.support.postgres import new_database

from stoa.kernel.clock import ManualClock
from stoa.kernel.errors import UnavailableError
from stoa.kernel.ids import SeededIds
from stoa.platform.files import Files, open_store
from stoa.platform.migrate import upgrade
from stoa.platform.storage import open_storage, postgres_engine, sqlite_engine
from stoa.trading import market
from stoa.trading.candles import iso
from stoa.trading.errors import CandlesRefusedError, InstrumentNotFoundError, NoDataError
from stoa.trading.market import Market
from stoa.trading.model import Instrument, Timeframe

pytestmark = pytest.mark.anyio
EURUSD = Instrument(0, "EURUSD", "Euro", Decimal("0.0001"))
MONDAY = 1_483_315_200  # 2017-01-02


@pytest.fixture(scope="session")
def postgres_url(service_or_skip):
    with new_database(service_or_skip, "market") as url:
        engine = postgres_engine(url, connections=1)
        upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def storage(request, tmp_path, anyio_backend):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/stoa.db"
        engine = sqlite_engine(url)
        upgrade(engine)
    else:
        url = request.getfixturevalue("postgres_url")
        engine = postgres_engine(url, connections=1)
        with engine.begin() as connection:
            connection.execute(
                text(
                    "TRUNCATE trading_candle_files, trading_candle_orphans, trading_instruments RESTART IDENTITY"
                )
            )
    engine.dispose()
    opened = open_storage(url)
    yield opened
    await opened.close()


class House:
    def __init__(self, storage, files, folder):
        self.storage, self.files, self.folder = storage, files, folder
        self.clock, self.ids, self.market = ManualClock(NOW), SeededIds("market"), Market(files)

    async def import_rows(self, rows, timeframe=Timeframe.H1, instrument_id=1):
        path = self.folder / "candles.csv"
        path.write_text("ts,open,high,low,close,volume\n" + "".join(f"{row}\n" for row in rows))
        return await market.import_file(
            self.storage,
            self.files,
            path,
            instrument_id=instrument_id,
            timeframe=timeframe,
            clock=self.clock,
            ids=self.ids,
        )

    async def bars(self, timeframe=Timeframe.H1, *span, **more):
        return await self.storage.read(self.market.bars, 1, timeframe, *span, **more)

    async def columns(self, timeframe=Timeframe.H1, *span, **more):
        return await self.storage.read(self.market.columns, 1, timeframe, *span, **more)

    def objects(self):
        return sorted(path for path in (self.folder / "files").rglob("*.parquet"))

    def count(self, table):
        with self.storage.engine.connect() as connection:
            return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


@pytest.fixture
async def house(storage, tmp_path):
    files = Files(open_store(f"{tmp_path}/files"), clock=ManualClock(NOW), secret=b"a secret")
    house = House(storage, files, tmp_path)
    await storage.write(market.add_instrument, EURUSD)
    return house


def rows(count, start=MONDAY, seconds=3600, price=100_000):
    """Rising candles: bar n goes from n to n + 1 steps, three above and two below."""
    for n in range(count):
        at = price + n
        figures = ",".join(f"{steps / 1e5:.5f}" for steps in (at, at + 3, at - 2, at + 1))
        yield f"{start + n * seconds},{figures},{n + 1}"


async def test_what_is_imported_is_found_again(house):
    imported = await house.import_rows(rows(48))
    assert (imported.count, iso(imported.start), iso(imported.end)) == (
        48, "2017-01-02T00:00:00Z", "2017-01-03T23:00:00Z",
    )  # fmt: skip
    bars = await house.bars()
    assert bars.ts.tolist() == [MONDAY + n * 3600 for n in range(48)]
    assert bars.open.tolist() == [100_000 + n for n in range(48)]
    assert bars.high.tolist() == [100_003 + n for n in range(48)]
    assert bars.low.tolist() == [99_998 + n for n in range(48)]
    assert bars.close.tolist() == [100_001 + n for n in range(48)]
    assert bars.volume.tolist() == [n + 1 for n in range(48)]


async def test_nobody_can_write_to_what_all_share(house):
    await house.import_rows(rows(48))
    for bars in (await house.bars(), await house.bars(Timeframe.H2)):
        with pytest.raises(ValueError, match="read-only"):
            bars.close[0] = 1


async def test_a_span_has_the_bars_that_start_in_it(house):
    await house.import_rows(rows(48))
    bars = await house.bars(Timeframe.H1, MONDAY + 3600, MONDAY + 3 * 3600)
    assert bars.ts.tolist() == [MONDAY + 3600, MONDAY + 7200]
    assert len(await house.bars(Timeframe.H1, MONDAY + 100 * 3600, MONDAY + 200 * 3600)) == 0
    assert len(await house.bars(Timeframe.H1, 2**60, 2**61)) == 0
    assert len(await house.bars(Timeframe.H1, -5, 2**61)) == 48


async def test_years_are_joined_whole_and_read_no_further_than_asked(house):
    day = 86400
    first = 1_420_070_400  # 2015-01-01
    await house.import_rows(rows(1200, start=first, seconds=day), Timeframe.D1)
    assert len(house.objects()) == 4
    bars = await house.bars(Timeframe.D1)
    assert bars.ts.tolist() == [first + n * day for n in range(1200)]
    read = []
    house.market = Market(Watched(house.files, read))
    some = await house.bars(Timeframe.D1, first + 10 * day, first + 20 * day)
    assert some.open.tolist() == list(range(100_010, 100_020))
    assert len(read) == 1


class Watched:
    def __init__(self, files, read):
        self._files, self._read = files, read

    def read(self, key):
        self._read.append(key)
        return self._files.read(key)


async def test_what_was_read_is_not_read_again(house):
    await house.import_rows(rows(48))
    read = []
    house.market = Market(Watched(house.files, read))
    for _ in range(3):
        await house.columns(Timeframe.H1)
        await house.columns(Timeframe.H4)
    assert len(read) == 1


# --- built from finer ones ---------------------------------------------------------------------------------------


async def test_a_timeframe_that_is_not_stored_is_built_from_the_nearest_finer_one(house):
    await house.import_rows(rows(24 * 60, seconds=60), Timeframe.M1)
    await house.import_rows(rows(24 * 12, seconds=300, price=110_000), Timeframe.M5)
    bars, finer = await house.columns(Timeframe.H1)
    assert bars.open.tolist() == [110_000 + 12 * n for n in range(24)]
    assert bars.high.tolist() == [110_000 + 12 * n + 14 for n in range(24)]
    assert bars.close.tolist() == [110_000 + 12 * n + 12 for n in range(24)]
    assert finer.timeframe is Timeframe.M1
    stored, below = await house.columns(Timeframe.M1)
    assert len(stored) == 24 * 60
    assert below is None


async def test_a_built_bar_that_is_not_over_is_not_there(house):
    await house.import_rows(rows(90, seconds=60), Timeframe.M1)
    assert (await house.bars(Timeframe.H1)).ts.tolist() == [MONDAY]
    await house.import_rows(rows(30, start=MONDAY + 90 * 60, seconds=60, price=100_090), Timeframe.M1)
    assert (await house.bars(Timeframe.H1)).close.tolist() == [100_060, 100_120]


async def test_weeks_over_new_year_are_whole_whatever_is_asked_for(house):
    first = 1_481_500_800  # Monday 2016-12-12
    await house.import_rows(rows(7 * 6, start=first, seconds=86400), Timeframe.D1)
    whole = await house.bars(Timeframe.W1)
    assert whole.ts.tolist() == [first + n * 604_800 for n in range(6)]
    assert whole.open.tolist() == [100_000 + 7 * n for n in range(6)]
    for n in range(6):
        start = first + n * 604_800
        one = await house.bars(Timeframe.W1, start, start + 1)
        assert (one.ts.tolist(), one.close.tolist()) == ([start], [100_007 + 7 * n])


async def test_nothing_is_built_from_what_does_not_divide_it(house):
    await house.import_rows(rows(12, seconds=600), Timeframe.M10)
    with pytest.raises(NoDataError):
        await house.columns(Timeframe.M15)
    with pytest.raises(NoDataError):
        await house.columns(Timeframe.M5)
    assert len((await house.columns(Timeframe.M30))[0]) == 4


# --- more of it --------------------------------------------------------------------------------------------------


async def test_more_is_appended_before_and_after(house):
    await house.import_rows(rows(24, start=MONDAY + 86400, price=100_024))
    await house.import_rows(rows(24, start=MONDAY + 2 * 86400, price=100_048))
    await house.import_rows(rows(24))
    assert (await house.bars()).open.tolist() == list(range(100_000, 100_072))


async def test_an_edition_stays_what_it_was(house):
    await house.import_rows(rows(24))
    edition = await house.storage.read(market.edition_of, 1)
    before, _ = await house.columns(Timeframe.H2, edition=edition)
    await house.import_rows(rows(24, start=MONDAY + 86400))
    await house.import_rows(rows(48 * 60, seconds=60), Timeframe.M1)
    house.market = Market(house.files)
    bars, finer = await house.columns(Timeframe.H2, edition=edition)
    assert bars.ts.tolist() == before.ts.tolist() == [MONDAY + n * 7200 for n in range(12)]
    assert finer.timeframe is Timeframe.H1
    assert len((await house.columns(Timeframe.H2))[0]) == 24


async def test_an_edition_before_any_candles_has_none(house):
    edition = await house.storage.read(market.edition_of, 1)
    await house.import_rows(rows(24))
    assert edition == 0
    with pytest.raises(NoDataError):
        await house.columns(edition=edition)


async def test_what_overlaps_is_refused_by_its_first_line_and_nothing_is_stored(house):
    await house.import_rows(rows(24))
    objects = house.objects()
    with pytest.raises(CandlesRefusedError) as refused:
        await house.import_rows(rows(24, start=MONDAY - 20 * 3600))
    assert refused.value.details["lines"][0] == 22
    assert refused.value.details["count"] == 4
    assert "2017-01-02T00:00:00Z" in refused.value.faults[0].message
    assert house.objects() == objects
    assert house.count("trading_candle_files") == 1


async def test_of_two_imports_at_once_that_overlap_one_is_stored(house):
    import asyncio

    paths = []
    for n in range(2):
        paths.append(house.folder / f"{n}.csv")
        paths[n].write_text("ts,open,high,low,close,volume\n" + "\n".join(rows(24)))
    ends = await asyncio.gather(
        *(
            market.import_file(
                house.storage, house.files, path, instrument_id=1, timeframe=Timeframe.H1, clock=house.clock,
                ids=SeededIds(path.name),
            )
            for path in paths
        ),
        return_exceptions=True,
    )  # fmt: skip
    assert sorted(type(end).__name__ for end in ends) == ["CandlesRefusedError", "Imported"]
    assert len(house.objects()) == house.count("trading_candle_files") == 1
    assert house.count("trading_candle_orphans") == 0


async def test_an_instrument_that_is_not_there(house):
    with pytest.raises(InstrumentNotFoundError):
        await house.import_rows(rows(24), instrument_id=7)


# --- what is left behind -----------------------------------------------------------------------------------------


class Failing(Files):
    """Breaks down at the third object."""

    written = 0

    def write(self, key, data, *, content_type):
        self.written += 1
        if self.written == 3:
            raise UnavailableError("The file store does not answer as it should.")
        super().write(key, data, content_type=content_type)


async def test_an_import_that_fails_half_way_leaves_nothing(house):
    sound = house.files
    house.files = Failing(open_store(f"{house.folder}/files"), clock=house.clock, secret=b"a secret")
    with pytest.raises(UnavailableError):
        await house.import_rows(rows(1200, seconds=86400), Timeframe.D1)
    assert house.objects() == []
    assert house.count("trading_candle_orphans") == house.count("trading_candle_files") == 0
    house.files = sound
    assert (await house.import_rows(rows(1200, seconds=86400), Timeframe.D1)).count == 1200


async def test_what_a_killed_import_left_is_removed_by_a_later_one(house):
    from stoa.trading.store import _candles as store

    key = "trading/candles/1/H1/left.parquet"
    house.files.write(key, b"half of it", content_type="application/octet-stream")
    await house.storage.write(store.insert_orphans, [key], at=NOW)
    await house.import_rows(rows(24))
    assert len(house.objects()) == 2, "it may be going on still"
    house.clock.advance(timedelta(hours=2))
    await house.import_rows(rows(24, start=MONDAY + 86400))
    assert [path.name for path in house.objects()].count("left.parquet") == 0
    assert house.count("trading_candle_orphans") == 0


async def test_what_is_stored_is_never_swept(house):
    """A commit may come through although the one who waited for it was told otherwise."""
    await house.import_rows(rows(24))
    keys = [str(path.relative_to(house.folder / "files")) for path in house.objects()]
    await market.sweep(house.storage, house.files, keys)
    assert len(house.objects()) == 1
    assert len(await house.bars()) == 24


async def test_what_was_swept_meanwhile_is_not_stored(house):
    class Swept(Files):
        def write(self, key, data, *, content_type):
            super().write(key, data, content_type=content_type)
            with house.storage.engine.begin() as connection:
                connection.execute(text("UPDATE trading_candle_orphans SET since = 0"))

    house.files = Swept(open_store(f"{house.folder}/files"), clock=house.clock, secret=b"a secret")
    with pytest.raises(UnavailableError, match="took too long"):
        await house.import_rows(rows(24))
    assert house.count("trading_candle_files") == house.count("trading_candle_orphans") == 0
    assert house.objects() == []


async def test_candles_are_taken_away_with_their_objects(house):
    await house.import_rows(rows(24))
    await house.import_rows(rows(24 * 4, seconds=900), Timeframe.M15)
    keys = await house.storage.write(market.remove_candles, 1, Timeframe.H1, now=NOW)
    await market.sweep(house.storage, house.files, keys)
    assert len(house.objects()) == 1
    assert house.count("trading_candle_orphans") == 0
    assert (await house.bars(Timeframe.H1)).volume.tolist()[0] == 10, "built from M15 now"


async def test_files_in_memory_serve_as_well(house):
    house.files = Files(MemoryStore(), clock=house.clock, secret=b"a secret")
    house.market = Market(house.files)
    await house.import_rows(rows(24))
    assert np.array_equal((await house.bars()).open, np.arange(100_000, 100_024))


async def test_little_memory_gives_the_same_answers(house):
    await house.import_rows(rows(1200, seconds=86400), Timeframe.D1)
    small = Market(house.files, cache_bytes=1000)
    for timeframe in (Timeframe.D1, Timeframe.W1, Timeframe.D1):
        ours = await house.storage.read(small.bars, 1, timeframe)
        theirs = await house.bars(timeframe)
        assert np.array_equal(ours.close, theirs.close)
    assert small.cache.bytes <= 48 * 1200


async def test_a_step_that_is_coarser_refuses_finer_prices(house):
    coarse = replace(EURUSD, symbol="JPY", pip_size=Decimal("0.01"), step=Decimal("0.001"))
    await house.storage.write(market.add_instrument, coarse)
    with pytest.raises(CandlesRefusedError, match=r"multiple of the step 0\.001"):
        await house.import_rows(rows(24), instrument_id=2)
