"""The library of missions: each one document, and in columns what lists and stamps need of it.

Stamps stand in the columns alone. Times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from stoa.kernel.clock import from_millis, to_millis
from stoa.missions.model import Mission, Stamps
from stoa.missions.store._documents import document_of, mission_in
from stoa.missions.store._tables import metadata

missions = Table(
    "missions_missions",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("name", String(175), nullable=False),
    Column("seed", Text, nullable=False),
    Column("version_number", BigInteger, nullable=False),
    Column("resource_label", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("launched_at", BigInteger),
    Column("created_by", String(24), nullable=False),
    Column("created_by_username", String(64), nullable=False),
    Column("deleted_at", BigInteger),
)
Index("missions_missions_newest", missions.c.created_at, missions.c.id)

_SHALLOW = tuple(column for column in missions.c if column.name != "document")


def get_mission(connection: Connection, mission_id: str) -> Mission | None:
    """The mission, all of it; None where there is none, or one that was deleted."""
    query = select(missions).where(missions.c.id == mission_id, missions.c.deleted_at.is_(None))
    row = connection.execute(query).first()
    return None if row is None else _mission(row)


def get_document(connection: Connection, mission_id: str) -> bytes | None:
    """The mission's document, without stamps; None where there is none, or one that was deleted."""
    query = select(missions.c.document).where(missions.c.id == mission_id, missions.c.deleted_at.is_(None))
    document: bytes | None = connection.scalar(query)
    return document


def get_stamps(connection: Connection, mission_id: str, *, lock: bool = False) -> Stamps | None:
    """Without the document; with ``lock`` nobody else changes the mission before the transaction ends."""
    query = select(*_SHALLOW).where(missions.c.id == mission_id, missions.c.deleted_at.is_(None))
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else stamps_of(row)


def list_missions(connection: Connection) -> Sequence[Row[Any]]:
    """Rows of all that are not deleted, without their documents, oldest first."""
    query = select(*_SHALLOW).where(missions.c.deleted_at.is_(None))
    return connection.execute(query.order_by(missions.c.created_at, missions.c.id)).all()


def insert_mission(connection: Connection, mission: Mission) -> None:
    """``mission.stamps`` must say who made it and when."""
    stamps = mission.stamps
    if stamps.created_at is None or stamps.updated_at is None:
        raise ValueError("A mission is stored with its stamps.")
    values = {
        "id": mission.id,
        "created_at": to_millis(stamps.created_at),
        "updated_at": to_millis(stamps.updated_at),
        "launched_at": None,
        "created_by": stamps.created_by,
        "created_by_username": stamps.created_by_username,
    }
    connection.execute(insert(missions).values(values | _content(mission)))


def update_mission(connection: Connection, mission: Mission, *, at: datetime) -> None:
    """Writes the content and ``updated_at``; whoever made it and its other stamps stay."""
    values = _content(mission) | {"updated_at": to_millis(at)}
    connection.execute(update(missions).where(missions.c.id == mission.id).values(values))


def stamp_launched(connection: Connection, mission_id: str, at: datetime) -> None:
    """Notes that a session of it was launched. That is no change: ``updated_at`` stays."""
    connection.execute(update(missions).where(missions.c.id == mission_id).values(launched_at=to_millis(at)))


def delete_mission(connection: Connection, mission_id: str, *, at: datetime) -> bool:
    """Softly: sessions that were launched of it have their own copy. False where there is none."""
    mine = missions.c.id == mission_id, missions.c.deleted_at.is_(None)
    return connection.execute(update(missions).where(*mine).values(deleted_at=to_millis(at))).rowcount == 1


def stamps_of(row: Row[Any]) -> Stamps:
    return Stamps(
        created_at=from_millis(row.created_at),
        updated_at=from_millis(row.updated_at),
        launched_at=None if row.launched_at is None else from_millis(row.launched_at),
        created_by=row.created_by,
        created_by_username=row.created_by_username,
    )


def _content(mission: Mission) -> dict[str, Any]:
    return {
        "document": document_of(mission),
        "name": mission.name,
        "seed": mission.seed,
        "version_number": mission.version_number,
        "resource_label": mission.resource_label,
    }


def _mission(row: Row[Any]) -> Mission:
    return replace(mission_in(row.document), stamps=stamps_of(row))
