from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.runtime.migrations import create_outbox, protect

revision = "20261120_1445"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "keys"
# Plans live for minutes: after a month neither they nor their orders could be signed again.
PRUNE = """
create function keys.prune() returns bigint language sql security definer set search_path = '' as $$
    with orders as (
        delete from keys.signed_orders where signed_at < now() - interval '30 days' returning 1
    ), ceilings as (
        delete from keys.plan_ceilings where expires_at < now() - interval '30 days' returning 1
    )
    select (select count(*) from orders) + (select count(*) from ceilings)
$$
"""


def upgrade() -> None:
    _create_tables()
    create_outbox(op, SCHEMA)
    protect(op, SCHEMA, "venue_keys")
    protect(op, SCHEMA, "audit", append_only=True)
    # What was signed stays signed; a key's row stays as its tombstone.
    op.execute('revoke update, delete, truncate on "keys"."signed_orders" from "keys"')
    op.execute(
        'revoke delete, truncate on "keys"."venue_keys", "keys"."venue_accounts", "keys"."plan_ceilings" from "keys"'
    )
    op.execute(PRUNE)
    op.execute('revoke all on function "keys"."prune"() from public')
    op.execute('grant execute on function "keys"."prune"() to "keys"')


def downgrade() -> None:
    raise NotImplementedError("the first revision is not taken back")


def _create_tables() -> None:
    op.create_table(
        "audit",
        sa.Column("key_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("link_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("payload_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("previous", postgresql.BYTEA(), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "seq", name=op.f("pk_audit")),
        schema="keys",
    )
    op.create_index(
        "ix_audit_last_use",
        "audit",
        ["key_id", "seq"],
        unique=False,
        schema="keys",
        postgresql_where=sa.text("outcome = 'done' and action in ('sign', 'sign_stream')"),
    )
    op.create_table(
        "egress_slots",
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leased", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_egress_slots")),
        schema="keys",
    )
    op.create_table(
        "plan_ceilings",
        sa.Column("key_id", sa.UUID(), nullable=False),
        sa.Column("position_tail", sa.Text(), nullable=False),
        sa.Column("run_tail", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "approved_amount",
            sa.Numeric(),
            nullable=True,
            comment="of the whole run, the same in all its rows; null when it sells",
        ),
        sa.Column("max_quantity", sa.Numeric(), nullable=False),
        sa.Column("max_notional", sa.Numeric(), nullable=False),
        sa.Column("limit_price", sa.Numeric(), nullable=True),
        sa.Column("signed_quantity", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("signed_notional", sa.Numeric(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "side = 'Sell' or signed_notional <= max_notional", name=op.f("ck_plan_ceilings_notional_within")
        ),
        sa.CheckConstraint(
            "side = 'Sell' or signed_notional <= approved_amount", name=op.f("ck_plan_ceilings_amount_within")
        ),
        sa.CheckConstraint("signed_quantity <= max_quantity", name=op.f("ck_plan_ceilings_quantity_within")),
        sa.PrimaryKeyConstraint("key_id", "position_tail", "run_tail", "symbol", "side", name=op.f("pk_plan_ceilings")),
        schema="keys",
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_plan_ceilings_expires_at", "plan_ceilings", ["expires_at"], unique=False, schema="keys")
    op.create_table(
        "rate_windows",
        sa.Column("account_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("taken_ms", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("taken_units", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("asked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("account_hash", "bucket", name=op.f("pk_rate_windows")),
        schema="keys",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "signed_orders",
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.UUID(), nullable=False),
        sa.Column("fingerprint", postgresql.BYTEA(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("signed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_signed_orders")),
        schema="keys",
    )
    op.create_index("ix_signed_orders_signed_at", "signed_orders", ["signed_at"], unique=False, schema="keys")
    op.create_table(
        "venue_accounts",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("account_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("key_id", sa.UUID(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column(
            "check_due_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now() + interval '1 day'"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("environment", "account_hash", name=op.f("pk_venue_accounts")),
        sa.UniqueConstraint("key_id", name=op.f("uq_venue_accounts_key_id")),
        schema="keys",
    )
    op.create_index(
        "ix_venue_accounts_check_due_at",
        "venue_accounts",
        ["check_due_at"],
        unique=False,
        schema="keys",
        postgresql_where=sa.text("not released"),
    )
    op.create_table(
        "venue_keys",
        sa.Column("key_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("account_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("venue_uid", sa.Text(), nullable=False),
        sa.Column("permissions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("permissions_known", sa.Boolean(), nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("ips", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("master", sa.Boolean(), nullable=True),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("warnings", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("checked_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kek_version", sa.Integer(), nullable=True, comment="null once deleted"),
        sa.Column(
            "wrapped_data_key",
            postgresql.BYTEA(),
            nullable=True,
            comment="null once deleted: nothing can be read again",
        ),
        sa.Column("sealed_api_key", postgresql.BYTEA(), nullable=True),
        sa.Column("sealed_api_secret", postgresql.BYTEA(), nullable=True),
        sa.CheckConstraint(
            "(status = 'deleted') = (num_nonnulls(kek_version, wrapped_data_key, sealed_api_key, sealed_api_secret) = 0) and num_nonnulls(kek_version, wrapped_data_key, sealed_api_key, sealed_api_secret) in (0, 4)",
            name=op.f("ck_venue_keys_sealed_unless_deleted"),
        ),
        sa.CheckConstraint("status in ('active', 'suspended', 'deleted')", name=op.f("ck_venue_keys_status_known")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_venue_keys")),
        schema="keys",
    )
    op.create_index("ix_venue_keys_kek_version", "venue_keys", ["kek_version"], unique=False, schema="keys")
    op.create_index("ix_venue_keys_user_id", "venue_keys", ["user_id", "created_at"], unique=False, schema="keys")
