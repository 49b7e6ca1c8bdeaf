"""A position's own cash beside the value of its coins.

Revision ID: 20261121_0030
Revises: 20261120_2150
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261121_0030"
down_revision = "20261120_2150"
branch_labels = None
depends_on = None


def upgrade() -> None:
    cash = sa.Column("cash", sa.Numeric, nullable=False, server_default="0")
    op.add_column("position_values", cash, schema="gateway")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
