"""Tables of schema `market_data`: public facts, no user's data."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP

from shared.runtime.database import NAMING
from shared.runtime.leases import lease_table
from shared.runtime.outbox import outbox_table

metadata = sa.MetaData(schema="market_data", naming_convention=NAMING)

VERSION = ("environment", "index_id", "version")


def _version_columns() -> tuple[sa.Column[str], sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("environment", sa.Text, primary_key=True),
        sa.Column("index_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    )


def _to_version(table: str) -> sa.ForeignKeyConstraint:
    columns = [f"market_data.index_version.{column}" for column in VERSION]
    return sa.ForeignKeyConstraint(VERSION, columns, name=f"fk_{table}_version")


index_version = sa.Table(
    "index_version",
    metadata,
    *_version_columns(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("weighting", sa.Text, nullable=False),
    sa.Column("weight_cap", sa.Numeric, nullable=False),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("as_of", TIMESTAMP(timezone=True), nullable=False),
)

constituent = sa.Table(
    "constituent",
    metadata,
    *_version_columns(),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("market_cap", sa.Numeric, nullable=False),
    sa.Column("price", sa.Numeric, nullable=False),
    sa.Column("weight", sa.Numeric, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    _to_version("constituent"),
)

exclusion = sa.Table(
    "exclusion",
    metadata,
    *_version_columns(),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    _to_version("exclusion"),
)

outbox = outbox_table(metadata)
lease = lease_table(metadata)
