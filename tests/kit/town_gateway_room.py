"""The gateway's rebalancing in one process: its own picture, decisions and orders, on memory and on the town's bus."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from gateway.application.paint_picture import PaintPicture
from gateway.application.rebalance_positions import RebalancePositions
from gateway.application.run_plan import RunOrder, RunPlan
from gateway.application.turns import Turns
from gateway.domain.accepted import Accepted
from gateway.inbound.events import execution_router, portfolio_router
from gateway.outbound.execution_client import ExecutionPlanAgain, ExecutionPlanner
from gateway.outbound.rebalance_client import ExecutionRebalancePlanner, MarketIndexHeads
from kit.memory_gateway_orders import MemoryAcceptances
from kit.memory_gateway_picture import MemoryPictures, MemoryPlans
from kit.memory_gateway_rebalancings import MemoryRebalancings
from kit.memory_house import House, Transaction
from kit.town_bus import MemoryOutbox
from kit.town_questions import MemoryQuestions
from shared.runtime.events import EventRouter
from shared.runtime.outbox import Announcement
from shared.trading.clock import Clock

TOLERANCE = Decimal("0.005")
SIGNING_S = 600.0


class GatewayRoom:
    """What decides and orders without a person; `look` is called by whoever moves the time.

    Attributes:
        ordered: What was ordered by itself, oldest first.
    """

    def __init__(self, *, house: House, outbox: MemoryOutbox, questions: MemoryQuestions, clock: Clock) -> None:
        async def say(transaction: Transaction, told: Sequence[Announcement]) -> None:
            await outbox.record(transaction, told)

        plans = MemoryPlans(house)
        planner = ExecutionPlanner(questions, plans)  # type: ignore[arg-type]
        again = ExecutionPlanAgain(planner, plans, tolerance=TOLERANCE)  # type: ignore[arg-type]
        self._run = RunPlan(
            acceptances=MemoryAcceptances(house, say), again=again, turns=Turns(), clock=clock, signing_s=SIGNING_S
        )
        self.ordered: list[Accepted] = []
        self.rebalancings = MemoryRebalancings(house, say)
        self.look = RebalancePositions(
            rebalancings=self.rebalancings,
            heads=MarketIndexHeads(questions),  # type: ignore[arg-type]
            planner=ExecutionRebalancePlanner(planner),
            run=self._ordered,
            clock=clock,
        )
        paint = PaintPicture(MemoryPictures(house))
        self._routers = [execution_router(paint), portfolio_router(paint)]

    async def _ordered(self, order: RunOrder) -> Accepted:
        accepted = await self._run(order)
        self.ordered.append(accepted)
        return accepted

    def consumers(self) -> list[EventRouter]:
        """What it reads from the bus."""
        return self._routers
