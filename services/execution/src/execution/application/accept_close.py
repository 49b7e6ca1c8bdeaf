"""Take a closing command: put the position's coins aside and let the desk sell them."""

from __future__ import annotations

import structlog

from execution.application.accepting import WATCH_AFTER_RUN, Command, new_legs, new_run, put_aside, within_ledger
from execution.application.book_ports import Books, Work
from execution.application.closable import free_holdings, must_be_closable
from execution.application.ports import Bell
from execution.application.refusing import tell_refusal
from execution.application.settle_run import settle_run
from execution.application.told import PositionTold
from execution.domain.errors import NothingToSell, PlanExpired, PlanNotFound, PositionNotClosable, PositionNotFound
from execution.domain.plan import Plan
from execution.domain.position import Position, RunKind
from shared.trading.clock import Clock, Ids
from shared.trading.money import ZERO
from shared.trading.status import LegStatus, PositionStatus

_REFUSED = "An order to close was refused and nothing was sold for it"
log = structlog.get_logger(__name__)


class AcceptClose:
    """Accepts closing commands."""

    def __init__(self, *, books: Books, bell: Bell, clock: Clock, ids: Ids) -> None:
        self._books = books
        self._bell = bell
        self._clock = clock
        self._ids = ids

    async def execute(self, command: Command) -> None:
        """Commit inbox, run, legs and reservations in one transaction; the desk does the rest.

        A close that cannot be done any more is announced with its reason; nothing is sold.

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
            except (PlanNotFound, PlanExpired, PositionNotClosable, NothingToSell) as refusal:
                await tell_refusal(
                    work, position, refusal, now=self._clock.now(), code="close_refused", sentence=_REFUSED
                )
            else:
                await self._start(work, command, position, plan)
        self._bell.ring([command.account.account_id])

    async def _possible(self, work: Work, command: Command, position: Position) -> Plan:
        await must_be_closable(work, position)
        if self._clock.now() > command.expires_at:
            raise PlanExpired
        plan = await work.plan(command.plan_id)
        if plan is None or not command.fits(plan, RunKind.CLOSE) or plan.position_id != command.position_id:
            raise PlanNotFound
        if not plan.executable:
            raise NothingToSell
        return plan

    async def _start(self, work: Work, command: Command, position: Position, plan: Plan) -> None:
        now = self._clock.now()
        run = new_run(command, RunKind.CLOSE, approved=ZERO, now=now, policy=plan.policy)
        holdings = await free_holdings(work, position)
        legs = new_legs(run, within_ledger(plan.legs, holdings), self._ids)
        closing = position.moved(
            PositionStatus.CLOSING,
            now,
            run_id=run.run_id,
            run_kind=RunKind.CLOSE,
            policy=run.policy,
            blocked_reason=None,
            reasons=(),
        )
        await work.save_position(closing)
        await work.add_run(run)
        await work.add_legs(legs)
        planned = [leg for leg in legs if leg.status is LegStatus.PLANNED]
        await work.reserve([put_aside(run, leg.base_asset, leg.quantity) for leg in planned])
        if planned:
            await work.want_desk(command.account, trades=True, watch_until=now + WATCH_AFTER_RUN)
        work.tell(PositionTold(position=closing, legs=await work.legs_of_position(position.position_id)), run=run)
        log.info("close_accepted", position_id=str(position.position_id), run_id=str(run.run_id), legs=len(planned))
        await settle_run(work, run, now=now)
