from __future__ import annotations

from market_data.outbound.postgres.own_tables import metadata
from shared.runtime.migrations import run

run(metadata, schema="market_data")
