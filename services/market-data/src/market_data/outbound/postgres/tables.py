"""Tables of schema `market_data` in database `market_data`: public facts, no user's data."""

from __future__ import annotations

import sqlalchemy as sa

from market_data.outbound.postgres.version_tables import SCHEMA, version_tables
from shared.runtime.database import NAMING
from shared.runtime.leases import lease_table
from shared.runtime.outbox import outbox_table

metadata = sa.MetaData(schema=SCHEMA, naming_convention=NAMING)

public = version_tables(metadata, owned=False)
outbox = outbox_table(metadata)
lease = lease_table(metadata)
