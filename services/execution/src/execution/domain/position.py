"""A position, its runs and what it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.trading.holding import Holding
from shared.trading.money import ZERO
from shared.trading.status import PositionStatus, VenueEnvironment


class RunKind(StrEnum):
    """What a run is for."""

    BUY = "buy"
    CLOSE = "close"


class RunState(StrEnum):
    """Where a run stands."""

    TRADING = "trading"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The execution of one plan; it carries the plan's id, since a plan is executed at most once.

    Attributes:
        approved: Quote units that a buying run may spend at most; zero for a close.
        expires_at: Nothing new is signed for the run after this.
    """

    run_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    position_id: UUID
    kind: RunKind
    state: RunState = RunState.TRADING
    approved: Decimal = ZERO
    accepted_at: datetime
    expires_at: datetime
    settled_at: datetime | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A synthetic position as execution, its authority, knows it; money in quote units."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    index_id: str
    index_version: int
    status: PositionStatus
    complete: bool = False
    reasons: tuple[str, ...] = ()
    blocked_reason: str | None = None
    trading_paused: str | None = None
    """Why nothing trades on it by itself: `shortage:BTC` until the user says what happened to its coins."""
    run_id: UUID
    run_kind: RunKind
    approved_amount: Decimal
    invested: Decimal = ZERO
    proceeds: Decimal = ZERO
    fees: Decimal = ZERO
    created_at: datetime
    updated_at: datetime
    traded_at: datetime
    version: int = 1

    def over_since(self, moment: datetime) -> bool:
        """Whether it ended before a moment and nothing has happened to it since."""
        return self.status in {PositionStatus.CLOSED, PositionStatus.FAILED} and self.traded_at < moment

    def moved(self, status: PositionStatus, at: datetime, **changes: object) -> Position:
        """The position in another status: one more state."""
        return replace(
            self,
            status=status,
            updated_at=at,
            traded_at=at,
            version=self.version + 1,
            **changes,  # type: ignore[arg-type]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionHolding:
    """One coin of one position with its target."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    asset: str
    symbol: str
    target_weight: Decimal
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO

    def ledger(self) -> Holding:
        """The figures alone."""
        return Holding(quantity=self.quantity, cost=self.cost, realised=self.realised)

    def with_ledger(self, holding: Holding) -> PositionHolding:
        """The same coin with new figures."""
        return replace(self, quantity=holding.quantity, cost=holding.cost, realised=holding.realised)
