from __future__ import annotations

from keys.outbound.postgres.tables import SCHEMA, metadata
from shared.runtime.migrations import run

run(metadata, schema=SCHEMA)
