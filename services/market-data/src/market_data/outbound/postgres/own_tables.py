"""Tables of schema `market_data` in database `user_data`: users' own indices, under row-level security."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from market_data.outbound.postgres.version_tables import SCHEMA, version_tables
from shared.runtime.database import NAMING
from shared.runtime.outbox import outbox_table

metadata = sa.MetaData(schema=SCHEMA, naming_convention=NAMING)

own = version_tables(metadata, owned=True)

own_index = sa.Table(
    "own_index",
    metadata,
    sa.Column("index_id", sa.Text, primary_key=True),
    sa.Column("user_id", PG_UUID(as_uuid=True), nullable=False, index=True),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("deleted_at", TIMESTAMP(timezone=True)),
)

agenda = sa.Table(
    "agenda",
    metadata,
    sa.Column("index_id", sa.Text, primary_key=True),
    sa.Column("user_id", PG_UUID(as_uuid=True), nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Ids only, so no row-level security: which indices want reconstitution and levels, and whose they are."""

outbox = outbox_table(metadata)
