"""Ten legs, a slow venue, and a part killed with -9 in the middle: every leg is bought exactly once.

The kill comes from outside: a proxy on the venue's wire, or a trigger of this test in the database. Nothing in the
product knows that it is tested. Protocol times run at the printed scale; the receive window never does.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from kit.checker import check_position
from kit.mishap import MISHAPS
from kit.slow_venue import slow_venue
from kit.stage import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration]

SEEDS = tuple(range(5))
CASES = [
    pytest.param(name, seed, marks=[] if seed == 0 else pytest.mark.slow, id=f"{name}-{seed}")
    for name in MISHAPS
    for seed in SEEDS
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slow_stage(server_room: Path) -> AsyncIterator[Stage]:
    """The platform behind a proxy, with a venue that takes its time and prices that stand still."""
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=server_room))
    folder.chmod(0o755)
    async with slow_venue(folder) as stage:
        yield stage
    if not os.environ.get("BASKETRY_KEEP_STAGE"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("name", "seed"), CASES)
async def test_every_leg_is_bought_exactly_once(slow_stage: Stage, name: str, seed: int) -> None:
    chance = random.Random(f"{name}/{seed}")
    customer = await slow_stage.customer()
    mishap = MISHAPS[name](slow_stage, chance)
    async with mishap.armed(customer):
        position_id = await customer.buys("top-10", str(chance.randrange(600, 3000)))
        await asyncio.wait_for(mishap.happened.wait(), 45)
    assert 1 <= mishap.open_legs <= 9, f"{mishap.open_legs} legs were open at the kill"

    position = await customer.settled(position_id, timeout_s=90)

    books = await slow_stage.books()
    try:
        verdict = await check_position(books, await slow_stage.ledger(customer.uid), position_id)
    finally:
        await books.close()
    assert verdict.faults == []
    assert position["status"] == "ACTIVE"
    assert [leg["status"] for leg in position["legs"]] == ["FILLED"] * 10
    assert verdict.legs == verdict.orders == 10
