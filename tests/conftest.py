"""Fixtures of the tests that cross services: one running platform a module."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from kit.stage import Stage, running_stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(request: pytest.FixtureRequest, server_room: Path) -> AsyncIterator[Stage]:
    """Everything up, with the settings of a developer's machine and those that the module names `STAGE_SETTINGS`."""
    folder = Path(tempfile.mkdtemp(prefix="stage-", dir=server_room))
    folder.chmod(0o755)
    async with running_stage(folder, settings=getattr(request.module, "STAGE_SETTINGS", None)) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)
