"""The main job against the real database and the real paper exchange."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any


async def books_equal_the_ledger(town: Any, trader: Any) -> None:
    """Every match of the venue is booked once, and what is booked equals its balances to the last digit."""
    ledger = town.ledger(trader)
    theirs = {row["execId"]: (Decimal(row["execQty"]), Decimal(row["execPrice"])) for row in ledger["executions"]}
    fills = await town.rows(
        "select exec_id, quantity, price from execution.fills where account_id = $1", trader.account.account_id
    )
    assert {row["exec_id"]: (row["quantity"], row["price"]) for row in fills} == theirs
    held: dict[str, Decimal] = defaultdict(Decimal)
    for row in await town.rows(
        "select asset, amount from execution.journal where account_id = $1 and ledger in ('position', 'unassigned')",
        trader.account.account_id,
    ):
        held[row["asset"]] += row["amount"]
    balances = {row["coin"]: Decimal(row["walletBalance"]) for row in ledger["balances"]}
    usdt = balances.pop("USDT") - Decimal(10000)
    assert held.pop("USDT", Decimal(0)) == usdt
    assert {coin: amount for coin, amount in held.items() if amount} == {c: a for c, a in balances.items() if a}
    sums = await town.rows(
        "select source, asset, sum(amount) from execution.journal group by source, asset having sum(amount) <> 0"
    )
    assert sums == []


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
