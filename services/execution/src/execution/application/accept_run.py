"""Take an order for a position that stands: put aside what it trades with, and let the desk trade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import structlog

from execution.application.accepting import WATCH_AFTER_RUN, Command, new_legs, new_run, put_aside, within_ledger
from execution.application.book_ports import Books, Reservation, Work
from execution.application.closable import free_holdings, must_stand_still
from execution.application.ports import Bell
from execution.application.refusing import tell_refusal
from execution.application.settle_run import settle_run
from execution.application.told import PositionTold
from execution.domain.errors import (
    AmountNotApproved,
    NothingToDo,
    PlanExpired,
    PlanNotFound,
    PositionChanged,
    PositionNotFound,
)
from execution.domain.leg import Leg
from execution.domain.plan import Plan
from execution.domain.position import ON_A_STANDING_POSITION, Position, PositionHolding, Run, RunKind
from shared.trading.clock import Clock, Ids
from shared.trading.errors import Conflict, NotFound
from shared.trading.money import QUOTE_ASSET, ZERO
from shared.trading.status import LegStatus, PositionStatus, Side

_REFUSED = "An order for this position was refused and nothing was traded for it"
log = structlog.get_logger(__name__)


class AcceptRun:
    """Accepts orders to invest, to rebalance and to withdraw."""

    def __init__(self, *, books: Books, bell: Bell, clock: Clock, ids: Ids) -> None:
        self._books = books
        self._bell = bell
        self._clock = clock
        self._ids = ids

    async def execute(self, command: Command) -> None:
        """Commit inbox, run, legs, targets and reservations in one transaction; the desk does the rest.

        What cannot be done any more is announced with its reason; nothing is traded.

        Raises:
            PositionNotFound: for the dead letters; nothing was changed.
        """
        async with self._books.work(command.account.user_id) as work:
            await work.lock(command.account.account_id)
            if not await work.first_delivery(command.consumer, command.message_id):
                return
            if await work.run(command.plan_id) is not None:
                return
            position = await work.position(command.position_id)
            if position is None or position.account_id != command.account.account_id:
                raise PositionNotFound
            try:
                plan = await self._possible(work, command, position)
            except (NotFound, Conflict) as refusal:
                await tell_refusal(
                    work, position, refusal, now=self._clock.now(), code="run_refused", sentence=_REFUSED
                )
            else:
                await self._start(work, command, position, plan)
        self._bell.ring([command.account.account_id])

    async def _possible(self, work: Work, command: Command, position: Position) -> Plan:
        """The plan, if it may be executed now.

        Raises:
            PositionBusy, PlanExpired, PlanNotFound, PositionChanged, NothingToDo, AmountNotApproved: as their names say.
        """
        await must_stand_still(work, position)
        if self._clock.now() > command.expires_at:
            raise PlanExpired
        plan = await work.plan(command.plan_id)
        if plan is None or command.kind not in ON_A_STANDING_POSITION or not command.fits(plan, command.kind):
            raise PlanNotFound
        if plan.position_id != command.position_id:
            raise PlanNotFound
        if plan.position_version != position.version:
            raise PositionChanged
        if not plan.executable:
            raise NothingToDo
        if plan.buys_at_most > command.approved:
            raise AmountNotApproved
        return plan

    async def _start(self, work: Work, command: Command, position: Position, plan: Plan) -> None:
        now = self._clock.now()
        fresh_money = plan.amount if plan.kind is RunKind.INVEST else ZERO
        run = new_run(command, plan.kind, approved=fresh_money, now=now, cash_part=plan.cash_part, policy=plan.policy)
        legs = new_legs(run, within_ledger(plan.legs, await free_holdings(work, position)), self._ids)
        trading = position.moved(
            PositionStatus.REBALANCING,
            now,
            index_version=plan.index_version,
            contributed=position.contributed + fresh_money,
            run_id=run.run_id,
            run_kind=run.kind,
            policy=run.policy,
            blocked_reason=None,
            reasons=(),
        )
        await work.save_position(trading)
        await work.add_run(run)
        await work.add_legs(legs)
        await work.save_holdings(await _targets(work, run, plan))
        await work.reserve(_put_aside(run, legs))
        await work.want_desk(command.account, trades=True, watch_until=now + WATCH_AFTER_RUN)
        work.tell(PositionTold(position=trading, legs=await work.legs_of_position(position.position_id)), run=run)
        log.info("run_accepted", position_id=str(position.position_id), run_id=str(run.run_id), kind=run.kind.value)
        await settle_run(work, run, now=now)


def _put_aside(run: Run, legs: Sequence[Leg]) -> list[Reservation]:
    """Coins that are to be sold, and the fresh money that may be spent; what sells bring is put aside later."""
    sold = [leg for leg in legs if leg.status is LegStatus.PLANNED and leg.side is Side.SELL]
    rows = [put_aside(run, leg.base_asset, leg.quantity) for leg in sold]
    return [*rows, put_aside(run, QUOTE_ASSET, run.approved)] if run.approved > ZERO else rows


async def _targets(work: Work, run: Run, plan: Plan) -> list[PositionHolding]:
    """The position's targets as the plan leaves them, for coins that it holds and coins that it shall hold."""
    held = {holding.asset: holding for holding in await work.holdings([run.position_id])}
    weights: dict[str, Decimal] = {line.base_asset: line.effective_weight for line in plan.legs}
    known = [replace(one, target_weight=weights.get(one.asset, ZERO)) for one in held.values()]
    entered = [
        PositionHolding(
            position_id=run.position_id,
            user_id=run.user_id,
            account_id=run.account_id,
            asset=line.base_asset,
            symbol=line.symbol,
            target_weight=line.effective_weight,
        )
        for line in plan.legs
        if line.base_asset not in held and line.effective_weight > ZERO
    ]
    return [*known, *entered]
