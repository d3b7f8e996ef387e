"""An account that goes forward bar by bar, and whole runs of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

import numpy as np

from stoa.kernel.errors import Fault
from stoa.trading.candles import Bars
from stoa.trading.engine import _columns as col
from stoa.trading.engine import _compiled
from stoa.trading.engine._ledger import (
    Ints,
    Ledger,
    Rows,
    extend,
    finish,
    named,
    plain,
)
from stoa.trading.engine._tables import (
    check_commands,
    columns,
    command_rows,
    compacted,
    new_book,
    only_finer,
    room,
    terms_of,
    used,
)
from stoa.trading.errors import (
    InsufficientMarginError,
    NoDataError,
    OrderNotPendingError,
    PositionNotOpenError,
    TooLargeError,
)
from stoa.trading.model import (
    Command,
    CommandKind,
    Terms,
)

_VERSION = 1
"""Of snapshots. To be raised with the tables' columns."""
_TOO_LARGE = {
    col.LOTS_TOO_LARGE: "quantity_lots",
    col.PRICE_TOO_LARGE: "high",
    col.BALANCE_TOO_LARGE: "balance",
}


class Choice(StrEnum):
    """What is booked where the candles do not decide."""

    WORSE = "worse"
    BETTER = "better"


class Trader:
    """One account, step by step. Any split of the same bars and commands gives the same ledger.

    ``terms``, ``choice`` and ``bar`` (the last completed bar's index, -1 before the first) are there to be read.
    """

    def __init__(self, terms: Terms, *, choice: Choice = Choice.WORSE) -> None:
        self.terms = terms
        self.choice = choice
        self._close = self._ends = self._starts = 0
        self._digests = (b"", b"")
        self._taken = 0
        self._ts: list[Ints] = []
        self._balances: list[Ints] = []
        self._equities: list[Ints] = []
        self.book = new_book(terms, better=choice is Choice.BETTER)

    @property
    def bar(self) -> int:
        return int(self.book.state[col.BAR])

    @property
    def balance(self) -> int:
        """In money units, as all amounts here: ``terms.money`` makes them Decimals."""
        return int(self.book.state[col.BALANCE])

    @property
    def equity(self) -> int:
        """At the close of the last completed bar."""
        state = self.book.state
        return int(state[col.BALANCE] - state[col.OFFSET] + state[col.SLOPE] * self._close)

    @property
    def notional(self) -> int:
        """Used margin × leverage: lots × contract size × entry price of all that is open."""
        return int(self.book.state[col.NOTIONAL])

    @property
    def used_margin(self) -> Decimal:
        return self.terms.money(self.notional) / self.terms.leverage

    @property
    def close(self) -> int:
        """The last completed bar's, in steps."""
        return self._close

    @property
    def has_something(self) -> bool:
        """Whether anything is open or pending: without it no bar changes the account."""
        state = self.book.state
        return bool(state[col.N_OPEN] or state[col.N_PENDING])

    @property
    def open_positions(self) -> Rows:
        """As ``Ledger.positions``."""
        rows = self.book.open[: self.book.state[col.N_OPEN]]
        return named(self.book.positions[rows], len(rows), col.POSITION)

    @property
    def pending_orders(self) -> Rows:
        """As ``Ledger.orders``."""
        rows = self.book.pending[: self.book.state[col.N_PENDING]]
        return named(self.book.orders[rows], len(rows), col.ORDER)

    def unrealised(self) -> Ints:
        """What each of ``open_positions`` would bring at the last close, before slippage and commission."""
        rows = self.book.positions[self.book.open[: self.book.state[col.N_OPEN]]]
        buy = rows[:, col.P_SIDE] == col.BUY
        price = np.where(buy, self._close, self._close + self.terms.spread)
        gains = (price - rows[:, col.P_ENTRY]) * rows[:, col.P_LOTS] * self.terms.tick
        signed: Ints = np.where(buy, gains, -gains)
        return signed

    def give(self, command: Command) -> int:
        """Carries a command out at the last completed bar; the number of its order or position. An error changes nothing.

        Raises InsufficientMarginError, PositionNotOpenError, OrderNotPendingError, TooLargeError (``quantity_lots``),
        and NoDataError before the first bar.
        """
        if self.bar < 0:
            raise NoDataError("No candle is complete yet.")
        if command.bar != self.bar:
            raise ValueError(f"a command of bar {command.bar} can't be given at bar {self.bar}")
        self.make_room(1)
        row = command_rows([command])
        check_commands(row)
        verdict = _compiled.fold().give(self.book, row[0], self._close, self._ends, 1)
        check_verdict(verdict)
        if not self._ts or self._ts[-1][-1] != self._starts:
            self._remember(*(np.full(1, value) for value in (self._starts, self.balance, self.equity)))
        else:
            self._balances[-1][-1], self._equities[-1][-1] = self.balance, self.equity
        is_new = command.kind is CommandKind.OPEN
        return int(self.book.state[col.LAST_NUMBER]) if is_new else command.number

    def advance(self, bars: Bars, finer: Bars | None = None) -> None:
        """Completes ``bars``, the next ones. Raises TooLargeError where a price or the balance outgrows 64 bits."""
        self.play(bars, finer, command_rows([]))

    def play(self, bars: Bars, finer: Bars | None, commands: Ints) -> None:
        """The same with commands as rows, which are carried out on the way."""
        if len(bars) == 0:
            return
        self.make_room(len(commands))
        first = self.bar + 1
        if first == 0:
            self.book.transactions[0, col.TRANSACTION.index("ts")] = bars.ts[0]
        balances, equities = np.empty(len(bars), np.int64), np.empty(len(bars), np.int64)
        _compiled.fold().fold(
            self.book, first, columns(bars), columns(only_finer(bars, finer)), commands, balances, equities
        )
        check_verdict(int(self.book.state[col.FAILED]))
        self._starts, self._close = int(bars.ts[-1]), int(bars.close[-1])
        self._ends = self._starts + bars.timeframe.seconds
        self._remember(bars.ts, balances, equities)

    def bar_of_next_fill(self, bars: Bars, finer: Bars | None = None) -> int | None:
        """Index into ``bars`` (the next ones) of the first that brings a fill, or can't be played. Nothing changes."""
        ahead: Trader | None = None
        start = 0
        while True:
            probe = ahead or self
            at = int(_compiled.fold().next_touched(probe.book, columns(bars), start))
            if at == len(bars) or not probe.has_something:
                return None
            ahead = ahead or Trader.restore(self.snapshot())
            ahead.book.state[col.BAR] = self.bar + at
            before = ahead.book.state[col.N_FILLS]
            try:
                ahead.advance(bars[at : at + 1], finer)
            except TooLargeError:
                return at
            if ahead.book.state[col.N_FILLS] > before:
                return at
            start = at + 1

    def take(self) -> Ledger:
        """What is new since the last ``take``: fills, transactions, balance and equity of the bars since (the last one
        again where a command changed it), and every position and order that was open or pending then, or came since.
        """
        ledger = self.ledger()
        self._digests = self._digests_now()
        self._taken += len(ledger.transactions)
        self.book = compacted(self.book)
        self._ts, self._balances, self._equities = [], [], []
        return ledger

    def ledger(self) -> Ledger:
        """The same, and it stays to be taken: the whole history of a trader that nothing was taken from."""
        book, state = self.book, self.book.state
        return Ledger(
            terms=self.terms,
            positions=named(book.positions, state[col.N_POSITIONS], col.POSITION),
            orders=named(book.orders, state[col.N_ORDERS], col.ORDER),
            fills=named(book.fills, state[col.N_FILLS], col.FILL),
            transactions=named(book.transactions, state[col.N_TRANSACTIONS], col.TRANSACTION),
            ts=_joined(self._ts),
            balance=_joined(self._balances),
            equity=_joined(self._equities),
            first_transaction=self._taken,
        )

    def hash(self) -> str:
        """``ledger_hash`` of the whole history so far."""
        return finish(self.terms, *self._digests_now())

    def _digests_now(self) -> tuple[bytes, bytes]:
        book, state = self.book, self.book.state
        deposit = 0 if self._taken else 1
        return (
            extend(self._digests[0], book.fills[: state[col.N_FILLS]]),
            extend(self._digests[1], book.transactions[deposit : state[col.N_TRANSACTIONS]]),
        )

    def snapshot(self) -> bytes:
        """All that is needed to go on, with what is not taken yet but without the balances of past bars.

        After a ``take`` it holds only what is open, whatever the history's length.
        """
        state, tables = self.book.state, used(self.book)
        header = {
            "version": _VERSION,
            "terms": [str(value) for value in plain(self.terms)],
            "choice": self.choice,
            "digests": [digest.hex() for digest in self._digests],
            "at": [self._close, self._starts, self._ends, self._taken],
            "rows": [len(table) for table in tables],
            "state": state.tolist(),
        }
        body = b"".join(np.ascontiguousarray(table, dtype="<i8").tobytes() for table in tables)
        return json.dumps(header, separators=(",", ":")).encode() + b"\n" + body

    @classmethod
    def restore(cls, snapshot: bytes) -> Trader:
        head, body = snapshot.split(b"\n", 1)
        header = json.loads(head)
        if header["version"] != _VERSION:
            raise ValueError("a snapshot of another release: play its commands again")
        trader = cls(terms_of(header["terms"]), choice=Choice(header["choice"]))
        numbers = np.frombuffer(body, dtype="<i8").astype(np.int64)
        tables = []
        for table, rows in zip(used(trader.book), header["rows"], strict=True):
            width = table.shape[1] if table.ndim == 2 else 1
            part, numbers = numbers[: rows * width], numbers[rows * width :]
            tables.append(part.reshape(rows, width) if table.ndim == 2 else part)
        trader.book = col.Book(np.array(header["state"], np.int64), *tables)
        trader._close, trader._starts, trader._ends, trader._taken = header["at"]
        fills, transactions = (bytes.fromhex(digest) for digest in header["digests"])
        trader._digests = fills, transactions
        return trader

    def _remember(self, ts: Ints, balances: Ints, equities: Ints) -> None:
        self._ts.append(ts)
        self._balances.append(balances)
        self._equities.append(equities)

    def make_room(self, commands: int) -> None:
        """Rows enough for everything that ``commands``, what is pending and what is open can become."""
        book, state = self.book, self.book.state
        entries = int(state[col.N_PENDING]) + commands
        closes = entries + int(state[col.N_OPEN])
        self.book = col.Book(
            state,
            room(book.positions, int(state[col.N_POSITIONS]) + entries),
            room(book.orders, int(state[col.N_ORDERS]) + commands),
            room(book.fills, int(state[col.N_FILLS]) + entries + closes),
            room(book.transactions, int(state[col.N_TRANSACTIONS]) + entries + 2 * closes),
            room(book.open, closes),
            room(book.pending, entries),
        )


