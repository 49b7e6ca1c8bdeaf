"""A position, its runs and what it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.trading.holding import Holding
from shared.trading.money import ZERO
from shared.trading.policy import LegPolicy
from shared.trading.status import OVER_POSITIONS, PositionStatus, VenueEnvironment


class RunKind(StrEnum):
    """What a run is for."""

    BUY = "buy"
    CLOSE = "close"
    INVEST = "invest"
    REBALANCE = "rebalance"
    WITHDRAW = "withdraw"
    UNWIND = "unwind"
    """Sells what an earlier run bought, since a leg of that run failed."""


PAYS_IN = frozenset({RunKind.BUY, RunKind.INVEST})
"""Runs that may spend the account's free money; every other one trades with what is the position's own."""
ON_A_STANDING_POSITION = frozenset({RunKind.INVEST, RunKind.REBALANCE, RunKind.WITHDRAW})
"""Runs during which the position is REBALANCING."""


class RunState(StrEnum):
    """Where a run stands."""

    TRADING = "trading"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The execution of one plan; it carries the plan's id, since a plan is executed at most once.

    Attributes:
        approved: Quote units of the account's free money that the run may spend at most; zero where it may not.
        cash_part: Quote units that do not trade: kept as the position's cash, or paid out of it (withdraw).
        flow: Quote units that came from the account's free money with this run; negative: went back to it.
        expires_at: Nothing new is signed for the run after this.
    """

    run_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    position_id: UUID
    kind: RunKind
    state: RunState = RunState.TRADING
    policy: LegPolicy = LegPolicy.HOLD
    approved: Decimal = ZERO
    cash_part: Decimal = ZERO
    flow: Decimal = ZERO
    accepted_at: datetime
    expires_at: datetime
    settled_at: datetime | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A synthetic position as execution, its authority, knows it; money in quote units.

    Attributes:
        contributed: What came in from the account's free money; while a run may spend more of it, all that it may.
        withdrawn: What went back to the account's free money.
    """

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
    policy: LegPolicy = LegPolicy.HOLD
    """Of the newest run that a user ordered."""
    approved_amount: Decimal
    invested: Decimal = ZERO
    proceeds: Decimal = ZERO
    fees: Decimal = ZERO
    contributed: Decimal = ZERO
    withdrawn: Decimal = ZERO
    created_at: datetime
    updated_at: datetime
    traded_at: datetime
    version: int = 1

    @property
    def cash(self) -> Decimal:
        """Quote units that are this position's own: never the account's free money, never another position's."""
        return max(self._balance, ZERO)

    @property
    def overdrawn(self) -> Decimal:
        """Quote units that it spent beyond its own: whoever settles its run books where they came from."""
        return max(-self._balance, ZERO)

    @property
    def _balance(self) -> Decimal:
        return self.contributed - self.withdrawn + self.proceeds - self.invested

    def with_flow(self, change: Decimal, kind: RunKind) -> Position:
        """After a run's flow of quote units changed: more came from the account's free money, or went back to it."""
        if kind in PAYS_IN or kind is RunKind.REBALANCE:
            return replace(self, contributed=self.contributed + change)
        return replace(self, withdrawn=self.withdrawn - change)

    def over_since(self, moment: datetime) -> bool:
        """Whether it ended before a moment and nothing has happened to it since."""
        return self.status in OVER_POSITIONS and self.traded_at < moment

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
    """One coin of one position with its target.

    Attributes:
        entries: How often its figures changed; the newest change has this number.
    """

    position_id: UUID
    user_id: UUID
    account_id: UUID
    asset: str
    symbol: str
    target_weight: Decimal
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    entries: int = 0

    def ledger(self) -> Holding:
        """The figures alone."""
        return Holding(quantity=self.quantity, cost=self.cost, realised=self.realised)

    def with_ledger(self, holding: Holding) -> PositionHolding:
        """The same coin with new figures."""
        return replace(
            self,
            quantity=holding.quantity,
            cost=holding.cost,
            realised=holding.realised,
            entries=self.entries + 1,
        )
