"""What a transaction tells the world: written to the outbox when it commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from execution.application.ports import Account
from execution.domain.account_flow import AccountFlow
from execution.domain.fill import Fill
from execution.domain.leg import Leg
from execution.domain.position import Position
from execution.domain.release import Release
from execution.domain.shortage import Share, Shortage


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionTold:
    """A position changed its status; carries its whole state."""

    position: Position
    legs: Sequence[Leg]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTold:
    """A leg changed; all legs of a run that one transaction changes leave together.

    Attributes:
        filled: It became FILLED just now, which is told once in the life of a leg.
    """

    leg: Leg
    filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FillTold:
    """A match entered the books; all matches of a run in one transaction leave together."""

    fill: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTold:
    """Something a person must look at.

    Attributes:
        once: What it is about, when the same would be found again and again: it is told a single time.
    """

    user_id: UUID
    account_id: UUID
    code: str
    detail: str
    position_id: UUID | None = None
    client_order_id: str | None = None
    once: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsTold:
    """What the user or the venue did beside us entered the books."""

    account: Account
    flows: Sequence[AccountFlow]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortageTold:
    """Coins of positions are missing on the account, or not any more."""

    shortage: Shortage
    shares: Sequence[Share]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasesTold:
    """Coins of one position went to the user's own without a sale."""

    releases: Sequence[Release]


Told = PositionTold | LegTold | FillTold | IncidentTold | FlowsTold | ShortageTold | ReleasesTold
