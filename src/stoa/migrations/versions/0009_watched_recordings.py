"""The file of a recording that people watch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_recordings = sa.table(
    "live_recordings",
    sa.column("recording_id"),
    sa.column("status"),
    sa.column("s3_key"),
    sa.column("progress"),
)
_timers = sa.table(
    "timers", sa.column("kind"), sa.column("subject"), sa.column("due_at"), sa.column("try_at"), sa.column("attempts"),
    sa.column("payload", sa.JSON()),
)  # fmt: skip


def upgrade() -> None:
    with op.batch_alter_table("live_recordings", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("progress", sa.Float(), nullable=True, comment="of the file that people watch, 0 to 1")
        )
        batch_op.add_column(
            sa.Column("reason", sa.String(length=300), nullable=True, comment="why it could not be made")
        )
    _make_what_is_missing()


def _make_what_is_missing() -> None:
    """What was recorded before gets its file, too."""
    connection = op.get_bind()
    missing = sa.and_(_recordings.c.status == "completed", _recordings.c.s3_key.is_(None))
    ids = connection.scalars(sa.select(_recordings.c.recording_id).where(missing)).all()
    connection.execute(_recordings.update().where(missing).values(status="processing", progress=0.0))
    due = {"kind": "live.compose", "due_at": 0, "try_at": 0, "attempts": 0, "payload": {}}
    op.bulk_insert(_timers, [{**due, "subject": recording_id} for recording_id in ids])


def downgrade() -> None:
    with op.batch_alter_table("live_recordings", schema=None) as batch_op:
        batch_op.drop_column("reason")
        batch_op.drop_column("progress")
