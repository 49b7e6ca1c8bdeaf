"""A plan that was handed out: what may be bought or sold with it, by whom, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from gateway.domain.errors import PlanExpired, PlanNotForThis
from shared.trading.status import Side, VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most that may be signed for one symbol and side: base-asset units and quote units.

    Attributes:
        limit_price: Quote per base: no buy above it, no sell below it.
        reference_price: Quote per base: what the plan showed, at `priced_at`.
    """

    symbol: str
    side: Side
    max_quantity: Decimal
    max_notional: Decimal
    limit_price: Decimal | None = None
    reference_price: Decimal | None = None
    priced_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the gateway must know of a plan to accept an order for it without asking anybody.

    Attributes:
        amount: Quote units approved at most (buy) or expected (close).
        position_id: The position that a closing plan sells.
    """

    plan_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    kind: Literal["buy", "close"]
    index_id: str
    index_version: int
    position_id: UUID | None
    amount: Decimal
    ceilings: tuple[Ceiling, ...]
    created_at: datetime
    expires_at: datetime

    def must_buy(self, now: datetime) -> None:
        """Check that a position may be opened with this plan now.

        Raises:
            PlanNotForThis: it is a closing plan.
            PlanExpired: its prices are too old.
        """
        if self.kind != "buy":
            raise PlanNotForThis("This plan sells a position; a purchase needs a plan made with POST /api/plans.")
        self._must_stand(now)

    def must_close(self, position_id: UUID, now: datetime) -> None:
        """Check that this position may be closed with this plan now.

        Raises:
            PlanNotForThis: it buys, or sells another position.
            PlanExpired: its prices are too old.
        """
        if self.kind != "close" or self.position_id != position_id:
            raise PlanNotForThis("This plan does not sell this position.")
        self._must_stand(now)

    def _must_stand(self, now: datetime) -> None:
        if now >= self.expires_at:
            raise PlanExpired(
                "The plan's prices are too old to trade on; nothing was ordered. Ask for a new plan.",
                context={"expired_at": self.expires_at.isoformat()},
            )
