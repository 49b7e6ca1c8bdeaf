from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261120_2210"
down_revision = "20261120_2150"
branch_labels = None
depends_on = None

SCHEMA = "execution"


def upgrade() -> None:
    op.add_column(
        "fills", sa.Column("third_coin_fee_value", sa.Numeric(), nullable=False, server_default="0"), schema=SCHEMA
    )
    op.add_column(
        "fills", sa.Column("fee_value_stale", sa.Boolean(), nullable=False, server_default=sa.false()), schema=SCHEMA
    )


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
