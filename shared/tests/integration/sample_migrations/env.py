"""The tables that every service has, and one of users' rows: for whichever schema's owner runs it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context
from sqlalchemy.engine import make_url

from shared.runtime.database import NAMING
from shared.runtime.inbox import inbox_table
from shared.runtime.leases import lease_table
from shared.runtime.migrations import run
from shared.runtime.outbox import outbox_table

schema = str(make_url(context.config.attributes["dsn"]).username).removesuffix("_owner")
metadata = sa.MetaData(schema=schema, naming_convention=NAMING)
outbox_table(metadata)
inbox_table(metadata)
lease_table(metadata)
for name in ("note", "audit"):
    sa.Table(name, metadata, sa.Column("id", sa.Uuid, primary_key=True), sa.Column("user_id", sa.Uuid, nullable=False))
run(metadata, schema=schema)
