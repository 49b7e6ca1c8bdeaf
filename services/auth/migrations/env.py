from __future__ import annotations

from auth.outbound.postgres.tables import metadata
from shared.runtime.migrations import run

run(metadata, schema="auth")
