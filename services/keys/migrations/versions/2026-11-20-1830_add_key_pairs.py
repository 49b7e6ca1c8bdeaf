"""Key pairs made by us, and how a stored key signs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.runtime.migrations import protect

revision = "20261120_1830"
down_revision = "20261120_1445"
branch_labels = None
depends_on = None

SCHEMA = "keys"
# A pair that nobody completed is destroyed with its private key, whoever's it is.
PRUNE = """
create or replace function keys.prune() returns bigint language sql security definer set search_path = '' as $$
    with orders as (
        delete from keys.signed_orders where signed_at < now() - interval '30 days' returning 1
    ), ceilings as (
        delete from keys.plan_ceilings where expires_at < now() - interval '30 days' returning 1
    ), pairs as (
        delete from keys.key_pairs where expires_at < now() returning 1
    )
    select (select count(*) from orders) + (select count(*) from ceilings) + (select count(*) from pairs)
$$
"""


def upgrade() -> None:
    _how_a_key_signs()
    _key_pairs()
    protect(op, SCHEMA, "key_pairs")
    op.execute('revoke update, truncate on "keys"."key_pairs" from "keys"')
    # Row-level security binds the owner too: it sees what has expired, and nothing else.
    op.execute('create policy expired_rows on "keys"."key_pairs" for all to "keys_owner" using (expires_at < now())')
    op.execute(PRUNE)


def downgrade() -> None:
    raise NotImplementedError("keys that sign with RSA would be lost")


def _how_a_key_signs() -> None:
    op.add_column(
        "venue_keys",
        sa.Column("kind", sa.Text(), server_default="hmac", nullable=False, comment="how it signs: hmac or rsa"),
        schema=SCHEMA,
    )
    op.create_check_constraint(op.f("ck_venue_keys_kind_known"), "venue_keys", "kind in ('hmac', 'rsa')", schema=SCHEMA)


def _key_pairs() -> None:
    op.create_table(
        "key_pairs",
        sa.Column("pair_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("kek_version", sa.Integer(), nullable=False),
        sa.Column("wrapped_data_key", postgresql.BYTEA(), nullable=False),
        sa.Column("sealed_private_key", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("pair_id", name=op.f("pk_key_pairs")),
        schema=SCHEMA,
    )
    op.create_index("ix_key_pairs_user_id", "key_pairs", ["user_id", "created_at"], schema=SCHEMA)
    op.create_index("ix_key_pairs_expires_at", "key_pairs", ["expires_at"], schema=SCHEMA)
