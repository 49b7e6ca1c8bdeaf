"""When each coin of an account was last there in full.

Revision ID: 20261121_0520
Revises: 20261121_0515
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261121_0520"
down_revision = "20261121_0515"
branch_labels = None
depends_on = None


def upgrade() -> None:
    agreed = sa.Column(
        "agreed_at", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), comment="moments by coin"
    )
    op.add_column("account_progress", agreed, schema="reconciler")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
