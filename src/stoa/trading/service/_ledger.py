"""Transactions: the account's own, and those that administrators enter beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import Connection

from stoa.accounts import service as people
from stoa.kernel.actor import Actor
from stoa.kernel.clock import Clock
from stoa.kernel.errors import Fault, NotFoundError
from stoa.kernel.pages import Page
from stoa.trading import store
from stoa.trading.errors import PositionNotFoundError, TradingInvalidError, TransactionNotFoundError
from stoa.trading.model import TransactionType
from stoa.trading.service._sessions import changeable, check_owner, found
from stoa.trading.store import Listing, PositionRow, TransactionRow


@dataclass(frozen=True, slots=True)
class Entered:
    """What an administrator writes down. It is a record: the account's fold does not know it."""

    user_id: int
    session_id: int | None
    position_id: int | None
    transaction_type: TransactionType
    amount: Decimal
    balance_after: Decimal


def transaction(connection: Connection, transaction_id: int, *, actor: Actor) -> TransactionRow:
    """Raises TransactionNotFoundError, NotOwnerError."""
    row = store.get(connection, TransactionRow, transaction_id)
    if row is None:
        raise TransactionNotFoundError
    check_owner(row.user_id, actor)
    return row


def list_of_user(
    connection: Connection, user_id: int, listing: Listing, *, actor: Actor
) -> Page[TransactionRow]:
    """Raises NotFoundError, NotOwnerError."""
    check_owner(user_id, actor)
    if not people.is_user(connection, user_id):
        raise NotFoundError("User not found")
    return store.list_rows(connection, TransactionRow, replace(listing, user_id=user_id))


def enter(connection: Connection, entered: Entered, *, actor: Actor, clock: Clock) -> TransactionRow:
    """An administrator's. Raises TradingInvalidError, SessionNotFoundError, PositionNotFoundError, TransitionRefusedError."""
    if not people.is_user(connection, entered.user_id):
        raise TradingInvalidError.of(Fault("user_id", "is nobody's."))
    if entered.session_id is not None:
        session = changeable(found(connection, entered.session_id, actor=actor))
        if session.user_id != entered.user_id:
            raise TradingInvalidError.of(Fault("session_id", "is another user's session."))
    if entered.position_id is not None:
        position = store.get(connection, PositionRow, entered.position_id)
        if position is None:
            raise PositionNotFoundError
        if position.user_id != entered.user_id or entered.session_id not in (None, position.session_id):
            raise TradingInvalidError.of(Fault("position_id", "is not of this session and user."))
        changeable(found(connection, position.session_id, actor=actor))
    now = clock.now()
    row = TransactionRow(
        id=0, user_id=entered.user_id, session_id=entered.session_id, number=None, hidden=False,
        position_id=entered.position_id, transaction_type=entered.transaction_type, amount=entered.amount,
        balance_after=entered.balance_after, created_at=now, updated_at=now,
    )  # fmt: skip
    return store.insert_rows(connection, [row])[0]


def delete_transaction(connection: Connection, transaction_id: int, *, actor: Actor, clock: Clock) -> None:
    """Takes it out of the lists; no balance is readjusted, and the account's fold keeps it.

    An administrator's. Raises TransactionNotFoundError, TransitionRefusedError.
    """
    row = transaction(connection, transaction_id, actor=actor)
    if row.session_id is not None:
        changeable(found(connection, row.session_id, actor=actor))
    store.update_rows(connection, [replace(row, hidden=True, updated_at=clock.now())])
