"""What a position's coins were valued at last.

Revision ID: 20261121_0030
Revises: 20261120_2120
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261121_0030"
down_revision = "20261120_2120"
branch_labels = None
depends_on = None


def upgrade() -> None:
    prices = sa.Column(
        "last_prices", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), comment="decimals as text"
    )
    op.add_column("position", prices, schema="reconciler")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
