"""What deciding about one signature needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from keys.domain.allowance import CountDown, RunAllowance, RunTails, SignedOrder
from keys.domain.audit import AuditDraft
from keys.domain.endpoints import Bucket
from keys.domain.guards import Reservation, Spent, StoredGuards
from keys.domain.lane import Lane
from keys.domain.orders import OrderTerms
from keys.domain.rate_window import RateWindow
from keys.domain.stored_key import StoredKey


class Egress(Protocol):
    """Spends this deployment's share of the venue's limit per address."""

    def spend(self, lane: Lane) -> bool:
        """Take one request from what is at hand; False when nothing is."""
        ...

    async def refill(self, lane: Lane) -> int:
        """Bring more to hand; the wait in ms, 0 when there is something to spend."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningState:
    """What deciding about one call needs.

    Attributes:
        now_ms: The database's clock, which all replicas share.
        guards: Halts and limits as they stand in this very transaction.
    """

    key: StoredKey
    window: RateWindow
    now_ms: int
    guards: StoredGuards = field(default_factory=StoredGuards)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPast:
    """What was approved and signed before.

    Attributes:
        allowances: By run.
        signed: Fingerprint by link id.
        earlier: The same orders, and the attempts before them.
    """

    allowances: Mapping[RunTails, RunAllowance]
    signed: Mapping[str, bytes]
    earlier: Mapping[str, SignedOrder] = field(default_factory=dict)


class SigningUnit(Protocol):
    """One unit of work that decides about one signature, on the shortest way to the database."""

    async def signing_state(self, key_id: UUID, bucket: Bucket) -> SigningState | None:
        """What one call needs, with the key locked until this unit ends."""
        ...

    async def signed_past(self, key_id: UUID, orders: Sequence[OrderTerms]) -> SignedPast:
        """Approvals and earlier signatures that concern these orders."""
        ...

    async def record(
        self,
        state: SigningState,
        bucket: Bucket,
        window: RateWindow,
        counted: CountDown,
        draft: AuditDraft | None,
        reservation: Reservation | None = None,
    ) -> Spent | None:
        """Store what a call cost, and its audit.

        Returns:
            The sum under which the reservation does not fit: then nothing of this unit may be kept.
        """
        ...
