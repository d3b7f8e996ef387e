"""Where a strategy's commands go: gathered, and carried out together when somebody looks at the account."""

from __future__ import annotations

import numpy as np

from stoa.trading.candles import Bars
from stoa.trading.engine import Ledger, Trader, command_rows
from stoa.trading.errors import InsufficientMarginError, OrderNotPendingError, PositionNotOpenError
from stoa.trading.model import Command, CommandKind, Terms
from stoa.trading.strategies._commands import KINDS, Row, Rows, commands_from, row_of
from stoa.trading.strategies._lines import Now

_AHEAD = 4_096
"""How many bars are searched for the next fill at a time."""
_WIDTH = command_rows([]).shape[1]


class Desk:
    """A trader that is as far as it was asked to be, and what was given since. The engine costs nothing between looks."""

    def __init__(self, terms: Terms, bars: Bars, finer: Bars | None) -> None:
        self.terms, self.bars, self.now = terms, bars, Now()
        self.refused: list[int] = []
        """Bars at which an order was refused at once."""
        self._finer = finer
        self._trader = Trader(terms)
        self._rows: list[Row] = []
        """Given, and not carried out yet."""
        self._done: list[Rows] = []
        self._quiet_until = 0
        """Before this bar completes, nothing happens to the account but its equity."""

    def give(self, given: Row | Command) -> bool:
        """A command at the last completed bar; False if it was refused at once, as it can be where the account is there."""
        if self._trader.bar + 1 < self.now.end:
            self._rows.append(row_of(given) if isinstance(given, Command) else given)
            return True
        command = given if isinstance(given, Command) else commands_from(np.array([given]))[0]
        try:
            self._trader.give(command)
        except (PositionNotOpenError, OrderNotPendingError):
            return True  # as in a run, where the market was faster
        except InsufficientMarginError:
            self.refused.append(command.bar)
            return False
        self._done.append(command_rows([command]))
        self._quiet_until = 0
        return True

    def look(self, *, at_equity: bool) -> Trader:
        """The account at the last completed bar. Its equity may be of an earlier one, unless ``at_equity``."""
        end, trader, untouched = self.now.end, self._trader, not self._rows
        if untouched and (end == trader.bar + 1 or (end <= self._quiet_until and not at_equity)):
            return trader
        rows = np.array(self._rows, np.int64).reshape(len(self._rows), _WIDTH)
        self._rows = []
        self._done.append(rows)
        trader.play(self.bars[trader.bar + 1 : end], self._finer, rows)
        self._quiet_until = 0
        if untouched and not at_equity:
            ahead = self.bars[end : end + _AHEAD]
            within = trader.bar_of_next_fill(ahead, self._finer)
            self._quiet_until = end + (len(ahead) if within is None else within)
        return trader

    def finish(self, *, close: bool) -> tuple[Ledger, Rows]:
        """Completes the last bar, and closes what is open as a session's stop does: the ledger, and all commands."""
        if close and (self._rows or self._trader.has_something):
            self.give((KINDS[CommandKind.STOP], self.now.end - 1, 0, 0, 0, 0, 0, 0, 0, False))
        ledger = self.look(at_equity=True).ledger()
        return ledger, np.concatenate((command_rows([]), *self._done))
