"""Leg policies against the real database and the real paper exchange: tried again, or sold again, never twice."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.equal_books import books_equal_the_ledger

from execution.application.accepting import Command
from execution.domain.errors import PolicyNotForThis
from execution.domain.plan import Plan
from execution.domain.position import RunKind
from shared.testing import eventually
from shared.trading.policy import LegPolicy, unwinding

D = Decimal
DEEP = "50000000"


async def planned(town: Any, trader: Any, policy: LegPolicy, amount: str = "1000") -> Plan:
    made: Plan = await town.rooms.make_plan.execute(
        user_id=trader.account.user_id,
        account_id=trader.account.account_id,
        index_id="top-3",
        amount=D(amount),
        policy=policy,
    )
    return made


def thin(town: Any, symbol: str, depth: str) -> None:
    town.exchange.ask("POST", "feed", depth={symbol: depth})


def priced(town: Any, symbol: str, factor: str) -> None:
    was = town.exchange.ask("GET", "feed")["prices"][symbol]
    town.exchange.ask("POST", "feed", prices={symbol: format((D(was) * D(factor)).quantize(D("0.0001")), "f")})


async def leg(town: Any, symbol: str, run_id: UUID) -> Any:
    [row] = await town.rows("select * from execution.legs where symbol = $1 and run_id = $2", symbol, run_id)
    return row


async def waits(town: Any, symbol: str, run_id: UUID, *, tried: int = 1) -> Any:
    async def look() -> Any:
        row = await leg(town, symbol, run_id)
        assert row["attempt"] >= tried - 1
        assert (row["reason"], row["status"]) == ("tried_again", "PARTIALLY_FILLED"), tuple(row.values())
        return row

    return await eventually(look, timeout_s=20, every_s=0.02, because=f"{symbol} waits for another attempt")


@pytest.fixture
def deep(town: Any) -> Any:
    """Whatever a test does to the books of the venue is undone."""
    yield town
    for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT"):
        thin(town, symbol, DEEP)


async def attempts(town: Any, run_id: UUID, symbol: str) -> list[Any]:
    rows: list[Any] = await town.rows(
        "select * from execution.attempts where run_id = $1 and symbol = $2 order by number", run_id, symbol
    )
    return rows


async def test_what_stays_unfilled_is_tried_again_for_the_remainder_until_it_is_there(deep: Any) -> None:
    town, trader = deep, deep.open_account()
    town.start_desks()
    thin(town, "XRPUSDT", "40")
    plan = await planned(town, trader, LegPolicy.COMPLETE)
    command = await town.order(trader, plan)
    row = await waits(town, "XRPUSDT", plan.plan_id)
    assert 0 < row["filled_quantity"] < row["quantity"]
    assert await town.status(command.position_id) == "EXECUTING"
    thin(town, "XRPUSDT", DEEP)
    await town.becomes(command.position_id, "ACTIVE")
    [position] = await town.rows("select * from execution.positions")
    assert (position["complete"], position["policy"]) == (True, "COMPLETE")
    tries = await attempts(town, plan.plan_id, "XRPUSDT")
    assert len(tries) >= 2
    assert len({row["client_order_id"] for row in tries}) == len(tries)
    for before, after in itertools.pairwise(tries):
        assert before["state"] == "CANCELLED", "terminal on evidence before there is another one"
        assert before["updated_at"] <= after["intent_at"]
        assert after["quantity"] == before["quantity"] - before["filled_quantity"]
    whole = await leg(town, "XRPUSDT", plan.plan_id)
    assert whole["filled_quantity"] == whole["quantity"] == sum(row["filled_quantity"] for row in tries)
    assert await town.rows("select * from execution.reservations") == []
    await books_equal_the_ledger(town, trader)


async def test_a_price_outside_the_band_is_waited_for_and_the_deadline_ends_it_with_a_reason(deep: Any) -> None:
    town, trader = deep, deep.open_account()
    town.start_desks()
    plan = await planned(town, trader, LegPolicy.COMPLETE)
    priced(town, "XRPUSDT", "1.05")
    command = await town.order(trader, plan)
    await town.becomes(command.position_id, "ACTIVE", timeout_s=40)
    [position] = await town.rows("select * from execution.positions")
    assert (position["complete"], list(position["reasons"])) == (False, ["XRPUSDT:not_filled_in_time"])
    assert await attempts(town, plan.plan_id, "XRPUSDT") == [], "no order goes out at a price that nobody approved"
    assert await town.rows("select * from execution.reservations") == []
    await books_equal_the_ledger(town, trader)


async def test_a_process_killed_between_two_attempts_neither_doubles_nor_forgets(deep: Any) -> None:
    town, trader = deep, deep.open_account()
    town.start_desks()
    thin(town, "XRPUSDT", "40")
    plan = await planned(town, trader, LegPolicy.COMPLETE)
    command = await town.order(trader, plan)
    await waits(town, "XRPUSDT", plan.plan_id)
    await town.another_process()
    thin(town, "XRPUSDT", DEEP)
    # The next attempt is accepted, and its answer is lost with the process that waits for it.
    town.exchange.ask("POST", "faults", kind="lost_reply", path="/v5/order/create*", count=1, hold_ms=3000)
    town.start_desks()

    async def sent() -> bool:
        orders = [order for order in town.ledger(trader)["orders"] if order["symbol"] == "XRPUSDT"]
        tries = await attempts(town, plan.plan_id, "XRPUSDT")
        return len(orders) == len(tries) >= 2

    await eventually(sent, timeout_s=20, every_s=0.02, because="the second attempt is at the venue")
    await town.another_process()
    town.start_desks()
    await town.becomes(command.position_id, "ACTIVE", timeout_s=40)
    whole = await leg(town, "XRPUSDT", plan.plan_id)
    assert whole["filled_quantity"] == whole["quantity"], "bought once, and completely"
    orders = [order["orderLinkId"] for order in town.ledger(trader)["orders"]]
    assert len(orders) == len(set(orders))
    await books_equal_the_ledger(town, trader)


async def test_when_a_leg_fails_what_was_bought_is_sold_again_and_the_position_says_why(deep: Any) -> None:
    town, trader = deep, deep.open_account()
    own = town.exchange.ask("POST", "deposits", uid=trader.uid, coin="ETH", amount="2")
    assert own
    town.start_desks()
    plan = await planned(town, trader, LegPolicy.UNWIND)
    priced(town, "XRPUSDT", "1.05")
    command = await town.order(trader, plan)
    await town.becomes(command.position_id, "CLOSED")
    [position] = await town.rows("select * from execution.positions")
    assert list(position["reasons"])[:2] == ["unwound", "XRPUSDT:price_band"]
    assert (position["complete"], position["run_kind"]) == (False, "unwind")
    selling = unwinding(plan.plan_id)
    [stored] = await town.rows("select kind, expires_at from execution.plans where plan_id = $1", selling)
    assert stored["kind"] == "unwind"
    for row in await town.rows("select * from execution.legs where run_id = $1", selling):
        bought = await leg(town, row["symbol"], plan.plan_id)
        received = bought["filled_quantity"] - bought["fee"]
        assert row["filled_quantity"] == row["quantity"] <= received
        assert received - row["quantity"] < row["lot_size"]
    executions = town.ledger(trader)["executions"]
    ether = {
        side: sum(D(one["execQty"]) for one in executions if one["side"] == side and one["symbol"] == "ETHUSDT")
        for side in ("Buy", "Sell")
    }
    assert ether["Sell"] <= ether["Buy"], "the user's own coins are not touched"
    assert position["contributed"] - position["withdrawn"] + position["proceeds"] - position["invested"] == 0
    assert await town.rows("select * from execution.reservations") == []
    held = await town.rows("select sum(amount) as total from execution.journal where ledger = 'position'")
    assert held[0]["total"] == 0


async def test_unwinding_more_money_sells_only_what_that_money_bought(deep: Any) -> None:
    town, trader = deep, deep.open_account()
    town.start_desks()
    command = await town.order(trader, await planned(town, trader, LegPolicy.HOLD))
    await town.becomes(command.position_id, "ACTIVE")
    before = {row["asset"]: row["quantity"] for row in await town.rows("select * from execution.holdings")}
    plan: Plan = await town.rooms.make_run_plan.execute(
        user_id=trader.account.user_id,
        position_id=command.position_id,
        kind=RunKind.INVEST,
        amount=D(600),
        policy=LegPolicy.UNWIND,
    )
    assert len(plan.to_send) == 3
    priced(town, "XRPUSDT", "1.05")
    await town.rooms.run.execute(
        Command(
            message_id=uuid4(),
            position_id=command.position_id,
            account=trader.account,
            plan_id=plan.plan_id,
            kind=plan.kind,
            approved=plan.buys_at_most,
            expires_at=datetime.now(UTC) + timedelta(minutes=10),
        )
    )

    async def over() -> Any:
        [row] = await town.rows("select * from execution.positions")
        assert (row["status"], row["run_kind"]) == ("ACTIVE", "unwind")
        return row

    position = await eventually(over, timeout_s=20, every_s=0.1, because="the run is unwound")
    assert list(position["reasons"])[:2] == ["unwound", "XRPUSDT:price_band"]
    lots = {row["base_asset"]: row["lot_size"] for row in await town.rows("select * from execution.legs")}
    for row in await town.rows("select * from execution.holdings"):
        assert 0 <= row["quantity"] - before[row["asset"]] < lots[row["asset"]]
    await books_equal_the_ledger(town, trader)


async def test_only_a_purchase_can_be_unwound(town: Any) -> None:
    trader = town.open_account()
    town.start_desks()
    command = await town.order(trader, await planned(town, trader, LegPolicy.HOLD))
    await town.becomes(command.position_id, "ACTIVE")
    owner = {"user_id": trader.account.user_id, "position_id": command.position_id, "policy": LegPolicy.UNWIND}
    with pytest.raises(PolicyNotForThis):
        await town.rooms.make_run_plan.execute(kind=RunKind.REBALANCE, **owner)
    with pytest.raises(PolicyNotForThis):
        await town.rooms.make_close_plan.execute(**owner)
