"""End a run once no leg of it can move any more, in the transaction of the last change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import structlog

from execution.application.book_ports import Work
from execution.application.release_coins import release_coins
from execution.application.start_unwind import start_unwind
from execution.application.told import IncidentTold, LegTold, PositionTold
from execution.application.try_again import try_again
from execution.domain.journal import JournalLine, residual_lines
from execution.domain.leg import Leg
from execution.domain.position import Position, PositionHolding, Run, RunKind, RunState
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.release import ReleaseReason
from execution.domain.run_money import settled_flow
from execution.domain.settling import Settlement, all_settled, settle_buy, settle_close, settle_standing, settle_unwind
from execution.domain.unwind import to_unwind
from shared.trading.money import QUOTE_ASSET, ZERO, plain
from shared.trading.policy import unwinding
from shared.trading.status import OVER_POSITIONS, PositionStatus

log = structlog.get_logger(__name__)

_TIMES = ProtocolTimes()


async def settle_run(
    work: Work, run: Run, *, now: datetime, again: bool = False, times: ProtocolTimes = _TIMES
) -> bool:
    """Settle the run if it is over; the position's event leaves with the transaction.

    Where its plan says so, what is unfilled is tried again first (COMPLETE), or what it bought is sold (UNWIND).

    Args:
        work: The transaction that made the last change.
        run: The run.
        now: The moment of it.
        again: Also settle a run that was settled before: a late fill changed what it came to.
        times: The protocol's waits; the default will do for a run without an attempt, of which nothing is tried again.

    Returns:
        Whether the position changed its status.
    """
    if run.state is RunState.SETTLED and not again:
        return False
    legs = await try_again(work, run, await work.legs_of_run(run.run_id), now=now, times=times)
    position = await work.position(run.position_id)
    if position is None:
        raise LookupError(f"run {run.run_id} has no position")
    position = await _with_late_money(work, run, legs, position)
    holdings = await work.holdings([position.position_id])
    if position.run_id != run.run_id:
        # A late fill of an older run: the books have it, and the newer run decides the status, unless it is over.
        if await _reopen(work, position, holdings, now=now):
            return True
        await _show(work, position, now=now)
        return False
    if not all_settled(legs):
        return False
    settlement = await _settlement(work, run, legs, holdings, position)
    legs = await _leave_residuals(work, run, settlement, legs=legs, holdings=holdings, now=now)
    over = replace(run, state=RunState.SETTLED, settled_at=now)
    over, position = _with_flow(work, over, legs, position, ends=settlement.status in OVER_POSITIONS)
    await work.release([run.run_id])
    selling, moved = None, _settled(position, settlement, now)
    if to_unwind(over, legs):
        selling, moved = await start_unwind(work, over, legs, moved, now=now)
    told = await work.legs_of_position(position.position_id)  # asked first: what is written then leaves together
    await work.save_position(moved)
    await work.save_run(over)
    await work.add_lines(_flow_lines(run, moved, change=over.flow - _booked(run), at=now))
    work.tell(PositionTold(position=moved, legs=told), run=run)
    log.info("run_settled", run_id=str(run.run_id), position_id=str(position.position_id), status=moved.status.value)
    if selling is not None:
        await settle_run(work, selling, now=now, times=times)
    return True


async def _settlement(
    work: Work, run: Run, legs: Sequence[Leg], holdings: Sequence[PositionHolding], position: Position
) -> Settlement:
    if run.kind is RunKind.BUY:
        return settle_buy(legs)
    if run.kind is RunKind.UNWIND:
        ends = await _opened_by_what_is_unwound(work, run)
        return settle_unwind(legs, holdings, ends=ends, reasons=position.reasons)
    return settle_close(legs, holdings) if run.kind is RunKind.CLOSE else settle_standing(legs, holdings)


async def _opened_by_what_is_unwound(work: Work, run: Run) -> bool:
    """Whether an unwinding run sells again what its position began with: then the position ends with it."""
    oldest = (await work.legs_of_position(run.position_id))[0]
    return unwinding(oldest.run_id) == run.run_id


def _with_flow(work: Work, run: Run, legs: Sequence[Leg], position: Position, *, ends: bool) -> tuple[Run, Position]:
    """Run and position after the run's flow is what it came to; no position owns less than nothing afterwards.

    What it spent beyond its own, by a match that nobody expected any more, was the account's free money: that is booked
    as what it is, and a person is told.
    """
    flow = settled_flow(run, legs, position, ends=ends)
    moved = position.with_flow(flow - run.flow, run.kind)
    beyond = moved.overdrawn
    if beyond:
        work.tell(_overdrawn(run, beyond))
        log.error("cash_overdrawn", position_id=str(run.position_id), run_id=str(run.run_id), amount=str(beyond))
    return replace(run, flow=flow + beyond), moved.with_flow(beyond, run.kind)


def _overdrawn(run: Run, beyond: Decimal) -> IncidentTold:
    return IncidentTold(
        user_id=run.user_id,
        account_id=run.account_id,
        position_id=run.position_id,
        code="cash_overdrawn",
        detail=(
            f"The position had {plain(beyond)} {QUOTE_ASSET} less than was booked out of it. Free money of the account "
            f"stood in, and counts as the position's."
        ),
        once=f"{run.run_id}:{plain(beyond)}",
    )


async def _with_late_money(work: Work, run: Run, legs: Sequence[Leg], position: Position) -> Position:
    """A match after its run was over: what it cost came from the account's free money, what it brought went there."""
    if run.state is not RunState.SETTLED or position.run_id == run.run_id:
        return position
    late, position = _with_flow(work, run, legs, position, ends=position.status in OVER_POSITIONS)
    if late.flow != run.flow:
        await work.save_position(position)
        await work.save_run(late)
        await work.add_lines(_flow_lines(run, position, change=late.flow - run.flow, at=position.traded_at))
    return position


