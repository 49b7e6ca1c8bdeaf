from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.runtime.migrations import protect

revision = "20261120_2145"
down_revision = "20261120_2115"
branch_labels = None
depends_on = None

SCHEMA = "execution"


def upgrade() -> None:
    op.add_column("positions", sa.Column("trading_paused", sa.Text(), nullable=True), schema=SCHEMA)
    _shortages()
    _shares()
    _answers()
    for table in ("shortages", "shortage_shares"):
        protect(op, SCHEMA, table)
    protect(op, SCHEMA, "shortage_answers", append_only=True)


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")


def _shortages() -> None:
    op.create_table(
        "shortages",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("shortage_id", sa.UUID(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=True),
        sa.Column("found_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("shortage_id", name=op.f("pk_shortages")),
        schema=SCHEMA,
    )
    op.create_index("ix_shortage_account", "shortages", ["account_id", "asset", "found_at"], schema=SCHEMA)
    op.create_index(
        "uq_shortage_unresolved",
        "shortages",
        ["account_id", "asset"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("state <> 'resolved'"),
    )


def _shares() -> None:
    op.create_table(
        "shortage_shares",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("shortage_id", sa.UUID(), nullable=False),
        sa.Column("position_id", sa.UUID(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shortage_shares_quantity_above_zero")),
        sa.ForeignKeyConstraint(
            ["shortage_id"],
            ["execution.shortages.shortage_id"],
            name=op.f("fk_shortage_shares_shortage_id_shortages"),
        ),
        sa.ForeignKeyConstraint(
            ["position_id"],
            ["execution.positions.position_id"],
            name=op.f("fk_shortage_shares_position_id_positions"),
        ),
        sa.PrimaryKeyConstraint("shortage_id", "position_id", name=op.f("pk_shortage_shares")),
        schema=SCHEMA,
    )


def _answers() -> None:
    op.create_table(
        "shortage_answers",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("shortage_id", sa.UUID(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["shortage_id"],
            ["execution.shortages.shortage_id"],
            name=op.f("fk_shortage_answers_shortage_id_shortages"),
        ),
        sa.PrimaryKeyConstraint("shortage_id", "how", name=op.f("pk_shortage_answers")),
        schema=SCHEMA,
    )
