"""Index versions, outbox and leases.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from shared.runtime.migrations import create_leases, create_outbox

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "market_data"
VERSION = ("environment", "index_id", "version")


def upgrade() -> None:
    op.create_table(
        "index_version",
        *_version_columns(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("weighting", sa.Text, nullable=False),
        sa.Column("weight_cap", sa.Numeric, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("as_of", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(*VERSION, name="pk_index_version"),
        sa.CheckConstraint("version > 0", name="ck_index_version_counts"),
        schema=SCHEMA,
    )
    op.create_table(
        "constituent",
        *_version_columns(),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("market_cap", sa.Numeric, nullable=False),
        sa.Column("price", sa.Numeric, nullable=False),
        sa.Column("weight", sa.Numeric, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint(*VERSION, "symbol", name="pk_constituent"),
        _to_version("constituent"),
        sa.CheckConstraint("weight > 0 and weight <= 1", name="ck_constituent_weight"),
        schema=SCHEMA,
    )
    op.create_table(
        "exclusion",
        *_version_columns(),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(*VERSION, "place", name="pk_exclusion"),
        _to_version("exclusion"),
        schema=SCHEMA,
    )
    for table in ("index_version", "constituent", "exclusion"):
        # A published version never changes: not by a mistake either.
        op.execute(f"revoke update, delete, truncate on {SCHEMA}.{table} from {SCHEMA}")
    create_outbox(op, SCHEMA)
    create_leases(op, SCHEMA)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only")


def _version_columns() -> tuple[sa.Column, ...]:
    return (
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("index_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )


def _to_version(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        VERSION,
        [f"{SCHEMA}.index_version.{column}" for column in VERSION],
        name=f"fk_{table}_version",
    )
