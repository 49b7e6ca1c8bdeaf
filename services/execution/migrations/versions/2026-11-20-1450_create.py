from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.runtime.migrations import create_inbox, create_outbox, protect

revision = "20261120_1450"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "execution"
OWN_ROWS = ("plans", "positions", "holdings", "runs", "legs", "attempts", "reservations")
APPEND_ONLY = ("fills", "journal")


def upgrade() -> None:
    _create_tables()
    create_inbox(op, SCHEMA)
    create_outbox(op, SCHEMA)
    for table in OWN_ROWS:
        protect(op, SCHEMA, table)
    for table in APPEND_ONLY:
        protect(op, SCHEMA, table, append_only=True)


def downgrade() -> None:
    raise NotImplementedError("the first revision is not taken back")


def _create_tables() -> None:
    op.create_table(
        "desks",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("work", sa.Boolean(), nullable=False, comment="a run trades or an attempt is open"),
        sa.Column("traded", sa.Boolean(), nullable=False, comment="it ever had a position: to be reconciled"),
        sa.Column(
            "watch_until", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="keep its stream open till then"
        ),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_desks")),
        schema="execution",
    )
    op.create_index("ix_desk_work", "desks", ["work", "watch_until"], unique=False, schema="execution")
    op.create_table(
        "fills",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("exec_id", sa.Text(), nullable=False, comment="unique per account: a match is booked once"),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("position_id", sa.UUID(), nullable=False),
        sa.Column("leg_id", sa.UUID(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("base_asset", sa.Text(), nullable=False),
        sa.Column("quote_asset", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("fee", sa.Numeric(), nullable=False),
        sa.Column("fee_asset", sa.Text(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("venue_order_id", sa.Text(), nullable=False),
        sa.Column("booked_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "exec_id", name=op.f("pk_fills")),
        schema="execution",
    )
    op.create_index("ix_fill_position", "fills", ["position_id"], unique=False, schema="execution")
    op.create_table(
        "journal",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="an execId, or the run that settled"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position_id", sa.UUID(), nullable=False),
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "source", "number", name=op.f("pk_journal")),
        schema="execution",
    )
    op.create_index("ix_journal_position", "journal", ["position_id", "asset"], unique=False, schema="execution")
    op.create_table(
        "plans",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("plan_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("position_id", sa.UUID(), nullable=True),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_plans")),
        schema="execution",
    )
    op.create_table(
        "positions",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("position_id", sa.UUID(), nullable=False),
        sa.Column("tail", sa.Text(), nullable=False, comment="last 80 bits: the position part of the link id"),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("index_id", sa.Text(), nullable=False),
        sa.Column("index_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("blocked_reason", sa.Text(), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("run_kind", sa.Text(), nullable=False),
        sa.Column("approved_amount", sa.Numeric(), nullable=False),
        sa.Column("invested", sa.Numeric(), nullable=False),
        sa.Column("proceeds", sa.Numeric(), nullable=False),
        sa.Column("fees", sa.Numeric(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("traded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position_id", name=op.f("pk_positions")),
        sa.UniqueConstraint("tail", name=op.f("uq_positions_tail")),
        schema="execution",
    )
    op.create_index("ix_position_account", "positions", ["account_id"], unique=False, schema="execution")
    op.create_table(
        "reservations",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("holder_id", sa.UUID(), nullable=False, comment="a run, or an attempt that took its share"),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("position_id", sa.UUID(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_reservations_amount_not_negative")),
        sa.PrimaryKeyConstraint("holder_id", "asset", name=op.f("pk_reservations")),
        schema="execution",
    )
    op.create_index("ix_reservation_account", "reservations", ["account_id", "asset"], unique=False, schema="execution")
    op.create_table(
        "holdings",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("position_id", sa.UUID(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("target_weight", sa.Numeric(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("cost", sa.Numeric(), nullable=False),
        sa.Column("realised", sa.Numeric(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_holdings_quantity_not_negative")),
        sa.ForeignKeyConstraint(
            ["position_id"], ["execution.positions.position_id"], name=op.f("fk_holdings_position_id_positions")
        ),
        sa.PrimaryKeyConstraint("position_id", "asset", name=op.f("pk_holdings")),
        schema="execution",
    )
    op.create_table(
        "runs",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False, comment="the plan's id: a plan is executed at most once"),
        sa.Column("position_id", sa.UUID(), nullable=False),
        sa.Column("tail", sa.BigInteger(), nullable=False, comment="last 40 bits: the run part of the link id"),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("approved", sa.Numeric(), nullable=False),
        sa.Column("accepted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("settled_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("correlation_id", sa.UUID(), nullable=True),
        sa.Column("causation_id", sa.UUID(), nullable=True),
        sa.ForeignKeyConstraint(
            ["position_id"], ["execution.positions.position_id"], name=op.f("fk_runs_position_id_positions")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
        sa.UniqueConstraint("position_id", "tail", name=op.f("uq_runs_position_id_tail")),
        schema="execution",
    )
    op.create_index(
        "ix_run_trading",
        "runs",
        ["account_id"],
        unique=False,
        schema="execution",
        postgresql_where=sa.text("state = 'trading'"),
    )
    op.create_table(
        "legs",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("leg_id", sa.UUID(), nullable=False),
        sa.Column("position_id", sa.UUID(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("base_asset", sa.Text(), nullable=False),
        sa.Column("quote_asset", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("target_weight", sa.Numeric(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("limit_price", sa.Numeric(), nullable=False),
        sa.Column("filled_quantity", sa.Numeric(), nullable=False),
        sa.Column("notional", sa.Numeric(), nullable=False),
        sa.Column("fee", sa.Numeric(), nullable=False),
        sa.Column("fee_asset", sa.Text(), nullable=True),
        sa.Column("residual", sa.Numeric(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=True),
        sa.Column("venue_order_id", sa.Text(), nullable=True),
        sa.Column("lot_size", sa.Numeric(), nullable=False),
        sa.Column("min_quantity", sa.Numeric(), nullable=False),
        sa.Column("min_notional", sa.Numeric(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["execution.runs.run_id"], name=op.f("fk_legs_run_id_runs")),
        sa.PrimaryKeyConstraint("leg_id", name=op.f("pk_legs")),
        sa.UniqueConstraint("run_id", "number", name=op.f("uq_legs_run_id_number")),
        schema="execution",
    )
    op.create_index("ix_leg_position", "legs", ["position_id"], unique=False, schema="execution")
    op.create_table(
        "attempts",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("attempt_id", sa.UUID(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("position_id", sa.UUID(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("leg_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("limit_price", sa.Numeric(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="the exact order; a re-send carries the same"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("intent_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("send_before", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sent_by", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ever_unknown", sa.Boolean(), nullable=False),
        sa.Column("unknown_since", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("absences", sa.Integer(), nullable=False),
        sa.Column("first_absence_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("checked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("asked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, comment="questions in a row without an answer"),
        sa.Column(
            "evidence_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="when the venue last showed something new of it",
        ),
        sa.Column("resends", sa.Integer(), nullable=False),
        sa.Column("final_state", sa.Text(), nullable=True),
        sa.Column("final_quantity", sa.Numeric(), nullable=True),
        sa.Column("venue_order_id", sa.Text(), nullable=True),
        sa.Column("filled_quantity", sa.Numeric(), nullable=False),
        sa.Column("filled_notional", sa.Numeric(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["leg_id"], ["execution.legs.leg_id"], name=op.f("fk_attempts_leg_id_legs")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("leg_id", "number", name=op.f("uq_attempts_leg_id_number")),
        sa.UniqueConstraint("client_order_id", name=op.f("uq_attempts_client_order_id")),
        schema="execution",
    )
    op.create_index(
        "ix_attempt_open",
        "attempts",
        ["account_id"],
        unique=False,
        schema="execution",
        postgresql_where=sa.text("state not in ('FILLED', 'CANCELLED', 'REJECTED')"),
    )
