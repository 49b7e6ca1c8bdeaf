"""The first answer to an order, kept so that every repetition hears the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from gateway.domain.errors import IdempotencyKeyReused
from gateway.domain.plan import Plan
from shared.trading.status import PositionStatus, VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """An order that was taken: amounts in quote units.

    Attributes:
        status: Of the position at that moment; later ones come by event.
    """

    position_id: UUID
    plan_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    index_id: str
    status: PositionStatus
    amount: Decimal
    accepted_at: datetime

    @classmethod
    def of(cls, plan: Plan, *, position_id: UUID, status: PositionStatus, at: datetime) -> Accepted:
        """An order for a plan: the position that it opens, or that stands, with its status now."""
        return cls(
            position_id=position_id,
            plan_id=plan.plan_id,
            account_id=plan.account_id,
            environment=plan.environment,
            index_id=plan.index_id,
            status=status,
            amount=plan.amount,
            accepted_at=at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedAnswer:
    """An answer under its key.

    Attributes:
        fingerprint: Hash of the request that it answered.
    """

    fingerprint: str
    accepted: Accepted

    def to(self, fingerprint: str) -> Accepted:
        """The answer, if the same request asks again.

        Raises:
            IdempotencyKeyReused: another request carries the key.
        """
        if self.fingerprint != fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key came before with another body; nothing was ordered. Use a fresh key for a new order."
            )
        return self.accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What became of a request to open a position.

    Attributes:
        earlier: The answer that stands under the request's key, when it was not the first.
        opened: The position and its command were recorded; with neither, the plan has opened a position before.
    """

    earlier: RememberedAnswer | None
    opened: bool
