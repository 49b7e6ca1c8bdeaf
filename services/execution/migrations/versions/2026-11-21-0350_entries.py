from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261121_0350"
down_revision = "20261121_0040"
branch_labels = None
depends_on = None

SCHEMA = "execution"


def upgrade() -> None:
    _count("holdings", "entries", "how often its figures changed")
    _count("fills", "entry", "which change of its coin it made")


def _count(table: str, column: str, comment: str) -> None:
    counted = sa.Column(column, sa.Integer(), nullable=False, server_default="0", comment=comment)
    op.add_column(table, counted, schema=SCHEMA)


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
