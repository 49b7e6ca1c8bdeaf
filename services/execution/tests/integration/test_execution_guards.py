"""What the signer's guards refuse ends with its reason: nothing is unknown, nothing is tried for ever."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.contracts.account import HaltView
from shared.trading.clock import SystemClock
from shared.trading.errors import Denied


def halted(symbol: str | None = None) -> Denied:
    context = {"scope": "symbol" if symbol else "platform"} | ({"symbol": symbol} if symbol else {})
    return Denied("Halted.", code="trading_halted", context=context)


async def test_one_halted_symbol_takes_no_other_leg_of_its_batch_with_it(town: Any) -> None:
    trader = town.open_account()
    town.start_desks()
    plan = await town.plan(trader, "1000")
    town.neighbours.refuse_symbol = ("ETHUSDT", halted("ETHUSDT"))
    command = await town.order(trader, plan)
    await town.becomes(command.position_id, "ACTIVE")
    legs = await town.rows(
        "select symbol, status, reason from execution.legs where position_id = $1", command.position_id
    )
    missing = {leg["symbol"]: (leg["status"], leg["reason"]) for leg in legs if leg["status"] != "FILLED"}
    assert missing == {"ETHUSDT": ("REJECTED", "not_signed: trading_halted")}
    (position,) = await town.rows("select complete, reasons from execution.positions")
    assert (position["complete"], position["reasons"]) == (False, ["ETHUSDT:not_signed: trading_halted"])
    # Refused batches were tried once more one by one, and then never again.
    assert town.neighbours.refused <= 2
    assert await town.rows("select * from execution.reservations") == []


async def test_a_halt_of_everything_fails_a_purchase_that_bought_nothing(town: Any) -> None:
    trader = town.open_account()
    town.start_desks()
    plan = await town.plan(trader, "1000")
    town.neighbours.refuse_signing = halted()
    command = await town.order(trader, plan)
    await town.becomes(command.position_id, "FAILED")
    attempts = await town.rows("select state, reason from execution.attempts")
    assert {(row["state"], row["reason"]) for row in attempts} == {("REJECTED", "not_signed: trading_halted")}
    assert town.ledger(trader)["orders"] == []


async def test_a_plan_made_while_halted_or_over_a_limit_says_so(town: Any) -> None:
    trader = town.open_account()
    halt = HaltView.model_validate(
        {
            "halt_id": trader.account.user_id,
            "scope": "platform",
            "extent": "opening",
            "reason": "Prices look odd.",
            "by_operator": True,
            "raised_at": SystemClock().now(),
        }
    )
    free = town.neighbours.room
    town.neighbours.room = free.model_copy(update={"halts": [halt]})
    plan = await town.plan(trader, "1000")
    assert {line.check for line in plan.legs} == {"halted"}
    assert "Buying is halted: Prices look odd." in plan.warnings
    town.neighbours.room = free.model_copy(update={"room": Decimal(500)})
    plan = await town.plan(trader, "1000")
    assert {(line.check, line.reason) for line in plan.legs} == {("over_limit", "hour_limit")}
    # TRXUSDT or another light coin alone: its weight is spread over the rest.
    light = min(plan.legs, key=lambda line: line.target_weight).symbol
    town.neighbours.room = free.model_copy(update={"halts": [halt.model_copy(update={"symbol": light})]})
    plan = await town.plan(trader, "1000")
    assert {line.symbol for line in plan.legs if line.check == "halted"} == {light}
    assert sum(line.effective_weight for line in plan.legs) == 1
