"""What a position has paid out so far.

Revision ID: 20261121_0130
Revises: 20261121_0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261121_0130"
down_revision = "20261121_0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    withdrawn = sa.Column("withdrawn", sa.Numeric, nullable=False, server_default="0")
    op.add_column("position", withdrawn, schema="reconciler")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
