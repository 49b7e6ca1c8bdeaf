"""Begin to sell what a failed run bought (UNWIND): plan, run, legs and coins, in the transaction that ended that run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

import structlog

from execution.application.accepting import WATCH_AFTER_RUN, new_legs, put_aside
from execution.application.book_ports import Work
from execution.application.closable import free_holdings
from execution.application.ports import Account
from execution.domain.leg import Leg
from execution.domain.position import Position, Run, RunKind
from execution.domain.unwind import UNWOUND, unwinding_plan, unwinding_run
from shared.trading.policy import unwinding
from shared.trading.status import LegStatus, PositionStatus

log = structlog.get_logger(__name__)


async def start_unwind(
    work: Work, run: Run, legs: Sequence[Leg], position: Position, *, now: datetime
) -> tuple[Run | None, Position]:
    """Store the selling run, if there is none yet; its orders are the desk's.

    Args:
        work: The transaction that settles the run; its money is released already.
        run: The run that failed, settled.
        legs: Its legs.
        position: As it would stand without this.
        now: The moment.

    Returns:
        The selling run, and the position while it sells: CLOSING when the failed run had opened it, else REBALANCING.
    """
    bought = await work.plan(run.run_id)
    if bought is None or await work.run(unwinding(run.run_id)) is not None:
        return None, position
    selling = unwinding_run(run, now)
    held = {holding.asset: holding.quantity for holding in await free_holdings(work, position)}
    plan = unwinding_plan(bought, selling, legs, held, now)
    sells = new_legs(selling, plan.legs, _LegIds(selling.run_id))
    await work.add_plan(plan)
    await work.add_run(selling)
    await work.add_legs(sells)
    await work.reserve(
        [put_aside(selling, leg.base_asset, leg.quantity) for leg in sells if leg.status is LegStatus.PLANNED]
    )
    account = Account(user_id=run.user_id, account_id=run.account_id, environment=run.environment)
    await work.want_desk(account, trades=True, watch_until=now + WATCH_AFTER_RUN)
    log.warning("run_unwound", run_id=str(run.run_id), position_id=str(run.position_id), legs=len(sells))
    return selling, replace(
        position,
        status=PositionStatus.CLOSING if run.kind is RunKind.BUY else PositionStatus.REBALANCING,
        complete=False,
        reasons=(UNWOUND, *position.reasons),
        run_id=selling.run_id,
        run_kind=RunKind.UNWIND,
    )


class _LegIds:
    """Ids of the legs of a run that there can be only one of: numbered under its own."""

    def __init__(self, run_id: UUID) -> None:
        self._run_id = run_id
        self._next = 0

    def uuid(self) -> UUID:
        """The next one."""
        self._next += 1
        return uuid5(self._run_id, str(self._next))
