"""References to stored files: what they are called and who brought them. The bytes are in the file store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Row,
    String,
    Table,
    insert,
    select,
    update,
)

from stoa.kernel.clock import from_millis, to_millis
from stoa.missions.store._tables import metadata


@dataclass(frozen=True, slots=True)
class StoredFile:
    """``path`` is the object's name in the file store, ``size`` its bytes."""

    id: str
    name: str
    path: str
    mimetype: str
    size: int
    created_at: datetime
    updated_at: datetime
    created_by: str
    created_by_username: str


files = Table(
    "missions_files",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("name", String(175), nullable=False),
    Column("path", String(64), nullable=False, unique=True, comment="the object's name in the file store"),
    Column("mimetype", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_by", String(24), nullable=False),
    Column("created_by_username", String(64), nullable=False),
    Column("deleted_at", BigInteger),
)
_kept = files.c.deleted_at.is_(None)
Index(
    "missions_files_name", files.c.name, unique=True, sqlite_where=_kept, postgresql_where=_kept
)  # two that are not deleted never share a name


def get_file(connection: Connection, file_id: str) -> StoredFile | None:
    """None where there is none, or one that was deleted."""
    row = connection.execute(select(files).where(files.c.id == file_id, _kept)).first()
    return None if row is None else _file(row)


def list_files(connection: Connection) -> list[StoredFile]:
    """All that are not deleted, oldest first."""
    query = select(files).where(_kept).order_by(files.c.created_at, files.c.id)
    return [_file(row) for row in connection.execute(query)]


def names_taken(connection: Connection, names: Iterable[str]) -> set[str]:
    query = select(files.c.name).where(files.c.name.in_(list(names)), _kept)
    return set(connection.execute(query).scalars())


def names_of(connection: Connection, file_ids: Iterable[str]) -> dict[str, str]:
    """The names of those of ``file_ids`` that are stored, by id."""
    query = select(files.c.id, files.c.name).where(files.c.id.in_(list(file_ids)), _kept)
    return {row.id: row.name for row in connection.execute(query)}


def paths_among(connection: Connection, paths: Iterable[str]) -> set[str]:
    """Those of ``paths`` that are files', deleted ones too."""
    return set(connection.execute(select(files.c.path).where(files.c.path.in_(list(paths)))).scalars())


def insert_files(connection: Connection, stored: Sequence[StoredFile]) -> None:
    """Raises IntegrityError where one of the names is taken."""
    connection.execute(insert(files), [_values(one) for one in stored])


def delete_file(connection: Connection, file_id: str, *, at: datetime) -> bool:
    """Softly: nobody gets it any more, and its bytes stay. False where there is none."""
    mine = files.c.id == file_id, _kept
    return connection.execute(update(files).where(*mine).values(deleted_at=to_millis(at))).rowcount == 1


def _values(one: StoredFile) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "path": one.path,
        "mimetype": one.mimetype,
        "size": one.size,
        "created_at": to_millis(one.created_at),
        "updated_at": to_millis(one.updated_at),
        "created_by": one.created_by,
        "created_by_username": one.created_by_username,
    }


def _file(row: Row[Any]) -> StoredFile:
    return StoredFile(
        row.id,
        row.name,
        row.path,
        row.mimetype,
        row.size,
        from_millis(row.created_at),
        from_millis(row.updated_at),
        row.created_by,
        row.created_by_username,
    )
