"""Trading's tables and statements. Functions on a connection; what they answer is plain."""

from stoa.trading.store._account import (
    SORTS,
    AccountRow,
    OrderRow,
    PositionRow,
    TransactionRow,
    delete_beyond,
    get,
    insert_rows,
    list_rows,
    numbered,
    position_ids,
    update_rows,
)
from stoa.trading.store._instruments import instrument_named, list_instruments
from stoa.trading.store._lists import Listing
from stoa.trading.store._reports import SORTS as REPORT_SORTS
from stoa.trading.store._reports import (
    Report,
    delete_report,
    forget_reports,
    get_report,
    insert_report,
    list_reports,
    update_report,
)
from stoa.trading.store._sessions import SORTS as SESSION_SORTS
from stoa.trading.store._sessions import (
    TradingSession,
    count_active,
    delete_session,
    due,
    get_session,
    insert_session,
    is_played,
    list_sessions,
    unfinished,
    update_session,
)
from stoa.trading.store._tables import metadata

__all__ = [
    "REPORT_SORTS", "SESSION_SORTS", "SORTS", "AccountRow", "Listing", "OrderRow", "PositionRow", "Report",
    "TradingSession", "TransactionRow", "count_active", "delete_beyond", "delete_report", "delete_session",
    "due", "forget_reports", "get", "get_report", "get_session", "insert_report", "insert_rows",
    "insert_session", "instrument_named", "is_played", "list_instruments", "list_reports", "list_rows",
    "list_sessions", "metadata", "numbered", "position_ids", "unfinished", "update_report", "update_rows",
    "update_session",
]  # fmt: skip
