"""Missions' documents compressed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEYS = {"missions_missions": "id", "missions_session_missions": "session_id"}
_COMMENTS = {"missions_session_missions": "the mission as it was at the launch"}


def upgrade() -> None:
    _rewrite(sa.LargeBinary(), lambda text: zlib.compress(text.encode(), level=1))


def downgrade() -> None:
    _rewrite(sa.Text(), lambda packed: zlib.decompress(packed).decode())


def _rewrite(kind: Any, written: Callable[[Any], Any]) -> None:
    for name, key in _KEYS.items():
        with op.batch_alter_table(name) as batch_op:
            batch_op.add_column(sa.Column("rewritten", kind, nullable=True))
        table = sa.table(name, sa.column(key), sa.column("document"), sa.column("rewritten"))
        connection = op.get_bind()
        for (own,) in connection.execute(sa.select(table.c[key])).all():
            mine = table.c[key] == own
            before = connection.scalar(sa.select(table.c.document).where(mine))
            connection.execute(sa.update(table).where(mine).values(rewritten=written(before)))
        with op.batch_alter_table(name) as batch_op:
            batch_op.drop_column("document")
            batch_op.alter_column(
                "rewritten",
                new_column_name="document",
                existing_type=kind,
                existing_nullable=True,
                nullable=False,
                comment=_COMMENTS.get(name),
            )
