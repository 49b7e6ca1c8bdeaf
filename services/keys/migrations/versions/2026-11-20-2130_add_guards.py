"""Guards: limits of users and of the platform, halts, what was opened in the last day, and the plan's own prices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.runtime.migrations import protect

revision = "20261120_2130"
down_revision = "20261120_1830"
branch_labels = None
depends_on = None

SCHEMA = "keys"
_LIMITS = ("order_max", "hour_max", "day_max", "slippage_bps_max", "price_age_s_max")
# Operators see whose trading stands still; a service's transaction sees one user's rows and those of everybody.
STANDING = """
create function keys.standing_halts() returns setof keys.halts language sql stable security definer set search_path = '' as $$
    select * from keys.halts where released_at is null order by raised_at, halt_id
$$
"""
_SEEN = "user_id is null or user_id = nullif(current_setting('app.user_id', true), '')::uuid"


def upgrade() -> None:
    _plan_prices()
    _limits()
    _halts()
    _spending()
    protect(op, SCHEMA, "user_limits")
    op.execute(
        'revoke delete, truncate on "keys"."user_limits", "keys"."platform_limits", "keys"."halts", "keys"."spending" from "keys"'
    )


def downgrade() -> None:
    raise NotImplementedError("limits and halts would be forgotten")


def _plan_prices() -> None:
    op.add_column(
        "plan_ceilings",
        sa.Column("reference_price", sa.Numeric(), comment="what the plan showed; its age counts from priced_at"),
        schema=SCHEMA,
    )
    op.add_column("plan_ceilings", sa.Column("priced_at", postgresql.TIMESTAMP(timezone=True)), schema=SCHEMA)


def _limits() -> None:
    op.create_table(
        "user_limits",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Numeric()) for name in _LIMITS),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "environment", name=op.f("pk_user_limits")),
        schema=SCHEMA,
    )
    op.create_table(
        "platform_limits",
        sa.Column("environment", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Numeric(), nullable=False) for name in (*_LIMITS, "total_hour_max", "total_day_max")),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.UUID(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("environment", name=op.f("pk_platform_limits")),
        schema=SCHEMA,
    )


def _halts() -> None:
    op.create_table(
        "halts",
        sa.Column("halt_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), comment="null: everybody"),
        sa.Column("symbol", sa.Text(), comment="null: all"),
        sa.Column("environment", sa.Text(), comment="null: everywhere"),
        sa.Column("extent", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_operator", sa.Boolean(), nullable=False),
        sa.Column("raised_by", sa.UUID(), nullable=False),
        sa.Column("raised_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("released_by", sa.UUID()),
        sa.Column("released_at", postgresql.TIMESTAMP(timezone=True)),
        sa.Column("release_reason", sa.Text()),
        sa.CheckConstraint("extent in ('opening', 'all')", name=op.f("ck_halts_extent_known")),
        sa.CheckConstraint("(released_at is null) = (released_by is null)", name=op.f("ck_halts_released_by_somebody")),
        sa.PrimaryKeyConstraint("halt_id", name=op.f("pk_halts")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_halts_standing", "halts", ["user_id"], schema=SCHEMA, postgresql_where=sa.text("released_at is null")
    )
    for action in ("enable", "force"):
        op.execute(f'alter table "keys"."halts" {action} row level security')
    op.execute(f'create policy seen_rows on "keys"."halts" for all to public using ({_SEEN}) with check ({_SEEN})')
    op.execute('create policy standing_rows on "keys"."halts" for select to "keys_owner" using (released_at is null)')
    op.execute(STANDING)
    op.execute('revoke all on function "keys"."standing_halts"() from public')
    op.execute('grant execute on function "keys"."standing_halts"() to "keys"')


def _spending() -> None:
    op.create_table(
        "spending",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False, comment="user:<id>, account:<hash> or platform"),
        sa.Column(
            "slots", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="five minutes each, since the epoch"
        ),
        sa.Column(
            "amounts",
            postgresql.ARRAY(sa.Numeric()),
            nullable=False,
            comment="quote units signed to open, one for each slot",
        ),
        sa.PrimaryKeyConstraint("environment", "scope", name=op.f("pk_spending")),
        schema=SCHEMA,
        postgresql_with={"fillfactor": "50"},
    )
