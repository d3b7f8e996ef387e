"""What is kept because of Daily: its events, and its names of recordings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "live_daily_events",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when it was taken"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("live_daily_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_live_daily_events_at"), ["at"], unique=False)

    op.create_table(
        "live_daily_recordings",
        sa.Column(
            "id", sa.String(length=36), nullable=False, comment="of ours: Daily knows it as the instance"
        ),
        sa.Column("daily_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("daily_id"),
    )


def downgrade() -> None:
    op.drop_table("live_daily_recordings")
    with op.batch_alter_table("live_daily_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_live_daily_events_at"))

    op.drop_table("live_daily_events")
