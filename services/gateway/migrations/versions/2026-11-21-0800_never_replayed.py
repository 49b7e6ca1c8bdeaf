from __future__ import annotations

from alembic import op

revision = "20261121_0800"
down_revision = "20261121_0350"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("dead_letters", "replayed_at", schema="gateway")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
