from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.runtime.migrations import protect

revision = "20261120_2115"
down_revision = "20261120_2105"
branch_labels = None
depends_on = None

SCHEMA = "execution"


def upgrade() -> None:
    op.alter_column("journal", "position_id", existing_type=sa.UUID(), nullable=True, schema=SCHEMA)
    op.create_table(
        "account_flows",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("flow_id", sa.Text(), nullable=False, comment="unique per account: a flow is booked once"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("venue_type", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(), nullable=True),
        sa.Column("counter_asset", sa.Text(), nullable=True),
        sa.Column("counter_amount", sa.Numeric(), nullable=False),
        sa.Column("fee", sa.Numeric(), nullable=False),
        sa.Column("fee_asset", sa.Text(), nullable=True),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("booked_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "flow_id", name=op.f("pk_account_flows")),
        schema=SCHEMA,
    )
    op.create_index("ix_account_flow_at", "account_flows", ["account_id", "at", "flow_id"], schema=SCHEMA)
    protect(op, SCHEMA, "account_flows", append_only=True)


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
