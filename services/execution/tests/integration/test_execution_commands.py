"""What the handlers of commands accept, refuse and never do twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from execution.application.accepting import Command
from execution.domain.errors import (
    AccountNotFound,
    AmountTooSmall,
    InsufficientBalance,
    PositionNotClosable,
    PositionNotFound,
    UnknownIndex,
)
from execution.outbound.postgres import order_tables, tables


async def test_a_plan_is_refused_with_a_reason_a_person_can_act_on(town: Any) -> None:
    poor, rich = town.open_account("0"), town.open_account("100000")
    with pytest.raises(UnknownIndex):
        await town.plan(rich, index_id="top-999")
    with pytest.raises(AmountTooSmall) as small:
        await town.plan(rich, "11")
    assert float(small.value.context["minimum_amount"]) > 11
    assert small.value.context["largest_index"] is None
    with pytest.raises(AmountTooSmall, match=r"With 40 USDT the largest built-in index that works is Top 3\.") as forty:
        await town.plan(rich, "40")
    assert forty.value.context["largest_index"] == "top-3"
    with pytest.raises(InsufficientBalance) as empty:
        await town.plan(poor, "1000")
    assert "play money" in empty.value.detail
    town.neighbours.accounts.pop(poor.account.account_id)
    with pytest.raises(AccountNotFound):
        await town.plan(poor, "1000")
    smallest = await town.plan(rich, small.value.context["minimum_amount"])
    assert {leg.check for leg in smallest.legs} <= {"ok", "too_small"}


async def test_a_command_that_cannot_trade_becomes_a_failed_position_with_its_reason(town: Any) -> None:
    trader, other = town.open_account("1500"), town.open_account("1500")
    plan = await town.plan(trader, "1000")
    twin = await town.plan(trader, "1000")
    late = await town.order(trader, plan, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    unknown = await town.order(trader, plan, plan_id=uuid4())
    foreign = await town.order(other, plan)
    first = await town.order(trader, plan)
    again = await town.order(trader, plan)
    too_much = await town.order(trader, twin)
    assert town.neighbours.signed == [], "nothing was sent: no desk is open"
    town.start_desks()
    await town.becomes(too_much.position_id, "FAILED")
    await town.becomes(first.position_id, "ACTIVE")
    reasons = {
        row["position_id"]: (row["status"], list(row["reasons"]))
        for row in await town.rows("select position_id, status, reasons from execution.positions")
    }
    assert reasons[late.position_id] == ("FAILED", ["plan_expired"])
    assert reasons[unknown.position_id] == ("FAILED", ["plan_not_found"])
    assert reasons[foreign.position_id] == ("FAILED", ["plan_not_found"])
    assert reasons[first.position_id] == ("ACTIVE", [])
    assert reasons[again.position_id] == ("FAILED", ["plan_already_executed"])
    assert reasons[too_much.position_id][0] == "FAILED"
    assert {reason.split(":")[1] for reason in reasons[too_much.position_id][1]} == {"insufficient_balance"}
    legs = await town.rows("select status, reason from execution.legs where position_id = $1", too_much.position_id)
    assert {(leg["status"], leg["reason"]) for leg in legs} == {("CANCELLED", "insufficient_balance")}


async def test_a_command_delivered_twice_changes_nothing_the_second_time(town: Any) -> None:
    trader = town.open_account()
    plan = await town.plan(trader)
    message, position = uuid4(), uuid4()
    for _ in range(3):
        await town.order(trader, plan, message_id=message, position_id=position)
    assert len(await town.rows("select 1 from execution.runs")) == 1
    assert len(await town.rows("select 1 from execution.legs")) == 10
    told = await town.rows("select body::json->>'type' as type from execution.outbox")
    assert [row["type"] for row in told] == ["execution.position_executing"]


async def test_a_position_is_closed_down_to_its_dust(town: Any) -> None:
    trader = town.open_account()
    town.start_desks()
    bought = await town.order(trader, await town.plan(trader))
    await town.becomes(bought.position_id, "ACTIVE")
    plan = await town.rooms.make_close_plan.execute(user_id=trader.account.user_id, position_id=bought.position_id)
    command = await _close(town, trader, bought.position_id, plan.plan_id)
    await town.becomes(command, "CLOSED")
    position = (await town.rows("select * from execution.positions"))[0]
    assert position["proceeds"] > 0
    assert (await town.rows("select sum(quantity) as rest from execution.holdings"))[0]["rest"] == 0
    unassigned = await town.rows(
        "select asset, amount from execution.journal where ledger = 'unassigned' and asset <> 'USDT'"
    )
    residuals = await town.rows("select base_asset, residual from execution.legs where residual > 0")
    assert {row["asset"]: row["amount"] for row in unassigned} == {
        row["base_asset"]: row["residual"] for row in residuals
    }
    with pytest.raises(PositionNotClosable):
        await town.rooms.make_close_plan.execute(user_id=trader.account.user_id, position_id=bought.position_id)
    with pytest.raises(PositionNotFound):
        await town.rooms.make_close_plan.execute(user_id=uuid4(), position_id=bought.position_id)


async def _close(town: Any, trader: Any, position_id: Any, plan_id: Any) -> Any:
    await town.rooms.close.execute(
        Command(
            message_id=uuid4(),
            position_id=position_id,
            account=trader.account,
            plan_id=plan_id,
            expires_at=datetime.now(UTC) + timedelta(minutes=10),
        )
    )
    return position_id


async def test_a_sale_outside_its_band_leaves_the_position_open_with_the_reason(town: Any) -> None:
    trader = town.open_account()
    town.start_desks()
    bought = await town.order(trader, await town.plan(trader))
    await town.becomes(bought.position_id, "ACTIVE")
    plan = await town.rooms.make_close_plan.execute(user_id=trader.account.user_id, position_id=bought.position_id)
    mids = town.exchange.ask("GET", "feed")["prices"]
    price = Decimal(mids["DOGEUSDT"])
    town.exchange.ask("POST", "feed", prices={"DOGEUSDT": f"{price * Decimal('0.9'):.5f}"})
    try:
        await _close(town, trader, bought.position_id, plan.plan_id)
        await town.becomes(bought.position_id, "ACTIVE", timeout_s=30)
        position = (await town.rows("select * from execution.positions"))[0]
        if position["run_kind"] == "buy":
            pytest.fail("the closing run did not settle")
        assert position["blocked_reason"] == "DOGEUSDT:price_band"
    finally:
        town.exchange.ask("POST", "feed", prices={"DOGEUSDT": f"{price:.5f}"})


async def test_no_user_means_no_rows(town: Any) -> None:

    trader = town.open_account()
    await town.order(trader, await town.plan(trader))
    async with town.rooms.database.transaction() as session:
        for name in (*tables.OWNED, *tables.APPEND_ONLY):
            table = tables.metadata.tables[f"execution.{name}"]
            assert (await session.execute(sa.select(sa.func.count()).select_from(table))).scalar_one() == 0
    async with town.rooms.database.transaction(uuid4()) as session:
        assert (await session.execute(sa.select(sa.func.count()).select_from(order_tables.run))).scalar_one() == 0


async def test_a_position_that_trades_is_not_closed_and_one_that_holds_nothing_at_all_is(town: Any) -> None:
    trader = town.open_account()
    command = await town.order(trader, await town.plan(trader))
    with pytest.raises(PositionNotClosable):
        await town.rooms.make_close_plan.execute(user_id=trader.account.user_id, position_id=command.position_id)
    await town.rows("update execution.positions set status = 'ACTIVE'")
    plan = await town.rooms.make_close_plan.execute(user_id=trader.account.user_id, position_id=command.position_id)
    assert (plan.legs, plan.executable) == ([], True)
