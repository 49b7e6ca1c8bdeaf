"""The stored keys: whose they are, what becomes of them, and when each is to be checked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from keys.application.signing_ports import SigningUnit
from keys.domain.allowance import RunAllowance, RunTails
from keys.domain.audit import AuditDraft
from keys.domain.key_pair import KeyPair
from keys.domain.stored_key import StoredKey
from shared.trading.status import VenueEnvironment


class ChangeKind(StrEnum):
    """What happened to a key."""

    ADDED = "added"
    CHECKED = "checked"
    SUSPENDED = "suspended"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHolder:
    """Who holds a venue account; venue account and key go together.

    Attributes:
        released: The holder's key was deleted: somebody else may take the account over.
    """

    user_id: UUID
    key_id: UUID
    released: bool


class KeyUnit(Protocol):
    """One unit of work: all or nothing, and it sees one user's keys only."""

    async def find(self, key_id: UUID) -> StoredKey | None:
        """A key of this user as it stands; tombstones too."""
        ...

    async def lock(self, key_id: UUID) -> StoredKey | None:
        """The same, held against everybody else who would change or use it until this unit ends."""
        ...

    async def all(self) -> Sequence[StoredKey]:
        """The user's keys, newest first, without tombstones."""
        ...

    async def put(self, key: StoredKey) -> None:
        """Store a key's new state."""
        ...

    async def put_pair(self, pair: KeyPair) -> None:
        """Store a pair that waits."""
        ...

    async def pair(self, pair_id: UUID) -> KeyPair | None:
        """A pair of this user."""
        ...

    async def pairs(self) -> Sequence[KeyPair]:
        """The user's pairs, newest first, expired ones included."""
        ...

    async def drop_pairs(self, pair_ids: Sequence[UUID]) -> None:
        """Destroy pairs with their private keys."""
        ...

    async def hold_account(
        self, environment: VenueEnvironment, account_hash: bytes, holder: AccountHolder
    ) -> AccountHolder:
        """Take a venue account unless somebody has it; who has it afterwards, locked."""
        ...

    async def hand_over(self, environment: VenueEnvironment, account_hash: bytes, holder: AccountHolder) -> None:
        """Change the holder of a venue account, or release it."""
        ...

    async def schedule_check(self, key: StoredKey, at: datetime) -> None:
        """When the key is to be checked again."""
        ...

    async def announce(self, kind: ChangeKind, key: StoredKey) -> None:
        """Publish a change together with this unit."""
        ...

    async def audit(self, draft: AuditDraft) -> None:
        """Append to the key's chain."""
        ...

    async def approve(self, key_id: UUID, run: RunTails, allowance: RunAllowance) -> None:
        """Store what a plan allows; what is stored already stays as it is."""
        ...


class KeyBook(Protocol):
    """The stored keys."""

    def signing_unit(self, user_id: UUID) -> AbstractAsyncContextManager[SigningUnit]:
        """A unit for one signature: commits at the end, rolls back on an error."""
        ...

    def unit(self, user_id: UUID) -> AbstractAsyncContextManager[KeyUnit]:
        """One unit of work for a user: commits at the end, rolls back on an error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCheck:
    """A key whose daily check is due."""

    user_id: UUID
    key_id: UUID


class CheckQueue(Protocol):
    """Which keys are to be checked; ids only."""

    async def due(self, now: datetime, *, next_at: datetime, limit: int) -> Sequence[DueCheck]:
        """Take due keys; another replica sees them again only at `next_at`."""
        ...


class Pruning(Protocol):
    """Forgets what no decision needs any more."""

    async def prune(self) -> int:
        """Drop approvals and signed orders of a month ago, and pairs that nobody completed; how many rows went."""
        ...
