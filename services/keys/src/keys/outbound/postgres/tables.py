"""The tables of keys. What has a `user_id` is under row-level security, but for `venue_accounts`: ids only."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from shared.runtime.database import NAMING
from shared.runtime.outbox import outbox_table

SCHEMA = "keys"
metadata = sa.MetaData(schema=SCHEMA, naming_convention=NAMING)

_UUID = PG_UUID(as_uuid=True)
_MOMENT = TIMESTAMP(timezone=True)
_TEXTS = ARRAY(sa.Text)

venue_keys = sa.Table(
    "venue_keys",
    metadata,
    sa.Column("key_id", _UUID, primary_key=True),
    sa.Column("user_id", _UUID, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("account_hash", BYTEA, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("venue_uid", sa.Text, nullable=False),
    sa.Column("permissions", JSONB, nullable=False),
    sa.Column("permissions_known", sa.Boolean, nullable=False),
    sa.Column("read_only", sa.Boolean, nullable=False),
    sa.Column("ips", _TEXTS, nullable=False),
    sa.Column("master", sa.Boolean),
    sa.Column("expires_at", _MOMENT),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_reason", sa.Text),
    sa.Column("warnings", _TEXTS, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("checked_at", _MOMENT, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kek_version", sa.Integer, comment="null once deleted"),
    sa.Column("wrapped_data_key", BYTEA, comment="null once deleted: nothing can be read again"),
    sa.Column("sealed_api_key", BYTEA),
    sa.Column("sealed_api_secret", BYTEA),
    sa.Column("kind", sa.Text, nullable=False, server_default="hmac", comment="how it signs: hmac or rsa"),
    sa.CheckConstraint("kind in ('hmac', 'rsa')", name="kind_known"),
    sa.CheckConstraint("status in ('active', 'suspended', 'deleted')", name="status_known"),
    sa.CheckConstraint(
        "(status = 'deleted') = (num_nonnulls(kek_version, wrapped_data_key, sealed_api_key, sealed_api_secret) = 0)"
        " and num_nonnulls(kek_version, wrapped_data_key, sealed_api_key, sealed_api_secret) in (0, 4)",
        name="sealed_unless_deleted",
    ),
    sa.Index("ix_venue_keys_user_id", "user_id", "created_at"),
    sa.Index("ix_venue_keys_kek_version", "kek_version"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("key_id", _UUID, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("user_id", _UUID, nullable=False),
    sa.Column("at", _MOMENT, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("link_ids", _TEXTS, nullable=False),
    sa.Column("payload_hash", BYTEA, nullable=False),
    sa.Column("previous", BYTEA, nullable=False),
    sa.Column("seal", BYTEA, nullable=False),
    # When a key was last used is read from here: a column of its own would be written at every signature.
    sa.Index(
        "ix_audit_last_use",
        "key_id",
        "seq",
        postgresql_where=sa.text("outcome = 'done' and action in ('sign', 'sign_stream')"),
    ),
)

venue_accounts = sa.Table(
    "venue_accounts",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("account_hash", BYTEA, primary_key=True),
    sa.Column("user_id", _UUID, nullable=False),
    sa.Column("key_id", _UUID, nullable=False, unique=True),
    sa.Column("released", sa.Boolean, nullable=False),
    sa.Column("check_due_at", _MOMENT, nullable=False, server_default=sa.text("now() + interval '1 day'")),
    sa.Index("ix_venue_accounts_check_due_at", "check_due_at", postgresql_where=sa.text("not released")),
)

plan_ceilings = sa.Table(
    "plan_ceilings",
    metadata,
    sa.Column("key_id", _UUID, primary_key=True),
    sa.Column("position_tail", sa.Text, primary_key=True),
    sa.Column("run_tail", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("expires_at", _MOMENT, nullable=False),
    sa.Column("approved_amount", sa.Numeric, comment="of the whole run, the same in all its rows; null when it sells"),
    sa.Column("max_quantity", sa.Numeric, nullable=False),
    sa.Column("max_notional", sa.Numeric, nullable=False),
    sa.Column("limit_price", sa.Numeric),
    sa.Column("reference_price", sa.Numeric, comment="what the plan showed; its age counts from priced_at"),
    sa.Column("priced_at", _MOMENT),
    sa.Column(
        "retries",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="a new attempt may take the place of the one before it",
    ),
    sa.Column("signed_quantity", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("signed_notional", sa.Numeric, nullable=False, server_default="0"),
    # The second line of defence: whatever the code believes, the database never counts beyond the approval.
    sa.CheckConstraint("signed_quantity <= max_quantity", name="quantity_within"),
    sa.CheckConstraint("side = 'Sell' or signed_notional <= max_notional", name="notional_within"),
    sa.CheckConstraint("side = 'Sell' or signed_notional <= approved_amount", name="amount_within"),
    sa.Index("ix_plan_ceilings_expires_at", "expires_at"),
    postgresql_with={"fillfactor": "70"},
)

signed_orders = sa.Table(
    "signed_orders",
    metadata,
    sa.Column("link_id", sa.Text, primary_key=True),
    sa.Column("key_id", _UUID, nullable=False),
    sa.Column("fingerprint", BYTEA, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("price", sa.Numeric, nullable=False),
    sa.Column("signed_at", _MOMENT, nullable=False, server_default=sa.func.now()),
    sa.Index("ix_signed_orders_signed_at", "signed_at"),
)

rate_windows = sa.Table(
    "rate_windows",
    metadata,
    sa.Column("account_hash", BYTEA, primary_key=True),
    sa.Column("bucket", sa.Text, primary_key=True),
    sa.Column("taken_ms", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("taken_units", ARRAY(sa.Integer), nullable=False),
    sa.Column("asked", JSONB, nullable=False),
    postgresql_with={"fillfactor": "50"},
)

egress_slots = sa.Table(
    "egress_slots",
    metadata,
    sa.Column("slot", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("leased", sa.Integer, nullable=False),
)

key_pairs = sa.Table(
    "key_pairs",
    metadata,
    sa.Column("pair_id", _UUID, primary_key=True),
    sa.Column("user_id", _UUID, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("public_key", sa.Text, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("expires_at", _MOMENT, nullable=False),
    sa.Column("kek_version", sa.Integer, nullable=False),
    sa.Column("wrapped_data_key", BYTEA, nullable=False),
    sa.Column("sealed_private_key", BYTEA, nullable=False),
    sa.Index("ix_key_pairs_user_id", "user_id", "created_at"),
    sa.Index("ix_key_pairs_expires_at", "expires_at"),
)

_OWN_LIMITS = ("order_max", "hour_max", "day_max", "slippage_bps_max", "price_age_s_max")

user_limits = sa.Table(
    "user_limits",
    metadata,
    sa.Column("user_id", _UUID, primary_key=True),
    sa.Column("environment", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Numeric) for name in _OWN_LIMITS),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("changed_at", _MOMENT, nullable=False),
)

platform_limits = sa.Table(
    "platform_limits",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Numeric, nullable=False) for name in (*_OWN_LIMITS, "total_hour_max", "total_day_max")),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("changed_at", _MOMENT, nullable=False),
    sa.Column("changed_by", _UUID, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

halts = sa.Table(
    "halts",
    metadata,
    sa.Column("halt_id", _UUID, primary_key=True),
    sa.Column("user_id", _UUID, comment="null: everybody"),
    sa.Column("symbol", sa.Text, comment="null: all"),
    sa.Column("environment", sa.Text, comment="null: everywhere"),
    sa.Column("extent", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by_operator", sa.Boolean, nullable=False),
    sa.Column("raised_by", _UUID, nullable=False),
    sa.Column("raised_at", _MOMENT, nullable=False),
    sa.Column("released_by", _UUID),
    sa.Column("released_at", _MOMENT),
    sa.Column("release_reason", sa.Text),
    sa.CheckConstraint("extent in ('opening', 'all')", name="extent_known"),
    sa.CheckConstraint("(released_at is null) = (released_by is null)", name="released_by_somebody"),
    # Read at every signature: on most days there is nothing in it.
    sa.Index("ix_halts_standing", "user_id", postgresql_where=sa.text("released_at is null")),
)

spending = sa.Table(
    "spending",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True, comment="user:<id>, account:<hash> or platform"),
    sa.Column("slots", ARRAY(sa.BigInteger), nullable=False, comment="five minutes each, since the epoch"),
    sa.Column("amounts", ARRAY(sa.Numeric), nullable=False, comment="quote units signed to open, one for each slot"),
    postgresql_with={"fillfactor": "50"},
)

outbox = outbox_table(metadata)
