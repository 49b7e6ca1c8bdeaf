"""COMPLETE under `kill -9`: execution dies with the second attempt of a leg committed and its answer unread.

The book of one coin is so thin that its leg fills at a later attempt only. Protocol times run at the printed scale,
small enough that the time for which a rest is tried again outlasts the restart many times over.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from kit.checker import check_position
from kit.mishap_retry import SecondAttemptKilled
from kit.proxy import Step
from kit.slow_venue import slow_venue
from kit.stage import Customer, Stage

from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(240)]
D = Decimal
SETTINGS = {"EXECUTION_TIMES_SCALE": "2", "EXECUTION_BATCH_SIZE": "10"}
SYMBOL, DEEP = "XRPUSDT", "50000000"
CASES = [
    pytest.param(step, seed, marks=[] if (step, seed) == (Step.SENT, 0) else pytest.mark.slow, id=f"{step}-{seed}")
    for step in (Step.SENT, Step.BEFORE_SEND)
    for seed in range(3)
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient_stage(server_room: Path) -> AsyncIterator[Stage]:
    """A platform of its own: this module changes the venue's books."""
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=server_room))
    folder.chmod(0o755)
    async with slow_venue(folder, settings=SETTINGS) as stage:
        yield stage
    shutil.rmtree(folder, ignore_errors=True)


async def make_book(stage: Stage, depth: str) -> None:
    (await stage.venue.post("/paper/v1/feed", json={"depth": {SYMBOL: depth}})).raise_for_status()


async def orders(stage: Stage, customer: Customer, symbol: str = SYMBOL) -> list[dict[str, Any]]:
    return [order for order in (await stage.ledger(customer.uid))["orders"] if order["symbol"] == symbol]


async def ordered(customer: Customer, amount: str) -> tuple[UUID, Decimal]:
    """The position, and how much of the coin was planned."""
    plan = await customer.client.plan(index="top-5", amount=amount, account=str(customer.account_id), policy="COMPLETE")
    accepted = await customer.client.open_position(plan["plan_id"])
    [wanted] = [D(leg["quantity"]) for leg in plan["legs"] if leg["symbol"] == SYMBOL]
    return UUID(accepted["position_id"]), wanted


@pytest.mark.parametrize(("step", "seed"), CASES)
async def test_a_leg_of_several_attempts_is_bought_exactly_once(patient_stage: Stage, step: Step, seed: int) -> None:
    chance = random.Random(f"{step}/{seed}")
    customer = await patient_stage.customer()
    mishap = SecondAttemptKilled(patient_stage, step)
    await make_book(patient_stage, str(chance.randrange(20, 40)))
    try:
        async with mishap.armed(customer):
            position_id, wanted = await ordered(customer, str(chance.randrange(1500, 3000)))
            await asyncio.wait_for(mishap.happened.wait(), 60)
            assert await mishap.state() in {"INTENT", "UNKNOWN"}, "nobody has heard of the second attempt"
        if step is Step.SENT:
            await eventually(lambda: ended_there(patient_stage, customer, mishap.link_id), timeout_s=30)
    finally:
        await make_book(patient_stage, DEEP)

    position = await customer.settled(position_id, timeout_s=150)

    assert (position["status"], position["complete"], position["policy"]) == ("ACTIVE", True, "COMPLETE")
    books = await patient_stage.books()
    try:
        verdict = await check_position(books, await patient_stage.ledger(customer.uid), position_id)
        attempts = await books.fetch(
            "select client_order_id, symbol, state from execution.attempts where account_id = $1", customer.account_id
        )
        aside = await books.fetch("select 1 from execution.reservations where account_id = $1", customer.account_id)
    finally:
        await books.close()
    assert verdict.faults == []
    theirs = await orders(patient_stage, customer)
    links = [order["orderLinkId"] for order in theirs]
    assert sorted(links) == sorted(row["client_order_id"] for row in attempts if row["symbol"] == SYMBOL)
    assert links.count(mishap.link_id) == 1
    assert len(links) >= (3 if step is Step.SENT else 2)
    assert sum(D(order["cumExecQty"]) for order in theirs) == wanted, "bought once, and completely"
    assert {row["state"] for row in attempts} <= {"FILLED", "CANCELLED"}
    assert aside == []


async def ended_there(stage: Stage, customer: Customer, link_id: str) -> bool:
    """Whether the venue has taken the order and is done with it: the book was thin, so a part at most was filled."""
    found = [order for order in await orders(stage, customer) if order["orderLinkId"] == link_id]
    return [order["orderStatus"] in {"Cancelled", "PartiallyFilledCanceled"} for order in found] == [True]
