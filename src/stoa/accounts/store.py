"""Tables and statements of the accounts room. Times are whole milliseconds since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    RowMapping,
    Select,
    String,
    Table,
    delete,
    insert,
    or_,
    select,
    update,
)

from stoa.accounts.model import ApiKey, Login, LoginKind, SigningKey, User
from stoa.accounts.rules import username_key
from stoa.kernel.actor import AccessLevel
from stoa.kernel.clock import from_millis, to_millis

if TYPE_CHECKING:
    from datetime import datetime

metadata = MetaData()

users = Table(
    "accounts_users",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(24), nullable=False, unique=True),
    Column("username", String(25), nullable=False),
    Column("username_key", String(25), nullable=False, comment="the username in lower case"),
    Column("first_name", String(50), nullable=False),
    Column("last_name", String(50), nullable=False),
    Column("access", String(16), nullable=False),
    Column("express_permissions", JSON, nullable=False),
    Column("needs_password_reset", Boolean, nullable=False),
    Column("password_hash", String(255), comment="argon2id; null for one who never logs in"),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_by", String(24), nullable=False),
    Column("created_by_username", String(25), nullable=False),
    Column("deleted_at", BigInteger),
    sqlite_autoincrement=True,
)
_not_deleted = users.c.deleted_at.is_(None)
Index(
    "accounts_users_username",
    users.c.username_key,
    unique=True,
    sqlite_where=_not_deleted,
    postgresql_where=_not_deleted,
)

logins = Table(
    "accounts_logins",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("user_id", String(24), ForeignKey(users.c.id), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("refresh_id", String(64), nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("ended_at", BigInteger),
)
_active_single = (logins.c.kind == LoginKind.SINGLE.value) & logins.c.ended_at.is_(None)
Index(
    "accounts_logins_single",
    logins.c.user_id,
    unique=True,
    sqlite_where=_active_single,
    postgresql_where=_active_single,
)

failures = Table(
    "accounts_failures",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("username_key", String(25), nullable=False),
    Column("failed_at", BigInteger, nullable=False, index=True),
    Index("accounts_failures_username", "username_key", "failed_at"),
)

api_keys = Table(
    "accounts_api_keys",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("user_id", String(24), ForeignKey(users.c.id), nullable=False, index=True),
    Column("name", String(50), nullable=False),
    Column("hint", String(16), nullable=False),
    Column("secret_hash", String(64), nullable=False, unique=True, comment="SHA-256, hexadecimal"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
)

signing_keys = Table(
    "accounts_signing_keys",
    metadata,
    Column("kid", String(36), primary_key=True),
    Column("secret", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("retires_at", BigInteger, comment="null for the one that signs"),
)


# Users


def add_user(connection: Connection, values: dict[str, Any]) -> User:
    """Stores a user whose values have the columns' names. Raises IntegrityError where the username is taken."""
    row = {**values, "username_key": username_key(values["username"])}
    added = connection.execute(insert(users).values(row).returning(users))
    return _user(added.mappings().one())


def get_user(connection: Connection, user_id: str, *, hold: bool = False) -> User | None:
    """``hold`` keeps the user as it is until this transaction ends, for what is decided by it."""
    found = select(users).where(users.c.id == user_id, _not_deleted)
    row = connection.execute(found.with_for_update() if hold else found).mappings().first()
    return None if row is None else _user(row)


def has_user(connection: Connection, number: int) -> bool:
    return connection.scalar(select(users.c.number).where(users.c.number == number, _not_deleted)) is not None


def find_user(connection: Connection, username: str, *, hold: bool = False) -> tuple[User, str | None] | None:
    """The user of this name, in whatever case, and the password's hash. ``hold`` as for ``get_user``."""
    found = select(users).where(users.c.username_key == username_key(username), _not_deleted)
    if hold:
        found = found.with_for_update()
    row = connection.execute(found).mappings().first()
    return None if row is None else (_user(row), row["password_hash"])


def all_users(connection: Connection, *, access: AccessLevel | None = None) -> list[User]:
    """Everybody but the system, in the order in which they were made."""
    chosen = select(users).where(_not_deleted, users.c.access != AccessLevel.SYSTEM.value)
    if access is not None:
        chosen = chosen.where(users.c.access == access.value)
    return [_user(row) for row in connection.execute(chosen.order_by(users.c.number)).mappings()]


def update_user(connection: Connection, user_id: str, values: dict[str, Any]) -> User | None:
    """The user as it now is; None if there is none. Raises IntegrityError where the username is taken."""
    if "username" in values:
        values = {**values, "username_key": username_key(values["username"])}
    changed = update(users).where(users.c.id == user_id, _not_deleted).values(values).returning(users)
    row = connection.execute(changed).mappings().first()
    return None if row is None else _user(row)


