"""What deciding about rebalances needs from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from gateway.application.run_plan import RunOrder
from gateway.domain.accepted import Accepted
from gateway.domain.position import Position, Valuation
from gateway.domain.rebalance_state import Rebalancing
from gateway.domain.rebalancing import Due, RebalanceSettings
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class DueLook:
    """A position that is to be looked at."""

    position_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A position that this replica looks at, with everything known about it.

    Attributes:
        ordered_at: When the last rebalance was accepted, by the requests that are kept.
        breaks: Classes of the open breaks that stop what trades by itself.
    """

    rebalancing: Rebalancing
    position: Position
    valuation: Valuation | None
    ordered_at: datetime | None
    breaks: Sequence[str]


class Rebalancings(Protocol):
    """Keeps settings and states of all positions."""

    async def due(self, now: datetime, *, limit: int) -> list[DueLook]:
        """Positions of all users that are to be looked at, the longest due first."""
        ...

    async def take(self, look: DueLook, now: datetime, *, until: datetime) -> Taken | None:
        """Take a position for this replica until a moment; None when another has it, or it is not due any more."""
        ...

    async def settle(self, taken: Taken, found: Rebalancing) -> None:
        """Keep what was found and tell its owner, in one transaction; nothing when another has taken it since."""
        ...

    async def choose(self, user_id: UUID, position_id: UUID, settings: RebalanceSettings, now: datetime) -> Rebalancing:
        """Keep what the owner chose.

        Raises:
            PositionNotFound: no such position of this user.
            PositionOver: it is closed, or nothing was ever bought.
        """
        ...

    async def of(self, user_id: UUID, position_id: UUID) -> Rebalancing | None:
        """How a position's rebalancing stands; None while its owner has chosen nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexHead:
    """The newest version of an index; `cash_share` is the fraction that it keeps in cash, `symbols` its constituents'."""

    version: int
    cash_share: Decimal
    symbols: frozenset[str] = frozenset()


class IndexHeads(Protocol):
    """Knows the newest versions."""

    async def head(self, environment: VenueEnvironment, index_id: str, *, user_id: UUID) -> IndexHead | None:
        """Of one index, built in or this user's own; None when there is none (any more).

        Raises:
            PlatformError: nobody answers.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalancePlan:
    """A stored plan, as far as it is judged here.

    Attributes:
        obstacles: `symbol:check` for each coin that should trade and cannot.
    """

    plan_id: UUID
    executable: bool
    index_version: int
    position_version: int
    obstacles: Sequence[str]


class RebalancePlanner(Protocol):
    """Makes and stores plans, as for anybody who asks at the door."""

    async def rebalance(self, *, user_id: UUID, position_id: UUID, due: Due) -> RebalancePlan:
        """A plan to bring a position back as far as is due.

        Raises:
            PlatformError: why there can be none.
        """
        ...


class PlanRunner(Protocol):
    """Orders a plan, as for anybody who asks at the door."""

    async def __call__(self, order: RunOrder) -> Accepted:
        """Accept the order once.

        Raises:
            PlatformError: why it cannot be.
        """
        ...
