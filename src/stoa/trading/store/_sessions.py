"""Sessions: their rows, and which of them are due. A list's status is right without anybody having looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from stoa.kernel.clock import from_millis, to_millis
from stoa.kernel.pages import Page
from stoa.trading import playback
from stoa.trading.model import Anchor, Instrument, Speed, Status, Terms, Timeframe
from stoa.trading.store._account_tables import orders, positions, reports, sessions, transactions
from stoa.trading.store._exact import as_number
from stoa.trading.store._lists import Listing, page_of


@dataclass(frozen=True)
class TradingSession:
    """A session as it is stored. ``anchor`` and the clock say where it stands; ``snapshot`` is its account at ``synced``.

    ``fills_bar`` is the next bar in which something happens to the account: the server's own knowledge of the future,
    which nobody is told. ``edition`` is what was stored of the instrument's candles when it was made. ``ended`` is the session's time at which it was over. The stream's newest segment begins with the number ``stream_base`` at ``stream_bar``.
    """

    id: int
    user_id: int
    instrument: Instrument
    edition: int
    timeframe: Timeframe
    name: str | None
    start: datetime
    end: datetime | None
    ended: datetime | None
    initial_balance: Decimal
    leverage: Decimal
    spread_pts: int
    slippage_pts: int
    commission_per_fill: Decimal
    anchor: Anchor
    first_ts: datetime
    last_ts: datetime
    fills_bar: int | None
    synced: int
    snapshot: bytes
    stream_bar: int
    stream_base: int
    created_at: datetime
    updated_at: datetime

    @cached_property
    def terms(self) -> Terms:
        return Terms.of(
            self.instrument, initial_balance=self.initial_balance, leverage=self.leverage,
            spread_pts=self.spread_pts, slippage_pts=self.slippage_pts,
            commission_per_fill=self.commission_per_fill,
        )  # fmt: skip

    @property
    def completes_at(self) -> datetime | None:
        return playback.completes_at(self.anchor)

    @property
    def fills_at(self) -> datetime | None:
        return None if self.fills_bar is None else playback.time_of(self.anchor, self.fills_bar)

    def seen_at(self, now: datetime) -> TradingSession:
        """As it is at ``now``: one that the clock has completed is COMPLETED, since then."""
        done = self.completes_at
        if done is None or done > now:
            return self
        return replace(self, anchor=playback.settle(self.anchor, now), ended=self.last_ts, updated_at=done)


def insert_session(connection: Connection, session: TradingSession) -> int:
    """Answers its id; the value's own is ignored."""
    values = _values(session) | {"created_at": to_millis(session.created_at)}
    key = connection.execute(insert(sessions), values).inserted_primary_key
    assert key is not None
    return int(key[0])


def update_session(connection: Connection, session: TradingSession) -> None:
    connection.execute(_UPDATE, _values(session) | {"key": session.id})


def get_session(connection: Connection, session_id: int) -> TradingSession | None:
    row = connection.execute(_GET, {"id": session_id}).one_or_none()
    return None if row is None else _session(row)


def list_sessions(connection: Connection, listing: Listing, *, now: datetime) -> Page[TradingSession]:
    page = page_of(connection, sessions, listing, sorting=_sorting(now))
    return Page([_session(row).seen_at(now) for row in page.items], page.total)


def due(
    connection: Connection, now: datetime, *, user_id: int | None = None, session_id: int | None = None
) -> list[int]:
    """The sessions (that user's; that one; all) whose rows are behind what has happened by ``now``."""
    if session_id is not None:
        return list(connection.scalars(_DUE_ONE, {"now": to_millis(now), "session_id": session_id}))
    if user_id is not None:
        return list(connection.scalars(_DUE_OF, {"now": to_millis(now), "user_id": user_id}))
    return list(connection.scalars(_DUE, {"now": to_millis(now)}))


def delete_session(connection: Connection, session_id: int) -> None:
    """With all that belongs to it but its journal."""
    for table in (positions, orders, transactions, reports):
        connection.execute(delete(table).where(table.c.session_id == session_id))
    connection.execute(delete(sessions).where(sessions.c.id == session_id))


def unfinished(connection: Connection, user_id: int, instrument_id: int) -> list[TradingSession]:
    """The user's sessions on the instrument that are not over, as far as anybody has noted."""
    asked = {"user_id": user_id, "instrument_id": instrument_id}
    return [_session(row) for row in connection.execute(_UNFINISHED, asked)]


def count_active(connection: Connection, user_id: int, *, now: datetime) -> int:
    """The user's sessions that are running, and not over by the clock, or paused."""
    asked = {"user_id": user_id, "now": to_millis(now)}
    return connection.execute(_ACTIVE, asked).scalar_one()


def is_played(connection: Connection, instrument_id: int) -> bool:
    return connection.execute(_USING, {"instrument_id": instrument_id}).first() is not None


