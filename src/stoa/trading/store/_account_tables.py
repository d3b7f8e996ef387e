"""The tables of sessions and of what happens in them.

Times are milliseconds since the epoch. The journal is the truth about a session; all rows here follow from it, from
the candles and from the time, and are written when somebody may look at them. A row with a ``number`` comes from the
account's fold, one without from a person. ``hidden`` rows were deleted: lists leave them out, the fold does not.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from stoa.trading.store._exact import Exact
from stoa.trading.store._tables import metadata

_Number = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _Number, primary_key=True, autoincrement=True)


sessions = Table(
    "trading_sessions",
    metadata,
    _id(),
    Column("user_id", BigInteger, nullable=False),
    Column("instrument_id", BigInteger, nullable=False, index=True),
    Column("timeframe", String(4), nullable=False),
    Column("name", String(200)),
    Column("speed", String(8), nullable=False),
    Column("start_ts", BigInteger, nullable=False),
    Column("end_ts", BigInteger),
    Column("ended_ts", BigInteger, comment="where it was over"),
    Column("initial_balance", Exact, nullable=False),
    Column("leverage", Exact, nullable=False),
    Column("spread_pts", Integer, nullable=False),
    Column("slippage_pts", Integer, nullable=False),
    Column("commission_per_fill", Exact, nullable=False),
    Column(
        "instrument", JSON, nullable=False, comment="what the account takes from it, as it was at creation"
    ),
    Column("edition", BigInteger, nullable=False, comment="which of its candles are played"),
    Column(
        "status", String(16), nullable=False, comment="at the anchor; the clock may have completed it since"
    ),
    Column("bar", Integer, nullable=False, comment="the anchor: the last completed bar"),
    Column("at", BigInteger, nullable=False, comment="the anchor: when"),
    Column("last_bar", Integer, nullable=False),
    Column("first_ts", BigInteger, nullable=False, comment="the start of the first bar"),
    Column("last_ts", BigInteger, nullable=False, comment="the close of the last bar"),
    Column("completes_at", BigInteger, comment="while running: when the last bar is complete"),
    Column("fills_bar", Integer, comment="the bar in which something happens to the account next"),
    Column("fills_at", BigInteger, comment="while running: when that bar is complete"),
    Column("synced", Integer, nullable=False, comment="the bar up to which the rows are written"),
    Column("snapshot", LargeBinary, nullable=False, comment="the account at that bar"),
    Column("stream_bar", Integer, nullable=False, comment="the newest segment of the stream: its bar"),
    Column("stream_base", BigInteger, nullable=False, comment="and the number at which it begins"),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("trading_sessions_of_a_user", "user_id", "created_at"),
    Index("trading_sessions_newest", "created_at"),
    Index("trading_sessions_filling", "fills_at"),
    Index("trading_sessions_completing", "completes_at"),
    sqlite_autoincrement=True,
)

positions = Table(
    "trading_positions",
    metadata,
    _id(),
    Column("session_id", _Number, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("candle_id", BigInteger, nullable=False),
    Column("exit_candle_id", BigInteger),
    Column("position_status", String(16), nullable=False),
    Column("side", String(4), nullable=False),
    Column("entry_price", Exact, nullable=False),
    Column("quantity_lots", Exact, nullable=False),
    Column("tp_price", Exact),
    Column("sl_price", Exact),
    Column("exit_price", Exact),
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("realized_pnl", Exact, nullable=False),
    Column("commission_cost", Exact, nullable=False),
    Column("slippage_cost", Exact, nullable=False),
    Column("spread_cost", Exact, nullable=False),
    Column("ambiguous", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("trading_positions_of_a_session", "session_id", "number", unique=True),
    Index("trading_positions_of_a_user", "user_id", "created_at"),
    sqlite_autoincrement=True,
)

orders = Table(
    "trading_orders",
    metadata,
    _id(),
    Column("session_id", _Number, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("order_type", String(8), nullable=False),
    Column("order_status", String(16), nullable=False),
    Column("side", String(4), nullable=False),
    Column("price", Exact),
    Column("quantity_lots", Exact, nullable=False),
    Column("tp_price", Exact),
    Column("sl_price", Exact),
    Column("position_id", _Number),
    Column("placed_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("trading_orders_of_a_session", "session_id", "number", unique=True),
    Index("trading_orders_of_a_user", "user_id", "created_at"),
    sqlite_autoincrement=True,
)

transactions = Table(
    "trading_transactions",
    metadata,
    _id(),
    Column("user_id", BigInteger, nullable=False),
    Column("session_id", _Number),
    Column("number", Integer),
    Column("hidden", Boolean, nullable=False),
    Column("position_id", _Number),
    Column("transaction_type", String(16), nullable=False),
    Column("amount", Exact, nullable=False),
    Column("balance_after", Exact, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("trading_transactions_of_a_session", "session_id", "number", unique=True),
    Index("trading_transactions_of_a_user", "user_id", "created_at"),
    sqlite_autoincrement=True,
)

reports = Table(
    "trading_reports",
    metadata,
    _id(),
    Column("session_id", _Number, nullable=False, index=True),
    Column("user_id", BigInteger, nullable=False),
    Column("bar", Integer, comment="up to which it tells; none for one that a person wrote"),
    Column("seq", Integer, comment="the journal's last number then"),
    Column("summary_json", JSON, nullable=False),
    Column("equity_curve_json", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("trading_reports_of_a_user", "user_id", "created_at"),
    sqlite_autoincrement=True,
)
