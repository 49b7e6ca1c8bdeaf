from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261120_2105"
down_revision = "20261120_1900"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Older legs have none: their slippage is not known."""
    op.add_column(
        "position_legs",
        sa.Column("arrival_price", sa.Numeric(), nullable=True, comment="mid of the book when the plan was made"),
        schema="gateway",
    )


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
