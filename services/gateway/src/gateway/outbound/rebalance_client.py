"""Asks market-data and execution what deciding about rebalances needs."""

from __future__ import annotations

from uuid import UUID

from gateway.application.rebalance_ports import IndexHead, RebalancePlan
from gateway.domain.rebalancing import Due
from gateway.outbound.execution_client import ExecutionPlanner
from shared.contracts.rpc import market_data, plans
from shared.contracts.rpc.plans import PlanLeg
from shared.runtime.rpc import RpcClient
from shared.trading.errors import NotFound
from shared.trading.money import ZERO
from shared.trading.status import VenueEnvironment


class MarketIndexHeads:
    """Newest versions as market-data knows them."""

    def __init__(self, ask: RpcClient) -> None:
        self._ask = ask

    async def head(self, environment: VenueEnvironment, index_id: str, *, user_id: UUID) -> IndexHead | None:
        """Of one index; None when there is none any more."""
        question = market_data.GetIndex(environment=environment, index_id=index_id, user_id=user_id)
        try:
            found = await self._ask.ask(market_data.GET_INDEX, question)
        except NotFound:
            return None
        symbols = frozenset(one.symbol for one in found.constituents if one.weight > ZERO)
        return IndexHead(version=found.version, cash_share=found.cash_share, symbols=symbols)


class ExecutionRebalancePlanner:
    """Plans through the door that everybody's plans go through: each is stored."""

    def __init__(self, planner: ExecutionPlanner) -> None:
        self._planner = planner

    async def rebalance(self, *, user_id: UUID, position_id: UUID, due: Due) -> RebalancePlan:
        """A plan to bring a position back as far as is due."""
        options = plans.PlanOptions(
            mode=due.reach.value, absolute_band=due.band.absolute, relative_band=due.band.relative
        )
        view = await self._planner.show_run(
            user_id=user_id, position_id=position_id, kind="rebalance", amount=None, options=options
        )
        return RebalancePlan(
            plan_id=view.plan_id,
            executable=view.executable,
            index_version=view.index_version,
            position_version=view.position_version or 0,
            obstacles=[f"{leg.symbol}:{leg.check}" for leg in view.legs if _in_the_way(leg)],
        )


def _in_the_way(leg: PlanLeg) -> bool:
    """Whether it may trade later: what the venue would not take in this size will not trade tomorrow either."""
    matters = bool(leg.weight_before or leg.target_weight)
    return matters and leg.check not in {"ok", "hold", "excluded", "too_small", "residual"}
