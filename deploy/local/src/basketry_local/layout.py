"""Where things stand in this checkout."""

from __future__ import annotations

import os
from pathlib import Path

from shared.runtime.provisioning import SCHEMAS


def project_root() -> Path:
    """The folder with `pyproject.toml`; `./basketry` passes it in BASKETRY_ROOT."""
    given = os.environ.get("BASKETRY_ROOT")
    return Path(given) if given else Path(__file__).resolve().parents[4]


def migrations_folder(service: str) -> Path:
    """A service's migration scripts."""
    return project_root() / "services" / service.replace("_", "-") / "migrations"


def services_with_migrations() -> tuple[str, ...]:
    """The services that have tables."""
    return tuple(schema.service for schema in SCHEMAS if (migrations_folder(schema.service) / "env.py").exists())