def _values(session: TradingSession) -> dict[str, Any]:
    anchor, instrument = session.anchor, session.instrument
    return {
        "user_id": session.user_id, "instrument_id": instrument.id, "timeframe": str(session.timeframe),
        "name": session.name, "speed": str(anchor.speed), "start_ts": to_millis(session.start),
        "end_ts": _millis(session.end), "ended_ts": _millis(session.ended), "initial_balance": session.initial_balance, "leverage": session.leverage,
        "spread_pts": session.spread_pts, "slippage_pts": session.slippage_pts,
        "commission_per_fill": session.commission_per_fill, "instrument": _instrument_values(instrument), "edition": session.edition,
        "status": str(anchor.status), "bar": anchor.bar, "at": to_millis(anchor.at), "last_bar": anchor.last_bar,
        "first_ts": to_millis(session.first_ts), "last_ts": to_millis(session.last_ts),
        "completes_at": _millis(session.completes_at), "fills_bar": session.fills_bar,
        "fills_at": _millis(session.fills_at), "synced": session.synced, "snapshot": session.snapshot,
        "stream_bar": session.stream_bar, "stream_base": session.stream_base,
        "updated_at": to_millis(session.updated_at),
    }  # fmt: skip


def _session(row: Row[Any]) -> TradingSession:
    anchor = Anchor(Status(row.status), row.bar, from_millis(row.at), Speed(row.speed), row.last_bar)
    return TradingSession(
        id=row.id, user_id=row.user_id, instrument=_instrument(row.instrument_id, row.instrument),
        edition=row.edition, timeframe=Timeframe(row.timeframe), name=row.name, start=from_millis(row.start_ts),
        end=_instant(row.end_ts), ended=_instant(row.ended_ts), initial_balance=row.initial_balance,
        leverage=row.leverage, spread_pts=row.spread_pts, slippage_pts=row.slippage_pts,
        commission_per_fill=row.commission_per_fill, anchor=anchor, first_ts=from_millis(row.first_ts),
        last_ts=from_millis(row.last_ts), fills_bar=row.fills_bar, synced=row.synced, snapshot=row.snapshot,
        stream_bar=row.stream_bar, stream_base=row.stream_base, created_at=from_millis(row.created_at),
        updated_at=from_millis(row.updated_at),
    )  # fmt: skip


_EXACT = ("pip_size", "step", "contract_size", "liquidation_level")


def _instrument_values(instrument: Instrument) -> dict[str, str]:
    named = {"symbol": instrument.symbol, "display_name": instrument.display_name}
    return named | {name: str(getattr(instrument, name)) for name in _EXACT}


def _instrument(instrument_id: int, values: dict[str, str]) -> Instrument:
    pip_size, step, contract_size, level = (Decimal(values[name]) for name in _EXACT)
    return Instrument(
        instrument_id, values["symbol"], values["display_name"], pip_size, step, contract_size, level
    )


def _millis(at: datetime | None) -> int | None:
    return None if at is None else to_millis(at)


def _instant(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)


def _sorting(now: datetime) -> dict[str, ColumnElement[Any]]:
    """What each field of a session is sorted by: what it is at ``now``, not what was stored."""
    over = and_(sessions.c.completes_at.is_not(None), sessions.c.completes_at <= to_millis(now))
    ended = case((over, sessions.c.last_ts), else_=sessions.c.ended_ts)
    speeds = {str(speed): speed.bars_in_two_seconds for speed in Speed}
    lengths = {str(timeframe): timeframe.seconds for timeframe in Timeframe}
    same: Sequence[str] = (
        "id", "user_id", "instrument_id", "name", "start_ts", "initial_balance", "leverage", "spread_pts",
        "slippage_pts", "commission_per_fill", "created_at",
    )  # fmt: skip
    return {name: as_number(sessions.c[name]) for name in same} | {
        "session_status": case((over, str(Status.COMPLETED)), else_=sessions.c.status),
        "end_ts": func.coalesce(sessions.c.end_ts, ended),
        "updated_at": case((over, sessions.c.completes_at), else_=sessions.c.updated_at),
        "speed": case(speeds, value=sessions.c.speed),
        "timeframe": case(lengths, value=sessions.c.timeframe),
    }


SORTS = tuple(_sorting(from_millis(0)))
_GET = select(sessions).where(sessions.c.id == bindparam("id"))
_WRITTEN = [column.name for column in sessions.c if column.name not in ("id", "created_at")]
_UPDATE = (
    update(sessions)
    .where(sessions.c.id == bindparam("key"))
    .values({name: bindparam(name, type_=sessions.c[name].type) for name in _WRITTEN})
)
_NOW = bindparam("now", type_=sessions.c.fills_at.type)
_DUE = select(sessions.c.id).where(or_(sessions.c.fills_at <= _NOW, sessions.c.completes_at <= _NOW))
_DUE_ONE = _DUE.where(sessions.c.id == bindparam("session_id"))
_DUE_OF = _DUE.where(sessions.c.user_id == bindparam("user_id"))
_UNFINISHED = select(sessions).where(
    sessions.c.user_id == bindparam("user_id"),
    sessions.c.instrument_id == bindparam("instrument_id"),
    sessions.c.status.in_([str(Status.DRAFT), str(Status.RUNNING), str(Status.PAUSED)]),
)
_ACTIVE = (
    select(func.count())
    .select_from(sessions)
    .where(
        sessions.c.user_id == bindparam("user_id"),
        sessions.c.status.in_([str(Status.RUNNING), str(Status.PAUSED)]),
        or_(sessions.c.completes_at.is_(None), sessions.c.completes_at > _NOW),
    )
)
_USING = select(sessions.c.id).where(sessions.c.instrument_id == bindparam("instrument_id")).limit(1)
