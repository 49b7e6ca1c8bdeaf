"""Asks execution: for plans, keeping each one so that its order needs no other question; and how positions stand."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from gateway.application.ports import MadeAgain, WaitingPosition
from gateway.domain.errors import PlanNotFound
from gateway.domain.plan import Ceiling, Plan, PricedLeg, moved, obstacle
from gateway.domain.position import Fill, Leg, Position, PositionDetail, PositionSummary
from gateway.outbound.postgres.plan_repository import PostgresPlanRepository
from shared.contracts.rpc import books
from shared.contracts.rpc import plans as questions
from shared.contracts.rpc.plans import PlanView, RunKindName
from shared.runtime.rpc import RpcClient
from shared.trading.errors import NotFound
from shared.trading.policy import LegPolicy


class ExecutionPlanner:
    """The planner of the use cases, and of the plan routes."""

    def __init__(self, ask: RpcClient, plans: PostgresPlanRepository) -> None:
        self._ask = ask
        self._plans = plans

    async def buy(
        self, *, user_id: UUID, account_id: UUID, index_id: str, amount: Decimal, policy: LegPolicy = LegPolicy.HOLD
    ) -> Plan:
        """A plan to buy an index for at most `amount` quote units."""
        seen = await self.show_buy(
            user_id=user_id, account_id=account_id, index_id=index_id, amount=amount, policy=policy
        )
        return _plan(seen)

    async def close(self, *, user_id: UUID, position_id: UUID) -> Plan:
        """A plan to sell what a position holds."""
        return _plan(await self.show_close(user_id=user_id, position_id=position_id))

    async def show_buy(
        self, *, user_id: UUID, account_id: UUID, index_id: str, amount: Decimal, policy: LegPolicy = LegPolicy.HOLD
    ) -> PlanView:
        """The same with everything that a person wants to see of it."""
        question = questions.MakePlan(
            user_id=user_id, account_id=account_id, index_id=index_id, amount=amount, policy=policy
        )
        return await self._kept(await self._ask.ask(questions.MAKE_PLAN, question), user_id)

    async def show_close(self, *, user_id: UUID, position_id: UUID, policy: LegPolicy = LegPolicy.HOLD) -> PlanView:
        """The same with everything that a person wants to see of it."""
        question = questions.MakeClosePlan(user_id=user_id, position_id=position_id, policy=policy)
        return await self._kept(await self._ask.ask(questions.MAKE_CLOSE_PLAN, question), user_id)

    async def show_run(
        self,
        *,
        user_id: UUID,
        position_id: UUID,
        kind: RunKindName,
        amount: Decimal | None,
        options: questions.PlanOptions,
        policy: LegPolicy = LegPolicy.HOLD,
    ) -> PlanView:
        """A plan for a position that stands."""
        question = questions.MakeRunPlan(
            user_id=user_id, position_id=position_id, kind=kind, amount=amount, options=options, policy=policy
        )
        return await self._kept(await self._ask.ask(questions.MAKE_RUN_PLAN, question), user_id)

    async def _kept(self, plan: PlanView, user_id: UUID) -> PlanView:
        if plan.user_id != user_id:
            raise RuntimeError("execution answered with somebody else's plan")
        await self._plans.keep(plan)
        return plan


class ExecutionPlanAgain:
    """Makes a plan anew and compares the prices of the legs that it sends.

    Args:
        tolerance: How far a price may have moved, a fraction; well inside the band of the limit prices.
    """

    def __init__(self, planner: ExecutionPlanner, plans: PostgresPlanRepository, *, tolerance: Decimal) -> None:
        self._planner = planner
        self._plans = plans
        self._tolerance = tolerance

    async def __call__(self, *, user_id: UUID, plan_id: UUID) -> MadeAgain:
        """The same plan, as it would be now."""
        seen = await self._plans.find(user_id, plan_id)
        if seen is None:
            raise PlanNotFound("No such plan was made for you; nothing was ordered.")
        fresh = await self._again(seen)
        symbols = moved(_sent(seen), _sent(fresh), tolerance=self._tolerance)
        return MadeAgain(moved=symbols, plan=fresh.model_dump(mode="json", exclude=_UNSEEN))

    async def _again(self, seen: PlanView) -> PlanView:
        user_id, position_id = seen.user_id, seen.position_id
        if position_id is None:
            return await self._planner.show_buy(
                user_id=user_id,
                account_id=seen.account_id,
                index_id=seen.index_id,
                amount=seen.amount,
                policy=seen.policy,
            )
        if seen.kind == "buy" or seen.kind == "close":  # noqa: PLR1714 - only so the types know what is left
            return await self._planner.show_close(user_id=user_id, position_id=position_id, policy=seen.policy)
        return await self._planner.show_run(
            user_id=user_id,
            position_id=position_id,
            kind=seen.kind,
            amount=None if seen.kind == "rebalance" else seen.amount,
            options=seen.options or questions.PlanOptions(),
            policy=seen.policy,
        )


_UNSEEN = {"user_id", "ceilings", "position_version"}
"""What the public door does not show of a plan."""


def _sent(plan: PlanView) -> list[PricedLeg]:
    return [
        PricedLeg(symbol=leg.symbol, side=leg.side, price=leg.estimated_price) for leg in plan.legs if leg.check == "ok"
    ]


class ExecutionPositions:
    """Positions as execution knows them."""

    def __init__(self, ask: RpcClient) -> None:
        self._ask = ask

    async def position(self, waiting: WaitingPosition) -> PositionDetail | None:
        """One position with legs and fills; None when execution has none of that id.

        Raises:
            PlatformError: execution does not answer.
        """
        question = books.PositionRef(user_id=waiting.user_id, position_id=waiting.position_id)
        try:
            found = await self._ask.ask(books.GET_POSITION, question)
        except NotFound:
            return None
        view = found.position
        # A run carries its plan's id, so the opening run names the plan.
        plan_id = view.run_id if view.run_kind == "buy" else None
        position = Position(**view.model_dump(exclude={"legs"}), plan_id=plan_id)
        return PositionDetail(
            summary=PositionSummary(position=position, valuation=None, deviation=None),
            legs=[Leg(**leg.model_dump()) for leg in view.legs],
            fills=[
                Fill(account_id=view.account_id, **fill.model_dump(exclude={"fee_value", "fee_value_stale"}))
                for fill in found.fills
            ],
        )


def _plan(view: PlanView) -> Plan:
    return Plan(
        plan_id=view.plan_id,
        user_id=view.user_id,
        account_id=view.account_id,
        environment=view.environment,
        kind=view.kind,
        index_id=view.index_id,
        index_version=view.index_version,
        position_id=view.position_id,
        amount=view.amount,
        ceilings=tuple(
            Ceiling(
                symbol=one.symbol,
                side=one.side,
                max_quantity=one.max_quantity,
                max_notional=one.max_notional,
                limit_price=one.limit_price,
                reference_price=one.reference_price,
                priced_at=one.priced_at,
            )
            for one in view.ceilings
        ),
        created_at=view.created_at,
        expires_at=view.expires_at,
        executable=view.executable,
        position_version=view.position_version,
        policy=view.policy,
        obstacles=_obstacles(view),
    )


def _obstacles(view: PlanView) -> tuple[str, ...]:
    """Why nothing can be sold, of a close that cannot be executed."""
    if view.executable or view.kind != "close":
        return ()
    return tuple(obstacle(leg.symbol, leg.reason or leg.check) for leg in view.legs)
