"""The terms of an account, as exact integers for the engines and as Decimals for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from stoa.kernel.errors import Fault
from stoa.trading.errors import TooLargeError, TradingInvalidError
from stoa.trading.model._market import Instrument

LOT_STEP = Decimal("0.01")
MOST_LOTS = Decimal(10_000)
"""The largest quantity of one order."""
MOST_STEPS = 10**9
"""The highest price, in steps."""
_MOST_POINTS = 10**6
_MOST_LEVERAGE = 10**6
_MOST_MONEY = Decimal(10**15)
_DECIMALS = 8
_ROOM = 2**60
"""A sum times any factor of the margin check stays below it, so that four of them fit in 64 bits."""
_SHARE = 8
"""What is asked for may take an eighth of that room: prices may rise eightfold before a running account is stopped."""


@dataclass(frozen=True)
class Terms:
    """What a session's account is ruled by. Make one with ``Terms.of``, which checks it.

    Integers: a price counts ``step``, a quantity counts LOT_STEP, money counts ``money_unit``, the largest power of ten
    up to 1 in which the deposit, the commission and one step of one hundredth of a lot are all whole numbers.
    """

    initial_balance: Decimal
    leverage: Decimal
    spread_pts: int
    slippage_pts: int
    commission_per_fill: Decimal
    pip_size: Decimal
    step: Decimal
    contract_size: Decimal
    liquidation_level: Decimal

    @classmethod
    def of(
        cls,
        instrument: Instrument,
        *,
        initial_balance: Decimal,
        leverage: Decimal,
        spread_pts: int = 0,
        slippage_pts: int = 0,
        commission_per_fill: Decimal = Decimal(0),
    ) -> Terms:
        """Raises TradingInvalidError with each bad field, or TooLargeError where the sums would not fit in 64 bits."""
        terms = cls(
            initial_balance=initial_balance,
            leverage=leverage,
            spread_pts=spread_pts,
            slippage_pts=slippage_pts,
            commission_per_fill=commission_per_fill,
            pip_size=instrument.pip_size,
            step=instrument.step,
            contract_size=instrument.contract_size,
            liquidation_level=instrument.liquidation_level,
        )
        faults = tuple(terms._faults())
        if faults:
            raise TradingInvalidError.of(*faults)
        terms._check_room()
        return terms

    def _check_room(self) -> None:
        if self.tick * int(MOST_LOTS / LOT_STEP) > _ROOM:
            raise TooLargeError.of(Fault("contract_size", "is too large for an exact ledger on these terms."))
        for name in ("spread_pts", "slippage_pts"):
            if getattr(self, name) * self._steps_a_point > MOST_STEPS:
                raise TooLargeError.of(Fault(name, "is wider than any price."))
        for name in ("initial_balance", "commission_per_fill"):
            if self.units(getattr(self, name)) > self.most_money // _SHARE:
                raise TooLargeError.of(Fault(name, "is too large for an exact ledger on these terms."))

    def _faults(self) -> Iterator[Fault]:
        if not _is_plain(self.initial_balance, most=_MOST_MONEY) or self.initial_balance <= 0:
            yield Fault("initial_balance", f"must be above 0 and have at most {_DECIMALS} decimals.")
        if not _is_plain(self.leverage, most=Decimal(_MOST_LEVERAGE)) or self.leverage <= 0:
            yield Fault(
                "leverage",
                f"must be above 0, at most {_MOST_LEVERAGE}, and have at most {_DECIMALS} decimals.",
            )
        if not _is_plain(self.commission_per_fill, most=_MOST_MONEY) or self.commission_per_fill < 0:
            yield Fault("commission_per_fill", f"must be 0 or more and have at most {_DECIMALS} decimals.")
        for name in ("spread_pts", "slippage_pts"):
            if not 0 <= getattr(self, name) <= _MOST_POINTS:
                yield Fault(name, f"must be a whole number from 0 to {_MOST_POINTS}.")

    @cached_property
    def money_unit(self) -> Decimal:
        smallest = (
            self.initial_balance,
            self.commission_per_fill,
            self.step * LOT_STEP * self.contract_size,
        )
        return Decimal(1).scaleb(min(0, *(_exponent(amount) for amount in smallest)))

    @cached_property
    def tick(self) -> int:
        """Money units that one step is worth on one hundredth of a lot."""
        return self.units(self.step * LOT_STEP * self.contract_size)

    @cached_property
    def spread(self) -> int:
        return int(self.spread_pts * self._steps_a_point)

    @cached_property
    def slippage(self) -> int:
        return int(self.slippage_pts * self._steps_a_point)

    @property
    def _steps_a_point(self) -> Decimal:
        return self.pip_size / 10 / self.step

    @cached_property
    def margin(self) -> tuple[int, int]:
        """(a, b): what is used is covered where equity × a ≥ notional × b."""
        return Fraction(self.leverage).as_integer_ratio()

    @cached_property
    def stop_out(self) -> tuple[int, int]:
        """(a, b): positions are liquidated where equity × a < notional × b."""
        return (Fraction(self.leverage) * 100 / Fraction(self.liquidation_level)).as_integer_ratio()

    @cached_property
    def most_money(self) -> int:
        """The largest sum, in money units, that the compiled loop may meet."""
        return _ROOM // max(*self.margin, *self.stop_out)

    def units(self, money: Decimal) -> int:
        return int(money / self.money_unit)

    def money(self, units: int) -> Decimal:
        return int(units) * self.money_unit

    def price(self, steps: int) -> Decimal:
        return int(steps) * self.step

    def quantity(self, lots: int) -> Decimal:
        return int(lots) * LOT_STEP

    def steps(self, price: Decimal, field: str) -> int:
        """A price as steps. Raises TradingInvalidError naming ``field`` where it is none, or no multiple of the step."""
        if not price.is_finite() or not 0 < price <= MOST_STEPS * self.step:
            raise TradingInvalidError.of(
                Fault(field, f"must be above 0 and at most {MOST_STEPS * self.step}.")
            )
        count = price / self.step
        if count != int(count):
            raise TradingInvalidError.of(Fault(field, f"must be a multiple of {self.step}."))
        return int(count)

    def lots(self, quantity: Decimal, field: str = "quantity_lots") -> int:
        """A quantity as hundredths of a lot. Raises TradingInvalidError naming ``field`` outside 0.01 … MOST_LOTS."""
        if not quantity.is_finite() or not LOT_STEP <= quantity <= MOST_LOTS:
            raise TradingInvalidError.of(Fault(field, f"must be from {LOT_STEP} to {MOST_LOTS}."))
        count = quantity / LOT_STEP
        if count != int(count):
            raise TradingInvalidError.of(Fault(field, f"must be a multiple of {LOT_STEP}."))
        return int(count)


def _is_plain(value: Decimal, *, most: Decimal) -> bool:
    """A finite number whose size and decimals the ledger can hold."""
    return value.is_finite() and abs(value) <= most and _exponent(value) >= -_DECIMALS


def _exponent(value: Decimal) -> int:
    """The place of the last digit that counts: -1 for 1.50."""
    exponent = value.normalize().as_tuple().exponent if value else 0
    assert isinstance(exponent, int)
    return exponent