def _booked(run: Run) -> Decimal:
    """What the journal knows of a run's flow: nothing before it settles."""
    return run.flow if run.state is RunState.SETTLED else ZERO


def _flow_lines(run: Run, position: Position, *, change: Decimal, at: datetime) -> list[JournalLine]:
    """The journal's entry: with it the position's quote ledger is the position's own cash."""
    if not change:
        return []
    return residual_lines(
        user_id=run.user_id,
        account_id=run.account_id,
        position_id=run.position_id,
        source=f"{run.run_id}:flow:{position.version}:{position.traded_at.isoformat()}",
        asset=QUOTE_ASSET,
        quantity=-change,
        at=at,
    )


async def _reopen(work: Work, position: Position, holdings: Sequence[PositionHolding], *, now: datetime) -> bool:
    """A position that is over never holds coins: it becomes one that the user can close again."""
    late = tuple(f"{holding.symbol}:late_fill" for holding in holdings if holding.quantity > ZERO)
    if position.status not in OVER_POSITIONS or not late:
        return False
    reopened = position.moved(PositionStatus.ACTIVE, now, complete=False, reasons=late, blocked_reason=None)
    await work.save_position(reopened)
    work.tell(
        PositionTold(position=reopened, legs=await work.legs_of_position(position.position_id)),
        IncidentTold(
            user_id=position.user_id,
            account_id=position.account_id,
            position_id=position.position_id,
            code="position_reopened",
            detail=f"The position was {position.status.value} and holds coins again: {', '.join(late)}.",
        ),
    )
    log.error("position_reopened", position_id=str(position.position_id), was=position.status.value)
    return True


async def _show(work: Work, position: Position, *, now: datetime) -> None:
    """Its figures are others since the late match; one that trades is told when its own run is over."""
    if position.status is not PositionStatus.ACTIVE and position.status not in OVER_POSITIONS:
        return
    shown = replace(position, updated_at=now, version=position.version + 1)
    await work.save_position(shown)
    work.tell(PositionTold(position=shown, legs=await work.legs_of_position(position.position_id)))


def _settled(position: Position, settlement: Settlement, now: datetime) -> Position:
    return position.moved(
        settlement.status,
        now,
        complete=settlement.complete,
        reasons=settlement.reasons,
        blocked_reason=settlement.blocked_reason,
    )


async def _leave_residuals(
    work: Work,
    run: Run,
    settlement: Settlement,
    *,
    legs: Sequence[Leg],
    holdings: Sequence[PositionHolding],
    now: datetime,
) -> Sequence[Leg]:
    """Move what the venue would not sell to the user's own coins, at average cost."""
    if not settlement.residuals:
        return legs
    given_up = [holding for holding in holdings if settlement.residuals.get(holding.asset, ZERO) > ZERO]
    await release_coins(
        work,
        [(holding, holding.quantity) for holding in given_up],
        source=str(run.run_id),
        why=ReleaseReason.RESIDUAL,
        at=now,
        run=run,
    )
    changed = [
        leg.left_over(settlement.residuals[leg.base_asset]) for leg in legs if leg.base_asset in settlement.residuals
    ]
    await work.save_legs(changed)
    work.tell(*(LegTold(leg=leg) for leg in changed), run=run)
    return changed
