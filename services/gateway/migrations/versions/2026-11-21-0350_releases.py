from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.runtime.migrations import protect

revision = "20261121_0350"
down_revision = "20261121_0100"
branch_labels = None
depends_on = None

MADE = "which change of its coin in its position it made"


def upgrade() -> None:
    op.add_column("position_fills", sa.Column("entry", sa.Integer(), nullable=True, comment=MADE), schema="gateway")
    op.create_table(
        "position_releases",
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False, comment="which change of its coin it made"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position_id", "asset", "entry", name=op.f("pk_position_releases")),
        schema="gateway",
    )
    protect(op, "gateway", "position_releases")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
