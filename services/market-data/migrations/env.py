from __future__ import annotations

from market_data.outbound.postgres.tables import metadata
from shared.runtime.migrations import run

run(metadata, schema="market_data")
