"""Use cases of trading, each a function on a connection and one transaction."""

from stoa.trading.service._history import (
    CHANGED,
    COMMANDED,
    COMPLETED,
    CREATED,
    DELETED,
    FORKED,
    SOUGHT,
    STOPPED,
    STREAMS,
    anchor_from,
    command_from,
    commands_of,
    entries,
    forward,
    replayed,
    session_of,
    stream_of,
)
from stoa.trading.service._ledger import (
    Entered,
    delete_transaction,
    enter,
    list_of_user,
    transaction,
)
from stoa.trading.service._market import Span, span_of
from stoa.trading.service._play import DUE, STRIDE, Play, open_play, sync
from stoa.trading.service._playing import AccountView, Advance, account, advance, candles, fork, seek
from stoa.trading.service._quota import Quota
from stoa.trading.service._reports import (
    Written,
    change_report,
    delete_report,
    generate,
    get_report,
    list_reports,
    page,
    trades,
    write_report,
)
from stoa.trading.service._sessions import (
    Draft,
    SessionChanges,
    act,
    change,
    create,
    delete,
    found,
    get,
    list_sessions,
)
from stoa.trading.service._trading import (
    Levels,
    NewOrder,
    cancel,
    change_order,
    change_position,
    close,
    delete_position,
    list_account,
    order,
    place,
    position,
)
from stoa.trading.service._underway import Underway
from stoa.trading.service._visible import in_use, visible_until

__all__ = [
    "CHANGED", "COMMANDED", "COMPLETED", "CREATED", "DELETED", "DUE", "FORKED", "SOUGHT", "STOPPED", "STREAMS",
    "STRIDE", "AccountView", "Advance", "Draft", "Entered", "Levels", "NewOrder", "Play", "Quota",
    "SessionChanges", "Span", "Underway", "Written", "account", "act", "advance", "anchor_from", "cancel",
    "candles", "change", "change_order", "change_position", "change_report", "close", "command_from",
    "commands_of", "create", "delete", "delete_position", "delete_report", "delete_transaction", "enter",
    "entries", "fork", "forward", "found", "generate", "get", "get_report", "in_use", "list_account",
    "list_of_user", "list_reports", "list_sessions", "open_play", "order", "page", "place", "position",
    "replayed", "seek", "session_of", "span_of", "stream_of", "sync", "trades", "transaction", "visible_until",
    "write_report",
]  # fmt: skip
