"""What is refused, with the field named."""

from decimal import Decimal

import numpy as np
import pytest
from tests.unit.trading.markets import EURUSD, bars_of, candles, eurusd, new

from stoa.trading import rules
from stoa.trading.engine import Trader, run
from stoa.trading.errors import TooLargeError, TradingInvalidError
from stoa.trading.model import (
    LOT_STEP,
    MOST_LOTS,
    MOST_STEPS,
    Command,
    CommandKind,
    Instrument,
    OrderType,
    Side,
    Terms,
    Timeframe,
)

NAN, HUGE, ENDLESS = Decimal("NaN"), Decimal("1e308"), Decimal("Infinity")
GOOD = {"initial_balance": Decimal(10000), "leverage": Decimal(100), "commission_per_fill": Decimal(7)}


def fields(error):
    return [fault.field for fault in error.value.faults]


@pytest.mark.parametrize(
    "value", [NAN, HUGE, ENDLESS, -ENDLESS, Decimal("sNaN"), Decimal("1e-308"), Decimal(-1)]
)
@pytest.mark.parametrize("name", GOOD)
def test_terms_name_the_field(name, value):
    with pytest.raises(TradingInvalidError) as error:
        Terms.of(EURUSD, **{**GOOD, name: value})
    assert fields(error) == [name]


@pytest.mark.parametrize("name", ["initial_balance", "leverage"])
def test_terms_refuse_zero(name):
    with pytest.raises(TradingInvalidError) as error:
        Terms.of(EURUSD, **{**GOOD, name: Decimal(0)})
    assert fields(error) == [name]


@pytest.mark.parametrize("value", [-1, 10**7])
@pytest.mark.parametrize("name", ["spread_pts", "slippage_pts"])
def test_terms_refuse_points(name, value):
    with pytest.raises(TradingInvalidError) as error:
        Terms.of(EURUSD, **GOOD, **{name: value})
    assert fields(error) == [name]


def test_every_bad_field_is_named():
    with pytest.raises(TradingInvalidError) as error:
        Terms.of(
            EURUSD,
            initial_balance=NAN,
            leverage=HUGE,
            commission_per_fill=NAN,
            spread_pts=-1,
            slippage_pts=-1,
        )
    assert fields(error) == [
        "initial_balance",
        "leverage",
        "commission_per_fill",
        "spread_pts",
        "slippage_pts",
    ]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("initial_balance", {"initial_balance": Decimal(10**15)}),
        ("commission_per_fill", {"commission_per_fill": Decimal(10**15)}),
        ("initial_balance", {"initial_balance": Decimal("100000.12345678"), "leverage": Decimal(10**6)}),
    ],
)
def test_what_would_overflow_names_the_field(name, values):
    with pytest.raises(TooLargeError) as error:
        Terms.of(EURUSD, **{**GOOD, **values})
    assert fields(error) == [name]


@pytest.mark.parametrize("value", [NAN, HUGE, ENDLESS, Decimal(0), Decimal(-1), Decimal("1e-30")])
@pytest.mark.parametrize("name", ["pip_size", "contract_size", "liquidation_level"])
def test_instruments_name_the_field(name, value):
    with pytest.raises(TradingInvalidError) as error:
        Instrument(1, "X", "X", **{"pip_size": Decimal("0.0001"), name: value})
    assert fields(error) == [name]


@pytest.mark.parametrize("step", ["0.0001", "0.00003", "-0.00001", "NaN", "1e308"])
def test_a_step_has_to_divide_the_point(step):
    with pytest.raises(TradingInvalidError) as error:
        Instrument(1, "X", "X", pip_size=Decimal("0.0001"), step=Decimal(step))
    assert fields(error) == ["step"]


def order(**values):
    given = {
        "bar": 0,
        "last": 110_000,
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity_lots": Decimal("0.1"),
    }
    return rules.order(eurusd(), **{**given, **values})


LOTS = [
    NAN,
    HUGE,
    ENDLESS,
    Decimal(0),
    Decimal(-1),
    Decimal(10**9),
    Decimal("0.001"),
    Decimal("0.015"),
    MOST_LOTS + LOT_STEP,
]


