from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261121_0040"
down_revision = "20261120_2130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "plan_ceilings",
        sa.Column(
            "retries",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="a new attempt may take the place of the one before it",
        ),
        schema="keys",
    )


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
