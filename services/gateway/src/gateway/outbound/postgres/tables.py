"""Tables of the schema `gateway`: accepted requests, what was answered, and the picture that events paint."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.runtime.database import NAMING
from shared.runtime.inbox import inbox_table
from shared.runtime.outbox import outbox_table

metadata = sa.MetaData(schema="gateway", naming_convention=NAMING)
MOMENT = sa.TIMESTAMP(timezone=True)


def _user() -> sa.Column[UUID]:
    """Every table with this column is protected: a transaction sees the rows of its own user only."""
    return sa.Column("user_id", sa.Uuid, nullable=False)


plans = sa.Table(
    "plans",
    metadata,
    sa.Column("plan_id", sa.Uuid, primary_key=True),
    _user(),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("index_id", sa.Text, nullable=False),
    sa.Column("index_version", sa.Integer, nullable=False),
    sa.Column("position_id", sa.Uuid),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("ceilings", JSONB, nullable=False),
    sa.Column("view", JSONB, nullable=False, comment="the plan as it was shown"),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("expires_at", MOMENT, nullable=False, index=True),
    sa.Column("executable", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("position_version", sa.Integer, comment="of the position that it was made for"),
    sa.Column("policy", sa.Text, nullable=False, server_default="HOLD"),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="hash of the request"),
    sa.Column("answer", JSONB, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False, index=True),
)

synthetic_positions = sa.Table(
    "synthetic_positions",
    metadata,
    sa.Column("position_id", sa.Uuid, primary_key=True),
    _user(),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("plan_id", sa.Uuid, unique=True),
    sa.Column("index_id", sa.Text, nullable=False),
    sa.Column("index_version", sa.Integer),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("complete", sa.Boolean),
    sa.Column("reasons", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")),
    sa.Column("blocked_reason", sa.Text),
    sa.Column("trading_paused", sa.Text, comment="why nothing trades on it by itself"),
    sa.Column("policy", sa.Text, nullable=False, server_default="HOLD"),
    sa.Column("run_id", sa.Uuid),
    sa.Column("run_kind", sa.Text),
    sa.Column("approved_amount", sa.Numeric, nullable=False),
    sa.Column("invested", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("proceeds", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("contributed", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("withdrawn", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("cash", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("commands", sa.Integer, nullable=False, server_default="1", comment="commands published about it"),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("updated_at", MOMENT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, server_default="0", comment="of the newest event of execution"),
    sa.Index("ix_synthetic_positions_user_newest", "user_id", "created_at", "position_id"),
    sa.Index("ix_synthetic_positions_pending", "created_at", postgresql_where=sa.text("status = 'PENDING'")),
)

close_requests = sa.Table(
    "close_requests",
    metadata,
    sa.Column("plan_id", sa.Uuid, primary_key=True),
    _user(),
    sa.Column("position_id", sa.Uuid, nullable=False, index=True),
    sa.Column("accepted_at", MOMENT, nullable=False),
    sa.Column("position_version", sa.Integer, nullable=False, server_default="0", comment="when it was taken"),
)

position_legs = sa.Table(
    "position_legs",
    metadata,
    sa.Column("leg_id", sa.Uuid, primary_key=True),
    _user(),
    sa.Column("position_id", sa.Uuid, nullable=False, index=True),
    sa.Column("run_id", sa.Uuid, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("base_asset", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("target_weight", sa.Numeric, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("limit_price", sa.Numeric, nullable=False),
    sa.Column("filled_quantity", sa.Numeric, nullable=False),
    sa.Column("average_price", sa.Numeric),
    sa.Column("notional", sa.Numeric, nullable=False),
    sa.Column("fee", sa.Numeric, nullable=False),
    sa.Column("fee_asset", sa.Text),
    sa.Column("residual", sa.Numeric, nullable=False),
    sa.Column("client_order_id", sa.Text),
    sa.Column("venue_order_id", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("arrival_price", sa.Numeric, comment="mid of the book when the plan was made"),
    sa.Index("ix_position_legs_attention", "position_id", postgresql_where=sa.text("status = 'NEEDS_ATTENTION'")),
)

position_fills = sa.Table(
    "position_fills",
    metadata,
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("exec_id", sa.Text, primary_key=True),
    _user(),
    sa.Column("position_id", sa.Uuid, nullable=False, index=True),
    sa.Column("leg_id", sa.Uuid, nullable=False),
    sa.Column("run_id", sa.Uuid, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("price", sa.Numeric, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("fee", sa.Numeric, nullable=False),
    sa.Column("fee_asset", sa.Text, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("client_order_id", sa.Text, nullable=False),
    sa.Column("venue_order_id", sa.Text, nullable=False),
    sa.Column("entry", sa.Integer, comment="which change of its coin in its position it made"),
)

position_releases = sa.Table(
    "position_releases",
    metadata,
    sa.Column("position_id", sa.Uuid, primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True, autoincrement=False, comment="which change of its coin it made"),
    _user(),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
)

position_values = sa.Table(
    "position_values",
    metadata,
    sa.Column("position_id", sa.Uuid, primary_key=True),
    _user(),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("value", sa.Numeric, nullable=False),
    sa.Column("cash", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("cost", sa.Numeric, nullable=False),
    sa.Column("realised", sa.Numeric, nullable=False),
    sa.Column("unrealised", sa.Numeric, nullable=False),
    sa.Column("pnl", sa.Numeric, nullable=False),
    sa.Column("fees", sa.Numeric, nullable=False),
    sa.Column("holdings", JSONB, nullable=False, comment="one per coin, decimals as text"),
    sa.Column("max_abs_drift", sa.Numeric, nullable=False),
    sa.Column("turnover", sa.Numeric, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("reconciled_at", MOMENT),
    sa.Column("version", sa.Integer, nullable=False),
)

position_deviations = sa.Table(
    "position_deviations",
    metadata,
    sa.Column("position_id", sa.Uuid, primary_key=True),
    _user(),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("items", JSONB, nullable=False, comment="constituents outside their band, decimals as text"),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

account_breaks = sa.Table(
    "account_breaks",
    metadata,
    sa.Column("break_id", sa.Uuid, primary_key=True),
    _user(),
    sa.Column("account_id", sa.Uuid, nullable=False, index=True),
    sa.Column("break_class", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

rebalancings = sa.Table(
    "rebalancings",
    metadata,
    sa.Column("position_id", sa.Uuid, primary_key=True),
    _user(),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("absolute_band", sa.Numeric, nullable=False),
    sa.Column("relative_band", sa.Numeric, nullable=False),
    sa.Column("calendar", sa.Text, nullable=False),
    sa.Column("cooldown_s", sa.Integer, nullable=False),
    sa.Column("buy_only", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("plan_id", sa.Uuid),
    sa.Column("position_version", sa.Integer, comment="of the position that the suggestion was made for"),
    sa.Column("noted_at", MOMENT),
    sa.Column("last_at", MOMENT, comment="when the last rebalance was ordered"),
    sa.Column("dated_from", MOMENT, nullable=False, comment="periods of the calendar begun until then are done"),
    sa.Column("seen_version", sa.Integer, nullable=False, comment="of the index, with nothing to trade"),
    sa.Column("left_out_at", MOMENT, comment="when a plan last found that no coin left out can be bought"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0", comment="unused; to be dropped"),
    sa.Column("version", sa.Integer, nullable=False, comment="counts its events"),
    sa.Column("check_at", MOMENT, nullable=False),
    sa.Column("leased_until", MOMENT),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0", comment="of the replica that looks at it"),
    sa.Index("ix_rebalancings_due", "check_at", postgresql_where=sa.text("mode <> 'manual'")),
)

activity = sa.Table(
    "activity",
    metadata,
    sa.Column("event_id", sa.Uuid, primary_key=True),
    _user(),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("position_id", sa.Uuid),
    sa.Column("account_id", sa.Uuid),
    sa.Index("ix_activity_user_newest", "user_id", "at", "event_id"),
)

index_versions = sa.Table(
    "index_versions",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("index_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("view", JSONB, nullable=False, comment="public facts, as published"),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("stream", sa.Text, primary_key=True, comment="where the message came from"),
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("body", sa.Text),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("received_at", MOMENT, nullable=False),
)

inbox = inbox_table(metadata)
outbox = outbox_table(metadata)

OWN_ROWS = (
    plans,
    idempotency_keys,
    synthetic_positions,
    close_requests,
    position_legs,
    position_fills,
    position_releases,
    position_values,
    position_deviations,
    account_breaks,
    rebalancings,
    activity,
)
"""The tables that hold users' rows: protected, one by one, by the migration."""
