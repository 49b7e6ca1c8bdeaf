from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261120_2150"
down_revision = "20261120_2145"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "plans",
        sa.Column("executable", sa.Boolean(), server_default=sa.true(), nullable=False),
        schema="gateway",
    )
    op.add_column(
        "plans",
        sa.Column("position_version", sa.Integer(), nullable=True, comment="of the position that it was made for"),
        schema="gateway",
    )
    for column in ("contributed", "withdrawn", "cash"):
        op.add_column(
            "synthetic_positions",
            sa.Column(column, sa.Numeric(), server_default="0", nullable=False),
            schema="gateway",
        )


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
