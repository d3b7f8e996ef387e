"""What the journal says of a session: the commands that still stand, and the account that they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection

from stoa.kernel.clock import from_millis, to_millis
from stoa.kernel.journal import Entry
from stoa.platform import journal
from stoa.trading import playback
from stoa.trading.candles import Bars
from stoa.trading.engine import Trader
from stoa.trading.model import (
    Anchor,
    Command,
    CommandKind,
    FillAt,
    OrderType,
    Side,
    Speed,
    Status,
    Terms,
)

CREATED, STARTED, PAUSED, RESUMED, STOPPED = "created", "started", "paused", "resumed", "stopped"
COMPLETED, ARCHIVED, CHANGED, DELETED = "completed", "archived", "changed", "deleted"
ADVANCED, SOUGHT, FORKED, COMMANDED = "advanced", "sought", "forked", "commanded"
STREAMS = "trading:"
"""How the names of their streams begin."""
_AT_ONCE = 1000


def stream_of(session_id: int) -> str:
    return f"{STREAMS}{session_id}"


def session_of(stream: str) -> int | None:
    """The session of a stream; None for another kind's."""
    return int(stream.removeprefix(STREAMS)) if stream.startswith(STREAMS) else None


def entries(connection: Connection, session_id: int, *, after: int = 0) -> Iterator[Entry]:
    while page := journal.read(connection, stream_of(session_id), after=after, limit=_AT_ONCE):
        yield from page
        after = page[-1].seq


def commands_of(happened: Iterable[Entry]) -> list[Command]:
    """The commands that still stand, in order: what a session went back before is gone."""
    commands: list[Command] = []
    for entry in happened:
        if entry.type == COMMANDED:
            commands.append(command_from(entry.data["command"]))
        elif entry.type == FORKED:
            commands = [command_from(each) for each in entry.data["commands"]]
        elif entry.type == SOUGHT:
            commands = playback.kept(commands, entry.data["bar"])
        elif entry.type in (STOPPED, COMPLETED):
            commands.append(playback.closing(entry.data["bar"]))
    return commands


def replayed(
    terms: Terms, bars: Bars, finer: Bars | None, commands: Iterable[Command], *, bar: int
) -> Trader:
    """The account after ``bar``, from its beginning."""
    trader = Trader(terms)
    for command in commands:
        forward(trader, bars, finer, bar=command.bar)
        trader.give(command)
    forward(trader, bars, finer, bar=bar)
    return trader


def forward(trader: Trader, bars: Bars, finer: Bars | None, *, bar: int) -> None:
    if bar > trader.bar:
        trader.advance(bars[trader.bar + 1 : bar + 1], finer)


def command_to(command: Command) -> dict[str, Any]:
    """As the journal keeps it: what is not said is what Command takes it to be."""
    said = {name: getattr(command, name) for name in Command.__slots__}
    return {
        name: value for name, value in said.items() if value not in (None, 0, FillAt.NOW) or name == "bar"
    }


def command_from(said: dict[str, Any]) -> Command:
    values = dict(said)
    for name, enum in _ENUMS.items():
        if name in values:
            values[name] = enum(values[name])
    return Command(**values)


def anchor_to(anchor: Anchor) -> dict[str, Any]:
    return {
        "status": str(anchor.status), "bar": anchor.bar, "at": to_millis(anchor.at), "speed": str(anchor.speed),
        "last_bar": anchor.last_bar,
    }  # fmt: skip


def anchor_from(said: dict[str, Any]) -> Anchor:
    return Anchor(
        Status(said["status"]), said["bar"], from_millis(said["at"]), Speed(said["speed"]), said["last_bar"]
    )


_ENUMS = {"kind": CommandKind, "side": Side, "type": OrderType, "fill": FillAt}
