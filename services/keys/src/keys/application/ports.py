"""What the use cases need from outside, named by role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from keys.domain.allowance import CountDown, RunAllowance, RunTails, SignedOrder
from keys.domain.audit import AuditDraft
from keys.domain.binding import Binding
from keys.domain.endpoints import Bucket
from keys.domain.guards import Reservation, Spent, StoredGuards
from keys.domain.key_pair import FreshPair, KeyPair, SealedPrivateKey
from keys.domain.lane import Lane
from keys.domain.orders import OrderTerms
from keys.domain.rate_window import RateWindow
from keys.domain.secret import Secret
from keys.domain.stored_key import Credentials, KeyFacts, Sealed, StoredKey
from shared.trading.status import VenueEnvironment


class Vault(Protocol):
    """Seals credentials and opens them for one call."""

    async def seal(self, binding: Binding, credentials: Credentials) -> Sealed:
        """Encrypt under a fresh data key, bound to `binding`."""
        ...

    async def open(self, binding: Binding, sealed: Sealed) -> Credentials:
        """Decrypt.

        Raises:
            RecordTampered: The record is not what it claims to be.
        """
        ...

    def forget(self, key_id: UUID) -> None:
        """Drop whatever is held in memory for a key."""
        ...


class PairVault(Protocol):
    """Seals the private keys of pairs that wait."""

    async def seal_private(self, binding: Binding, private_key: Secret) -> SealedPrivateKey:
        """Encrypt under a fresh data key, bound to `binding`."""
        ...

    async def open_private(self, binding: Binding, sealed: SealedPrivateKey) -> Secret:
        """Decrypt.

        Raises:
            RecordTampered: The record is not what it claims to be.
        """
        ...


class PairMaker(Protocol):
    """Makes key pairs."""

    async def make(self) -> FreshPair:
        """A fresh pair."""
        ...


class OpenEnvironments(Protocol):
    """Knows which venue environments the operator has opened."""

    def check_open(self, environment: VenueEnvironment) -> None:
        """Pass, when the operator has opened this environment.

        Raises:
            EnvironmentNotOpen: It is switched off here.
        """
        ...


class KeyVenue(OpenEnvironments, Protocol):
    """Asks a venue about a key."""

    async def describe(self, environment: VenueEnvironment, credentials: Credentials) -> KeyFacts:
        """What the venue says about the key.

        Raises:
            KeyRefused: The venue does not accept it; the code says why.
            VenueAway: No answer that can be understood.
        """
        ...


class PaperDesk(Protocol):
    """Opens accounts with play money."""

    async def open_account(self, balances: Mapping[str, Decimal]) -> Credentials:
        """A fresh account's key.

        Raises:
            Invalid: The exchange does not take these balances.
            VenueAway: The paper exchange does not answer.
        """
        ...


class AccountIndex(Protocol):
    """Recognises venue accounts without keeping their ids readable."""

    def hash_of(self, environment: VenueEnvironment, venue_uid: str) -> bytes:
        """A keyed hash: equal for the same account, useless to whoever finds it."""
        ...


class Egress(Protocol):
    """Spends this deployment's share of the venue's limit per address."""

    def spend(self, lane: Lane) -> bool:
        """Take one request from what is at hand; False when nothing is."""
        ...

    async def refill(self, lane: Lane) -> int:
        """Bring more to hand; the wait in ms, 0 when there is something to spend."""
        ...


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


class Pruning(Protocol):
    """Forgets what no decision needs any more."""

    async def prune(self) -> int:
        """Drop approvals and signed orders of a month ago, and pairs that nobody completed; how many rows went."""
        ...


class CheckQueue(Protocol):
    """Which keys are to be checked; ids only."""

    async def due(self, now: datetime, *, next_at: datetime, limit: int) -> Sequence[DueCheck]:
        """Take due keys; another replica sees them again only at `next_at`."""
        ...