# Logins


def add_login(connection: Connection, login: Login) -> None:
    """Raises IntegrityError where the account has its single login already."""
    connection.execute(
        insert(logins).values(
            id=login.id,
            user_id=login.user_id,
            kind=login.kind.value,
            refresh_id=login.refresh_id,
            began_at=to_millis(login.began_at),
            expires_at=to_millis(login.expires_at),
        )
    )


def single_login(connection: Connection, user_id: str) -> Login | None:
    """The single login that nobody has ended; its time may be over."""
    found = select(logins).where(logins.c.user_id == user_id, _active_single)
    row = connection.execute(found).mappings().first()
    return None if row is None else _login(row)


def active_login(connection: Connection, login_id: str, *, now: datetime) -> tuple[User, Login] | None:
    """A login that is good now, with its user."""
    return next(iter(active_logins(connection, [login_id], now=now)), None)


def active_logins(connection: Connection, login_ids: list[str], *, now: datetime) -> list[tuple[User, Login]]:
    """Those of many logins that are good now."""
    good = (logins.c.ended_at.is_(None), logins.c.expires_at > to_millis(now), _not_deleted)
    found = _with_users(logins, "login_").where(logins.c.id.in_(login_ids), *good)
    return [(_user(row), _login(row, "login_")) for row in connection.execute(found).mappings()]


def refresh_login(connection: Connection, login_id: str, *, old: str, new: str, expires_at: datetime) -> bool:
    """Puts ``new`` in the place of ``old``. False if ``old`` is not, or no more, the refresh token's id."""
    changed = (
        update(logins)
        .where(logins.c.id == login_id, logins.c.refresh_id == old, logins.c.ended_at.is_(None))
        .values(refresh_id=new, expires_at=to_millis(expires_at))
    )
    return connection.execute(changed).rowcount == 1


def end_login(connection: Connection, login_id: str, *, now: datetime) -> str | None:
    """The user whose login it was; None if it had ended already."""
    ended = (
        update(logins)
        .where(logins.c.id == login_id, logins.c.ended_at.is_(None))
        .values(ended_at=to_millis(now))
        .returning(logins.c.user_id)
    )
    return cast("str | None", connection.scalar(ended))


def end_logins(
    connection: Connection, user_id: str, *, now: datetime, keep: str | None = None
) -> tuple[str, ...]:
    """Ends the user's logins but ``keep`` and answers their ids."""
    ended = (
        update(logins)
        .where(logins.c.user_id == user_id, logins.c.ended_at.is_(None))
        .values(ended_at=to_millis(now))
        .returning(logins.c.id)
    )
    if keep is not None:
        ended = ended.where(logins.c.id != keep)
    return tuple(connection.scalars(ended))


# Wrong passwords


def failure_times(connection: Connection, username: str) -> list[datetime]:
    found = select(failures.c.failed_at).where(failures.c.username_key == username_key(username))
    return [from_millis(millis) for millis in connection.scalars(found)]


def add_failure(connection: Connection, username: str, *, now: datetime) -> None:
    connection.execute(insert(failures).values(username_key=username_key(username), failed_at=to_millis(now)))


def clear_failures(connection: Connection, username: str) -> None:
    connection.execute(delete(failures).where(failures.c.username_key == username_key(username)))


# API keys


def add_api_key(connection: Connection, key: ApiKey, *, secret_hash: str) -> None:
    connection.execute(
        insert(api_keys).values(
            id=key.id,
            user_id=key.user_id,
            name=key.name,
            hint=key.hint,
            secret_hash=secret_hash,
            created_at=to_millis(key.created_at),
            expires_at=None if key.expires_at is None else to_millis(key.expires_at),
        )
    )


def find_api_key(connection: Connection, secret_hash: str) -> tuple[User, ApiKey] | None:
    return next(iter(_api_keys(connection, api_keys.c.secret_hash == secret_hash)), None)


def active_api_keys(
    connection: Connection, key_ids: list[str], *, now: datetime
) -> list[tuple[User, ApiKey]]:
    """Those of many keys that are good now."""
    unexpired = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > to_millis(now))
    return _api_keys(connection, api_keys.c.id.in_(key_ids), unexpired)


def _api_keys(connection: Connection, *which: ColumnElement[bool]) -> list[tuple[User, ApiKey]]:
    found = _with_users(api_keys, "key_").where(*which, _not_deleted)
    return [(_user(row), _api_key(row, "key_")) for row in connection.execute(found).mappings()]