def check_verdict(verdict: int) -> None:
    """Raises what the compiled loop only has a number for."""
    if verdict == col.NO_MARGIN:
        raise InsufficientMarginError
    if verdict == col.NOT_OPEN:
        raise PositionNotOpenError
    if verdict == col.NOT_PENDING:
        raise OrderNotPendingError
    if verdict in _TOO_LARGE:
        raise TooLargeError.of(Fault(_TOO_LARGE[verdict], "is too large for an exact ledger on these terms."))


def run(
    terms: Terms,
    bars: Bars,
    commands: Iterable[Command],
    finer: Bars | None = None,
    *,
    choice: Choice = Choice.WORSE,
) -> Ledger:
    """The whole account over ``bars``. Commands ascend by bar; one that can't be done is left out (an order is REJECTED).

    ``finer`` are candles of a finer timeframe: they decide inside each bar that they make up exactly.
    Raises TooLargeError where a price, the balance or the open lots outgrow 64 bits.
    """
    return run_rows(terms, bars, command_rows(commands), finer, choice=choice)


def run_rows(
    terms: Terms, bars: Bars, commands: Ints, finer: Bars | None = None, *, choice: Choice = Choice.WORSE
) -> Ledger:
    """The same with commands as ``command_rows`` makes them: for scripts that make theirs as columns."""
    at = commands[:, col.C_BAR]
    if len(at) and (at[0] < 0 or at[-1] >= len(bars) or bool((np.diff(at) < 0).any())):
        raise ValueError("commands have to ascend by bar and lie within the bars")
    check_commands(commands)
    trader = Trader(terms, choice=choice)
    trader.play(bars, finer, commands)
    return trader.ledger()


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
