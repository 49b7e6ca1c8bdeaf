"""What of a plan stands in the way of a rebalance, and what is as good as done."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

import pytest
from kit.gateway_builders import a_plan, a_plan_leg

from gateway.domain.rebalancing import Due, Reach, Trigger
from gateway.outbound.execution_client import ExecutionPlanner
from gateway.outbound.rebalance_client import ExecutionRebalancePlanner
from shared.contracts.rpc.plans import PlanView
from shared.trading.bands import WeightBand

DUE = Due(trigger=Trigger.INDEX_CHANGED, reach=Reach.DRIFTED, band=WeightBand())


class Planner:
    """Execution, which answers with one leg."""

    def __init__(self, check: str, weight_before: str) -> None:
        leg = a_plan_leg(check=check, quantity=Decimal(0), weight_before=Decimal(weight_before))
        self.view = a_plan(uuid4(), kind="rebalance", legs=[leg], executable=False, position_version=7)

    async def show_run(self, **_: Any) -> PlanView:
        return self.view


@pytest.mark.parametrize(
    ("check", "obstacles"),
    [
        ("halted", ["BTCUSDT:halted"]),
        ("no_price", ["BTCUSDT:no_price"]),
        ("over_limit", ["BTCUSDT:over_limit"]),
        ("hold", []),
        ("excluded", []),
        ("too_small", []),
        ("residual", []),
    ],
)
async def test_what_may_trade_later_is_waited_for_and_what_never_will_is_not(check: str, obstacles: list[str]) -> None:
    planner = ExecutionRebalancePlanner(cast("ExecutionPlanner", Planner(check, "0.2")))
    plan = await planner.rebalance(user_id=uuid4(), position_id=uuid4(), due=DUE)
    assert (list(plan.obstacles), plan.executable, plan.position_version) == (obstacles, False, 7)
