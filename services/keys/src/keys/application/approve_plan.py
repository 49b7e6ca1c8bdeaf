"""Take a plan's ceilings from the user's own command, not from the word of whoever asks for signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from keys.application.book_ports import KeyBook
from keys.domain.allowance import PlanCeiling, RunAllowance
from keys.domain.errors import KeyNotFound
from shared.trading.errors import Invalid
from shared.trading.link_id import position_tail, run_tail
from shared.trading.status import Side, VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedPlan:
    """What a user has approved.

    Attributes:
        sides: What this plan may do; one that sells and buys never does both with one symbol.
        approved_amount: Quote units that all its buys together may move; None for a plan that only sells.
    """

    user_id: UUID
    key_id: UUID
    environment: VenueEnvironment
    position_id: UUID
    plan_id: UUID
    sides: frozenset[Side]
    ceilings: Sequence[PlanCeiling]
    expires_at: datetime
    approved_amount: Decimal | None = None


class ApprovePlan:
    """Stores a plan's ceilings; a second delivery changes nothing, since what is stored stays as it is."""

    def __init__(self, *, book: KeyBook) -> None:
        self._book = book

    async def __call__(self, plan: ApprovedPlan) -> None:
        """Store it.

        Raises:
            KeyNotFound: The account is not this user's.
            Invalid: Ceilings of the wrong side, twice for one symbol, buys without an amount, or of another environment.
        """
        _check(plan)
        async with self._book.unit(plan.user_id) as unit:
            key = await unit.find(plan.key_id)
            if key is None:
                raise KeyNotFound("The account of this order does not belong to its user.")
            if key.environment is not plan.environment:
                raise Invalid("The order names another environment than its account's.", code="wrong_environment")
            run = (position_tail(plan.position_id), run_tail(plan.plan_id))
            await unit.approve(plan.key_id, run, _allowance(plan))


def _check(plan: ApprovedPlan) -> None:
    symbols = [ceiling.symbol for ceiling in plan.ceilings]
    sides = {ceiling.side for ceiling in plan.ceilings}
    unbounded = Side.BUY in sides and plan.approved_amount is None
    if len(set(symbols)) != len(symbols) or not sides <= plan.sides or unbounded:
        raise Invalid("The plan's ceilings contradict each other.", code="invalid_ceilings")


def _allowance(plan: ApprovedPlan) -> RunAllowance:
    return RunAllowance(
        expires_at=plan.expires_at,
        ceilings={(ceiling.symbol, ceiling.side): ceiling for ceiling in plan.ceilings},
        approved_amount=plan.approved_amount,
    )
