"""Commands as the handlers receive them, and the legs of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from execution.application.book_ports import Reservation
from execution.application.ports import Account
from execution.domain.close_plan import sellable
from execution.domain.leg import Leg
from execution.domain.plan import Plan, PlanLine
from execution.domain.position import PositionHolding, Run, RunKind
from shared.trading.clock import Ids
from shared.trading.money import ZERO
from shared.trading.policy import LegPolicy
from shared.trading.status import LegStatus, Side

WATCH_AFTER_RUN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What every command says.

    Attributes:
        message_id: The envelope's id: handled once.
        approved: Quote units that its buys together may move.
        kind: What an order for a standing position is for; None where the command itself says it.
        expires_at: Nothing is accepted or signed after this.
    """

    message_id: UUID
    position_id: UUID
    account: Account
    plan_id: UUID
    index_id: str = ""
    approved: Decimal = ZERO
    kind: RunKind | None = None
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


def new_run(
    command: Command,
    kind: RunKind,
    *,
    approved: Decimal,
    now: datetime,
    cash_part: Decimal = ZERO,
    policy: LegPolicy = LegPolicy.HOLD,
) -> Run:
    """The run that executes the command's plan; it carries the plan's id.

    What it may spend of the account's free money (`approved`) counts as the position's until the run is over.
    """
    return Run(
        run_id=command.plan_id,
        user_id=command.account.user_id,
        account_id=command.account.account_id,
        environment=command.account.environment,
        position_id=command.position_id,
        kind=kind,
        policy=policy,
        approved=approved,
        cash_part=cash_part,
        flow=approved,
        accepted_at=now,
        expires_at=command.expires_at,
        correlation_id=command.correlation_id,
        causation_id=command.message_id,
    )


def new_legs(run: Run, lines: Sequence[PlanLine], ids: Ids) -> list[Leg]:
    """One leg per line that trades or would have; lines that send nothing are SKIPPED with their reason."""
    return [_leg(run, line, ids) for line in lines if line.check not in {"hold", "excluded"}]


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
        target_weight=line.target_weight if run.kind is RunKind.CLOSE else line.effective_weight,
        quantity=line.quantity,
        limit_price=line.limit_price,
        lot_size=line.lot_size,
        min_quantity=line.min_quantity,
        min_notional=line.min_notional,
        arrival_price=line.arrival_price,
    )


def put_aside(run: Run, asset: str, amount: Decimal) -> Reservation:
    """What a run puts aside of an asset before it sends anything."""
    return Reservation(
        holder_id=run.run_id,
        asset=asset,
        user_id=run.user_id,
        account_id=run.account_id,
        position_id=run.position_id,
        run_id=run.run_id,
        amount=amount,
    )


def within_ledger(lines: Sequence[PlanLine], holdings: Sequence[PositionHolding]) -> list[PlanLine]:
    """The plan's lines, no sell above what the position holds now and has not put aside."""
    held = {holding.symbol: holding.quantity for holding in holdings}
    return [
        _capped(line, held.get(line.symbol, ZERO)) if line.check == "ok" and line.side is Side.SELL else line
        for line in lines
    ]


def _capped(line: PlanLine, held: Decimal) -> PlanLine:
    if line.quantity <= held:
        return line
    quantity = sellable(
        held,
        price=line.limit_price,
        lot_size=line.lot_size,
        min_quantity=line.min_quantity,
        min_notional=line.min_notional,
    )
    return replace(line, quantity=quantity, check="ok" if quantity else "residual")
