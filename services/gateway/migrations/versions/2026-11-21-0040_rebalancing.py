from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.runtime.migrations import protect

revision = "20261121_0040"
down_revision = "20261121_0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_breaks()
    _create_rebalancings()
    for table in ("account_breaks", "rebalancings"):
        protect(op, "gateway", table)
    _let_the_relay_find_what_is_due()


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")


def _let_the_relay_find_what_is_due() -> None:
    """Which positions of all users are looked at by us, and when; nothing else of them is shown."""
    op.execute("grant select (position_id, user_id, mode, check_at) on gateway.rebalancings to gateway_relay")
    op.execute("create policy see_due on gateway.rebalancings for select to gateway_relay using (mode <> 'manual')")


def _create_breaks() -> None:
    op.create_table(
        "account_breaks",
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("break_class", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("break_id", name=op.f("pk_account_breaks")),
        schema="gateway",
    )
    op.create_index(
        op.f("ix_account_breaks_account_id"), "account_breaks", ["account_id"], unique=False, schema="gateway"
    )


def _create_rebalancings() -> None:
    op.create_table(
        "rebalancings",
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("absolute_band", sa.Numeric(), nullable=False),
        sa.Column("relative_band", sa.Numeric(), nullable=False),
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("cooldown_s", sa.Integer(), nullable=False),
        sa.Column("buy_only", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column(
            "position_version", sa.Integer(), nullable=True, comment="of the position that the suggestion was made for"
        ),
        sa.Column("noted_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_at", sa.TIMESTAMP(timezone=True), nullable=True, comment="when the last rebalance was ordered"),
        sa.Column(
            "dated_from",
            sa.TIMESTAMP(timezone=True),
            nullable=False,
            comment="periods of the calendar begun until then are done",
        ),
        sa.Column("seen_version", sa.Integer(), nullable=False, comment="of the index, with nothing to trade"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="counts its events"),
        sa.Column("check_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("leased_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False, comment="of the replica that looks at it"),
        sa.PrimaryKeyConstraint("position_id", name=op.f("pk_rebalancings")),
        schema="gateway",
    )
    op.create_index(
        "ix_rebalancings_due",
        "rebalancings",
        ["check_at"],
        unique=False,
        schema="gateway",
        postgresql_where=sa.text("mode <> 'manual'"),
    )
