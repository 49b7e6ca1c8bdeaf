from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261120_2145"
down_revision = "20261120_2105"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "synthetic_positions",
        sa.Column("trading_paused", sa.Text(), nullable=True, comment="why nothing trades on it by itself"),
        schema="gateway",
    )


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
