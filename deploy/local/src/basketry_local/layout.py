"""Where things stand in this checkout."""

from __future__ import annotations

import os
from pathlib import Path


def project_root() -> Path:
    """The folder with `pyproject.toml`; `./basketry` passes it in BASKETRY_ROOT."""
    given = os.environ.get("BASKETRY_ROOT")
    return Path(given) if given else Path(__file__).resolve().parents[4]


def migrations_folder(service: str, name: str = "migrations") -> Path:
    """A service's migration scripts; one that lives in two databases has a second history under another name."""
    return project_root() / "services" / service.replace("_", "-") / name
