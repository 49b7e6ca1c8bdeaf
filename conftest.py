"""Every suite may ask for the real servers; they start at the first test that does."""

from __future__ import annotations

import shared as shared  # noqa: PLC0414 - first, else pytest takes the folder of the same name for the package

pytest_plugins = ["basketry_local.testing.plugin"]
