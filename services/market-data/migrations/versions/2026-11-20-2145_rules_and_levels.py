"""Versions keep their rules in full and why they were made; levels.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "market_data"


def upgrade() -> None:
    rules = sa.Column("rules", JSONB, comment="in full; decimals as text")
    op.add_column("index_version", rules, schema=SCHEMA)
    reason = sa.Column("reason", sa.Text, nullable=False, server_default="scheduled")
    op.add_column("index_version", reason, schema=SCHEMA)
    op.add_column("constituent", sa.Column("volume", sa.Numeric), schema=SCHEMA)
    op.create_table(
        "level_base",
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("index_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("level", sa.Numeric, nullable=False),
        sa.Column("coins", JSONB, nullable=False, comment="symbol: weight, first price, last price; as text"),
        sa.PrimaryKeyConstraint("environment", "index_id", name="pk_level_base"),
        schema=SCHEMA,
    )
    op.create_table(
        "level_point",
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("index_id", sa.Text, nullable=False),
        sa.Column("at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("level", sa.Numeric, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("stale", JSONB, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("environment", "index_id", "at", name="pk_level_point"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only")
