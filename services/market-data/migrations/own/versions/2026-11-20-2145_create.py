"""Users' own indices: versions, levels, outbox, under row-level security.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from shared.runtime.migrations import create_outbox, protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "market_data"
VERSION = ("environment", "index_id", "version")


def upgrade() -> None:
    _own_index()
    _versions()
    _levels()
    for table in ("own_index", "level_base", "level_point"):
        protect(op, SCHEMA, table)
    for table in ("index_version", "constituent", "exclusion"):
        # A published version never changes: not by a mistake either.
        protect(op, SCHEMA, table, append_only=True)
    create_outbox(op, SCHEMA)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only")


def _own_index() -> None:
    op.create_table(
        "own_index",
        sa.Column("index_id", sa.Text, nullable=False),
        sa.Column("user_id", PG_UUID(as_uuid=True), nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("deleted_at", TIMESTAMP(timezone=True)),
        sa.PrimaryKeyConstraint("index_id", name="pk_own_index"),
        schema=SCHEMA,
    )
    op.create_index("ix_own_index_user_id", "own_index", ["user_id"], schema=SCHEMA)
    # Ids only, so no row-level security: who is due is found without asking every user.
    op.create_table(
        "agenda",
        sa.Column("index_id", sa.Text, nullable=False),
        sa.Column("user_id", PG_UUID(as_uuid=True), nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("index_id", name="pk_agenda"),
        schema=SCHEMA,
    )


def _versions() -> None:
    op.create_table(
        "index_version",
        *_key(version=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("weighting", sa.Text, nullable=False),
        sa.Column("weight_cap", sa.Numeric, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("as_of", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("rules", JSONB, comment="in full; decimals as text"),
        sa.Column("reason", sa.Text, nullable=False, server_default="scheduled"),
        sa.PrimaryKeyConstraint(*VERSION, name="pk_index_version"),
        sa.CheckConstraint("version > 0", name="ck_index_version_counts"),
        schema=SCHEMA,
    )
    op.create_table(
        "constituent",
        *_key(version=True),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("market_cap", sa.Numeric, nullable=False),
        sa.Column("price", sa.Numeric, nullable=False),
        sa.Column("weight", sa.Numeric, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("volume", sa.Numeric),
        sa.PrimaryKeyConstraint(*VERSION, "symbol", name="pk_constituent"),
        _to_version("constituent"),
        sa.CheckConstraint("weight > 0 and weight <= 1", name="ck_constituent_weight"),
        schema=SCHEMA,
    )
    op.create_table(
        "exclusion",
        *_key(version=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(*VERSION, "place", name="pk_exclusion"),
        _to_version("exclusion"),
        schema=SCHEMA,
    )


def _levels() -> None:
    op.create_table(
        "level_base",
        *_key(version=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("level", sa.Numeric, nullable=False),
        sa.Column("coins", JSONB, nullable=False, comment="symbol: weight, first price, last price; as text"),
        sa.PrimaryKeyConstraint("environment", "index_id", name="pk_level_base"),
        schema=SCHEMA,
    )
    op.create_table(
        "level_point",
        *_key(version=False),
        sa.Column("at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("level", sa.Numeric, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("stale", JSONB, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("environment", "index_id", "at", name="pk_level_point"),
        schema=SCHEMA,
    )


def _key(*, version: bool) -> tuple[sa.Column, ...]:
    numbered = (sa.Column("version", sa.Integer, nullable=False),) if version else ()
    return (
        sa.Column("user_id", PG_UUID(as_uuid=True), nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("index_id", sa.Text, nullable=False),
        *numbered,
    )


def _to_version(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        VERSION,
        [f"{SCHEMA}.index_version.{column}" for column in VERSION],
        name=f"fk_{table}_version",
    )
