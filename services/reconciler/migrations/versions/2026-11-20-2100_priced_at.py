"""Which prices a position was valued on last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261120_2100"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("position", sa.Column("priced_at", postgresql.TIMESTAMP(timezone=True)), schema="reconciler")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
