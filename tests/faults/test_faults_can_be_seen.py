"""The fault tests can fail: with the resolver taken out of a throw-away copy, a buy does not come to its end."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from kit.mishap import IntentCommitted
from kit.slow_venue import slow_venue

from basketry_local.launchers import FreshInterpreters
from basketry_local.layout import project_root

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

NO_RESOLVER = """

async def _nothing(self, lease, *, ask_now=(), busy=(), listening=True):
    return set(ask_now) - set(busy), IDLE


ResolveUnknown.execute = _nothing
"""


def without_resolver(room: Path) -> Path:
    """A copy of execution's sources whose resolver answers and does nothing."""
    copy = room / "src"
    shutil.copytree(project_root() / "services" / "execution" / "src", copy)
    with (copy / "execution" / "application" / "resolve_unknown.py").open("a", encoding="utf-8") as module:
        module.write(NO_RESOLVER)
    return copy


async def test_without_the_resolver_the_buy_never_settles(server_room: Path, tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=server_room))
    folder.chmod(0o755)
    settings = {"PYTHONPATH": str(without_resolver(tmp_path))}
    async with slow_venue(folder, settings=settings, launcher=FreshInterpreters()) as stage:
        customer = await stage.customer()
        mishap = IntentCommitted(stage, random.Random(0))
        async with mishap.armed(customer):
            position_id = await customer.buys("top-10", "1000")
            await asyncio.wait_for(mishap.happened.wait(), 45)
        with pytest.raises(AssertionError, match="EXECUTING"):
            await customer.settled(position_id, timeout_s=30)
