"""What the reconciler hears: execution's events, the tick, and its own jobs."""

from __future__ import annotations

from typing import Any

from reconciler.application.announce import Announce
from reconciler.application.follow_trading import FollowTrading
from reconciler.application.reconcile_account import Job, ReconcileAccount, Skipped
from reconciler.application.refresh_books import RefreshBooks, RunNote
from reconciler.domain.books import Account
from reconciler.domain.slippage import LegResult
from shared.contracts import execution, tasks
from shared.contracts.envelope import Envelope
from shared.contracts.fields import EventData
from shared.contracts.topology import RECONCILER_EXECUTION, RECONCILER_JOBS, RECONCILER_TICKS
from shared.runtime.events import EventRouter
from shared.runtime.logging import get_logger

log = get_logger(__name__)

STARTED: tuple[type[EventData], ...] = (
    execution.PositionExecuting,
    execution.PositionRebalancing,
    execution.PositionClosing,
)
SETTLED: tuple[type[EventData], ...] = (
    execution.PositionActive,
    execution.PositionFailed,
    execution.PositionClosed,
)


def execution_events(refresh: RefreshBooks, follow: FollowTrading) -> EventRouter:
    """A settled position is valued at once; what happens while execution trades only makes its account due.

    Asking execution for its books in the middle of a run would take the processor from the very legs it waits for.
    """
    router = EventRouter(RECONCILER_EXECUTION)
    consumer = RECONCILER_EXECUTION.name

    async def on_started(event: Envelope[Any]) -> None:
        view = event.data.position
        await follow.started(_account(view), view.position_id, _run(view))

    async def on_settled(event: Envelope[Any]) -> None:
        view = event.data.position
        account = _account(view)
        closed = isinstance(event.data, execution.PositionClosed)
        await refresh.refresh(
            account, view.position_id, consumer=consumer, message_id=event.id, closed=closed, run=_run(view)
        )
        await follow.account(account)

    @router.on(execution.FillsBooked)
    async def on_fills(event: Envelope[execution.FillsBooked]) -> None:
        # Leg events change no holding: fills and position events are enough.
        await follow.fills(event.data.user_id, event.data.account_id, event.data.position_id)

    for model in STARTED:
        router.on(model)(on_started)
    for model in SETTLED:
        router.on(model)(on_settled)
    return router


def _run(view: execution.PositionView) -> RunNote:
    return RunNote(
        kind=view.run_kind,
        legs=[
            LegResult(
                leg_id=leg.leg_id,
                run_id=leg.run_id,
                symbol=leg.symbol,
                side=leg.side,
                arrival_price=leg.arrival_price,
                quantity=leg.filled_quantity,
                notional=leg.notional,
                version=leg.version,
            )
            for leg in view.legs
            if leg.filled_quantity
        ],
    )


def _account(view: execution.PositionView) -> Account:
    return Account(user_id=view.user_id, account_id=view.account_id, environment=view.environment)


def ticks(announce: Announce) -> EventRouter:
    """A tick becomes one job per account; a job told twice is one, so no inbox is needed."""
    router = EventRouter(RECONCILER_TICKS)

    @router.on(tasks.ReconcileAllPositions)
    async def on_tick(event: Envelope[tasks.ReconcileAllPositions]) -> None:
        count = await announce.hand_out(event.data.slot)
        log.info("reconciliation_handed_out", slot=event.data.slot.isoformat(), accounts=count)

    return router


def jobs(reconcile: ReconcileAccount) -> EventRouter:
    """Replicas share the jobs."""
    router = EventRouter(RECONCILER_JOBS)

    @router.on(tasks.ReconcileAccount)
    async def on_job(event: Envelope[tasks.ReconcileAccount]) -> None:
        data = event.data
        account = Account(user_id=data.user_id, account_id=data.account_id, environment=data.environment)
        job = Job(account=account, job_id=event.id, slot=data.slot, tick=data.reason == "tick")
        outcome = await reconcile.reconcile(job, consumer=RECONCILER_JOBS.name)
        told = log.bind(account_id=str(account.account_id), reason=data.reason)
        if isinstance(outcome, Skipped):
            told.info("account_not_reconciled", why=outcome.reason)
            return
        findings = [finding.break_class.value for finding in outcome.findings]
        told.info("account_reconciled", findings=findings, proved=outcome.proved)

    return router
