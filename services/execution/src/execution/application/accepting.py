"""Commands as the handlers receive them, and the legs of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from execution.application.ports import Account
from execution.domain.leg import Leg
from execution.domain.plan import Plan, PlanLine
from execution.domain.position import Run, RunKind
from shared.trading.clock import Ids
from shared.trading.money import ZERO
from shared.trading.status import LegStatus

WATCH_AFTER_RUN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What both commands say.

    Attributes:
        message_id: The envelope's id: handled once.
        approved: Quote units that a buy may spend at most.
        expires_at: Nothing is accepted or signed after this.
    """

    message_id: UUID
    position_id: UUID
    account: Account
    plan_id: UUID
    index_id: str = ""
    approved: Decimal = ZERO
    expires_at: datetime
    correlation_id: UUID | None = None
    consumer: str = field(default="execution-orders")

    def fits(self, plan: Plan | None, kind: RunKind) -> bool:
        """Whether a plan is the one that this command executes."""
        return (
            plan is not None
            and plan.kind is kind
            and plan.account_id == self.account.account_id
            and plan.environment is self.account.environment
        )


def new_run(command: Command, kind: RunKind, *, approved: Decimal, now: datetime) -> Run:
    """The run that executes the command's plan; it carries the plan's id."""
    return Run(
        run_id=command.plan_id,
        user_id=command.account.user_id,
        account_id=command.account.account_id,
        environment=command.account.environment,
        position_id=command.position_id,
        kind=kind,
        approved=approved,
        accepted_at=now,
        expires_at=command.expires_at,
        correlation_id=command.correlation_id,
        causation_id=command.message_id,
    )


def new_legs(run: Run, lines: Sequence[PlanLine], ids: Ids) -> list[Leg]:
    """One leg per line of the plan; lines that send nothing are SKIPPED with their reason."""
    return [_leg(run, line, ids) for line in lines]


def _leg(run: Run, line: PlanLine, ids: Ids) -> Leg:
    return Leg(
        leg_id=ids.uuid(),
        user_id=run.user_id,
        account_id=run.account_id,
        position_id=run.position_id,
        run_id=run.run_id,
        number=line.number,
        symbol=line.symbol,
        base_asset=line.base_asset,
        quote_asset=line.quote_asset,
        side=line.side,
        status=LegStatus.PLANNED if line.check == "ok" else LegStatus.SKIPPED,
        reason=None if line.check == "ok" else line.reason or line.check,
        target_weight=line.effective_weight if run.kind is RunKind.BUY else line.target_weight,
        quantity=line.quantity,
        limit_price=line.limit_price,
        lot_size=line.lot_size,
        min_quantity=line.min_quantity,
        min_notional=line.min_notional,
        arrival_price=line.arrival_price,
    )
