"""What the reconciler hears: execution's events, the tick, and its own jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from reconciler.application.announce import Announce
from reconciler.application.follow_fill import FollowFill
from reconciler.application.ports import Agenda
from reconciler.application.reconcile_account import Job, ReconcileAccount, Skipped
from reconciler.application.refresh_books import RefreshBooks
from reconciler.domain.books import Account
from shared.contracts import execution, tasks
from shared.contracts.envelope import Envelope
from shared.contracts.topology import RECONCILER_EXECUTION, RECONCILER_JOBS, RECONCILER_TICKS
from shared.runtime.events import EventRouter
from shared.runtime.logging import get_logger
from shared.trading.clock import Clock

log = get_logger(__name__)

POSITION_EVENTS = (
    execution.PositionExecuting,
    execution.PositionActive,
    execution.PositionFailed,
    execution.PositionClosing,
    execution.PositionClosed,
)


def execution_events(
    refresh: RefreshBooks, follow: FollowFill, agenda: Agenda, clock: Clock, *, debounce: timedelta
) -> EventRouter:
    """Position events are valued at once; they and fills make their account due within the debounce time."""
    router = EventRouter(RECONCILER_EXECUTION)
    consumer = RECONCILER_EXECUTION.name

    async def on_position(event: Envelope[Any]) -> None:
        view = event.data.position
        account = Account(user_id=view.user_id, account_id=view.account_id, environment=view.environment)
        closed = isinstance(event.data, execution.PositionClosed)
        await refresh.refresh(account, view.position_id, consumer=consumer, message_id=event.id, closed=closed)
        await agenda.come_back(account, due=clock.now() + debounce)

    @router.on(execution.FillsBooked)
    async def on_fills(event: Envelope[execution.FillsBooked]) -> None:
        # Leg events change no holding: fills and position events are enough.
        await follow.follow(event.data.user_id, event.data.position_id, due=clock.now() + debounce)

    for model in POSITION_EVENTS:
        router.on(model)(on_position)
    return router


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
