"""The venue's price limits move with the market: what becomes of a plan whose prices they have passed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from kit.equal_books import books_equal_the_ledger

from execution.domain.plan import Plan
from execution.domain.price_band import PRICE_LIMIT
from shared.trading.policy import LegPolicy

D = Decimal
SYMBOL = "XRPUSDT"


@pytest.fixture
def moved(town: Any) -> Iterator[Any]:
    """Whatever a test does to the price is undone."""
    was = town.exchange.ask("GET", "feed")["prices"][SYMBOL]
    yield town
    town.exchange.ask("POST", "feed", prices={SYMBOL: was})


async def planned(town: Any, trader: Any, policy: LegPolicy) -> Plan:
    made: Plan = await town.rooms.make_plan.execute(
        user_id=trader.account.user_id,
        account_id=trader.account.account_id,
        index_id="top-3",
        amount=D(1000),
        policy=policy,
    )
    return made


def falls(town: Any, factor: str = "0.95") -> None:
    was = town.exchange.ask("GET", "feed")["prices"][SYMBOL]
    town.exchange.ask("POST", "feed", prices={SYMBOL: format((D(was) * D(factor)).quantize(D("0.0001")), "f")})


async def tries(town: Any, run_id: UUID) -> list[Any]:
    rows: list[Any] = await town.rows(
        "select * from execution.attempts where run_id = $1 and symbol = $2 order by number", run_id, SYMBOL
    )
    return rows


async def test_what_became_cheaper_since_the_plan_is_bought_inside_the_limits_of_now(moved: Any) -> None:
    town, trader = moved, moved.open_account()
    town.start_desks()
    plan = await planned(town, trader, LegPolicy.HOLD)
    falls(town)
    command = await town.order(trader, plan)
    await town.becomes(command.position_id, "ACTIVE")
    [position] = await town.rows("select * from execution.positions")
    assert (position["complete"], list(position["reasons"])) == (True, [])
    [attempt] = await tries(town, plan.plan_id)
    [line] = [line for line in plan.legs if line.symbol == SYMBOL]
    assert attempt["limit_price"] < line.limit_price * D("0.97")
    assert await town.rows("select * from execution.reservations") == []
    await books_equal_the_ledger(town, trader)


async def test_a_price_that_the_venue_refuses_is_tried_again_with_limits_of_that_moment(moved: Any) -> None:
    town, trader = moved, moved.open_account()
    town.start_desks()
    plan = await planned(town, trader, LegPolicy.COMPLETE)
    falls(town)
    town.neighbours.tells_limits_unasked = False
    command = await town.order(trader, plan)
    await town.becomes(command.position_id, "ACTIVE")
    [position] = await town.rows("select * from execution.positions")
    assert (position["complete"], list(position["reasons"])) == (True, [])
    made = await tries(town, plan.plan_id)
    assert [row["state"] for row in made] == ["REJECTED", "FILLED"]
    assert made[0]["reason"].startswith(PRICE_LIMIT)
    assert made[1]["limit_price"] < made[0]["limit_price"]
    assert await town.rows("select * from execution.reservations") == []
    await books_equal_the_ledger(town, trader)


async def test_a_plan_that_holds_tells_in_words_what_the_venue_refused(moved: Any) -> None:
    town, trader = moved, moved.open_account()
    town.start_desks()
    plan = await planned(town, trader, LegPolicy.HOLD)
    falls(town)
    town.neighbours.tells_limits_unasked = False
    command = await town.order(trader, plan)
    await town.becomes(command.position_id, "ACTIVE")
    [position] = await town.rows("select * from execution.positions")
    assert position["complete"] is False
    [reason] = position["reasons"]
    assert reason.startswith(f"{SYMBOL}:{PRICE_LIMIT}: the venue takes no order at this price now: ")
    assert await town.rows("select * from execution.reservations") == []
    await books_equal_the_ledger(town, trader)
