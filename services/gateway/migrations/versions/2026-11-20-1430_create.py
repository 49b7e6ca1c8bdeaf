from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.runtime.migrations import create_inbox, create_outbox, protect

revision = "20261120_1430"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "gateway"
OWN_ROWS = (
    "plans",
    "idempotency_keys",
    "synthetic_positions",
    "close_requests",
    "position_legs",
    "position_fills",
    "position_values",
    "position_deviations",
    "activity",
)
KEPT = "30 days"


def upgrade() -> None:
    _create_tables()
    create_inbox(op, SCHEMA)
    create_outbox(op, SCHEMA)
    for table in OWN_ROWS:
        protect(op, SCHEMA, table)
    for table in ("plans", "idempotency_keys"):
        _let_the_relay_prune(table)


def downgrade() -> None:
    raise NotImplementedError("the first revision is not taken back")


def _let_the_relay_prune(table: str) -> None:
    """Expired rows of all users go away in one statement; the role sees no younger ones."""
    old = f"created_at < now() - interval '{KEPT}'"
    op.execute(f"grant select (created_at), delete on gateway.{table} to gateway_relay")
    op.execute(f"create policy prune_old on gateway.{table} for delete to gateway_relay using ({old})")
    op.execute(f"create policy see_old on gateway.{table} for select to gateway_relay using ({old})")


def _create_tables() -> None:
    op.create_table(
        "activity",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_activity")),
        schema="gateway",
    )
    op.create_index(
        "ix_activity_user_newest", "activity", ["user_id", "at", "event_id"], unique=False, schema="gateway"
    )
    op.create_table(
        "close_requests",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("accepted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_close_requests")),
        schema="gateway",
    )
    op.create_table(
        "dead_letters",
        sa.Column("stream", sa.Text(), nullable=False, comment="where the message came from"),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("replayed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("stream", "sequence", "consumer", name=op.f("pk_dead_letters")),
        schema="gateway",
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="hash of the request"),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_keys")),
        schema="gateway",
    )
    op.create_index(
        op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False, schema="gateway"
    )
    op.create_table(
        "index_versions",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("index_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "view", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="public facts, as published"
        ),
        sa.PrimaryKeyConstraint("environment", "index_id", name=op.f("pk_index_versions")),
        schema="gateway",
    )
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("index_id", sa.Text(), nullable=False),
        sa.Column("index_version", sa.Integer(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("ceilings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("view", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="the plan as it was shown"),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_plans")),
        schema="gateway",
    )
    op.create_index(op.f("ix_plans_expires_at"), "plans", ["expires_at"], unique=False, schema="gateway")
    op.create_table(
        "position_deviations",
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column(
            "items",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="constituents outside their band, decimals as text",
        ),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position_id", name=op.f("pk_position_deviations")),
        schema="gateway",
    )
    op.create_table(
        "position_fills",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("exec_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("leg_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("fee", sa.Numeric(), nullable=False),
        sa.Column("fee_asset", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("venue_order_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "exec_id", name=op.f("pk_position_fills")),
        schema="gateway",
    )
    op.create_index(
        op.f("ix_position_fills_position_id"), "position_fills", ["position_id"], unique=False, schema="gateway"
    )
    op.create_table(
        "position_legs",
        sa.Column("leg_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("base_asset", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("target_weight", sa.Numeric(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("limit_price", sa.Numeric(), nullable=False),
        sa.Column("filled_quantity", sa.Numeric(), nullable=False),
        sa.Column("average_price", sa.Numeric(), nullable=True),
        sa.Column("notional", sa.Numeric(), nullable=False),
        sa.Column("fee", sa.Numeric(), nullable=False),
        sa.Column("fee_asset", sa.Text(), nullable=True),
        sa.Column("residual", sa.Numeric(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=True),
        sa.Column("venue_order_id", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("leg_id", name=op.f("pk_position_legs")),
        schema="gateway",
    )
    op.create_index(
        op.f("ix_position_legs_position_id"), "position_legs", ["position_id"], unique=False, schema="gateway"
    )
    op.create_table(
        "position_values",
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("cost", sa.Numeric(), nullable=False),
        sa.Column("realised", sa.Numeric(), nullable=False),
        sa.Column("unrealised", sa.Numeric(), nullable=False),
        sa.Column("pnl", sa.Numeric(), nullable=False),
        sa.Column("fees", sa.Numeric(), nullable=False),
        sa.Column(
            "holdings",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="one per coin, decimals as text",
        ),
        sa.Column("max_abs_drift", sa.Numeric(), nullable=False),
        sa.Column("turnover", sa.Numeric(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reconciled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position_id", name=op.f("pk_position_values")),
        schema="gateway",
    )
    op.create_table(
        "synthetic_positions",
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("index_id", sa.Text(), nullable=False),
        sa.Column("index_version", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=True),
        sa.Column(
            "reasons", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("blocked_reason", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), server_default="HOLD", nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("run_kind", sa.Text(), nullable=True),
        sa.Column("approved_amount", sa.Numeric(), nullable=False),
        sa.Column("invested", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("proceeds", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("commands", sa.Integer(), server_default="1", nullable=False, comment="commands published about it"),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "version", sa.Integer(), server_default="0", nullable=False, comment="of the newest event of execution"
        ),
        sa.PrimaryKeyConstraint("position_id", name=op.f("pk_synthetic_positions")),
        sa.UniqueConstraint("plan_id", name=op.f("uq_synthetic_positions_plan_id")),
        schema="gateway",
    )
    op.create_index(
        "ix_synthetic_positions_user_newest",
        "synthetic_positions",
        ["user_id", "created_at", "position_id"],
        unique=False,
        schema="gateway",
    )