def _with_users(table: Table, prefix: str) -> Select[Any]:
    """The rows of ``table``, their columns named with ``prefix``, each with the user it belongs to."""
    columns = (column.label(prefix + column.name) for column in table.c)
    return select(users, *columns).join_from(table, users, table.c.user_id == users.c.id)


def api_keys_of(connection: Connection, user_id: str) -> list[ApiKey]:
    found = select(api_keys).where(api_keys.c.user_id == user_id)
    rows = connection.execute(found.order_by(api_keys.c.created_at, api_keys.c.id)).mappings()
    return [_api_key(row) for row in rows]


def delete_api_key(connection: Connection, key_id: str, *, user_id: str) -> bool:
    gone = delete(api_keys).where(api_keys.c.id == key_id, api_keys.c.user_id == user_id)
    return connection.execute(gone).rowcount == 1


def delete_api_keys_of(connection: Connection, user_id: str) -> None:
    connection.execute(delete(api_keys).where(api_keys.c.user_id == user_id))


# Signing keys


def add_signing_key(connection: Connection, key: SigningKey) -> None:
    connection.execute(
        insert(signing_keys).values(kid=key.kid, secret=key.secret, created_at=to_millis(key.created_at))
    )


def retire_signing_keys(connection: Connection, *, retires_at: datetime) -> None:
    """The keys that sign until now only verify, until ``retires_at``."""
    signing = signing_keys.c.retires_at.is_(None)
    connection.execute(update(signing_keys).where(signing).values(retires_at=to_millis(retires_at)))


def good_signing_keys(connection: Connection, *, now: datetime) -> tuple[SigningKey, ...]:
    """Those that still verify, the newest first."""
    good = select(signing_keys).where(
        or_(signing_keys.c.retires_at.is_(None), signing_keys.c.retires_at > to_millis(now))
    )
    newest_first = good.order_by(
        signing_keys.c.retires_at.is_(None).desc(), signing_keys.c.created_at.desc(), signing_keys.c.kid
    )
    return tuple(_signing_key(row) for row in connection.execute(newest_first).mappings())


# Old rows


def delete_failures_before(connection: Connection, at: datetime) -> None:
    connection.execute(delete(failures).where(failures.c.failed_at < to_millis(at)))


def delete_logins_before(connection: Connection, at: datetime, *, user_id: str | None = None) -> None:
    """Logins whose time was over at ``at``, and those that somebody ended before; one user's or everybody's."""
    millis = to_millis(at)
    old = delete(logins).where(or_(logins.c.expires_at < millis, logins.c.ended_at < millis))
    connection.execute(old if user_id is None else old.where(logins.c.user_id == user_id))


def delete_signing_keys_before(connection: Connection, at: datetime) -> None:
    connection.execute(delete(signing_keys).where(signing_keys.c.retires_at < to_millis(at)))


def _user(row: RowMapping) -> User:
    return User(
        number=row["number"],
        id=row["id"],
        username=row["username"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        access=AccessLevel(row["access"]),
        express_permissions=tuple(row["express_permissions"]),
        needs_password_reset=row["needs_password_reset"],
        created_at=from_millis(row["created_at"]),
        updated_at=from_millis(row["updated_at"]),
        created_by=row["created_by"],
        created_by_username=row["created_by_username"],
    )


def _login(row: RowMapping, prefix: str = "") -> Login:
    return Login(
        id=row[f"{prefix}id"],
        user_id=row[f"{prefix}user_id"],
        kind=LoginKind(row[f"{prefix}kind"]),
        refresh_id=row[f"{prefix}refresh_id"],
        began_at=from_millis(row[f"{prefix}began_at"]),
        expires_at=from_millis(row[f"{prefix}expires_at"]),
    )


def _api_key(row: RowMapping, prefix: str = "") -> ApiKey:
    expires_at = row[f"{prefix}expires_at"]
    return ApiKey(
        id=row[f"{prefix}id"],
        user_id=row[f"{prefix}user_id"],
        name=row[f"{prefix}name"],
        hint=row[f"{prefix}hint"],
        created_at=from_millis(row[f"{prefix}created_at"]),
        expires_at=None if expires_at is None else from_millis(expires_at),
    )


def _signing_key(row: RowMapping) -> SigningKey:
    retires_at = row["retires_at"]
    return SigningKey(
        kid=row["kid"],
        secret=row["secret"],
        created_at=from_millis(row["created_at"]),
        retires_at=None if retires_at is None else from_millis(retires_at),
    )
