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


@pytest.mark.parametrize(
    ("policy", "limits_told", "states", "reasons"),
    [
        pytest.param(LegPolicy.HOLD, True, ["FILLED"], [], id="bought inside the limits of now"),
        pytest.param(
            LegPolicy.COMPLETE, False, ["REJECTED", "FILLED"], [], id="refused, and tried again with limits of then"
        ),
        pytest.param(
            LegPolicy.HOLD,
            False,
            ["REJECTED"],
            ["the venue takes no order at this price now: "],
            id="refused, in words",
        ),
    ],
)
async def test_a_plan_whose_prices_the_market_has_left(
    moved: Any, policy: LegPolicy, limits_told: bool, states: list[str], reasons: list[str]
) -> None:
    town, trader = moved, moved.open_account()
    town.start_desks()
    plan = await planned(town, trader, policy)
    falls(town)
    town.neighbours.tells_limits_unasked = limits_told
    command = await town.order(trader, plan)
    await town.becomes(command.position_id, "ACTIVE")
    made = await tries(town, plan.plan_id)
    assert [row["state"] for row in made] == states
    [line] = [line for line in plan.legs if line.symbol == SYMBOL]
    for row in made:
        if row["state"] == "FILLED":
            assert row["limit_price"] < line.limit_price * D("0.97")
        else:
            assert row["reason"].startswith(PRICE_LIMIT)
    [position] = await town.rows("select * from execution.positions")
    assert position["complete"] is (not reasons)
    for said, words in zip(position["reasons"], reasons, strict=True):
        assert said.startswith(f"{SYMBOL}:{PRICE_LIMIT}: {words}")
    assert await town.rows("select * from execution.reservations") == []
    await books_equal_the_ledger(town, trader)
