"""Commands as the engine's rows, which cost nothing to make, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stoa.trading.engine import command_rows
from stoa.trading.model import Command, CommandKind, FillAt, OrderType, Side

Rows = NDArray[np.int64]
Row = tuple[int, int, int, int, int, int, int, int, int, bool]
"""As ``engine.command_rows``: kind, bar, number, side, type, lots, price, sl, tp, whether at the next open."""

KINDS = {kind: place for place, kind in enumerate(CommandKind)}
_KINDS, _SIDES, _TYPES = list(CommandKind), list(Side), list(OrderType)


def row_of(command: Command) -> Row:
    return tuple(command_rows([command])[0].tolist())


def commands_from(rows: Rows) -> list[Command]:
    """What ``engine.command_rows`` makes these rows of."""
    return [_command(row) for row in rows.tolist()]


def _command(row: list[int]) -> Command:
    kind, bar, number, side, type_, lots, price, sl, tp, at_next = row
    named, fill = _KINDS[kind], FillAt.NEXT_OPEN if at_next else FillAt.NOW
    if named is not CommandKind.OPEN:
        return Command(named, bar, number=number, sl=sl or None, tp=tp or None, fill=fill)
    return Command(
        named, bar, side=_SIDES[side], type=_TYPES[type_], lots=lots,
        price=price or None, sl=sl or None, tp=tp or None, fill=fill,
    )  # fmt: skip
