"""`execute_trade(position_id)`: take a buying command, put its money aside and let the desk trade."""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from execution.application.accepting import WATCH_AFTER_RUN, Command, new_legs, new_run, put_aside
from execution.application.book_ports import Books, Work
from execution.application.ports import Bell, FreshRun, Market
from execution.application.prices import quotes_of
from execution.application.told import PositionTold
from execution.domain.plan import Plan
from execution.domain.position import Position, PositionHolding, Run, RunKind
from shared.trading.clock import Clock, Ids
from shared.trading.money import QUOTE_ASSET, ZERO, exact_sum
from shared.trading.policy import LegPolicy
from shared.trading.status import LegStatus, PositionStatus

log = structlog.get_logger(__name__)


class AcceptBasketOrder:
    """Accepts buying commands; what cannot be traded becomes a FAILED position with its reason, never silence."""

    def __init__(self, *, books: Books, bell: Bell, market: Market, clock: Clock, ids: Ids) -> None:
        self._books = books
        self._market = market
        self._bell = bell
        self._clock = clock
        self._ids = ids

    async def execute(self, command: Command) -> None:
        """Commit inbox, position, run, legs and reservation in one transaction; the desk does the rest.

        The venue is not asked here: its delay would be everybody's, and its absence would lose the command.

        Raises:
            Unavailable: the database did not commit; the message comes again.
        """
        fresh: FreshRun | None = None
        async with self._books.work(command.account.user_id) as work:
            await work.lock(command.account.account_id)
            if not await work.first_delivery(command.consumer, command.message_id):
                return
            if await work.position(command.position_id) is not None:
                return
            plan = await work.plan(command.plan_id)
            refusal = _refusal(command, plan, self._clock.now())
            if refusal is None and await work.run(command.plan_id) is not None:
                refusal = "plan_already_executed"
            if plan is None or refusal is not None:
                await self._fail(work, command, plan, refusal or "plan_not_found")
            else:
                fresh = await self._start(work, command, plan)
        if fresh is None:
            self._bell.ring([command.account.account_id])
        else:
            self._bell.hand_over(fresh)

    async def _fail(self, work: Work, command: Command, plan: Plan | None, reason: str) -> None:
        position = self._position(command, plan, PositionStatus.FAILED, reasons=(reason,))
        await work.add_position(position)
        await work.want_desk(command.account, trades=False, watch_until=self._clock.now())
        run = new_run(command, RunKind.BUY, approved=ZERO, now=self._clock.now())
        work.tell(PositionTold(position=position, legs=()), run=run)
        log.warning("basket_order_refused", position_id=str(command.position_id), reason=reason)

    async def _start(self, work: Work, command: Command, plan: Plan) -> FreshRun:
        # The answer comes while this is committed; who sends judges how old the prices are by then.
        quotes = asyncio.create_task(quotes_of(self._market, plan.environment, plan.to_send))
        now = self._clock.now()
        run = new_run(
            command, RunKind.BUY, approved=command.approved, now=now, cash_part=plan.cash_part, policy=plan.policy
        )
        legs = new_legs(run, plan.legs, self._ids)
        position = self._position(command, plan, PositionStatus.EXECUTING)
        await work.add_position(position)
        await work.add_run(run)
        await work.add_legs(legs)
        await work.save_holdings(_targets(run, plan))
        await work.reserve([put_aside(run, QUOTE_ASSET, run.approved)])
        await work.want_desk(command.account, trades=True, watch_until=now + WATCH_AFTER_RUN)
        work.tell(PositionTold(position=position, legs=legs), run=run)
        sending = sum(leg.status is LegStatus.PLANNED for leg in legs)
        log.info("basket_order_accepted", position_id=str(position.position_id), run_id=str(run.run_id), legs=sending)
        needed = await work.spoken_for(run.account_id, QUOTE_ASSET)
        return FreshRun(run=run, legs=legs, needed=needed, quotes=quotes)

    def _position(
        self, command: Command, plan: Plan | None, status: PositionStatus, *, reasons: tuple[str, ...] = ()
    ) -> Position:
        now = self._clock.now()
        return Position(
            position_id=command.position_id,
            user_id=command.account.user_id,
            account_id=command.account.account_id,
            environment=command.account.environment,
            index_id=plan.index_id if plan else command.index_id,
            index_version=plan.index_version if plan else 0,
            status=status,
            reasons=reasons,
            run_id=command.plan_id,
            run_kind=RunKind.BUY,
            policy=plan.policy if plan else LegPolicy.HOLD,
            approved_amount=command.approved,
            contributed=command.approved if status is PositionStatus.EXECUTING else ZERO,
            created_at=now,
            updated_at=now,
            traded_at=now,
        )


def _refusal(command: Command, plan: Plan | None, now: datetime) -> str | None:
    if plan is None or not command.fits(plan, RunKind.BUY):
        return "plan_not_found"
    if now > command.expires_at:
        return "plan_expired"
    if exact_sum([leg.max_notional for leg in plan.to_send]) + plan.cash_part > command.approved:
        return "approved_amount_below_plan"
    return None


def _targets(run: Run, plan: Plan) -> list[PositionHolding]:
    """Every wanted coin, with its target and nothing of it yet."""
    return [
        PositionHolding(
            position_id=run.position_id,
            user_id=run.user_id,
            account_id=run.account_id,
            asset=line.base_asset,
            symbol=line.symbol,
            target_weight=line.effective_weight,
        )
        for line in plan.to_send
    ]
