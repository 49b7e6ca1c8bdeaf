"""The main job against the real database and the real paper exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kit.equal_books import books_equal_the_ledger


async def test_an_index_is_bought_leg_by_leg_and_the_books_equal_the_venues_ledger(town: Any) -> None:
    trader = town.open_account()
    town.start_desks()
    plan = await town.plan(trader, "1000")
    assert plan.cash_after >= 0
    command = await town.order(trader, plan)
    await town.becomes(command.position_id, "ACTIVE")
    legs = await town.rows("select * from execution.legs where position_id = $1", command.position_id)
    assert {leg["status"] for leg in legs} == {"FILLED"}
    assert len(legs) == 10
    best = {line.symbol: line.estimated_price for line in plan.legs}
    assert all(0 < leg["arrival_price"] <= best[leg["symbol"]] for leg in legs), "the mid, when it was planned"
    assert len(town.ledger(trader)["orders"]) == 10
    await books_equal_the_ledger(town, trader)
    position = (await town.rows("select * from execution.positions"))[0]
    assert position["complete"] is True
    assert position["invested"] == sum(Decimal(row["execValue"]) for row in town.ledger(trader)["executions"])
    assert await town.rows("select * from execution.reservations") == []
