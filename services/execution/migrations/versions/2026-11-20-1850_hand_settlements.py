from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.runtime.migrations import protect

revision = "20261120_1850"
down_revision = "20261120_1450"
branch_labels = None
depends_on = None

SCHEMA = "execution"


def upgrade() -> None:
    op.create_table(
        "hand_settlements",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False, comment="an order ends once, so it is settled once"),
        sa.Column("operator_id", sa.UUID(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False, comment="what the operator saw, in their words"),
        sa.Column("state_before", sa.Text(), nullable=False),
        sa.Column("filled_quantity", sa.Numeric(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "client_order_id", name=op.f("pk_hand_settlements")),
        schema=SCHEMA,
    )
    protect(op, SCHEMA, "hand_settlements", append_only=True)


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
