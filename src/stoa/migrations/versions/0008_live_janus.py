"""On which Janus each room is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "live_janus_rooms",
        sa.Column("room", sa.String(length=128), nullable=False),
        sa.Column("server", sa.String(length=255), nullable=False),
        sa.Column(
            "secret", sa.String(length=64), nullable=False, comment="of the room at Janus; no browser gets it"
        ),
        sa.Column("max_participants", sa.Integer(), nullable=True),
        sa.Column("recording", sa.String(length=64), nullable=True, comment="to which it is recorded now"),
        sa.PrimaryKeyConstraint("room"),
    )


def downgrade() -> None:
    op.drop_table("live_janus_rooms")