@pytest.mark.parametrize("lots", LOTS)
def test_orders_name_the_lots(lots):
    with pytest.raises(TradingInvalidError) as error:
        order(quantity_lots=lots)
    assert fields(error) == ["quantity_lots"]


@pytest.mark.parametrize(
    "price", [NAN, HUGE, ENDLESS, Decimal(0), Decimal(-1), Decimal("1.000001"), Decimal("1e-308")]
)
@pytest.mark.parametrize("name", ["price", "sl_price", "tp_price"])
def test_orders_name_the_price(name, price):
    with pytest.raises(TradingInvalidError) as error:
        order(**{"type": OrderType.LIMIT, "price": Decimal("1.0900"), name: price})
    assert fields(error) == [name]


@pytest.mark.parametrize("lots", [0, -1, 10**9, 10**18])
def test_the_engine_itself_refuses_lots(lots):
    command = Command(CommandKind.OPEN, 0, side=Side.BUY, type=OrderType.MARKET, lots=lots)
    with pytest.raises(TradingInvalidError) as error:
        run(eurusd(), candles("1.1"), [command])
    assert fields(error) == ["quantity_lots"]
    trader = Trader(eurusd())
    trader.advance(candles("1.1"))
    with pytest.raises(TradingInvalidError):
        trader.give(command)


def test_numbers_beyond_64_bits_are_refused():
    with pytest.raises(TooLargeError):
        run(
            eurusd(),
            candles("1.1"),
            [Command(CommandKind.OPEN, 0, side=Side.BUY, type=OrderType.MARKET, lots=10**30)],
        )


def test_a_limit_needs_a_price():
    with pytest.raises(TradingInvalidError) as error:
        run(
            eurusd(),
            candles("1.1"),
            [Command(CommandKind.OPEN, 0, side=Side.BUY, type=OrderType.LIMIT, lots=1)],
        )
    assert fields(error) == ["price"]


def rich(leverage="1000000"):
    return eurusd(balance="100000000", leverage=leverage, spread=0, slippage=0, commission="0")


def test_more_lots_than_the_ledger_holds_are_refused_by_name():
    trader = Trader(rich())
    trader.advance(bars_of(*[[MOST_STEPS]] * 4))
    with pytest.raises(TooLargeError) as error:
        trader.give(new(0, Side.BUY, lots="10000"))
    assert fields(error) == ["quantity_lots"]
    with pytest.raises(TooLargeError):
        trader.give(new(0, Side.BUY, OrderType.LIMIT, lots="10000", price="9000"))


@pytest.mark.parametrize("side", Side)
def test_a_price_that_outgrows_the_ledger_stops_it(side):
    """Never a wrong number: the run ends with an error where 64 bits would not hold the sums."""
    terms = rich("10000")
    quiet, wild = [1000] * 3, MOST_STEPS
    bars = bars_of([*quiet, 1000], [*quiet, wild], [*quiet, 1000], [*quiet, wild])
    with pytest.raises(TooLargeError) as error:
        run(terms, bars, [new(0, side, lots="10000") for _ in range(9)])
    assert fields(error) == ["high"]


def test_absurd_prices_alone_hurt_nobody():
    bars = bars_of([1000, MOST_STEPS, 1], [1000, MOST_STEPS, 1], [1000, 1, 1], [1000, 1, 1])
    ledger = run(eurusd(leverage="1", spread=0, slippage=0), bars, [new(0, Side.BUY, lots="0.01")])
    assert [fill.reason.value for fill in ledger.fill_values()] == ["MARKET"]


@pytest.mark.parametrize("column", ["ts", "open", "high", "low", "close"])
def test_bars_are_read_only(column):
    bars = candles("1.1", "1.2")
    with pytest.raises(ValueError, match="read-only"):
        getattr(bars, column)[0] = 1
    assert bars[1:].ts.dtype == np.int64
    assert bars.timeframe is Timeframe.H1
