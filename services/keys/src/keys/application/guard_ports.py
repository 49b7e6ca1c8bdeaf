"""What the guards' use cases need from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from keys.domain.audit import AuditDraft
from keys.domain.guards import Spent
from keys.domain.halts import Halt
from keys.domain.limits import OwnLimits, PlatformLimits
from shared.trading.status import VenueEnvironment

NOBODY = UUID(int=0)
"""Whose rows a unit sees that works for the platform, and the name of the platform's audit chain; a user's chain of
guards has the user's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLimitsRecord:
    """A user's own limits as they are stored; `version` counts their changes, 0 before the first."""

    limits: OwnLimits
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformLimitsRecord:
    """The limits of an environment; those of the settings have version 0 and nobody who wrote them."""

    limits: PlatformLimits
    version: int = 0
    changed_by: UUID | None = None
    reason: str = ""
    changed_at: datetime | None = None


class GuardUnit(Protocol):
    """One unit of work on the guards of one user, or of the platform."""

    async def lock(self) -> None:
        """Hold the guards against everybody else who would change them."""
        ...

    async def own(self, environment: VenueEnvironment) -> OwnLimitsRecord:
        """The user's own limits."""
        ...

    async def put_own(self, environment: VenueEnvironment, record: OwnLimitsRecord, at: datetime) -> None:
        """Store them."""
        ...

    async def platform(self, environment: VenueEnvironment) -> PlatformLimitsRecord | None:
        """What an operator wrote; None as long as the defaults hold."""
        ...

    async def put_platform(self, environment: VenueEnvironment, record: PlatformLimitsRecord) -> None:
        """Store it."""
        ...

    async def halts(self) -> Sequence[Halt]:
        """Standing halts of the user and of everybody, oldest first; of the platform's unit: of everybody alone."""
        ...

    async def put_halt(self, halt: Halt) -> None:
        """Store a halt's new state."""
        ...

    async def announce(self, halt: Halt) -> None:
        """Publish that it was thrown or released, together with this unit."""
        ...

    async def spent(self, environment: VenueEnvironment, scopes: Sequence[str], *, slot: int) -> Mapping[str, Spent]:
        """What sums hold, by scope; one that holds nothing is left out."""
        ...

    async def audit(self, draft: AuditDraft) -> None:
        """Append to the guards' chain."""
        ...


class GuardBook(Protocol):
    """The stored guards."""

    def guards(self, user_id: UUID = NOBODY) -> AbstractAsyncContextManager[GuardUnit]:
        """One unit of work: commits at the end, rolls back on an error."""
        ...

    async def all_standing(self) -> Sequence[Halt]:
        """Every standing halt of every user, oldest first: for operators."""
        ...
