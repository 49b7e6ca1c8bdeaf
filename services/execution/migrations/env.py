from __future__ import annotations

from execution.outbound.postgres.tables import metadata
from shared.runtime.migrations import run

run(metadata, schema="execution")
