from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261121_0040"
down_revision = "20261120_2210"
branch_labels = None
depends_on = None

SCHEMA = "execution"


def upgrade() -> None:
    for table in ("positions", "runs"):
        op.add_column(table, sa.Column("policy", sa.Text(), nullable=False, server_default="HOLD"), schema=SCHEMA)
    op.add_column(
        "legs",
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="0", comment="number of its newest attempt"),
        schema=SCHEMA,
    )
    op.add_column(
        "legs",
        sa.Column("retry_at", postgresql.TIMESTAMP(timezone=True), comment="from when on the rest may be tried again"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
