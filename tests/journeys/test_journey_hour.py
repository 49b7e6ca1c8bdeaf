"""An hour of simulated market on real parts: every process, database and socket, while the test moves the prices."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from kit.booked import booked
from kit.by_hand import with_a_key_of_their_own
from kit.stage import Customer, Stage, operator_header, running_stage

from paper_exchange.domain.price_walk import PriceWalk
from paper_exchange.outbound.dataset import load_listings
from shared.testing import eventually
from shared.trading.money import plain

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]
D = Decimal
MINUTES = 60
PACE_S = 0.5
"""A minute of the market passes in so many seconds: the venue's own clock signs requests, so only its prices run."""
SETTINGS = {"RECONCILER_SLOT_S": "6", "RECONCILER_QUIET_S": "2"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy_stage(server_room: Path) -> AsyncIterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="stage-", dir=server_room))
    folder.chmod(0o755)
    async with running_stage(folder, settings=SETTINGS) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


class Hour:
    """The market's minutes, by the paper exchange's own walk."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._listings = load_listings()
        self._walk = PriceWalk(self._listings, random.Random(11))

    async def passes(self, minutes: int) -> None:
        for _ in range(minutes):
            self._walk.step(60.0)
            prices = {one.symbol: plain(self._walk.mid(one.symbol)) for one in self._listings[:60]}
            await self.orders(prices=prices)
            await asyncio.sleep(PACE_S)

    async def orders(self, **feed: object) -> None:
        (await self._stage.venue.post("/paper/v1/feed", json=feed)).raise_for_status()


async def runs(customer: Customer, position_id: UUID, kind: str, amount: str = "") -> None:
    """Plan a run and order it, if there is anything to do."""
    plan = await customer.client.run_plan(str(position_id), kind, amount=amount)
    if not plan["executable"]:
        return
    await customer.client.execute(plan, idempotency_key=uuid4().hex)

    async def over() -> bool:
        found = await customer.client.position(str(position_id))
        assert (found["status"], found["run_kind"]) == ("ACTIVE", kind), found["status"]
        return True

    await eventually(over, timeout_s=60, because=f"the {kind} settles")


async def test_an_hour_with_deposits_a_trade_by_hand_and_a_halted_coin_ends_with_equal_books(busy_stage: Stage) -> None:
    stage, hour = busy_stage, Hour(busy_stage)
    await stage.freeze_prices()
    customer = await stage.customer()
    owner = await with_a_key_of_their_own(stage.platform.exchange_url, customer.uid, operator_header(stage.platform))
    first = await customer.buys("top-10", "1500")
    second = await customer.buys("top-5", "700")
    for position_id in (first, second):
        assert (await customer.settled(position_id))["status"] == "ACTIVE"
    await hour.passes(8)
    await owner.moves("USDT", "250")
    await runs(customer, first, "invest", "200")
    await hour.passes(7)
    await owner.trades("BTCUSDT", "Buy", "0.002")
    await hour.orders(halt=["DOGEUSDT"])
    await hour.passes(10)
    await runs(customer, first, "rebalance")
    await runs(customer, second, "withdraw", "90")
    await owner.trades("BTCUSDT", "Sell", "0.001")
    await hour.passes(10)
    await hour.orders(resume=["DOGEUSDT"])
    await owner.moves("BTC", "-0.0005")
    await hour.passes(15)
    await customer.client.close_position(str(second))
    await customer.closed(second)
    await hour.passes(10)
    await eventually(lambda: equal(stage, customer), timeout_s=60, because="books and venue agree to the last digit")


async def equal(stage: Stage, customer: Customer) -> bool:
    ours = await booked(stage, customer)
    ledger = {row["coin"]: D(row["walletBalance"]) for row in (await stage.ledger(customer.uid))["balances"]}
    assert {coin: ours.get(coin, D(0)) for coin in ledger} == ledger
    return True
