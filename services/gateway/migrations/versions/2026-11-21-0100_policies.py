from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261121_0100"
down_revision = "20261121_0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("policy", sa.Text(), nullable=False, server_default="HOLD"), schema="gateway")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
